"""The chain of one node's log: headers, and no state."""

from dataclasses import dataclass

from lab.liars.blocks import Block, begin_chain, read_entry
from lab.liars.roll import Roll

from kpledger.log.block import decode_block, decode_block_header
from kpledger.log.certificates import decode_opening
from kpledger.log.path import ShownHeader
from kpledger.log.statements import LogEnd
from kpnode.raft import AppendRequest, Entry, EntryKind, Index, InvariantError, LogReader

_READ_BYTES = 1 << 24


@dataclass(slots=True)
class LightMachine:
    """Checks blocks before they are let in, and knows what the log holds.

    It is the state machine of the pump, and the chain of the notary.
    """

    roll: Roll
    blocks: list[Block]
    """Of the log, by height; the first stands before the chain."""
    applied: Index
    _candidates: dict[tuple[int, int], Block]
    """By height and term, as the core tells blocks apart."""

    @classmethod
    def recover(cls, roll: Roll, log: LogReader, applied: Index) -> "LightMachine":
        """Read the log.

        Raises:
            LedgerError: it holds a block that was not checked.
        """
        machine = cls(roll, [begin_chain(roll.genesis)], applied, {})
        machine.applied = min(applied, log.last_index())
        while page := log.entries(Index(len(machine.blocks)), log.last_index(), _READ_BYTES):
            machine.stage(page)
        return machine

    @property
    def top(self) -> Block:
        """The newest block of the log."""
        return self.blocks[-1]

    @property
    def end(self) -> LogEnd:
        """Where the log ends."""
        return self.top.end

    def at(self, index: int) -> Block | None:
        """Give the block at a height of the log."""
        return self.blocks[index] if 0 <= index < len(self.blocks) else None

    def head_at(self, index: int) -> bytes | None:
        """Give the head of a block of the log; None beyond its end."""
        block = self.at(index)
        return None if block is None else block.head

    def holds(self, end: LogEnd) -> bool:
        """Tell whether the log has a block, or it was checked and waits to be let in."""
        candidate = self._candidates.get((end.index, end.term))
        is_candidate = candidate is not None and candidate.head == end.head
        return is_candidate or self.head_at(end.index) == end.head

    def shown(self, first: int, last: int) -> tuple[ShownHeader, ...]:
        """Give the headers from one height to another of the log, both included."""
        return tuple(block.shown for block in self.blocks[max(1, first) : last + 1])

    def check(self, request: AppendRequest) -> None:
        """Verify every block of an append that the log does not hold.

        Raises:
            LedgerError: one does not follow; the request must not reach the core.
        """
        before = self._parent(request)
        if before is None or self.is_off(request):
            return  # The core refuses it.
        for entry in request.entries:
            own = self._find(entry.index, entry.term)
            if own is None or own.header.prev_head != before.head or not _is_of(own, entry):
                own = read_entry(self.roll, before, entry)
                self._candidates[entry.index, entry.term] = own
            before = own

    def is_off(self, request: AppendRequest) -> bool:
        """Tell whether an append follows another block than the log's of that height and term."""
        before = self._parent(request)
        return before is not None and any(
            self._is_off(before, entry) for entry in request.entries[:1]
        )

    def is_branched(self, entry: Entry) -> bool:
        """Tell whether the log holds another block of the same height and term."""
        own = self.at(entry.index)
        if own is None or entry.kind is not EntryKind.BLOCK or entry.index <= self.applied:
            return False
        return own.header.term == entry.term and own.payload != entry.payload

    def _parent(self, request: AppendRequest) -> Block | None:
        return self._find(request.prev_index, request.prev_term)

    def _find(self, index: int, term: int) -> Block | None:
        """Find the block of a height and a term, in the log or waiting to be let in."""
        candidate = self._candidates.get((index, term))
        if candidate is not None:
            return candidate
        own = self.at(index)
        return None if own is None or own.header.term != term else own

    def _is_off(self, before: Block, entry: Entry) -> bool:
        """Tell whether a block follows another than this one, which is not committed."""
        if before.header.height <= self.applied:
            return False
        if entry.kind is EntryKind.BLOCK:
            header = decode_block_header(decode_block(entry.payload).header)
            return header.prev_head != before.head
        base = decode_opening(entry.payload).base
        return base.place == before.end.place and base.head != before.head

    def propose(self, block: Block) -> None:
        """Take in a block that this node has made."""
        self._candidates[block.header.height, block.header.term] = block

    def drop_candidates(self) -> None:
        """Forget what the core did not take."""
        self._candidates.clear()

    def stage(self, entries: tuple[Entry, ...]) -> None:
        """Take note that the log ends with these entries.

        Raises:
            LedgerError: one does not follow.
        """
        del self.blocks[entries[0].index :]
        for entry in entries:
            fits = (
                one
                for one in self._candidates.values()
                if one.payload == entry.payload and one.header.prev_head == self.top.head
            )
            self.blocks.append(next(fits, None) or read_entry(self.roll, self.top, entry))

    def apply(self, entry: Entry) -> Block:
        """Commit the lowest block that is not.

        Raises:
            InvariantError: it is not the one that the core commits.
        """
        block = self.at(entry.index)
        if block is None or entry.index != self.applied + 1 or block.entry != entry:
            raise InvariantError(f"entry {entry.index} is committed and was not staged")
        self.applied = entry.index
        return block


def _is_of(block: Block, entry: Entry) -> bool:
    """Tell whether an entry is this block; which votes open a term makes no other block of it."""
    if block.header.term != entry.term:
        return False
    same = block.payload == entry.payload
    return same or (block.opening is not None and entry.kind is EntryKind.NOOP)
