"""The search as a program: exit codes and output."""

import re
import subprocess
import sys

import pytest
from lab.explorer.__main__ import main
from lab.explorer.text import describe_check
from lab.invariants import Invariant

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
    assert re.search(r"^ +\d+ two logs with .* \(LogMatching\)$", printed, re.MULTILINE)
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
    assert "VIOLATION of HardStateForward: " in printed
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


JUDGED = (
    Invariant.AckOnDisk,
    Invariant.ActiveConfigurations,
    Invariant.AppliedInOrder,
    Invariant.CommitByOwnTerm,
    Invariant.CommitMonotone,
    Invariant.CommittedIsDurable,
    Invariant.ElectionSafety,
    Invariant.HardStateForward,
    Invariant.LeaderCompleteness,
    Invariant.LogMatching,
    Invariant.MatchByAck,
    Invariant.NothingLost,
    Invariant.OneChangeAtATime,
    Invariant.ReadIsLinearizable,
    Invariant.StateMachineSafety,
    Invariant.VoteOnce,
)


def test_every_invariant_that_is_judged_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(SMALL) == 0
    table = capsys.readouterr().out.partition("checked:")[2]
    checks = re.findall(r"^ +[\d,]+ (.*)$", table, re.MULTILINE)
    assert checks == [describe_check(one) for one in JUDGED]
