"""The search as a program: exit codes and output."""

import re
import subprocess
import sys

import pytest
from lab.explorer.__main__ import main
from lab.explorer.acts import PLAIN, Lapse
from lab.explorer.bounds import Bounds, Budget
from lab.explorer.space import Move
from lab.explorer.text import RULES, describe_move
from lab.explorer.worlds import QUICK, WORLDS
from lab.simulator.output import UNREAD

from kpnode.raft import NodeId

SMALL = ["--world", "transfer", "--depth", "5", "--jobs", "1"]


def test_clean_search_exits_with_0_and_says_what_it_covered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(SMALL) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^transfer: nodes 3, voters 3, terms 2, .*transfers 1", printed)
    assert re.search(r"[1-9]\d* states, all within 5 moves; depth 5", printed)
    assert re.search(r"moves in [\d.]+ s \([\d.]+ s of processor time\), [\d,]+ states/s", printed)
    assert re.search(r"the core ran \d+ times, on \d+ different nodes; checked:", printed)
    assert re.search(r"^ +\d+ log matching, two nodes \(LogMatching\)$", printed, re.MULTILINE)
    assert re.search(r"states in [\d.]+ s, no rule broken\n\Z", printed)


def test_small_world_is_seen_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--terms", "1", "--crashes", "0", "--transfers", "0", "--messages", "2"]
    assert main(["--world", "transfer", "--jobs", "1", *few]) == 0
    assert "states, all of them; depth" in capsys.readouterr().out


def test_violation_exits_with_1_and_prints_the_way_one_move_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--planted", "vote-forgotten-at-restart", "--jobs", "2"]) == 1
    printed = capsys.readouterr().out
    assert "VIOLATION of VoteOnce: " in printed
    moves = re.findall(r"^ +(\d+)  n\d: (\w+)", printed, re.MULTILINE)
    assert [number for number, _ in moves] == ["1", "2", "3", "4", "5", "6"]
    assert moves[0] == ("1", "Timeout")
    assert {"crashes", "receives"} <= {what for _, what in moves}


def test_bounds_of_every_world_can_be_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "--crashes", "0", "--messages", "2", "--reads", "1"]) == 0
    printed = capsys.readouterr().out
    assert "messages 2" in printed
    assert "reads 1" in printed
    assert "crashes" not in printed.splitlines()[0]


def test_program_starts_as_a_module_and_help_has_examples() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lab.explorer", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "scripts/explore --planted no-log-match" in done.stdout
    assert "--depth" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--depth", "x"],
        ["--led", "5"],
        ["--forget", "2"],
        ["--polls", "7"],
        ["--depth", "-1"],
        ["--jobs", "0"],
        ["--world", "nowhere"],
        ["--planted", "nothing"],
        ["--voters", "4"],
        ["--unknown"],
    ],
)
def test_wrong_call_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert exit_info.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_every_check_is_printed_with_the_name_of_its_rule(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(SMALL) == 0
    table = capsys.readouterr().out.partition("checked:")[2]
    checks = re.findall(r"^ +[\d,]+ (.*)$", table, re.MULTILINE)
    assert checks == [f"{check} ({RULES[check]})" for check in sorted(RULES)]


def test_lapse_is_told_with_what_it_is() -> None:
    move = Move(NodeId("n2"), Lapse(), PLAIN)
    assert describe_move(move) == "n2: Lapse (no quorum answered it)"


def test_reader_that_goes_away_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "lab.explorer", *SMALL],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == UNREAD


def test_every_budget_is_spent_in_some_world() -> None:
    for budget in Budget:
        assert any(getattr(world, budget.name.lower()) for world in WORLDS.values()), budget


def test_quick_worlds_are_no_larger_than_the_others() -> None:
    assert sorted(QUICK) == sorted(WORLDS)
    for name, quick in QUICK.items():
        for at in ("terms", "messages", *(budget.name.lower() for budget in Budget)):
            assert getattr(quick, at) <= getattr(WORLDS[name], at), (name, at)
    assert all(isinstance(world, Bounds) for world in QUICK.values())
