"""The Merkle tree of RFC 9162: growing it, and reading proofs out of it. Checking them: ``proofs``.

The tree is only ever seen as *perfect subtrees*: (level, index) covers the 2^level leaves from
index * 2^level on. A perfect subtree never changes once it is complete, so its hash can be stored
for ever under that pair. A tree of any size is a row of perfect subtrees, the *peaks*, one for each
bit set in its size, largest first; folding them from the right gives the root. The peaks are all
that is needed to append (``Frontier``); every perfect subtree, found by its pair, is all that is
needed to prove (``TreeReader``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NewType, Protocol, Self

from kpledger.base.errors import LedgerError, MalformedError
from kpledger.base.hashing import DIGEST_BYTES, EMPTY_ROOT, Digest, hash_node

TreeSize = NewType("TreeSize", int)
"""A number of leaves."""

EventIndex = NewType("EventIndex", int)
"""The 0-based position of an event among the leaves; never mixed with a block's 1-based height."""

MAX_TREE_SIZE: Final = 2**63 - 1
"""The largest size other implementations can hold: they keep it in a signed 64-bit integer."""

_SIZE_BYTES: Final = 8


class TreeSizeError(LedgerError):
    """A tree size is outside 0 to ``MAX_TREE_SIZE``."""

    def __init__(self, *, size: int) -> None:
        super().__init__(f"tree size {size} is outside 0 to {MAX_TREE_SIZE}")
        self.size = size


class EventIndexError(LedgerError):
    """An event index is not that of a leaf of the tree."""

    def __init__(self, *, index: int, size: int) -> None:
        super().__init__(f"event index {index} is outside a tree of size {size}")
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


class SubtreeMissingError(LedgerError):
    """A tree was asked for a perfect subtree that it does not have."""

    def __init__(self, *, level: int, index: int) -> None:
        super().__init__(f"the tree has no perfect subtree {index} at level {level}")
        self.level = level
        self.index = index


@dataclass(frozen=True, slots=True)
class Subtree:
    """The perfect subtree over the leaves [index << level, (index + 1) << level)."""

    level: int
    index: int
    root: Digest


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: all that is needed to append to it and to know its root.

    A value: appending gives a new frontier, so the speculative ones of uncommitted blocks can stand
    beside the committed one. Made by ``empty``, ``decode`` or ``read_frontier``, not from loose
    parts.
    """

    size: TreeSize
    peaks: tuple[Digest, ...]
    _root: Digest | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def empty(cls) -> Self:
        """Give the frontier of the tree without leaves."""
        return cls(TreeSize(0), ())

    def append(self, leaf_hash: Digest) -> "Frontier":
        """Give the frontier after one more leaf."""
        return self.extend((leaf_hash,))

    def extend(self, leaf_hashes: Iterable[Digest]) -> "Frontier":
        """Give the frontier after several more leaves; what appending one by one gives."""
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

    def append_tracking(self, leaf_hash: Digest) -> tuple["Frontier", tuple[Subtree, ...]]:
        """Append, and name the perfect subtrees completed by it: the leaf first, then upwards.

        Keeping every one of them is what makes a tree a ``TreeReader``.
        """
        peaks, index = list(self.peaks), int(self.size)
        completed = [Subtree(0, index, leaf_hash)]
        while index & 1:
            index >>= 1
            root = hash_node(peaks.pop(), completed[-1].root)
            completed.append(Subtree(len(completed), index, root))
        peaks.append(completed[-1].root)
        return Frontier(TreeSize(self.size + 1), tuple(peaks)), tuple(completed)

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


class TreeReader(Protocol):
    """Where the hashes of perfect subtrees are kept."""

    def hash_of(self, level: int, index: int) -> Digest:
        """Give the hash over the leaves [index << level, (index + 1) << level).

        It is asked only for subtrees that lie within the size given by the caller.
        """
        ...


class MemoryTree:
    """A tree that keeps every perfect subtree in memory, for audits and tests."""

    def __init__(self) -> None:
        self.frontier = Frontier.empty()
        self._hashes: dict[tuple[int, int], Digest] = {}

    def append(self, leaf_hash: Digest) -> None:
        """Add one leaf at the end."""
        self.frontier, completed = self.frontier.append_tracking(leaf_hash)
        for subtree in completed:
            self._hashes[subtree.level, subtree.index] = subtree.root

    def hash_of(self, level: int, index: int) -> Digest:
        """Give the hash of one perfect subtree.

        Raises:
            SubtreeMissingError: the tree is too small to contain it.
        """
        try:
            return self._hashes[level, index]
        except KeyError:
            raise SubtreeMissingError(level=level, index=index) from None


def check_tree_size(size: int) -> TreeSize:
    """Accept a number from outside as a tree size.

    Raises:
        TreeSizeError: it is negative or larger than ``MAX_TREE_SIZE``.
    """
    if not 0 <= size <= MAX_TREE_SIZE:
        raise TreeSizeError(size=size)
    return TreeSize(size)


def read_frontier(size: TreeSize, reader: TreeReader) -> Frontier:
    """Read the frontier, and with it the root, that a stored tree had at an earlier size."""
    return Frontier(size, tuple(_read_peaks(0, size, reader)))


def inclusion_path(index: EventIndex, size: TreeSize, reader: TreeReader) -> tuple[Digest, ...]:
    """Read the path from a leaf to the root of the tree of that size (RFC 9162 section 2.1.3.1).

    Raises:
        EventIndexError: the tree of that size has no such leaf.
    """
    if not 0 <= index < size:
        raise EventIndexError(index=index, size=size)
    return tuple(_read_siblings(0, index, size, reader))


def consistency_path(old: TreeSize, new: TreeSize, reader: TreeReader) -> tuple[Digest, ...]:
    """Read the proof that the tree of the new size extends the old (RFC 9162 section 2.1.4.1).

    It is the path from the last peak of the old tree to the new root, with that peak in front
    unless it is the whole old tree, whose root the verifier already has.

    Raises:
        TreeOrderError: the old size is 0 or larger than the new one.
    """
    if not 0 < old <= new:
        raise TreeOrderError(old_size=old, new_size=new)
    if old == new:
        return ()
    level = _trailing_zeros(old)
    index = (old >> level) - 1
    path = _read_siblings(level, index, new, reader)
    return (reader.hash_of(level, index), *path) if index else tuple(path)


def _read_siblings(level: int, index: int, size: TreeSize, reader: TreeReader) -> list[Digest]:
    """Read what has to be joined to a perfect subtree, step by step, to reach the root."""
    siblings = []
    last = (size - 1) >> level
    while last:
        if index & 1:
            siblings.append(reader.hash_of(level, index - 1))
        elif index < last:
            # Only this sibling can reach the right edge of the tree and not be perfect there.
            begin = (index + 1) << level
            end = min(begin + (1 << level), size)
            siblings.append(_fold(_read_peaks(begin, end, reader)))
        level, index, last = level + 1, index >> 1, last >> 1
    return siblings


def _read_peaks(begin: int, end: int, reader: TreeReader) -> list[Digest]:
    """Read the perfect subtrees that cover [begin, end), where begin is aligned to their sum."""
    peaks = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        peaks.append(reader.hash_of(level, begin >> level))
        begin += 1 << level
    return peaks


def _fold(peaks: Sequence[Digest]) -> Digest:
    """Join one or more peaks, largest first, into the root over all of them."""
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = hash_node(peak, root)
    return root


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1
