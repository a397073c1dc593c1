"""Good proofs pass, and each way to be wrong is refused for its own reason."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, strategies as st

from kpledger.base.errors import LedgerError
from kpledger.base.hashing import Digest, hash_leaf, hash_node
from kpledger.log.merkle import (
    MAX_TREE_SIZE,
    LeafIndexError,
    PathLengthError,
    RootMismatchError,
    TreeOrderError,
    TreeSize,
    compute_root,
    prove_consistency,
    prove_inclusion,
    verify_consistency,
    verify_inclusion,
)

VECTORS = sorted((Path(__file__).parents[3] / "vectors" / "merkle").glob("*.json"))

LARGEST = 130
LEAVES = tuple(hash_leaf(b"event-%d" % number) for number in range(LARGEST))


class InclusionVector(
    msgspec.Struct, frozen=True, kw_only=True, tag="inclusion", tag_field="proof"
):
    error: str | None
    index: int
    size: int
    leaf_hash: str
    root: str
    path: list[str]

    def verify(self) -> None:
        verify_inclusion(
            leaf_hash=_digest(self.leaf_hash),
            index=self.index,
            size=TreeSize(self.size),
            path=_digests(self.path),
            root=_digest(self.root),
        )


class ConsistencyVector(
    msgspec.Struct, frozen=True, kw_only=True, tag="consistency", tag_field="proof"
):
    error: str | None
    old_size: int
    new_size: int
    old_root: str
    new_root: str
    path: list[str]

    def verify(self) -> None:
        verify_consistency(
            old_size=TreeSize(self.old_size),
            old_root=_digest(self.old_root),
            new_size=TreeSize(self.new_size),
            new_root=_digest(self.new_root),
            path=_digests(self.path),
        )


def _digest(text: str) -> Digest:
    return Digest(bytes.fromhex(text))


def _digests(texts: Sequence[str]) -> tuple[Digest, ...]:
    return tuple(_digest(text) for text in texts)


def _root(size: int) -> Digest:
    return compute_root(LEAVES[:size])


def _root_of(start: int, end: int) -> Digest:
    return compute_root(LEAVES[start:end])


def _flip(digest: Digest, bit: int) -> Digest:
    return Digest((int.from_bytes(digest, "big") ^ 1 << bit).to_bytes(32, "big"))


_ranges = st.integers(1, LARGEST).flatmap(lambda new: st.tuples(st.integers(1, new), st.just(new)))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda path: path.stem)
def test_vector_is_judged_as_it_says(vector: Path) -> None:
    case = msgspec.json.decode(vector.read_bytes(), type=InclusionVector | ConsistencyVector)
    reason = None
    try:
        case.verify()
    except LedgerError as error:
        reason = type(error).__name__
    assert reason == case.error
    assert (case.error is None) == ("-good" in vector.stem)


def test_vectors_are_present() -> None:
    assert len(VECTORS) > 60


@given(_ranges)
def test_every_inclusion_path_verifies(case: tuple[int, int]) -> None:
    index, size = case[0] - 1, TreeSize(case[1])
    path = prove_inclusion(_root_of, index, size)
    verify_inclusion(leaf_hash=LEAVES[index], index=index, size=size, path=path, root=_root(size))


@given(_ranges)
def test_every_consistency_path_verifies(case: tuple[int, int]) -> None:
    old, new = TreeSize(case[0]), TreeSize(case[1])
    verify_consistency(
        old_size=old,
        old_root=_root(old),
        new_size=new,
        new_root=_root(new),
        path=prove_consistency(_root_of, old, new),
    )


@given(_ranges, st.data())
def test_no_bit_of_an_inclusion_proof_can_change(
    case: tuple[int, int], data: st.DataObject
) -> None:
    index, size = case[0] - 1, TreeSize(case[1])
    hashes = [LEAVES[index], *prove_inclusion(_root_of, index, size), _root(size)]
    place = data.draw(st.integers(0, len(hashes) - 1))
    hashes[place] = _flip(hashes[place], data.draw(st.integers(0, 255)))
    with pytest.raises(RootMismatchError) as caught:
        verify_inclusion(
            leaf_hash=hashes[0], index=index, size=size, path=hashes[1:-1], root=hashes[-1]
        )
    assert (caught.value.size, caught.value.expected) == (size, hashes[-1])


@given(_ranges, st.data())
def test_no_bit_of_a_consistency_proof_can_change(
    case: tuple[int, int], data: st.DataObject
) -> None:
    old, new = TreeSize(case[0]), TreeSize(case[1])
    hashes = [_root(old), *prove_consistency(_root_of, old, new), _root(new)]
    place = data.draw(st.integers(0, len(hashes) - 1))
    hashes[place] = _flip(hashes[place], data.draw(st.integers(0, 255)))
    with pytest.raises(RootMismatchError):
        verify_consistency(
            old_size=old, old_root=hashes[0], new_size=new, new_root=hashes[-1], path=hashes[1:-1]
        )


@given(_ranges, st.integers(0, 9))
def test_only_one_path_length_is_considered(case: tuple[int, int], length: int) -> None:
    index, size = case[0] - 1, TreeSize(case[1])
    expected = len(prove_inclusion(_root_of, index, size))
    path = [LEAVES[0]] * (length if length != expected else length + 1)
    told = f"has {len(path)} hashes where {expected} are needed"
    with pytest.raises(PathLengthError, match=told):
        verify_inclusion(
            leaf_hash=LEAVES[index], index=index, size=size, path=path, root=_root(size)
        )


def test_paths_of_the_worked_example() -> None:
    """Those of docs/protocol.md, and of other implementations of RFC 9162."""
    assert [digest.hex()[:8] for digest in prove_inclusion(_root_of, 2, TreeSize(5))] == [
        "5f3e698c",
        "3fd1d5a0",
        "ae323974",
    ]
    assert [
        digest.hex()[:8] for digest in prove_consistency(_root_of, TreeSize(3), TreeSize(5))
    ] == [
        "4fb70daa",
        "5f3e698c",
        "3fd1d5a0",
        "ae323974",
    ]


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (6, 5), (-1, 5)])
def test_no_inclusion_path_for_a_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(LeafIndexError, match=f"index {index} is outside a tree of size {size}"):
        prove_inclusion(_root_of, index, TreeSize(size))


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (6, 5), (-1, 5)])
def test_no_consistency_path_from_nothing_or_backwards(old: int, new: int) -> None:
    with pytest.raises(TreeOrderError, match=f"leads from size {old} to size {new}"):
        prove_consistency(_root_of, TreeSize(old), TreeSize(new))


def test_largest_tree_can_be_proved() -> None:
    root = LEAVES[0]
    path = (LEAVES[1],) * 63
    for sibling in path:
        root = hash_node(root, sibling)
    verify_inclusion(
        leaf_hash=LEAVES[0],
        index=0,
        size=TreeSize(MAX_TREE_SIZE),
        path=path,
        root=root,
    )


def test_mismatch_of_the_old_root_carries_both_roots() -> None:
    path = prove_consistency(_root_of, TreeSize(6), TreeSize(13))
    with pytest.raises(RootMismatchError) as caught:
        verify_consistency(
            old_size=TreeSize(6),
            old_root=_root(5),
            new_size=TreeSize(13),
            new_root=_root(13),
            path=path,
        )
    evidence = (caught.value.size, caught.value.expected, caught.value.calculated)
    assert evidence == (6, _root(5), _root(6))
