"""Committed blocks: read in order from the entries of a log that was verified by whoever keeps it.

Nothing is executed here and no signature is looked at; only that each block chains to the one
before it.
"""

import msgspec

from kpledger.base.hashing import Digest
from kpledger.base.state import MemoryState
from kpledger.log.block import (
    BlockHeader,
    BlockKind,
    compute_head,
    decode_block,
    decode_block_header,
    encode_block_header,
)
from kpledger.log.chain import InvalidBlockError, execute_noop, genesis_tip
from kpledger.log.genesis import Genesis
from kpledger.log.layout import decode_stored_entry
from kpledger.log.merkle import compute_root


class CommittedBlocks:
    """Reads blocks one after the other: from the first, or from any block of events.

    Attributes:
        head: of the block that was read last; None before the first.
    """

    def __init__(self, genesis: Genesis) -> None:
        """Read blocks of this ledger."""
        self._genesis = genesis
        self._last: BlockHeader | None = None
        self.head: Digest | None = None

    def read(self, height: int, stored: bytes) -> tuple[BlockHeader, tuple[bytes, ...]]:
        """Give the header of a block, and its events as envelopes.

        Raises:
            LedgerError: it is none, or does not follow the one before.
        """
        entry = decode_stored_entry(stored)
        if entry.payload:
            block = decode_block(entry.payload)
            header, events, encoded = decode_block_header(block.header), block.events, block.header
        else:
            header, events = self._open_term(height, entry.term), ()
            encoded = encode_block_header(header)
        if header.height != height or self.head not in (None, header.prev_head):
            raise InvalidBlockError(height, "prev_head", "it does not follow the block before")
        self._last, self.head = header, compute_head(encoded)
        return header, events

    def _open_term(self, height: int, term: int) -> BlockHeader:
        """Derive the header of a block that opens a term."""
        if self._last is None:
            if height != 1:
                raise InvalidBlockError(height, "kind", "a block that opens a term is read first")
            state = MemoryState()
            tip = genesis_tip(self._genesis, self._genesis.seed_state(state))
            return execute_noop(self._genesis, tip, state, term).header
        return msgspec.structs.replace(
            self._last,
            term=term,
            height=height,
            prev_head=self.head,
            first_event=self._last.tree_size,
            event_count=0,
            payload_root=compute_root(()),
            leader="",
            kind=BlockKind.NOOP,
        )
