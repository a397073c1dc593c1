"""Digests are what the RFC and the protocol say, and a domain keeps one kind from another."""

import hashlib

import pytest
from hypothesis import given, strategies as st

from kpledger.base.errors import MalformedError
from kpledger.base.hashing import (
    EMPTY_ROOT,
    Digest,
    Domain,
    decode_digest,
    hash_leaf,
    hash_node,
    hash_with_domain,
    sha256,
)


def test_empty_root_is_that_of_the_rfc() -> None:
    expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert EMPTY_ROOT.hex() == expected


def test_leaf_of_the_worked_example() -> None:
    expected = "6734db3b19b64dc83703f9a1f4aee7697dfb292fb4e0827cc63f8a351b1b3609"
    assert hash_leaf(b"event-0").hex() == expected


def test_node_is_prefixed_by_one() -> None:
    left, right = sha256(b"left"), sha256(b"right")
    assert hash_node(left, right) == hashlib.sha256(b"\x01" + left + right).digest()


@given(st.sampled_from(Domain), st.lists(st.binary()))
def test_domain_tag_and_a_zero_byte_come_before_the_parts(
    domain: Domain, parts: list[bytes]
) -> None:
    preimage = domain.value.encode() + b"\x00" + b"".join(parts)
    assert hash_with_domain(domain, *parts) == hashlib.sha256(preimage).digest()


def test_domain_tags_are_ascii_and_none_begins_another() -> None:
    tags = [domain.value for domain in Domain]
    assert all(tag.isascii() and "\x00" not in tag for tag in tags)
    assert len(set(tags)) == len(tags)


def test_one_domain_is_not_another() -> None:
    digests = {hash_with_domain(domain, b"the same bytes") for domain in Domain}
    assert len(digests) == len(Domain)


@given(st.binary(min_size=32, max_size=32))
def test_32_bytes_are_a_digest(data: bytes) -> None:
    assert decode_digest(data) == Digest(data)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_another_length_is_not_a_digest(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        decode_digest(bytes(size))
    assert caught.value.what == "digest"
