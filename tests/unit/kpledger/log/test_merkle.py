"""A tree grown leaf by leaf, and the proofs read out of it, are those of RFC 9162."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpledger.base.errors import MalformedError
from kpledger.base.hashing import EMPTY_ROOT, Digest, hash_leaf, hash_node
from kpledger.log.merkle import (
    MAX_TREE_SIZE,
    EventIndex,
    EventIndexError,
    Frontier,
    MemoryTree,
    Subtree,
    SubtreeMissingError,
    TreeOrderError,
    TreeSize,
    TreeSizeError,
    check_tree_size,
    consistency_path,
    inclusion_path,
    read_frontier,
)

LARGEST = 70
LEAVES = tuple(hash_leaf(b"event-%d" % number) for number in range(LARGEST))


def _grow(size: int) -> MemoryTree:
    tree = MemoryTree()
    for leaf in LEAVES[:size]:
        tree.append(leaf)
    return tree


TREE = _grow(LARGEST)

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


def _path(m: int, leaves: tuple[Digest, ...]) -> tuple[Digest, ...]:
    """Recurse as RFC 9162 section 2.1.3.1 defines the inclusion path."""
    if len(leaves) == 1:
        return ()
    k = _split(len(leaves))
    if m < k:
        return (*_path(m, leaves[:k]), _mth(leaves[k:]))
    return (*_path(m - k, leaves[k:]), _mth(leaves[:k]))


def _subproof(m: int, leaves: tuple[Digest, ...], *, known: bool) -> tuple[Digest, ...]:
    """Recurse as RFC 9162 section 2.1.4.1 defines the consistency proof."""
    if m == len(leaves):
        return () if known else (_mth(leaves),)
    k = _split(len(leaves))
    if m <= k:
        return (*_subproof(m, leaves[:k], known=known), _mth(leaves[k:]))
    return (*_subproof(m - k, leaves[k:], known=False), _mth(leaves[:k]))


@given(_sizes)
def test_root_is_that_of_the_definition(size: int) -> None:
    frontier = Frontier.empty()
    for leaf in LEAVES[:size]:
        frontier = frontier.append(leaf)
    assert (frontier.size, frontier.root()) == (size, _mth(LEAVES[:size]))


@given(_sizes)
def test_tracking_gives_the_same_frontier(size: int) -> None:
    frontier = Frontier.empty()
    for leaf in LEAVES[:size]:
        frontier = frontier.append(leaf)
    assert _grow(size).frontier == frontier


def test_tracking_names_the_completed_subtrees_from_the_leaf_upwards() -> None:
    _, completed = _grow(3).frontier.append_tracking(LEAVES[3])
    assert completed == (
        Subtree(0, 3, LEAVES[3]),
        Subtree(1, 1, _mth(LEAVES[2:4])),
        Subtree(2, 0, _mth(LEAVES[:4])),
    )


@given(st.integers(0, LARGEST - 1))
def test_tracked_subtrees_are_those_ending_at_the_leaf(size: int) -> None:
    _, completed = _grow(size).frontier.append_tracking(LEAVES[size])
    ends = [(subtree.index + 1) << subtree.level for subtree in completed]
    roots = [
        _mth(LEAVES[subtree.index << subtree.level : (subtree.index + 1) << subtree.level])
        for subtree in completed
    ]
    assert [subtree.level for subtree in completed] == list(range(len(completed)))
    assert ends == [size + 1] * len(completed)
    assert [subtree.root for subtree in completed] == roots
    assert (size + 1) % (2 << completed[-1].level), "a completed subtree was left out"


def test_appending_leaves_the_earlier_frontier_as_it_was() -> None:
    before = _grow(7).frontier
    root = before.root()
    before.append(LEAVES[7])
    before.append_tracking(LEAVES[7])
    assert (before, before.root()) == (_grow(7).frontier, root)


@given(_sizes)
def test_earlier_frontier_can_be_read_from_a_larger_tree(size: int) -> None:
    assert read_frontier(TreeSize(size), TREE) == _grow(size).frontier


@given(st.integers(0, LARGEST - 1).flatmap(lambda i: st.tuples(st.just(i), st.integers(i + 1, 70))))
def test_inclusion_path_is_that_of_the_definition(case: tuple[int, int]) -> None:
    index, size = case
    path = inclusion_path(EventIndex(index), TreeSize(size), TREE)
    assert path == _path(index, LEAVES[:size])


def test_every_consistency_path_is_that_of_the_definition() -> None:
    for new in range(1, 34):
        for old in range(1, new + 1):
            path = consistency_path(TreeSize(old), TreeSize(new), TREE)
            assert path == _subproof(old, LEAVES[:new], known=True), (old, new)


def test_paths_of_the_worked_example() -> None:
    tree = _grow(5)
    assert [digest.hex()[:8] for digest in inclusion_path(EventIndex(2), TreeSize(5), tree)] == [
        "5f3e698c",
        "3fd1d5a0",
        "ae323974",
    ]
    assert [digest.hex()[:8] for digest in consistency_path(TreeSize(3), TreeSize(5), tree)] == [
        "4fb70daa",
        "5f3e698c",
        "3fd1d5a0",
        "ae323974",
    ]


def test_roots_of_the_worked_example() -> None:
    assert [_grow(size).frontier.root().hex() for size in (3, 5)] == [
        "db2effe64d36352bcd4c260bde0e1138310c9f77b89d4c57578652f9b185b630",
        "0b74d4300e798056cd48728b4fb01e9f15ad3e0a7950fbc58974ff6753271d24",
    ]


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (6, 5), (-1, 5)])
def test_no_inclusion_path_for_a_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(EventIndexError) as caught:
        inclusion_path(EventIndex(index), TreeSize(size), TREE)
    assert (caught.value.index, caught.value.size) == (index, size)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (6, 5), (-1, 5)])
def test_no_consistency_path_from_nothing_or_backwards(old: int, new: int) -> None:
    with pytest.raises(TreeOrderError) as caught:
        consistency_path(TreeSize(old), TreeSize(new), TREE)
    assert (caught.value.old_size, caught.value.new_size) == (old, new)


def test_memory_tree_does_not_invent_a_subtree() -> None:
    with pytest.raises(SubtreeMissingError) as caught:
        _grow(3).hash_of(1, 1)
    assert (caught.value.level, caught.value.index) == (1, 1)


@given(_sizes)
def test_frontier_encoding_round_trips(size: int) -> None:
    frontier = _grow(size).frontier
    assert Frontier.decode(frontier.encode()) == frontier


def test_frontier_encoding_is_the_size_and_the_peaks() -> None:
    assert _grow(3).frontier.encode() == bytes(7) + b"\x03" + _mth(LEAVES[:2]) + LEAVES[2]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(7),
        bytes(9),
        _grow(3).frontier.encode()[:-1],
        _grow(3).frontier.encode() + b"\x00",
        _grow(3).frontier.encode() + bytes(32),
        _grow(4).frontier.encode()[:7] + b"\x03" + _grow(4).frontier.encode()[8:],
    ],
    ids=["empty", "short-size", "byte-after-0", "cut", "byte-over", "peak-over", "peak-missing"],
)
def test_encoded_frontier_of_the_wrong_length_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        Frontier.decode(data)
    assert caught.value.what.startswith("frontier")


def test_encoded_frontier_of_an_impossible_size_is_refused() -> None:
    size = MAX_TREE_SIZE + 1
    with pytest.raises(TreeSizeError) as caught:
        Frontier.decode(size.to_bytes(8, "big") + bytes(32))
    assert caught.value.size == size


@pytest.mark.parametrize("size", [-1, MAX_TREE_SIZE + 1])
def test_impossible_tree_size_is_refused(size: int) -> None:
    with pytest.raises(TreeSizeError) as caught:
        check_tree_size(size)
    assert caught.value.size == size


@pytest.mark.parametrize("size", [0, 1, MAX_TREE_SIZE])
def test_possible_tree_size_is_accepted(size: int) -> None:
    assert check_tree_size(size) == TreeSize(size)
