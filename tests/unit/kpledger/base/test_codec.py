"""One spelling per value: whatever else decodes to the same thing is refused, and says why."""

import unicodedata
from enum import Enum
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from drawing import structs
from hypothesis import given, strategies as st
from msgspec import Meta

from kpledger.base.codec import UNASSIGNED, decode, decode_trusted, encode, malformed
from kpledger.base.errors import LedgerError, MalformedError, NotCanonicalError, OversizedError
from kpledger.base.state import Record
from kpledger.log.block import BlockHeader
from kpledger.scheme.event import MAX_EVENT_BYTES, decode_body, decode_event_header
from kpledger.scheme.v1.events import BODIES
from kpledger.scheme.v1.records import (
    AuthorityRecord,
    CertificateRecord,
    EventRecord,
    KeyRecord,
    ParticipantRecord,
    PolicyRecord,
    RangesRecord,
)

VECTORS = sorted((Path(__file__).parents[3] / "vectors" / "codec").glob("*.json"))

RECORDS: list[type[Record]] = [
    AuthorityRecord,
    CertificateRecord,
    EventRecord,
    KeyRecord,
    ParticipantRecord,
    PolicyRecord,
    RangesRecord,
]


class PayloadVector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    payload: str
    error: str | None
    field: str


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    count: int
    names: tuple[str, ...]
    raw: bytes


class Kind(Enum):
    A = "a"


class Worded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    n: Annotated[int, Meta(ge=1, le=5)] = 1
    t: Annotated[str, Meta(pattern=r"^[ab]+\Z", min_length=1)] = "a"
    m: str | None = None
    k: Kind = Kind.A


@pytest.mark.parametrize("vector", VECTORS, ids=lambda path: path.stem)
def test_vector_is_judged_as_it_says(vector: Path) -> None:
    case = msgspec.json.decode(vector.read_bytes(), type=PayloadVector)
    reason, field = None, ""
    try:
        decode_body(decode_event_header(bytes.fromhex(case.payload)), BODIES)
    except LedgerError as error:
        reason = type(error).__name__
        field = error.field if isinstance(error, MalformedError) else ""
    assert (reason, field) == (case.error, case.field)
    assert (case.error is None) == vector.stem.startswith("good-")


def test_vectors_are_present() -> None:
    assert len(VECTORS) > 55


@given(st.data(), st.sampled_from([*RECORDS, BlockHeader]))
def test_records_and_headers_survive_being_encoded(
    data: st.DataObject, kind: type[msgspec.Struct]
) -> None:
    value = data.draw(structs(kind))
    encoded = encode(value)
    assert decode(encoded, kind, what="record", max_bytes=len(encoded)) == value
    assert decode_trusted(encoded, kind) == value


@given(structs(Sample), st.data())
def test_nothing_but_the_encoding_decodes_to_a_value(sample: Sample, data: st.DataObject) -> None:
    encoded = encode(sample)
    position = data.draw(st.integers(0, len(encoded) - 1))
    changed = encoded[:position] + data.draw(st.binary(max_size=3)) + encoded[position + 1 :]
    try:
        found = decode(changed, Sample, what="sample", max_bytes=10_000)
    except LedgerError:
        return
    assert encode(found) == changed


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_text_is_accepted_in_normal_form_alone(text: str) -> None:
    encoded = encode(Sample(count=0, names=("plain", text), raw=b""))
    accepted = True
    try:
        decode(encoded, Sample, what="sample", max_bytes=10_000)
    except NotCanonicalError:
        accepted = False
    is_assigned = UNASSIGNED.search(text) is None
    assert accepted == (is_assigned and unicodedata.is_normalized("NFC", text))


def test_text_that_a_later_unicode_could_call_denormal_is_refused() -> None:
    """U+10EFD is unassigned in Unicode 14; later it combines, and the order would be another."""
    encoded = encode(Sample(count=0, names=("\u0301\U00010efd",), raw=b""))
    with pytest.raises(NotCanonicalError, match="unknown to Unicode 14"):
        decode(encoded, Sample, what="sample", max_bytes=10_000)


@given(st.binary(max_size=200))
def test_bytes_of_a_stranger_raise_nothing_but_our_errors(stranger: bytes) -> None:
    with pytest.raises(LedgerError):
        decode_event_header(stranger)


def test_limit_is_checked_before_anything_is_decoded() -> None:
    with pytest.raises(OversizedError) as caught:
        decode_event_header(b"\xc1" * (MAX_EVENT_BYTES + 1))
    assert (caught.value.size, caught.value.limit) == (MAX_EVENT_BYTES + 1, MAX_EVENT_BYTES)


def test_value_of_just_the_limit_is_accepted() -> None:
    encoded = encode(Sample(count=1, names=(), raw=b"abc"))
    sample = decode(encoded, Sample, what="sample", max_bytes=len(encoded))
    assert sample == Sample(count=1, names=(), raw=b"abc")


def test_error_names_the_thing_and_the_field() -> None:
    encoded = encode(Sample(count=1, names=(), raw=b"")).replace(b"\x01", b"\xc0")
    with pytest.raises(MalformedError) as caught:
        decode(encoded, Sample, what="sample", max_bytes=100)
    assert (caught.value.what, caught.value.field) == ("sample", "count")
    assert str(caught.value) == "sample is malformed at count: expected an integer, got None"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (b'{"n":0}', "expected an integer of at least 1"),
        (b'{"n":9}', "expected an integer of at most 5"),
        (b'{"n":"x"}', "expected an integer, got text"),
        (b'{"t":""}', "expected text with a length of at least 1"),
        (b'{"t":"x"}', "expected text of the form ^[ab]+"),
        (b'{"m":1}', "expected text or null, got an integer"),
        (b'{"k":"z"}', "'z' is none of its values"),
        (b'{"z":1}', "the field z is not known"),
        (b"[]", "expected an object, got a list"),
    ],
)
def test_errors_speak_no_language_of_a_library(value: bytes, problem: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(value, type=Worded)
    assert malformed("sample", caught.value).problem == problem
