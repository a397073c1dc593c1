"""The simulator as a program: exit codes, output, and one life per seed."""

import os
import re
import subprocess
import sys
from itertools import count
from random import Random

import pytest
from lab.planted import PLANTED
from lab.simulator import __main__ as program
from lab.simulator.__main__ import main
from lab.simulator.hunt import Catch
from lab.simulator.options import SimOptions
from lab.simulator.output import UNREAD


def run(*arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab.simulator", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )


@pytest.mark.parametrize("kind", ["mild", "stormy", "churning", "ledger"])
def test_same_seed_gives_the_same_life_under_any_hash_seed(kind: str) -> None:
    arguments = ("--seeds", str(find_seed(kind)), "--ticks", "600", "--trace")
    first, second = (run(*arguments, hash_seed=seed) for seed in ("1", "2"))
    assert first.stdout == second.stdout
    assert first.stdout.count("\n") > 500
    assert re.search(r"^digest [0-9a-f]{64}$", first.stdout, re.MULTILINE)


def find_seed(kind: str) -> int:
    """Return the first seed that draws a climate of this kind."""
    for seed in count():
        drawn = SimOptions.from_prng(Random(f"climate {seed}"))
        kinds = {
            "mild": drawn.crash < 20 and drawn.voters > 2 and not drawn.ledger,
            "stormy": drawn.crash >= 20 and drawn.voters > 2,
            "churning": drawn.reconfigure >= 30,
            "ledger": bool(drawn.ledger) and drawn.propose >= 100,
        }
        if kinds[kind]:
            return seed
    raise ValueError(kind)


def test_clean_seeds_exit_with_0_and_say_what_they_covered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--seeds", "0-3", "--ticks", "300", "--jobs", "2"]) == 0
    printed = capsys.readouterr().out
    assert "4 seeds, 0 with a violation" in printed
    assert re.search(r"\d elections decided$", printed, re.MULTILINE)
    assert "never happened" not in printed


def test_seeds_that_miss_what_must_happen_exit_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "_ENOUGH_SEEDS", 2)
    assert main(["--seeds", "0-1", "--jobs", "1"]) == 1
    printed = capsys.readouterr().out
    assert "2 seeds, 0 with a violation" in printed
    assert re.search(r"^never happened: ", printed, re.MULTILINE)


def test_hunt_exits_with_0_only_if_every_bug_is_caught(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    caught = Catch("no-log-match", 3, "LogMatching: two logs")
    escaped = Catch("set-order", None, "not caught by 40 seeds")
    for catches, code in (((caught,), 0), ((caught, escaped), 1)):
        monkeypatch.setattr(program, "hunt", lambda _names, *, jobs, c=catches: c[:jobs])
        assert main(["--planted-bugs", "--jobs", "2"]) == code
        printed = capsys.readouterr().out
        assert re.search(r"^no-log-match +seed 3 +LogMatching: two logs$", printed, re.MULTILINE)
        assert ("ESCAPED" in printed) == bool(code)


def test_violation_exits_with_1_and_says_how_to_replay_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bug = ["--planted", "truncation-without-conflict"]
    assert main(["--seeds", "1-4", "--jobs", "1", "--ticks", "600", *bug]) == 1
    printed = capsys.readouterr().out
    found = re.search(
        r"VIOLATION seed \d: AckOnDisk: .* \(tick \d+\)\n  replay: scripts/sim (.*)\n",
        printed,
    )
    assert found
    assert re.search(r"^VIOLATION in \d of 4 seeds: \d(, \d)*\n\Z", printed, re.MULTILINE)
    assert main(found[1].split()) == 1
    assert found[0].splitlines()[0] in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--ticks", "many"],
        ["--ticks", "-1"],
        ["--jobs", "0"],
        ["--planted", "nothing"],
        ["--unknown"],
    ],
)
def test_wrong_call_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert exit_info.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["x", "-1", "0,3", "", "1-", "9-3", "1-2-3"])
def test_what_is_no_seed_is_refused_in_words(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--seeds", text])
    expected = f"argument --seeds: {text!r} is no seed and no range FIRST-LAST\n"
    assert capsys.readouterr().err.endswith(expected)


@pytest.mark.parametrize(
    "other", [["--seeds", "0"], ["--ticks", "9"], ["--planted", "no-log-match"], ["--trace"]]
)
def test_search_for_planted_bugs_takes_nothing_it_would_ignore(
    other: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--planted-bugs", *other])
    assert "it goes with --jobs alone" in capsys.readouterr().err


def test_unknown_bug_is_answered_with_the_known_ones_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--planted", "nope"])
    shown = capsys.readouterr().err
    assert all(shown.count(f"'{name}'") == 1 for name in PLANTED)


def test_help_states_defaults_the_known_bugs_and_how_to_read_a_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    for text in ("(default: 0-149)", "(default: 1500)", "n3 sends X to n2"):
        assert text in shown
    names = shown.partition("known bugs, for --planted:")[2].partition("\n\n")[0]
    assert names.replace(",", " ").split() == sorted(PLANTED)
    assert re.search(r"found by --planted-bugs only, .*: set-order$", shown, re.MULTILINE)


def test_trace_begins_with_how_to_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "7", "--ticks", "20", "--trace"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("# how to read a trace")
    assert next(line for line in lines if not line.startswith("#")) == "0 n1 starts"


def test_reader_that_goes_away_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "lab.simulator", "--seeds", "7", "--ticks", "300", "--trace"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == UNREAD
