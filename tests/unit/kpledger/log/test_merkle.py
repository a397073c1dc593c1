"""A tree grown leaf by leaf is that of RFC 9162."""

import pytest
from hypothesis import given, strategies as st

from kpledger.base.errors import MalformedError
from kpledger.base.hashing import EMPTY_ROOT, Digest, hash_leaf, hash_node
from kpledger.log.merkle import (
    MAX_TREE_SIZE,
    Frontier,
    TreeSize,
    TreeSizeError,
    check_tree_size,
    compute_root,
)

LARGEST = 70
LEAVES = tuple(hash_leaf(b"event-%d" % number) for number in range(LARGEST))


def _grow(size: int) -> Frontier:
    return Frontier.empty().extend(LEAVES[:size])


_sizes = st.integers(0, LARGEST)


def _split(size: int) -> int:
    """Give the largest power of two below the size."""
    return 1 << ((size - 1).bit_length() - 1)


def _mth(leaves: tuple[Digest, ...]) -> Digest:
    """Recurse as RFC 9162 section 2.1.1 defines the root."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return hash_node(_mth(leaves[:k]), _mth(leaves[k:]))


@given(_sizes)
def test_root_is_that_of_the_definition(size: int) -> None:
    assert (_grow(size).size, _grow(size).root()) == (size, _mth(LEAVES[:size]))
    assert compute_root(LEAVES[:size]) == _mth(LEAVES[:size])


@given(_sizes, _sizes)
def test_leaves_may_come_in_any_portions(first: int, size: int) -> None:
    assert _grow(min(first, size)).extend(LEAVES[min(first, size) : size]) == _grow(size)


def test_appending_leaves_the_earlier_frontier_as_it_was() -> None:
    before = _grow(7)
    root = before.root()
    before.extend(LEAVES[7:9])
    assert (before, before.root()) == (_grow(7), root)


def test_roots_of_the_worked_example() -> None:
    assert [_grow(size).root().hex() for size in (3, 5)] == [
        "db2effe64d36352bcd4c260bde0e1138310c9f77b89d4c57578652f9b185b630",
        "0b74d4300e798056cd48728b4fb01e9f15ad3e0a7950fbc58974ff6753271d24",
    ]


@given(_sizes)
def test_frontier_encoding_round_trips(size: int) -> None:
    frontier = _grow(size)
    assert Frontier.decode(frontier.encode()) == frontier


def test_frontier_encoding_is_the_size_and_the_peaks() -> None:
    assert _grow(3).encode() == bytes(7) + b"\x03" + _mth(LEAVES[:2]) + LEAVES[2]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(7),
        bytes(9),
        _grow(3).encode()[:-1],
        _grow(3).encode() + b"\x00",
        _grow(3).encode() + bytes(32),
        _grow(4).encode()[:7] + b"\x03" + _grow(4).encode()[8:],
    ],
    ids=["empty", "short-size", "byte-after-0", "cut", "byte-over", "peak-over", "peak-missing"],
)
def test_encoded_frontier_of_the_wrong_length_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        Frontier.decode(data)
    assert caught.value.what.startswith("frontier")


def test_encoded_frontier_of_an_impossible_size_is_refused() -> None:
    size = MAX_TREE_SIZE + 1
    with pytest.raises(TreeSizeError, match=f"tree size {size} is outside"):
        Frontier.decode(size.to_bytes(8, "big") + bytes(32))


@pytest.mark.parametrize("size", [-1, MAX_TREE_SIZE + 1])
def test_impossible_tree_size_is_refused(size: int) -> None:
    with pytest.raises(TreeSizeError, match=f"tree size {size} is outside"):
        check_tree_size(size)


@pytest.mark.parametrize("size", [0, 1, MAX_TREE_SIZE])
def test_possible_tree_size_is_accepted(size: int) -> None:
    assert check_tree_size(size) == TreeSize(size)
