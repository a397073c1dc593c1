"""The Merkle tree of RFC 9162, over the envelopes of all events: its root, and proofs in it.

A tree of any size is a row of perfect subtrees, the *peaks*, one for each bit set in its size,
largest first; folding them from the right gives the root. The peaks are all that is needed to
append, so nobody has to keep the tree (:class:`Frontier`).

A proof is a path: what has to be joined to a subtree, step by step, until the root is reached.
Which side each step stands on, and how many steps there are, follows from the numbers alone, so
both are known before anything is hashed and a proof cannot choose them (RFC 9162 sections 2.1.3.2
and 2.1.4.2 say the same with two counters, ``fn`` and ``sn``). Whoever replayed a ledger has all
leaves and can prove to others what it holds; whoever is given a proof needs a signed block or a
checkpoint, and nothing else.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NewType, Self

from kpledger.base.errors import LedgerError, MalformedError
from kpledger.base.hashing import DIGEST_BYTES, EMPTY_ROOT, Digest, decode_digest, hash_node

TreeSize = NewType("TreeSize", int)
"""A number of leaves."""

SubtreeRoot = Callable[[int, int], Digest]
"""Gives the root over the leaves from the first index up to, and without, the second.

Whoever has all leaves passes ``lambda start, end: compute_root(leaves[start:end])``; a node reads
its stored tree.
"""

MAX_TREE_SIZE: Final = 2**63 - 1
"""The largest size other implementations can hold: they keep it in a signed 64-bit integer."""

_SIZE_BYTES: Final = 8


class TreeSizeError(LedgerError):
    """A tree size is outside 0 to ``MAX_TREE_SIZE``."""


class LeafIndexError(LedgerError):
    """An index is not that of a leaf of the tree."""


class TreeOrderError(LedgerError):
    """Two sizes are not those of a non-empty tree and a later state of it.

    Nothing can be inconsistent with the empty tree, so a proof from size 0 proves nothing and is
    neither made nor accepted.
    """


class PathLengthError(LedgerError):
    """A path does not have the one length that the sizes allow."""


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


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: all that is needed to append to it and to know its root.

    A value: appending gives a new frontier, so the speculative ones of uncommitted blocks can stand
    beside the committed one. Made by ``empty`` or ``decode``, or by whoever knows all peaks.
    """

    size: TreeSize
    peaks: tuple[Digest, ...]
    _root: Digest | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def empty(cls) -> Self:
        """Give the frontier of the tree without leaves."""
        return cls(TreeSize(0), ())

    def extend(self, leaf_hashes: Iterable[Digest]) -> "Frontier":
        """Give the frontier after more leaves."""
        peaks, size = list(self.peaks), int(self.size)
        for leaf_hash in leaf_hashes:
            # Adding a leaf is adding one to a binary number: each carry joins two equal subtrees.
            node, carry = leaf_hash, size
            while carry & 1:
                node = hash_node(peaks.pop(), node)
                carry >>= 1
            peaks.append(node)
            size += 1
        return Frontier(TreeSize(size), tuple(peaks))

    def root(self) -> Digest:
        """Give the root of the tree; calculated once."""
        if self._root is None:
            root = _fold(self.peaks) if self.peaks else EMPTY_ROOT
            # The one write to a frozen value: a memo that no comparison and no encoding sees.
            object.__setattr__(self, "_root", root)
            return root
        return self._root

    def encode(self) -> bytes:
        """Encode as the size (64 bits, big-endian) and the peaks, largest first."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self.peaks)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Decode what ``encode`` gave.

        Raises:
            MalformedError: a byte is missing or left over.
            TreeSizeError: the size is larger than any tree may be.
        """
        size = check_tree_size(int.from_bytes(data[:_SIZE_BYTES], "big"))
        expected_bytes = _SIZE_BYTES + size.bit_count() * DIGEST_BYTES
        if len(data) != expected_bytes:
            problem = f"it has {len(data)} bytes, not {expected_bytes}"
            raise MalformedError(f"frontier of size {size}", problem)
        starts = range(_SIZE_BYTES, expected_bytes, DIGEST_BYTES)
        return cls(size, tuple(Digest(data[start : start + DIGEST_BYTES]) for start in starts))


def check_tree_size(size: int) -> TreeSize:
    """Accept a number from outside as a tree size.

    Raises:
        TreeSizeError: it is negative or larger than ``MAX_TREE_SIZE``.
    """
    if not 0 <= size <= MAX_TREE_SIZE:
        raise TreeSizeError(f"tree size {size} is outside 0 to {MAX_TREE_SIZE}")
    return TreeSize(size)


def compute_root(leaf_hashes: Iterable[Digest]) -> Digest:
    """Give the root of the tree over these leaves (*MTH*, RFC 9162 section 2.1.1)."""
    return Frontier.empty().extend(leaf_hashes).root()


def _fold(peaks: Sequence[Digest]) -> Digest:
    """Join one or more peaks, largest first, into the root over all of them."""
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = hash_node(peak, root)
    return root


def prove_inclusion(root_of: SubtreeRoot, index: int, size: TreeSize) -> tuple[Digest, ...]:
    """Give the path from a leaf to the root of the tree of that size (*PATH*, 2.1.3.1).

    Args:
        root_of: gives roots over leaves of the tree.
        index: the 0-based place of the leaf.
        size: how many leaves the tree has.

    Raises:
        LeafIndexError: the tree has no such leaf.
    """
    _check_index(index, size)
    return _path(root_of, index, index + 1, size)


def prove_consistency(
    root_of: SubtreeRoot, old_size: TreeSize, new_size: TreeSize
) -> tuple[Digest, ...]:
    """Give the proof that the tree of one size extends that of another (*PROOF*, 2.1.4.1).

    It is the last peak of the old tree, and the path from there. If that peak is the whole old
    tree, the verifier has it already.

    Raises:
        TreeOrderError: the old size is 0 or larger than the new one.
    """
    _check_order(old_size, new_size)
    if old_size == new_size:
        return ()
    start = old_size & (old_size - 1)
    path = _path(root_of, start, old_size, new_size)
    return (root_of(start, old_size), *path) if start else path


def _path(root_of: SubtreeRoot, start: int, end: int, size: int) -> tuple[Digest, ...]:
    """Give what has to be joined to a perfect subtree, from it up to the root."""
    siblings: list[Digest] = []
    first, last = 0, size
    while (first, last) != (start, end):
        # The left side is the largest power of two below the number of leaves.
        middle = first + (1 << ((last - first - 1).bit_length() - 1))
        if end <= middle:
            siblings.append(root_of(middle, last))
            last = middle
        else:
            siblings.append(root_of(first, middle))
            first = middle
    return tuple(reversed(siblings))


def verify_inclusion(
    *, leaf_hash: Digest, index: int, size: TreeSize, path: Sequence[Digest], root: Digest
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
    _check_index(index, size)
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
    _check_order(old_size, new_size)
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


def _check_index(index: int, size: int) -> None:
    if not 0 <= index < size:
        raise LeafIndexError(f"index {index} is outside a tree of size {size}")


def _check_order(old: int, new: int) -> None:
    if not 0 < old <= new:
        raise TreeOrderError(f"no consistency proof leads from size {old} to size {new}")


def _check_lengths(expected: int, path: Sequence[Digest], *others: Digest) -> None:
    if len(path) != expected:
        raise PathLengthError(f"the path has {len(path)} hashes where {expected} are needed")
    for digest in (*path, *others):
        decode_digest(digest)


def _check_root(size: TreeSize, *, expected: Digest, calculated: Digest) -> None:
    if calculated != expected:
        raise RootMismatchError(size=size, expected=expected, calculated=calculated)
