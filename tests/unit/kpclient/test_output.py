"""What is printed can only be read: nothing from the ledger acts on a terminal."""

import json

import pytest

from kpclient.output.console import (
    print_fields,
    print_json,
    print_table,
    print_trouble,
)
from kpledger.base.text import clean
from kpledger.books.query import readable


@pytest.mark.parametrize("text", ["\x1b[2J", "\r", "\x07", "\u202e", "\x9b31m", "\n"])
def test_control_characters_are_shown_and_do_nothing(text: str) -> None:
    assert (
        clean(f"a{text}b")
        == "a"
        + "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
        + "b"
    )
    assert clean(text[0]) == "\N{REPLACEMENT CHARACTER}"


def test_names_are_printed_as_they_are_in_any_script(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({"name_of": "Société [red]Ünïón[/red] 鑽石", "n": ""})
    assert capsys.readouterr().out == "name of  Société [red]Ünïón[/red] 鑽石\nn\n"


def test_a_table_shows_cells_as_they_are_and_counts_rows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(("a", "b"), [("[bold]x", "\x1b[0m"), ("y" * 100, "z")])
    out = capsys.readouterr().out
    assert "[bold]x" in out
    assert "\x1b" not in out
    assert "y" * 100 in out
    assert out.endswith("2 in all\n")


def test_bytes_are_hexadecimal_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"id": b"\x01\xff", "list": [{"key": b""}], "text": "\x1b"})
    line = capsys.readouterr().out
    assert json.loads(line) == {"id": "01ff", "list": [{"key": ""}], "text": "\x1b"}
    assert line.count("\n") == 1
    assert "\x1b" not in line


def test_troubles_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    print_trouble("no\x07")
    assert capsys.readouterr() == ("", "no\N{REPLACEMENT CHARACTER}\n")


def test_tuples_become_lists() -> None:
    assert readable((b"\x00", ({"a": b"\x01"},))) == ["00", [{"a": "01"}]]


def test_a_file_may_have_any_bytes_for_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"file": "a\udcff"})
    assert json.loads(capsys.readouterr().out) == {"file": "a\N{REPLACEMENT CHARACTER}"}
