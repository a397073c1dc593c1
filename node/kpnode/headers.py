"""The headers of a node's own chain, and what makes each of them somebody's."""

from collections.abc import Iterator
from itertools import count
from typing import Final

from kpledger.base.codec import encode
from kpledger.log.block import BlockHeader, compute_head, decode_block
from kpledger.log.chain import CommittedBlocks
from kpledger.log.genesis import Genesis
from kpledger.log.layout import BLOCK_ENTRY, StoredEntry, encode_stored_entry
from kpledger.log.path import ShownHeader
from kpledger.log.statements import LogEnd
from kpnode.machine import Machine
from kpnode.raft import Entry, EntryKind, Index, LogReader

_READ_BYTES: Final = 4 << 20


class LoggedHeaders:
    """The headers of a log, derived where a block carries none."""

    def __init__(self, genesis: Genesis, log: LogReader) -> None:
        """Read this log; what it holds is believed to be verified."""
        self._genesis = genesis
        self._log = log

    def head_at(self, index: int) -> bytes:
        """Give the head of a block of the log, at 0 the chain id.

        Raises:
            LedgerError: the log does not hold it, or it is damaged.
        """
        if index == 0:
            return self._genesis.chain
        (shown,) = self.shown(index, index)
        return compute_head(shown.header)

    def shown(self, first: int, last: int) -> tuple[ShownHeader, ...]:
        """Give the headers from one height to another, both included; there is none at 0.

        Raises:
            LedgerError: the log does not hold them, or they are damaged.
        """
        blocks = CommittedBlocks(self._genesis)
        found = []
        for entry in self._read(self._find_signed(max(1, first)), last):
            stored = StoredEntry(entry.kind.value, entry.term, entry.payload)
            header, _ = blocks.read(entry.index, encode_stored_entry(stored))
            if entry.index >= first:
                found.append(_show(header, entry))
        return tuple(found)

    def _find_signed(self, height: int) -> int:
        """Find the newest block of events at or below a height, or else the first block."""
        for index in count(height, -1):
            (entry,) = self._log.entries(Index(index), Index(index), _READ_BYTES)
            if entry.kind is EntryKind.BLOCK or index == 1:
                return index
        return 1

    def _read(self, first: int, last: int) -> Iterator[Entry]:
        while first <= last:
            page = self._log.entries(Index(first), Index(last), _READ_BYTES)
            yield from page
            first = page[-1].index + 1


class OwnHeaders:
    """Headers of the log of a voter (a :class:`kpnode.notary.OwnChain`)."""

    def __init__(self, machine: Machine, log: LogReader) -> None:
        """Read the log that the machine has staged or applied."""
        self._machine = machine
        self._log = log
        self._logged = LoggedHeaders(machine.ledger.genesis, log)

    @property
    def end(self) -> LogEnd:
        """Where the log ends, as far as it is saved."""
        return self._machine.top.end

    def head_at(self, index: int) -> bytes | None:
        """Give the head of a block of the log, at 0 the chain id; None beyond the end."""
        head = self._machine.head_at(index) if index else None
        if head is not None or index > self.end.index:
            return head
        return self._logged.head_at(index)

    def holds(self, end: LogEnd) -> bool:
        """Tell whether the log has this block, or it was verified and waits to be let in."""
        if self._machine.is_candidate(end):
            return True
        is_there = end.index <= self.end.index and self.head_at(end.index) == end.head
        return is_there and self._log.term_at(Index(end.index)) == end.term

    def shown(self, first: int, last: int) -> tuple[ShownHeader, ...]:
        """Give the headers from one height to another (:meth:`LoggedHeaders.shown`)."""
        return self._logged.shown(first, last)


def _show(header: BlockHeader, entry: Entry) -> ShownHeader:
    if entry.kind.value == BLOCK_ENTRY:
        block = decode_block(entry.payload)
        return ShownHeader(header=block.header, seal=block.signature)
    return ShownHeader(header=encode(header), seal=entry.payload)
