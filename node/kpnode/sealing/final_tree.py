"""The tree of what is final in a ledger: the only one whose root a node states to others."""

from kpledger.base.hashing import Digest
from kpledger.log.checkpoint import Checkpoint
from kpledger.log.merkle import TreeSize, prove_consistency, prove_inclusion
from kpledger.log.tiles import TiledTree
from kpnode.ledger import Ledger


class FinalTree:
    """Answers from the stored tree of a ledger, in any thread."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._origin = ledger.genesis.file.origin

    @property
    def height(self) -> int:
        """The height of the ledger."""
        return self._ledger.tip.height

    def newest(self) -> Checkpoint | None:
        """Give the checkpoint of all that is final; None while a certificate for it is missing.

        That is so where earlier versions of the node made the newest block, and none since.
        """
        tip = self._ledger.tip
        if self._ledger.final_height < tip.height:
            return None
        return Checkpoint(self._origin, tip.tree.size, tip.tree.root())

    def root_at(self, size: TreeSize) -> Digest | None:
        """Give the root of the tree as it was at a size; None if that is not final here."""
        newest = self.newest()
        if newest is None or size > newest.size:
            return None
        return self._tree(size).root_of(0, size) if size < newest.size else newest.root

    def prove_inclusion(self, index: int, size: TreeSize) -> tuple[Digest, ...]:
        """Give the path from a leaf to the root at a size, which must be final here.

        Raises:
            LeafIndexError: a tree of that size has no such leaf.
        """
        return prove_inclusion(self._tree(size).root_of, index, size)

    def prove_consistency(self, old: TreeSize, new: TreeSize) -> tuple[Digest, ...]:
        """Give the proof that the tree at one size, which must be final here, extends another.

        Every tree extends the empty one, and that takes no proof.

        Raises:
            TreeOrderError: the old size is larger than the new one.
        """
        return prove_consistency(self._tree(new).root_of, old, new) if old else ()

    def _tree(self, size: TreeSize) -> TiledTree:
        return TiledTree(self._ledger.tree, size)
