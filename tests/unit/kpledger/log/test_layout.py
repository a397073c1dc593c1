"""The layout of the database: one spelling per record, and nothing else decodes."""

import pytest
from hypothesis import given, strategies as st

from kpledger.base.errors import LedgerError, MalformedError, OversizedError
from kpledger.log.layout import (
    APPLIED_KEY,
    BLOCK_PREFIX,
    CHAIN_KEY,
    FORMAT_KEY,
    HARD_STATE_KEY,
    LAST_BLOCK_KEY,
    MAX_PAYLOAD_BYTES,
    PROMISES_KEY,
    SIGNED_KEY,
    TERM_PROOF_KEY,
    StoredEntry,
    StoredHardState,
    block_key,
    certificate_key,
    decode_hard_state,
    decode_height,
    decode_stored_entry,
    decode_unsigned_hard_state,
    encode_hard_state,
    encode_height,
    encode_stored_entry,
    evidence_key,
    is_memory_key,
    parse_block_key,
    state_key,
    tree_key,
)

u64 = st.integers(0, (1 << 64) - 1)
entries = st.builds(StoredEntry, kind=st.integers(0, 2), term=u64, payload=st.binary(max_size=64))
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=63)
hard_states = st.builds(StoredHardState, u64, names | st.none(), u64, st.integers(0, (1 << 32) - 1))
VOTED = StoredHardState(7, "bw-1", acknowledged=0x0809, generation=3)
UNVOTED = StoredHardState(7, None, acknowledged=0, generation=1)


def test_layout_is_pinned_byte_by_byte() -> None:
    assert {
        "block": block_key(0x0102).hex(),
        "entry": encode_stored_entry(StoredEntry(1, 5, b"\xaa")).hex(),
        "voted": encode_hard_state(VOTED).hex(),
        "unvoted": encode_hard_state(UNVOTED).hex(),
        "state": state_key(b"x"),
        "tree": tree_key(3, 0x0102).hex(),
        "certificate": certificate_key(0x0102).hex(),
        "evidence": evidence_key(b"\xee" * 32).hex(),
        "height": encode_height(0x0102).hex(),
    } == {
        "block": "620000000000000102",
        "entry": "01010000000000000005aa",
        "voted": "020000000000000007000000000000080900000003" + b"bw-1".hex(),
        "unvoted": "020000000000000007000000000000000000000001",
        "state": b"sx",
        "tree": "6e030000000000000102",
        "certificate": "630000000000000102",
        "evidence": "65" + "ee" * 32,
        "height": "0000000000000102",
    }


@given(entries)
def test_entry_round_trips(entry: StoredEntry) -> None:
    assert decode_stored_entry(encode_stored_entry(entry)) == entry


@given(hard_states)
def test_hard_state_round_trips(hard_state: StoredHardState) -> None:
    assert decode_hard_state(encode_hard_state(hard_state)) == hard_state


def test_hard_state_from_before_signatures_is_read() -> None:
    unvoted = b"\x01" + (7).to_bytes(8)
    for stored, name in ((unvoted, None), (unvoted + b"bw-1", "bw-1")):
        expected = StoredHardState(7, name, acknowledged=0, generation=0)
        assert decode_unsigned_hard_state(stored) == expected
    with pytest.raises(MalformedError, match="version: 2 is not 1"):
        decode_unsigned_hard_state(encode_hard_state(VOTED))


@given(u64)
def test_height_round_trips(height: int) -> None:
    assert decode_height(encode_height(height)) == height


@pytest.mark.parametrize("size", [0, 7, 9])
def test_height_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(MalformedError, match=f"{size} bytes, not 8"):
        decode_height(bytes(size))


@given(st.integers(1, (1 << 64) - 1))
def test_block_key_round_trips(height: int) -> None:
    assert parse_block_key(block_key(height)) == height


@given(st.integers(1, (1 << 64) - 1), st.integers(1, (1 << 64) - 1))
def test_byte_order_of_keys_is_the_order_of_heights(one: int, other: int) -> None:
    assert (block_key(one) < block_key(other)) == (one < other)
    assert block_key(1) <= block_key(one) <= LAST_BLOCK_KEY


@given(st.binary(max_size=32))
def test_bytes_that_decode_as_an_entry_are_its_one_spelling(stored: bytes) -> None:
    try:
        entry = decode_stored_entry(stored)
    except LedgerError:
        return
    assert encode_stored_entry(entry) == stored


@given(st.binary(max_size=32) | st.binary(max_size=16).map(lambda tail: b"\x02" + bytes(20) + tail))
def test_bytes_that_decode_as_a_hard_state_are_its_one_spelling(stored: bytes) -> None:
    try:
        hard_state = decode_hard_state(stored)
    except LedgerError:
        return
    assert encode_hard_state(hard_state) == stored


@pytest.mark.parametrize(
    ("stored", "complaint"),
    [
        (bytes(9), "stored entry is malformed: 9 bytes cannot hold its 10-byte header"),
        (b"\x02" + bytes(9), "stored entry is malformed at version: 2 is not 1"),
        (
            b"\x01\x03" + bytes(8),
            "stored entry is malformed at kind: 3 is not 0 (NOOP), 1 (BLOCK) or 2 (CONFIG)",
        ),
    ],
)
def test_bad_entry_is_refused_with_the_reason(stored: bytes, complaint: str) -> None:
    with pytest.raises(MalformedError) as caught:
        decode_stored_entry(stored)
    assert str(caught.value) == complaint


@pytest.mark.parametrize(
    ("stored", "complaint"),
    [
        (bytes(20), ": 20 bytes cannot hold its 21-byte header"),
        (b"\x01" + bytes(20), " at version: 1 is not 2"),
        (
            b"\x02" + bytes(20) + b"n" * 256,
            " at voted_for: the name has 256 bytes, not 1 to 255",
        ),
        (
            b"\x02" + bytes(20) + b"\xff",
            " at voted_for: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
    ],
)
def test_bad_hard_state_is_refused_with_the_reason(stored: bytes, complaint: str) -> None:
    with pytest.raises(MalformedError) as caught:
        decode_hard_state(stored)
    assert str(caught.value) == f"hard state is malformed{complaint}"


@pytest.mark.parametrize("name", ["", "n" * 256])
def test_impossible_vote_is_not_encoded(name: str) -> None:
    with pytest.raises(MalformedError, match="voted_for"):
        encode_hard_state(StoredHardState(1, name, acknowledged=0, generation=1))


@pytest.mark.parametrize("key", [b"", b"b", b"b" + bytes(7), b"s" + bytes(8), b"b" + bytes(8)])
def test_other_keys_are_not_block_keys(key: bytes) -> None:
    with pytest.raises(MalformedError, match="block key"):
        parse_block_key(key)


def test_oversized_payload_is_refused_both_ways() -> None:
    largest = StoredEntry(1, 1, bytes(MAX_PAYLOAD_BYTES))
    assert decode_stored_entry(encode_stored_entry(largest)) == largest
    with pytest.raises(OversizedError):
        encode_stored_entry(StoredEntry(1, 1, bytes(MAX_PAYLOAD_BYTES + 1)))
    with pytest.raises(OversizedError):
        decode_stored_entry(encode_stored_entry(largest) + b"\x00")


def test_only_what_the_node_promised_is_its_memory() -> None:
    kept = [block_key(1), BLOCK_PREFIX, HARD_STATE_KEY, FORMAT_KEY, CHAIN_KEY, SIGNED_KEY]
    kept += [TERM_PROOF_KEY, PROMISES_KEY, certificate_key(1), evidence_key(bytes(32))]
    derived = [APPLIED_KEY, state_key(b"b"), tree_key(0, 1), b"iholder/x", b"m/tail"]
    assert [is_memory_key(key) for key in kept] == [True] * len(kept)
    assert [is_memory_key(key) for key in derived] == [False] * len(derived)
