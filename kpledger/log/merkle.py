"""The Merkle tree of RFC 9162, over the envelopes of all events: growing it, its root.

A tree of any size is a row of perfect subtrees, the *peaks*, one for each bit set in its size,
largest first; folding them from the right gives the root. The peaks are all that is needed to
append, so nobody has to keep the tree (:class:`Frontier`). Making and checking proofs is the
business of :mod:`kpledger.log.proofs`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NewType, Self

from kpledger.base.errors import LedgerError, MalformedError
from kpledger.base.hashing import DIGEST_BYTES, EMPTY_ROOT, Digest, hash_node

TreeSize = NewType("TreeSize", int)
"""A number of leaves."""

MAX_TREE_SIZE: Final = 2**63 - 1
"""The largest size other implementations can hold: they keep it in a signed 64-bit integer."""

_SIZE_BYTES: Final = 8


class TreeSizeError(LedgerError):
    """A tree size is outside 0 to ``MAX_TREE_SIZE``."""

    def __init__(self, *, size: int) -> None:
        super().__init__(f"tree size {size} is outside 0 to {MAX_TREE_SIZE}")
        self.size = size


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: all that is needed to append to it and to know its root.

    A value: appending gives a new frontier, so the speculative ones of uncommitted blocks can stand
    beside the committed one. Made by ``empty`` or ``decode``, not from loose parts.
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
        raise TreeSizeError(size=size)
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
