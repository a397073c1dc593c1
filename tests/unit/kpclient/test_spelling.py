"""What people type for codes, numbers and ids, in the form that the ledger has."""

import re

import pytest
from office import walk
from typer.main import get_command

from kpclient.cli import app
from kpclient.input.spelling import spell_typed

ID = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("name", "typed", "meant"),
    [
        ("NUMBER", "bw00000001", "BW00000001"),
        ("NUMBER|CASE", "bw-x1/1", "BW-X1/1"),
        ("NUMBER=CARATS", "bw00000001=12.5", "BW00000001=12.5"),
        ("SUBJECT|EVENT-ID|FILE", "zw/review/2026-1", "ZW/review/2026-1"),
        ("SUBJECT|EVENT-ID|FILE", "kpcs/decision/AD-2026-1", "KPCS/decision/AD-2026-1"),
        ("SUBJECT|EVENT-ID|FILE", ID.upper(), ID),
        ("EVENT-ID", ID.upper(), ID),
        ("CODE", "bw", "BW"),
        ("CODE|KPCS", "Kpcs", "KPCS"),
        ("CODE/AUTHORITY", "bw/gaborone", "BW/gaborone"),
        ("CODE/NAME", "cf/berberati", "CF/berberati"),
        ("F[,F]", "f1,f10", "F1,F10"),
        ("QUARTER", "2026q1", "2026Q1"),
        ("ERROR|NOT_EXPORTED|FRAUD|ORDER", "error", "ERROR"),
        ("ERROR|NOT_EXPORTED|FRAUD|ORDER", "Not-Exported", "NOT_EXPORTED"),
        ("derived|submitted|compared", "Derived", "derived"),
        ("CODE|all", "ALL", "all"),
        ("CODE|all", "bw", "BW"),
        ("YYYY-MM-DD|now", "NOW", "now"),
    ],
)
def test_what_can_only_mean_one_thing_is_put_right(name: str, typed: str, meant: str) -> None:
    assert spell_typed(name, typed) == meant
    assert spell_typed(name, meant) == meant


def test_every_argument_that_is_a_choice_is_understood_in_any_case() -> None:
    found = 0
    for _, command in walk(("kpledger",), get_command(app)):
        for one in getattr(command, "params", ()):
            choices = re.search(r"One of ([A-Z_, ]+)\.", getattr(one, "help", None) or "")
            for choice in choices[1].split(", ") if choices else ():
                assert spell_typed(one.metavar, choice.lower()) == choice
                found += 1
    assert found > 9


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("SUBJECT|EVENT-ID|FILE", "first-office.json"),
        ("SUBJECT|EVENT-ID|FILE", "bw.json"),
        ("CODE|all", "all"),
        ("FILE|SHA256", "file"),
        ("ERROR|CHANGED|DAMAGED|LOST", "spoilt"),
        ("NAME", "bw-root"),
        ("AUTHORITY", "gaborone"),
        ("TEXT", "bw"),
        ("FILE", "bw/cert"),
    ],
)
def test_all_else_is_left_as_it_is(name: str, typed: str) -> None:
    assert spell_typed(name, typed) == typed
