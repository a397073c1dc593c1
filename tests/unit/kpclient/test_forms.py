"""What a value has to look like is said in words, with what was given instead."""

from collections.abc import Iterator

import pytest
from msgspec import inspect

from kpclient.input.bodies import read_body_draft
from kpclient.input.catalogue import fields_of
from kpclient.input.drafts import convert_draft, read_certificate_draft
from kpclient.input.forms import WORDS
from kpledger.base.errors import MalformedError
from kpledger.scheme.v1.events import BODIES
from kpledger.scheme.v1.events.decisions import PolicyValues
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
    assert found == set(WORDS)


def test_the_catalogue_shows_no_pattern() -> None:
    forms = [field.form for body in BODIES.values() for field in fields_of(body)]
    assert not [form for form in forms if "[A-Z]" in form or "\\Z" in form]


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        (
            {"destination": "India"},
            "destination",
            "'India' is not of the form: two capital letters, as BW",
        ),
        (
            {"number": ""},
            "number",
            "nothing stands there; wanted: a certificate's number, as BW00001234",
        ),
        (
            {"issued_on": "25/11/2026"},
            "issued_on",
            "'25/11/2026' is not of the form: a day, as 2026-03-02",
        ),
        (
            {"lines": [{"hs": "71", "carats": "1", "value_usd": "1"}]},
            "lines[0].hs",
            "'71' is not of the form: 710210 | 710221 | 710231",
        ),
        (
            {"lines": [{"hs": "710231", "value_usd": "1"}]},
            "lines[0].carats",
            "nothing stands there; wanted: a decimal number, as 12.34",
        ),
        ({"lines": []}, "lines", "[] is not of the form: list, 1 to 3 of: object"),
        ({"parcels": 0}, "parcels", "0 is not of the form: whole number from 1 to 100000"),
        (
            {"exporter": {"name": "A", "address": "B", "phone": "1"}},
            "exporter.phone",
            "unknown; known are name, address, licence",
        ),
        (
            {"remarks": ["x" * 200]},
            "remarks",
            f"{['x' * 200]!r:.80}... is not of the form: text",
        ),
    ],
)
def test_a_draft_that_is_not_of_the_form_is_told_which(
    change: dict[str, object], field: str, problem: str
) -> None:
    with pytest.raises(MalformedError) as caught:
        read_certificate_draft(DRAFT | change, now_ms=1_790_000_000_000)
    assert (caught.value.field, caught.value.problem) == (field, problem)


def test_a_place_in_a_row_has_the_name_of_its_column() -> None:
    with pytest.raises(MalformedError) as caught:
        convert_draft(["EXPORT", "India", "", "710231", 1, 1], TradeRow, within="line 3: ")
    assert caught.value.field == "line 3: partner"


def test_bytes_are_told_by_their_digits() -> None:
    with pytest.raises(MalformedError) as caught:
        read_body_draft("key_added", {"authority": "a", "key": "ab", "valid_from": 0})
    assert caught.value.problem == "ab is not of the form: 64 hexadecimal digits"


def test_where_nothing_may_stand_the_form_is_that_of_something() -> None:
    with pytest.raises(MalformedError) as caught:
        convert_draft({"officers": "two"}, PolicyValues)
    assert caught.value.problem == "'two' is not of the form: whole number from 1 to 8"
