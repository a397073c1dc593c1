"""Identifiers: what people type is read by the same patterns that guard events."""

from collections.abc import Callable
from typing import get_args

import msgspec
import pytest
from hypothesis import given, strategies as st

from kpledger.base.errors import MalformedError
from kpledger.base.ids import (
    MAX_NAME_CHARS,
    AuthorityId,
    NodeName,
    ParticipantCode,
    parse_hex32,
    parse_node_name,
    parse_participant,
)
from kpledger.scheme.v1.ids import CertificateNumber, parse_number

GOOD = [
    (parse_participant, "BW"),
    (parse_node_name, "bw-1"),
    (parse_number, "BW1"),
    (parse_number, "EU-ANT-000000000001"),
    (parse_number, "GBABCDEF123456789012"),
]

BAD = [
    (parse_participant, ["", "B", "BWA", "bw", "BW\n", "B1", "\u0410\u0412"]),
    (parse_node_name, ["", "BW 1", "BW-1", "-a", "a--b", "bw-1\n"]),
    (
        parse_number,
        ["", "BW", "B1", "bw1", "BW1\n", "BW1A", "BW\u0661", "BWABCDEFG1", "BW" + "1" * 13],
    ),
]


@pytest.mark.parametrize(("parse", "text"), GOOD)
def test_identifier_of_the_right_form_is_taken_as_it_is(
    parse: Callable[[str], str], text: str
) -> None:
    assert parse(text) == text


@pytest.mark.parametrize(
    ("parse", "text"), [(parse, text) for parse, texts in BAD for text in texts]
)
def test_identifier_of_another_form_is_refused(parse: Callable[[str], str], text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse(text)
    assert repr(text) in caught.value.problem


@pytest.mark.parametrize("text", ["antwerp", "0-a-1", "a" * MAX_NAME_CHARS])
def test_authority_of_the_right_form_is_taken_as_it_is(text: str) -> None:
    assert msgspec.convert(text, AuthorityId) == text


@pytest.mark.parametrize(
    "text", ["", "-a", "a-", "a--b", "A", "a b", "a\n", "a" * (MAX_NAME_CHARS + 1)]
)
def test_authority_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, AuthorityId)


def test_refusal_does_not_repeat_a_long_text_in_full() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_participant("A" * 100_000)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("kind", "parse", "start", "more"),
    [
        (ParticipantCode, parse_participant, "A", "A"),
        (NodeName, parse_node_name, "a", "1"),
        (CertificateNumber, parse_number, "AAAAAAAA", "1"),
    ],
)
def test_people_and_events_are_held_to_the_same_length(
    kind: object, parse: Callable[[str], str], start: str, more: str
) -> None:
    longest = get_args(kind)[1].max_length
    assert len(parse(start.ljust(longest, more))) == longest
    with pytest.raises(MalformedError):
        parse(start.ljust(longest + 1, more))


@given(st.binary(min_size=32, max_size=32))
def test_hexadecimal_is_read_back(digest: bytes) -> None:
    assert parse_hex32(digest.hex(), "digest") == digest


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n", "g" * 64])
def test_other_hexadecimal_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="key is malformed"):
        parse_hex32(text, "key")
