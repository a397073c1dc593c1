"""Rows and fields in a terminal: no number and no id is ever broken."""

import sys

import pytest

from kpclient.output.console import print_fields, print_table

ID = "ab" * 32
LISTED = {
    "number": "BW00000001",
    "state": "CONFIRMED_DISCREPANT",
    "from": "BW/gaborone",
    "to": "IN",
    "issued": "2026-03-02",
    "expires": "2026-04-30",
    "ct": "100.000",
    "US$": "50000.00",
}


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Print to what says that it is a terminal, of 80 columns and without colours."""
    del capsys  # which puts streams of its own there
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True)
    for name, value in {"TERM": "dumb", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= 80
    return lines


def test_spare_columns_are_left_out_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(tuple(LISTED), [tuple(LISTED.values())] * 2, spare=("expires", "US$"))
    *table, last = lines_of(capsys)
    wanted = [value for name, value in LISTED.items() if name != "US$"]
    assert [line.split() for line in table if "BW00000001" in line] == [wanted, wanted]
    assert last == "2 in all (no room for US$; a wider terminal shows more)"


def test_rows_without_room_become_blocks(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("event", "", "id"), [("certificate_issued", "", ID), ("note", "late", ID)])
    assert lines_of(capsys) == [
        "",
        "event  certificate_issued",
        f"id     {ID}",
        "",
        "event  note",
        "       late",
        f"id     {ID}",
        "",
        "2 in all",
    ]


def test_sentences_are_folded_between_words(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id", "why"), [("BW00000001", "one two " * 20)])
    assert set(" ".join(lines_of(capsys)[3:-1]).split()) == {"BW00000001", "one", "two"}


def test_a_value_without_room_goes_below_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({"certificate.lines[0].id": ID, "why": "one two " * 20})
    lines = lines_of(capsys)
    assert lines[:2] == ["certificate.lines[0].id", f"  {ID}"]
    assert set(" ".join(lines[2:]).split()) == {"why", "one", "two"}


def test_no_row_of_a_file_is_folded_within_a_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: False)
    print_table(("a", "b", "c", "d"), [(ID, ID, ID, ID)])
    assert [ID] * 4 in [line.split() for line in capsys.readouterr().out.splitlines()]


def test_what_is_shown_and_how_to_see_more_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a",), [("x",)], more="more follow with --skip 1")
    assert lines_of(capsys)[-1] == "1 shown; more follow with --skip 1"
