"""The state digest depends on the pairs in the state, and on nothing else."""

import hashlib
import struct

import pytest
from hypothesis import given, strategies as st

from kpledger.base.errors import MalformedError
from kpledger.base.multiset import ACCUMULATOR_BYTES, MultisetHash

Pairs = dict[bytes, bytes]

_pairs = st.dictionaries(st.binary(max_size=40), st.binary(max_size=200), max_size=8)


def _sum(pairs: Pairs) -> MultisetHash:
    return MultisetHash().exchange(removed=[], added=list(pairs.items()))


def _naive_lanes(pairs: Pairs) -> bytes:
    """Add lane by lane, as the paper defines it."""
    lanes = [0] * 1024
    for key, value in pairs.items():
        preimage = b"kpledger/state/v1\x00" + struct.pack(">I", len(key)) + key + value
        element = struct.unpack("<1024H", hashlib.shake_128(preimage).digest(2048))
        lanes = [(lane + number) % 2**16 for lane, number in zip(lanes, element, strict=True)]
    return struct.pack("<1024H", *lanes)


@given(_pairs)
def test_sum_equals_the_naive_one(pairs: Pairs) -> None:
    assert _sum(pairs).encode() == _naive_lanes(pairs)


@given(_pairs)
def test_digest_is_the_hash_of_the_lanes_under_the_state_domain(pairs: Pairs) -> None:
    expected = hashlib.sha256(b"kpledger/state/v1\x00" + _naive_lanes(pairs)).digest()
    assert _sum(pairs).digest == expected


@given(_pairs.flatmap(lambda pairs: st.tuples(st.just(pairs), st.permutations(list(pairs)))))
def test_order_does_not_matter(case: tuple[Pairs, list[bytes]]) -> None:
    pairs, keys = case
    other = {key: pairs[key] for key in keys}
    assert (_sum(other), _sum(other).digest) == (_sum(pairs), _sum(pairs).digest)


@given(_pairs, st.binary(max_size=40), st.binary(max_size=200))
def test_removing_what_was_added_restores_the_hash(pairs: Pairs, key: bytes, value: bytes) -> None:
    before = _sum(pairs)
    pair = [(key, value)]
    added = before.exchange(removed=[], added=pair)
    assert added.exchange(removed=pair, added=[]) == before


@given(_pairs, st.binary(max_size=40), st.binary(max_size=200))
def test_removing_first_and_adding_later_restores_the_hash(
    pairs: Pairs, key: bytes, value: bytes
) -> None:
    before = _sum(pairs)
    pair = [(key, value)]
    removed = before.exchange(removed=pair, added=[])
    assert removed.exchange(removed=[], added=pair) == before


@given(_pairs)
def test_encoding_round_trips(pairs: Pairs) -> None:
    total = _sum(pairs)
    decoded = MultisetHash.decode(total.encode())
    assert (decoded, decoded.digest) == (total, total.digest)


@given(st.binary(min_size=ACCUMULATOR_BYTES, max_size=ACCUMULATOR_BYTES))
def test_every_accumulator_has_one_spelling(data: bytes) -> None:
    assert MultisetHash.decode(data).encode() == data


@pytest.mark.parametrize("size", [0, ACCUMULATOR_BYTES - 1, ACCUMULATOR_BYTES + 1])
def test_accumulator_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        MultisetHash.decode(bytes(size))
    assert caught.value.what == "multiset accumulator"


def test_changing_a_value_changes_the_digest() -> None:
    assert _sum({b"key": b"old"}).digest != _sum({b"key": b"new"}).digest


def test_boundary_between_key_and_value_counts() -> None:
    assert _sum({b"ab": b"c"}) != _sum({b"a": b"bc"})


def test_a_pair_counts_each_time_it_is_added() -> None:
    once = _sum({b"key": b"value"})
    assert once.exchange(removed=[], added=[(b"key", b"value")]) != once


def test_earlier_value_is_untouched_by_a_later_one() -> None:
    before = _sum({b"a": b"1"})
    digest = before.digest
    assert before.exchange(removed=[], added=[(b"b", b"2")]).digest != digest
    assert (before, before.digest) == (_sum({b"a": b"1"}), digest)


@given(_pairs, _pairs)
def test_exchanging_all_pairs_for_others_leaves_the_others(before: Pairs, after: Pairs) -> None:
    exchanged = _sum(before).exchange(removed=list(before.items()), added=list(after.items()))
    assert exchanged == _sum(after)
    assert exchanged.encode() == _naive_lanes(after)


def test_carries_of_very_many_pairs_are_not_lost() -> None:
    """One pair more than a slot has room for, each the same: a lane is then the pair's own."""
    pair = (b"key", b"value")
    many = [pair] * (2**16 + 1)
    assert MultisetHash().exchange(removed=[], added=many) == _sum(dict([pair]))
    assert _sum(dict([pair])).exchange(removed=many, added=[]) == MultisetHash()
