"""A chaos run that was asked for wrongly is refused, and the command to repeat one is complete."""

from pathlib import Path

import pytest
from lab.chaos.arguments import format_replay, parse_arguments
from lab.chaos.faults import FAULT_NAMES


def refuse(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Give what is said when these words are refused."""
    with pytest.raises(SystemExit) as caught:
        parse_arguments(words)
    assert caught.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("text", ["nope", "", "kill_node,nope", "kill_node,"])
def test_fault_that_does_not_exist_is_refused(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refuse(capsys, "--only", text)
    unknown = text.removeprefix("kill_node,")
    assert f"argument --only: there is no fault {unknown!r}, only cut_one_way, " in said


@pytest.mark.parametrize(
    ("option", "limits", "texts"),
    [
        ("--minutes", "a number above 0 and up to 1440", ("0", "-1", "nan", "inf", "1e9", "long")),
        ("--seconds", "a number above 0 and up to 86400", ("0", "-1", "nan", "inf")),
        ("--voters", "a whole number from 3 to 9", ("0", "1", "2", "99", "3.5")),
        ("--clients", "a whole number from 1 to 1000", ("0", "-1")),
        ("--pace", "a number from 0 to 60", ("-1", "nan", "inf")),
        ("--seed", "a whole number from 0 to 18446744073709551615", ("-1", "x")),
    ],
)
def test_number_out_of_range_is_refused(
    option: str, limits: str, texts: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for text in texts:
        expected = f"argument {option}: it has to be {limits}, not {text!r}"
        assert expected in refuse(capsys, option, text)


@pytest.mark.parametrize("place", ["missing/figures.json", ""])
def test_file_that_cannot_be_written_is_refused_before_anything_runs(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refuse(capsys, "--json", str(tmp_path / place))
    assert f"argument --json: {tmp_path / place} cannot be written: " in said


def test_looking_whether_a_file_can_be_written_changes_nothing(tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text("figures")
    for file in (old, new):
        assert parse_arguments(["--json", str(file)]).figures == file
    assert (old.read_text(), new.exists()) == ("figures", False)


def test_help_names_every_fault_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_arguments(["--help"])
    said = capsys.readouterr().out
    assert caught.value.code == 0
    assert len(FAULT_NAMES) == 19
    assert all(name in said for name in FAULT_NAMES)
    codes = said.partition("exit codes:")[2].split()
    assert {"0", "1", "2", "130"} <= set(codes)


@pytest.mark.parametrize(
    "words",
    [
        "--seconds 45 --seed 1",
        "--minutes 0.5 --voters 5 --clients 3 --pace 0 --only stop_node,kill_node",
        "--seed 7 --clients 20 --pace 0.25",
    ],
)
def test_replay_asks_for_the_same_run(words: str) -> None:
    options = parse_arguments(words.split()).options
    command, *again = format_replay(options).split()
    assert command == "scripts/chaos"
    assert parse_arguments(again).options == options


def test_replay_leaves_out_what_is_not_unusual() -> None:
    options = parse_arguments(["--seed", "1"]).options
    assert format_replay(options) == "scripts/chaos --seed 1 --voters 3 --seconds 60"
