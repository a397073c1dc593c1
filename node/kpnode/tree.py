"""The Merkle tree of one node, stored: what proofs and tiles are made of.

Kept are the hashes of perfect subtrees of 1, 256, 65,536, ... leaves, which are the tiles of C2SP
(tlog-tiles): four records more for a thousand events than one each. Every other node of the tree
lies inside one tile, and is calculated from it when it is asked for. Which height an event has
stands beside the hash of its leaf, so that events can be found by their index.

All of it follows from the blocks and is written with what else a block changes. What is the hash of
so many events never changes, so a record is true for ever, and nothing has to be taken back.
"""

import logging
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from kpledger.base.hashing import DIGEST_BYTES, Digest, hash_leaf
from kpledger.log import layout
from kpledger.log.block import SealedBlock, decode_block, decode_block_header
from kpledger.log.merkle import TreeSize, compute_root

_WIDTH: Final = 256
"""Hashes in a tile."""

_log = logging.getLogger(__name__)


class TreeStore(Protocol):
    """Where the records are kept, and the blocks (:class:`kpnode.ledger.KeyValueStore`)."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key, None if there is none."""

    def apply(self, puts: Iterable[tuple[bytes, bytes]]) -> None:
        """Write derived records in one atomic step."""


class StoredTree:
    """Reads the hashes of a tree (a :class:`kpledger.log.tiles.HashReader`) and gives its records.

    Any thread may read what the ledger holds; only whoever commits asks for records.
    """

    def __init__(self, store: TreeStore) -> None:
        self._store = store

    def read(self, level: int, first: int, end: int) -> list[Digest]:
        """Give the hashes of subtrees of 256**level leaves, from one index to before another.

        Raises:
            IndexError: the tree has no such subtree.
        """
        return [self._find(index, level)[0] for index in range(first, end)]

    def entries(self, first: int, end: int) -> Iterator[bytes]:
        """Give the envelopes of events from one index to before another.

        Raises:
            IndexError: the ledger has no such event.
        """
        while first < end:
            block = self._read_block(self._find(first)[1])
            if block is None:
                raise IndexError(f"no event {first} in its block")
            start = decode_block_header(block.header).first_event
            yield from block.events[first - start : end - start]
            first = start + len(block.events)

    def records(
        self, first: int, leaves: Sequence[Digest], height: int
    ) -> Iterator[tuple[bytes, bytes]]:
        """Give what a block at a height adds to a tree that has ``first`` leaves before it."""
        place = layout.encode_height(height)
        for index, leaf in enumerate(leaves, first):
            yield layout.tree_key(0, index), leaf + place
        level, hashes = 0, leaves
        # One tile that is full is one hash of the level above.
        while full := (first % _WIDTH + len(hashes)) // _WIDTH:
            start = first // _WIDTH
            known = (*self.read(level, start * _WIDTH, first), *hashes)
            hashes = [compute_root(known[at * _WIDTH : (at + 1) * _WIDTH]) for at in range(full)]
            level, first = level + 1, start
            for index, node in enumerate(hashes, first):
                yield layout.tree_key(level, index), node

    def fill(self, size: TreeSize, height: int) -> None:
        """Write what is missing of a tree of this size, from the blocks up to this height.

        An earlier version of the node kept no tree. What is there begins at the first leaf.

        Raises:
            LedgerError: a block that is read for it is damaged.
        """
        found = bisect_left(range(size), 1, key=self._is_missing)
        if found == size:
            return
        _log.warning("storing the tree over %d events; it may take minutes", size - found)
        first = self._find(found - 1)[1] + 1 if found else 1
        for at in range(first, height + 1):
            block = self._read_block(at)
            leaves = [] if block is None else [hash_leaf(one) for one in block.events]
            self._store.apply(self.records(found, leaves, at))
            found += len(leaves)

    def _is_missing(self, index: int) -> bool:
        return self._store.get(layout.tree_key(0, index)) is None

    def _find(self, index: int, level: int = 0) -> tuple[Digest, int]:
        """Give a hash, and for that of a leaf the height of its block."""
        record = self._store.get(layout.tree_key(level, index))
        if record is None:
            raise IndexError(f"no hash {index} of level {level} in the tree")
        return Digest(record[:DIGEST_BYTES]), int.from_bytes(record[DIGEST_BYTES:], "big")

    def _read_block(self, height: int) -> SealedBlock | None:
        """Give a block of events; None for one that opens a term."""
        stored = self._store.get(layout.block_key(height))
        if stored is None:
            raise IndexError(f"no block {height}")
        entry = layout.decode_stored_entry(stored)
        return decode_block(entry.payload) if entry.kind == layout.BLOCK_ENTRY else None
