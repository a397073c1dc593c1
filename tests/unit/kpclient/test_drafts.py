"""What people write: their units become the ledger's, and what is wrong is named by its field."""

import json
from pathlib import Path

import msgspec
import pytest
from founding import EXPORTER, IMPORTER, NOW_MS, TODAY, make_certificate
from hypothesis import given, strategies as st
from msgspec import inspect
from scheme_statements import ADMISSION, KEY, OFFICE, RANGE, STATEMENTS
from statements import CONFIRMATION

from kpclient.errors import UsageError
from kpclient.input.documents import load_document, parse_json, parse_toml, read_table
from kpclient.input.forms import find_type, read_struct
from kpclient.input.thresholds import Thresholds
from kpclient.input.wording import fields_of, parts_of
from kpledger.base.codec import encode
from kpledger.base.errors import MalformedError
from kpledger.base.units import format_carats, format_usd
from kpledger.books.query import readable
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.certificate import Certificate, OriginKind
from kpledger.scheme.v1.events.life import NoteFiled
from kpledger.scheme.v1.events.statistics import CountRow

PARTIES: dict[str, object] = {
    "exporter": msgspec.to_builtins(EXPORTER),
    "importer": msgspec.to_builtins(IMPORTER),
}
DRAFT: dict[str, object] = PARTIES | {
    "number": "BW000001",
    "destination": "EU",
    "origin": ["BW"],
    "parcels": 2,
    "lines": [
        {"hs": "710221", "carats": "40", "value_usd": "10000.00"},
        {"hs": "710231", "carats": "60.000", "value_usd": 40000},
    ],
    "expires_on": "2026-04-30",
    "seals": ["S-1", "S-0"],
}
TOML = """\
number = "NA000001"
destination = "NO"
origin = ["NA", "NO"]
issued_on = 2026-03-01
expires_on = "2026-03-31"
exporter = { name = "A", address = "B" }
importer = { name = "C", address = "D", licence = "E" }

[[lines]]
hs = "710210"
carats = 0.1
value_usd = 1234.5
"""


def read_certificate(draft: dict[str, object]) -> Certificate:
    return read_struct(Certificate, draft, time_ms=NOW_MS)


def read_named_body(kind: str, body: object) -> Body:
    return read_struct(find_type(kind), body, within="body")


def test_a_draft_becomes_the_certificate_it_describes() -> None:
    assert read_certificate(DRAFT) == make_certificate()


def test_what_can_be_worked_out_may_be_left_out() -> None:
    draft = {name: value for name, value in DRAFT.items() if name not in {"expires_on", "parcels"}}
    found = read_certificate(draft)
    assert (found.issued_on, found.expires_on, found.parcels) == (TODAY, "2026-05-01", 1)
    assert (found.carat_thousandths, found.value_usd_cents) == (100_000, 5_000_000)


def test_totals_that_are_given_are_left_for_the_rules_to_judge() -> None:
    found = read_certificate(DRAFT | {"carats": "1", "value_usd": "2"})
    assert (found.carat_thousandths, found.value_usd_cents) == (1000, 200)


def test_decimals_in_files_are_exact_and_codes_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "draft.toml"
    path.write_text(TOML)
    found = read_certificate(load_document(path))
    assert (found.number, found.destination) == ("NA000001", "NO")
    assert (found.origin.kind, found.origin.countries) == (OriginKind.MIXED, ("NA", "NO"))
    assert (found.issued_on, found.expires_on) == ("2026-03-01", "2026-03-31")
    assert (found.carat_thousandths, found.value_usd_cents) == (100, 123_450)


def test_what_separates_digits_in_toml_is_no_digit() -> None:
    assert parse_toml(b"carats = 1_000.5\nparcels = 1_0") == {"carats": "1000.5", "parcels": 10}


def test_backslashes_in_toml_are_explained() -> None:
    with pytest.raises(MalformedError, match="stands in single quotes"):
        parse_toml(b'file = "C:\\Users"')


def test_json_and_toml_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    lines = [{"hs": "710210", "carats": 0.1, "value_usd": 1234.5}]
    plain = parse_toml(TOML.encode())
    day = {"issued_on": str(plain["issued_on"])}
    path.write_text(json.dumps({**plain, **day, "lines": lines}))
    assert load_document(path) == plain | day
    assert read_certificate(load_document(path)) == read_certificate(plain)


@given(
    carats=st.integers(min_value=1, max_value=2**53 - 1),
    cents=st.integers(min_value=1, max_value=2**53 - 1),
)
def test_what_is_written_in_units_is_read_back(carats: int, cents: int) -> None:
    line = {"hs": "710210", "carats": format_carats(carats), "value_usd": format_usd(cents)}
    found = read_certificate(DRAFT | {"lines": [line]})
    assert (found.carat_thousandths, found.value_usd_cents) == (carats, cents)


def test_text_is_brought_into_the_one_form_the_ledger_knows() -> None:
    found = read_certificate(DRAFT | {"remarks": "e\u0301"})
    assert found.remarks == "\u00e9"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"number": "bw1"}, "number"),
        ({"number": 1}, "number"),
        ({"destination": "EUR"}, "destination"),
        ({"origin": ["BW", 1]}, "origin[1]"),
        ({"kind": "OTHER"}, "kind"),
        ({"parcels": 0}, "parcels"),
        ({"parcels": "2"}, "parcels"),
        ({"lines": []}, "lines"),
        ({"lines": [{"hs": "710239", "carats": "1", "value_usd": "1"}]}, "lines[0].hs"),
        ({"lines": [{"hs": "710210", "carats": "0.0001", "value_usd": "1"}]}, "lines[0].carats"),
        ({"lines": [{"hs": "710210", "carats": "1", "value_usd": "-1"}]}, "lines[0].value_usd"),
        ({"carats": "many"}, "carats"),
        ({"value_usd": "1.001"}, "value_usd"),
        ({"issued_on": "2026-02-30"}, "issued_on"),
        ({"expires_on": "soon"}, "expires_on"),
        ({"exporter": {"name": "A"}}, "exporter.address"),
        ({"importer": {"name": "", "address": "B"}}, "importer.name"),
        ({"sources": [{"number": "EU1", "carats": "x"}]}, "sources[0].carats"),
        ({"languages": ["english"]}, "languages[0]"),
        ({"colour": "D"}, "colour"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, object], field: str) -> None:
    draft = DRAFT | change
    if "issued_on" in change:
        draft = {name: value for name, value in draft.items() if name != "expires_on"}
    with pytest.raises(MalformedError) as caught:
        read_certificate(draft)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "nan", '{"a": 1, "a": 2}', "[" * 100_000, "\udcff"]
)
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_json(text.encode(errors="surrogateescape"))


@pytest.mark.parametrize("text", ["a = ", "a = 1\na = 2", "\udcff"])
def test_what_is_no_toml_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_toml(text.encode(errors="surrogateescape"))


@pytest.mark.parametrize("body", [ADMISSION, CONFIRMATION, KEY, OFFICE])
def test_a_body_that_is_written_as_json_is_read_back(body: Body) -> None:
    assert read_named_body(body.TYPE, json.loads(json.dumps(readable(body)))) == body


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("unheard_of", {}, "type"),
        ("certificate_voided", None, "body"),
        ("certificate_voided", {"reason": "ERROR"}, "body.remarks"),
        ("certificate_voided", {"reason": "ERROR", "remarks": 1}, "body.remarks"),
        ("certificate_voided", {"reason": "error", "remarks": ""}, "body.reason"),
        ("key_added", {"authority": "a", "key": "xy", "valid_from": 0}, "body.key"),
        ("key_added", {"authority": "a", "key": "ab", "valid_from": 0}, "body.key"),
        (
            "number_range_allocated",
            {"authority": "a", "range": readable(RANGE) | {"width": 13}},  # type: ignore[operator]
            "body.range.width",
        ),
    ],
)
def test_what_is_wrong_with_a_body_is_named(kind: str, body: object, field: str) -> None:
    with pytest.raises(MalformedError) as caught:
        read_named_body(kind, body)
    assert caught.value.field == field


def test_origin_shares_zones_photos_and_the_case_may_be_told() -> None:
    more = {
        "origin": ["BW", "NA"],
        "shares": ["45.5", "54.5"],
        "zones": ["BW/orapa"],
        "photos": ["ab" * 32],
        "declaration": "cd" * 32,
        "case": "BW/case/1",
        "validated_at": None,
    }
    found = read_certificate(DRAFT | more)
    assert (found.origin.shares, found.origin.zones) == ((4550, 5450), ("BW/orapa",))
    assert (found.photos, found.declaration) == ((b"\xab" * 32,), b"\xcd" * 32)
    assert (found.case, found.validated_at) == ("BW/case/1", None)


def test_bytes_anywhere_in_a_body_are_hexadecimal() -> None:
    body = {"text": "", "references": ["ab" * 32], "document": None}
    found = read_named_body("note_filed", body)
    assert isinstance(found, NoteFiled)
    assert found.references == (b"\xab" * 32,)
    with pytest.raises(MalformedError) as caught:
        read_named_body("note_filed", body | {"references": ["ab" * 32, "xy"]})
    assert caught.value.field == "body.references[1]"


LISTS = {
    (body.TYPE, field.name): body
    for body in (one.body for one in STATEMENTS.values())
    for field in parts_of(type(body))
    if isinstance(field.type, inspect.VarTupleType) and not field.type.min_length
}


@pytest.mark.parametrize(("kind", "name"), LISTS)
def test_a_list_that_may_be_empty_may_be_left_out(kind: str, name: str) -> None:
    emptied = msgspec.structs.replace(LISTS[kind, name], **{name: ()})
    plain = readable(emptied)
    assert isinstance(plain, dict)
    del plain[name]
    assert encode(read_named_body(kind, plain)) == encode(emptied)
    assert [one.needed for one in fields_of(type(emptied)) if one.path == name] == [False]


def test_a_list_that_may_not_be_empty_is_missed() -> None:
    with pytest.raises(MalformedError) as caught:
        read_named_body(
            "certificate_format_notified", {"specimen": "ab" * 32, "features": "", "valid_from": 1}
        )
    assert caught.value.field == "body.masks"


@pytest.mark.parametrize("digits", ["9" * 5000, f"0x{'f' * 5000}"])
def test_an_integer_without_end_is_refused(tmp_path: Path, digits: str) -> None:
    with pytest.raises(MalformedError, match="an integer of too many digits"):
        parse_toml(f"carats = {digits}".encode())
    config = tmp_path / "flags.toml"
    config.write_text(f"[F1]\ndays = {digits}")
    with pytest.raises(UsageError, match="an integer of too many digits"):
        Thresholds(config=config).as_text()
    with pytest.raises(MalformedError, match="an integer of too many digits"):
        parse_json(b'{"carats": ' + b"9" * 5000 + b"}")


def test_a_table_with_a_field_without_end_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "counts.csv"
    table.write_text("partner,issued,received\nIN,1," + "1" * 140_000)
    with pytest.raises(UsageError, match="is not a table: field larger than field limit") as caught:
        read_table(table, CountRow)
    assert caught.value.accepted == "a table with at most 131072 characters in a field"


@pytest.mark.parametrize("value", [[], {}, None, float("inf")])
def test_a_value_of_goods_that_is_no_number_is_named(value: object) -> None:
    line: dict[str, object] = {"hs": "710231", "carats": "1", "value_usd_cents": value}
    with pytest.raises(MalformedError) as caught:
        read_struct(Certificate, DRAFT | {"lines": [line]}, time_ms=NOW_MS)
    assert caught.value.field == "lines[0].value_usd_cents"
