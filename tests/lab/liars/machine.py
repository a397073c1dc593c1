"""The chain of one node's log: headers, and no state."""

from dataclasses import dataclass, replace
from itertools import takewhile

from lab.liars.blocks import Block, begin_chain, read_entry
from lab.liars.roll import Roll

from kpledger.log.block import compute_head, decode_block, decode_block_header
from kpledger.log.certificates import decode_opening
from kpledger.log.path import ShownHeader
from kpledger.log.statements import LogEnd
from kpnode.raft import AppendRequest, Entry, EntryKind, Index, InvariantError, LogReader, Term

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

    def check(self, request: AppendRequest) -> AppendRequest:
        """Verify every block of an append that the log does not hold; give what is new of it.

        As in the machine of the node: without what the log holds and what does not follow it.

        Raises:
            LedgerError: one does not follow; the request must not reach the core.
        """
        held = sum(1 for _ in takewhile(self._holds, request.entries))
        new = request
        if held:
            last = request.entries[held - 1]
            new = replace(
                request,
                prev_index=last.index,
                prev_term=last.term,
                entries=request.entries[held:],
            )
        before = self._find(new.prev_index, new.prev_term)
        if not new.entries or before is None:
            return replace(new, entries=())
        if new is request and self._is_off(before, new.entries[0]):
            term = Term(max(0, request.prev_term - 1))
            return replace(request, prev_term=term, entries=())
        found: dict[tuple[int, int], Block] = {}
        for entry in new.entries:
            before = found[entry.index, entry.term] = read_entry(self.roll, before, entry)
        self._candidates |= found
        return new

    def _holds(self, entry: Entry) -> bool:
        own = self.at(entry.index)
        if entry.index <= self.applied:
            return True
        return own is not None and own.header.term == entry.term and _is_same(entry, own)

    def is_branched(self, entry: Entry) -> bool:
        """Tell whether the log holds another block of the same height and term."""
        own = self.at(entry.index)
        if own is None or entry.index <= self.applied or own.header.term != entry.term:
            return False
        return not _is_same(entry, own)

    def _find(self, index: int, term: int) -> Block | None:
        """Find the block of a height and a term, in the log or waiting to be let in."""
        candidate = self._candidates.get((index, term))
        if candidate is not None:
            return candidate
        own = self.at(index)
        return None if own is None or own.header.term != term else own

    def _is_off(self, before: Block, entry: Entry) -> bool:
        """Tell whether a block follows another than this one, which is not committed."""
        return before.header.height > self.applied and _follows_another(entry, before.head)

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


def _is_same(entry: Entry, block: Block) -> bool:
    """Tell whether an entry is a block of its height and term, however it is signed."""
    if entry.payload == block.payload:
        return True
    if entry.kind is EntryKind.BLOCK:
        return compute_head(decode_block(entry.payload).header) == block.head
    return not block.events and not _follows_another(entry, block.header.prev_head)


def _follows_another(entry: Entry, head: bytes) -> bool:
    """Tell whether an entry says that it follows another block than the one with this head."""
    if entry.kind is EntryKind.BLOCK:
        return decode_block_header(decode_block(entry.payload).header).prev_head != head
    return decode_opening(entry.payload).base.head != head
