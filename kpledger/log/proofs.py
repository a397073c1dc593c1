"""Proofs in the Merkle tree: making them from the leaves, and checking them against roots.

A path lists what has to be joined to a subtree, step by step, until the root is reached. Which
side each step stands on, and how many steps there are, follows from the numbers alone, so both are
known before anything is hashed and a proof cannot choose them (RFC 9162 sections 2.1.3.2 and
2.1.4.2 say the same with two counters, ``fn`` and ``sn``).

Whoever replayed a ledger has all leaves and can prove to others what it holds; whoever is given a
proof needs a signed block or a checkpoint, and nothing else.
"""

from collections.abc import Sequence

from kpledger.base.errors import LedgerError
from kpledger.base.hashing import Digest, decode_digest, hash_node
from kpledger.log.merkle import TreeSize, check_tree_size, compute_root


class LeafIndexError(LedgerError):
    """An index is not that of a leaf of the tree."""

    def __init__(self, *, index: int, size: int) -> None:
        super().__init__(f"index {index} is outside a tree of size {size}")
        self.index = index
        self.size = size


class TreeOrderError(LedgerError):
    """Two sizes are not those of a non-empty tree and a later state of it.

    Nothing can be inconsistent with the empty tree, so a proof from size 0 proves nothing and is
    neither made nor accepted.
    """

    def __init__(self, *, old_size: int, new_size: int) -> None:
        super().__init__(f"no consistency proof leads from size {old_size} to size {new_size}")
        self.old_size = old_size
        self.new_size = new_size


class PathLengthError(LedgerError):
    """A path does not have the one length that the sizes allow.

    Attributes:
        expected: hashes that the sizes ask for.
        actual: hashes given.
    """

    def __init__(self, *, expected: int, actual: int) -> None:
        super().__init__(f"the path has {actual} hashes where {expected} are needed")
        self.expected = expected
        self.actual = actual


class RootMismatchError(LedgerError):
    """A proof leads to another root than the claimed one.

    Attributes:
        size: the size of the tree in question; a consistency proof speaks of two.
        expected: the root that was claimed.
        calculated: the root that the path leads to.
    """

    def __init__(self, *, size: TreeSize, expected: Digest, calculated: Digest) -> None:
        super().__init__(
            f"at size {size} the proof leads to root {calculated.hex()}, not {expected.hex()}"
        )
        self.size = size
        self.expected = expected
        self.calculated = calculated


def prove_inclusion(leaf_hashes: Sequence[Digest], index: int) -> tuple[Digest, ...]:
    """Give the path from a leaf to the root of the tree of these leaves (*PATH*, 2.1.3.1).

    Args:
        leaf_hashes: all leaves of the tree, as :func:`kpledger.base.hashing.hash_leaf` gives them.
        index: the 0-based place of the leaf.

    Raises:
        LeafIndexError: the tree has no such leaf.
    """
    if not 0 <= index < len(leaf_hashes):
        raise LeafIndexError(index=index, size=len(leaf_hashes))
    return _path(index, leaf_hashes)


def prove_consistency(leaf_hashes: Sequence[Digest], old_size: int) -> tuple[Digest, ...]:
    """Give the proof that the tree of these leaves extends an older one (*PROOF*, 2.1.4.1).

    Raises:
        TreeOrderError: the old size is 0 or larger than the number of leaves.
    """
    if not 0 < old_size <= len(leaf_hashes):
        raise TreeOrderError(old_size=old_size, new_size=len(leaf_hashes))
    return _subproof(old_size, leaf_hashes, is_known=True)


def _path(index: int, leaves: Sequence[Digest]) -> tuple[Digest, ...]:
    if len(leaves) == 1:
        return ()
    left, right = _split(leaves)
    if index < len(left):
        return (*_path(index, left), compute_root(right))
    return (*_path(index - len(left), right), compute_root(left))


def _subproof(old: int, leaves: Sequence[Digest], *, is_known: bool) -> tuple[Digest, ...]:
    if old == len(leaves):
        # The verifier has the root of the whole old tree already.
        return () if is_known else (compute_root(leaves),)
    left, right = _split(leaves)
    if old <= len(left):
        return (*_subproof(old, left, is_known=is_known), compute_root(right))
    return (*_subproof(old - len(left), right, is_known=False), compute_root(left))


def _split(leaves: Sequence[Digest]) -> tuple[Sequence[Digest], Sequence[Digest]]:
    """Cut two or more leaves at the largest power of two below their number."""
    middle = 1 << ((len(leaves) - 1).bit_length() - 1)
    return leaves[:middle], leaves[middle:]


def verify_inclusion(
    *,
    leaf_hash: Digest,
    index: int,
    size: TreeSize,
    path: Sequence[Digest],
    root: Digest,
) -> None:
    """Verify that a leaf stands at an index of the tree of that size and root.

    Size and root must come from one checkpoint: a path fits all sizes in which the leaf has the
    same neighbours, so it does not prove the size.

    Raises:
        TreeSizeError: the size is not that of any tree.
        LeafIndexError: a tree of that size has no such leaf.
        PathLengthError: the path is too short or too long for the index and the size.
        MalformedError: a hash is not 32 bytes long.
        RootMismatchError: the path leads to another root.
    """
    check_tree_size(size)
    if not 0 <= index < size:
        raise LeafIndexError(index=index, size=size)
    sides = _sides(index, size - 1)
    _check_lengths(len(sides), path, leaf_hash, root)
    node = leaf_hash
    for is_left, sibling in zip(sides, path, strict=True):
        node = hash_node(sibling, node) if is_left else hash_node(node, sibling)
    _check_root(size, expected=root, calculated=node)


def verify_consistency(
    *,
    old_size: TreeSize,
    old_root: Digest,
    new_size: TreeSize,
    new_root: Digest,
    path: Sequence[Digest],
) -> None:
    """Verify that the new tree begins with all leaves of the old one, unchanged and in order.

    Equal sizes are consistent if the roots are equal and the path is empty.

    Raises:
        TreeSizeError: a size is not that of any tree.
        TreeOrderError: the old tree is empty or larger than the new one.
        PathLengthError: the path is too short or too long for the sizes.
        MalformedError: a hash is not 32 bytes long.
        RootMismatchError: the path leads to another old root, or to another new root.
    """
    check_tree_size(old_size)
    check_tree_size(new_size)
    if not 0 < old_size <= new_size:
        raise TreeOrderError(old_size=old_size, new_size=new_size)
    if old_size == new_size:
        _check_lengths(0, path, old_root, new_root)
        _check_root(new_size, expected=new_root, calculated=old_root)
        return
    # The climb starts at the last peak of the old tree: all leaves right of it are new.
    level = (old_size & -old_size).bit_length() - 1
    index = (old_size >> level) - 1
    sides = _sides(index, (new_size - 1) >> level)
    # A peak that is the whole old tree is left out of the path, its hash being the old root.
    is_whole = index == 0
    _check_lengths(len(sides) + (not is_whole), path, old_root, new_root)
    old_node = new_node = old_root if is_whole else path[0]
    for is_left, sibling in zip(sides, path if is_whole else path[1:], strict=True):
        if is_left:
            old_node = hash_node(sibling, old_node)
            new_node = hash_node(sibling, new_node)
        else:
            new_node = hash_node(new_node, sibling)
    _check_root(old_size, expected=old_root, calculated=old_node)
    _check_root(new_size, expected=new_root, calculated=new_node)


def _sides(index: int, last: int) -> tuple[bool, ...]:
    """Say for each step up from a node whether its sibling stands to the left.

    ``last`` is the index of the rightmost node at the same level. A rightmost node with an even
    index has no sibling and rises alone: that level takes no step.
    """
    sides = []
    while last:
        if index & 1:
            sides.append(True)
        elif index < last:
            sides.append(False)
        index, last = index >> 1, last >> 1
    return tuple(sides)


def _check_lengths(expected: int, path: Sequence[Digest], *others: Digest) -> None:
    if len(path) != expected:
        raise PathLengthError(expected=expected, actual=len(path))
    for digest in (*path, *others):
        decode_digest(digest)


def _check_root(size: TreeSize, *, expected: Digest, calculated: Digest) -> None:
    if calculated != expected:
        raise RootMismatchError(size=size, expected=expected, calculated=calculated)
