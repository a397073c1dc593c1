"""What a value has to look like is said in words, with what was given instead."""

from collections.abc import Iterator

import pytest
from msgspec import inspect

from kpclient.input.forms import find_type, read_struct
from kpclient.input.wording import PATTERNS, fields_of
from kpledger.base.errors import MalformedError
from kpledger.scheme.v1.events import BODIES
from kpledger.scheme.v1.events.certificate import Certificate
from kpledger.scheme.v1.events.decisions import PolicyValues
from kpledger.scheme.v1.events.governance import KeyAdded
from kpledger.scheme.v1.events.life import ConcernRaised
from kpledger.scheme.v1.events.statistics import TradeRow

DRAFT: dict[str, object] = {
    "number": "BW00000042",
    "destination": "IN",
    "exporter": {"name": "A", "address": "B"},
    "importer": {"name": "C", "address": "D"},
    "lines": [{"hs": "710231", "carats": "1", "value_usd": "1"}],
}


def patterns_in(kind: inspect.Type) -> Iterator[str]:
    match kind:
        case inspect.StrType(pattern=str(pattern)):
            yield pattern
        case inspect.StructType(fields=fields):
            for field in fields:
                yield from patterns_in(field.type)
        case inspect.UnionType(types=types):
            for one in types:
                yield from patterns_in(one)
        case inspect.VarTupleType(item_type=item):
            yield from patterns_in(item)


def test_every_pattern_of_the_catalogue_has_words() -> None:
    found = {one for body in BODIES.values() for one in patterns_in(inspect.type_info(body))}
    assert found == set(PATTERNS)


def test_the_catalogue_shows_no_pattern() -> None:
    forms = [field.form for body in BODIES.values() for field in fields_of(body)]
    assert not [form for form in forms if "[A-Z]" in form or "\\Z" in form]


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        (
            {"destination": "India"},
            "destination",
            "expected two capital letters, such as BW, got 'India'",
        ),
        (
            {"number": ""},
            "number",
            "expected a certificate's number, such as BW00001234, got nothing",
        ),
        (
            {"issued_on": "25/11/2026"},
            "issued_on",
            "expected a day, such as 2026-03-02, got '25/11/2026'",
        ),
        (
            {"lines": [{"hs": "71", "carats": "1", "value_usd": "1"}]},
            "lines[0].hs",
            "expected 710210 | 710221 | 710231, got '71'",
        ),
        (
            {"lines": [{"hs": "710231", "value_usd": "1"}]},
            "lines[0].carats",
            "expected a decimal number, such as 12.34, got nothing",
        ),
        ({"lines": []}, "lines", "expected list, 1 to 3 of: object, got []"),
        ({"parcels": 0}, "parcels", "expected a whole number from 1 to 100000, got 0"),
        (
            {"exporter": {"name": "A", "address": "B", "phone": "1"}},
            "exporter.phone",
            "there is no such field; the fields are name, address, licence",
        ),
        (
            {"remarks": ["x" * 200]},
            "remarks",
            f"expected text of at most 2000 characters, got {['x' * 200]!r:.80}...",
        ),
    ],
)
def test_a_draft_that_is_not_of_the_form_is_told_which(
    change: dict[str, object], field: str, problem: str
) -> None:
    with pytest.raises(MalformedError) as caught:
        read_struct(Certificate, DRAFT | change, time_ms=1_790_000_000_000)
    assert (caught.value.field, caught.value.problem) == (field, problem)


@pytest.mark.parametrize(
    ("change", "field", "missing"),
    [
        pytest.param({"exporter": None}, "exporter", "", id="null is something"),
        pytest.param(
            {"number": ..., "destination": ...}, "number", "number, destination", id="plain"
        ),
        pytest.param(
            {"exporter": ..., "importer": {"name": "C"}},
            "exporter.name",
            "exporter.name, exporter.address, importer.address",
            id="nested",
        ),
        pytest.param(
            {"lines": [{"hs": "710231"}], "sources": [{"carats": "1"}, {}]},
            "lines[0].carats",
            "lines[0].carats, lines[0].value_usd,"
            " sources[0].number, sources[1].number, sources[1].carats",
            id="in lists",
        ),
    ],
)
def test_all_fields_that_are_missing_are_named_at_once(
    change: dict[str, object], field: str, missing: str
) -> None:
    draft = {name: one for name, one in (DRAFT | change).items() if one is not ...}
    with pytest.raises(MalformedError) as caught:
        read_struct(Certificate, draft, time_ms=1_790_000_000_000)
    assert caught.value.field == field
    assert (caught.value.problem == f"these fields are missing: {missing}") == bool(missing)


def test_a_place_in_a_row_has_the_name_of_its_column() -> None:
    with pytest.raises(MalformedError) as caught:
        read_struct(
            TradeRow,
            {
                "flow": "EXPORT",
                "partner": "India",
                "origin": "",
                "hs": "710231",
                "carats": 1,
                "value_usd": 1,
            },
            within="rows[3]",
        )
    assert caught.value.field == "rows[3].partner"


def test_bytes_are_told_by_their_digits() -> None:
    with pytest.raises(MalformedError) as caught:
        read_struct(KeyAdded, {"authority": "a", "key": "ab", "valid_from": 0})
    assert caught.value.problem == "expected 64 hexadecimal digits, got ab"


def test_where_nothing_may_stand_the_form_is_that_of_something() -> None:
    with pytest.raises(MalformedError) as caught:
        read_struct(PolicyValues, {"officers": "two"})
    assert caught.value.problem == "expected a whole number from 1 to 8, got 'two'"


CONCERN = {"participant": "ZA", "text": "Seals."}


def test_a_field_that_may_be_null_may_be_left_out() -> None:
    """TOML has no null."""
    said = read_struct(ConcernRaised, CONCERN | {"document": None, "answer_due_on": None})
    assert read_struct(ConcernRaised, CONCERN) == said


def test_a_field_that_is_needed_is_missed() -> None:
    with pytest.raises(MalformedError, match=r"body\.text: expected .*, got nothing"):
        read_struct(ConcernRaised, {**CONCERN, "text": None}, within="body")


@pytest.mark.parametrize(
    ("typed", "meant"), [("note_fild", "note_filed"), ("Import_confirmed", "import_confirmed")]
)
def test_mistyped_type_is_told_with_the_one_that_is_like_it(typed: str, meant: str) -> None:
    with pytest.raises(MalformedError, match=f"{typed}', perhaps {meant}; kpledger make --list"):
        find_type(typed)
