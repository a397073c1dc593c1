"""The state machine: the one place where consensus (entries) meets the ledger (blocks).

Execute before ordering: a leader admits an event by running the rules on its *speculative* state,
which is the committed ledger plus one change-set for each block that is not committed yet; a voter
runs the same rules before its core may even see the block. So what is in a log has been executed
already, and committing is writing down what is known. Truncating the log drops change-sets; no rule
knows how to undo.

A block passes through three places: it becomes a *candidate* when it was sealed here or its append
was checked; it is *staged* when the log holds it durably; it is *applied* when it is committed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

from kpledger.base.hashing import Digest
from kpledger.base.keys import SigningKey
from kpledger.base.state import Layers, StateReader, lay_over
from kpledger.base.units import format_time
from kpledger.log.block import (
    BlockKind,
    compute_head,
    decode_block,
    decode_block_header,
    verify_leader,
)
from kpledger.log.certificates import decode_opening
from kpledger.log.chain import BlockExecutor, ExecutedBlock, Tip, execute_entry, seal_block
from kpledger.log.genesis import Genesis
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.layout import StoredEntry
from kpledger.log.statements import LogEnd
from kpnode.ledger import Ledger
from kpnode.raft import AppendRequest, Entry, EntryKind, Index, InvariantError, LogReader, Term
from kpnode.signatures import Signatures

_TAIL_BLOCKS = 64
_READ_BYTES = 4 << 20
_STALE_LAYERS = 64
"""So many committed blocks may lie below those that are not, before these are laid anew."""


class MistimedBlockError(InvalidBlockError):
    """A block is too far from this node's clock: its leader's is wrong, this node's, or it lies.

    It is in the future; or old, although it is new to a node that misses none.

    Attributes:
        time_ms: its block time.
    """

    def __init__(self, height: int, time_ms: int, problem: str) -> None:
        super().__init__(height, "time_ms", f"{format_time(time_ms)} is {problem}")
        self.time_ms = time_ms


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An executed block and the very bytes it came from: a liar may send others for its place."""

    payload: bytes
    execution: ExecutedBlock


class Machine:
    """Speculative and committed state of one node (implements :class:`kpnode.ports.StateMachine`).

    Attributes:
        ledger: the committed part.
        skew_ms: how far the time of another leader's block may be from this clock.
        signatures: what was verified already; voters execute blocks by it.
    """

    def __init__(
        self,
        genesis: Genesis,
        name: str,
        key: SigningKey,
        ledger: Ledger,
        *,
        skew_ms: int,
        voteless_up_to: int = 0,
    ) -> None:
        """Start at the ledger's tip; :meth:`recover` takes in the rest of the log.

        ``voteless_up_to`` is the height up to which terms may have been opened without votes.
        """
        self.ledger = ledger
        self.signatures = Signatures()
        self._genesis = genesis
        self._name = name
        self._key = key
        self.skew_ms = skew_ms
        self._voteless_up_to = voteless_up_to
        self._staged: list[ExecutedBlock] = []
        self._candidates: dict[tuple[int, int], _Candidate] = {}

    def recover(self, log: LogReader) -> None:
        """Verify the end of the committed chain, and execute what the log holds beyond it.

        A ledger that was applied beyond the end of the log is derived anew up to there: no crash
        leads to that, but a disk that lost something may, and the other nodes can repair it only if
        this one starts.

        Raises:
            LedgerError: the log does not fit the ledger, or a block in it is invalid.
        """
        height = self.ledger.tip.height
        last = log.last_index()
        if height > last:
            self._derive_anew(log, last)
            return
        self._verify_tail(log, height)
        for entry in _read_entries(log, height + 1, last):
            self.stage((entry,))

    def _derive_anew(self, log: LogReader, last: int) -> None:
        """Execute the log from its beginning. What it holds was committed, since more was."""
        self.ledger.reset()
        for entry in _read_entries(log, 1, last):
            self.stage((entry,))
            self.apply(entry)

    def _verify_tail(self, log: LogReader, height: int) -> None:
        """Check links and signatures of the newest committed blocks, and their end with the tip.

        A block that opens a term changes neither tree nor state, so the newest block of events has
        to agree with the tip whatever follows it.
        """
        tip = self.ledger.tip
        previous: tuple[int, bytes] | None = None
        newest = None
        for entry in _read_entries(log, max(1, height - _TAIL_BLOCKS + 1), height):
            if entry.kind is not EntryKind.BLOCK:
                continue
            block = decode_block(entry.payload)
            header = newest = decode_block_header(block.header)
            head = compute_head(block.header)
            key = self._genesis.consensus_keys.get(header.leader, b"")
            verify_leader(header, head, block.signature, key)
            if previous is not None and previous[0] == header.height - 1:
                _expect(header.height, "prev_head", header.prev_head, previous[1])
            _expect(header.height, "height", header.height, entry.index)
            previous = (header.height, head)
        if newest is not None:
            _expect(newest.height, "tree_root", newest.tree_root, tip.tree.root())
            _expect(newest.height, "state_digest", newest.state_digest, tip.digest.digest)

    @property
    def top(self) -> Tip:
        """The end of the staged chain: where the log ends."""
        return self._staged[-1].tip if self._staged else self.ledger.tip

    def head_at(self, index: int) -> Digest | None:
        """Give the head of a block that is staged, or of the last committed one, or None."""
        if index == self.ledger.tip.height:
            return self.ledger.tip.head
        staged = self._staged_at(index)
        return None if staged is None else staged.tip.head

    def is_candidate(self, end: LogEnd) -> bool:
        """Tell whether a block was verified and waits to be let into the log."""
        candidate = self._candidates.get((end.index, end.term))
        return candidate is not None and candidate.execution.tip.head == end.head

    def is_branched(self, entry: Entry) -> bool:
        """Tell whether the log holds another block of the same height and term."""
        staged = self._staged_at(entry.index)
        return staged is not None and staged.tip.term == entry.term and not _is_same(entry, staged)

    @property
    def top_state(self) -> StateReader:
        """The state at :attr:`top`."""
        return _state_after(self._staged[-1]) if self._staged else self.ledger.recent

    def open_block(self, now_ms: int) -> BlockExecutor:
        """Begin the next block on top of the log; block time never goes back."""
        time_ms = max(now_ms, self.top.time_ms)
        return BlockExecutor(self._genesis, self.top, self.top_state, time_ms)

    def seal(self, executor: BlockExecutor, term: Term) -> bytes:
        """Finish and sign a block as its leader; a candidate from now on."""
        execution = executor.finish(term, self._name, BlockKind.BLOCK)
        payload = seal_block(execution, self._key)
        self._candidates[execution.tip.height, term] = _Candidate(payload, execution)
        return payload

    def check_append(
        self, request: AppendRequest, now_ms: int, *, misses_none: bool = False
    ) -> tuple[AppendRequest, list[ExecutedBlock]]:
        """Verify every block of an append that the log does not hold yet; give those of events.

        Before them stands the append as the core may see it: without what the log holds, and
        without what does not follow the log. What is not saved must follow what is, and the request
        what is not saved: else all is to be saved first.

        Args:
            request: what a leader sent.
            now_ms: this node's clock.
            misses_none: whether this node was sent every block when it was made, so that none may
                be old. The block that opens a term has no time of its own.

        Raises:
            LedgerError: a block does not follow by the rules, is not signed by the leader of its
                term, or is further from the clock than the skew limit
                (:class:`MistimedBlockError`). The request must not reach the core.
        """
        new = self._take_out_held(request)
        if not new.entries:
            return new, []
        place = self._find(new.prev_index, new.prev_term)
        if place is None:
            return replace(new, entries=()), []
        if new is request and self._is_off(new.entries[0], place[0]):
            # Where a leader has made two blocks in one place, index and term do not tell them
            # apart. So to the core this one is of an earlier term, which it is not, either: a later
            # leader goes back to where its log and this one are one.
            before = Term(max(0, request.prev_term - 1))
            return replace(request, prev_term=before, entries=()), []
        found: dict[tuple[int, int], _Candidate] = {}
        blocks = []
        for entry in new.entries:
            execution = self._execute(entry, *place)
            if entry.kind is EntryKind.BLOCK:
                self._check_time(execution.tip, now_ms, misses_none=misses_none)
                blocks.append(execution)
            found[entry.index, entry.term] = _Candidate(entry.payload, execution)
            place = execution.tip, _state_after(execution)
        self._candidates |= found
        return new, blocks

    def _take_out_held(self, request: AppendRequest) -> AppendRequest:
        """Take the first blocks out that the log holds; what is committed was compared before."""
        held = sum(1 for _ in takewhile(self._holds, request.entries))
        if not held:
            return request
        last = request.entries[held - 1]
        return replace(
            request,
            prev_index=last.index,
            prev_term=last.term,
            entries=request.entries[held:],
        )

    def _holds(self, entry: Entry) -> bool:
        if entry.index <= self.ledger.tip.height:
            return True
        staged = self._staged_at(entry.index)
        return staged is not None and staged.tip.term == entry.term and _is_same(entry, staged)

    def _is_off(self, entry: Entry, tip: Tip) -> bool:
        """Tell whether a block follows another than this one, which is not committed."""
        return tip.height > self.ledger.tip.height and _follows_another(entry, tip.head)

    def _check_time(self, tip: Tip, now_ms: int, *, misses_none: bool) -> None:
        earliest, latest = now_ms - self.skew_ms, now_ms + self.skew_ms
        if tip.time_ms > latest:
            raise MistimedBlockError(tip.height, tip.time_ms, f"after {format_time(latest)}")
        if misses_none and tip.time_ms < earliest:
            raise MistimedBlockError(tip.height, tip.time_ms, f"before {format_time(earliest)}")

    def _staged_at(self, index: int) -> ExecutedBlock | None:
        position = index - self.ledger.tip.height - 1
        return self._staged[position] if 0 <= position < len(self._staged) else None

    def _find(self, index: int, term: int) -> tuple[Tip, StateReader] | None:
        """Find a block of the log: a candidate, a staged block, or the committed tip."""
        tip = self.ledger.tip
        if index == tip.height:
            return (tip, self.ledger.recent) if tip.term == term else None
        candidate = self._candidates.get((index, term))
        block = self._staged_at(index) if candidate is None else candidate.execution
        if block is None or block.tip.term != term:
            return None
        return block.tip, _state_after(block)

    def _execute(self, entry: Entry, tip: Tip, base: StateReader) -> ExecutedBlock:
        is_voteless = entry.kind is EntryKind.NOOP and not entry.payload
        if is_voteless and entry.index > self._voteless_up_to:
            raise InvalidBlockError(entry.index, "payload", "no votes open the term")
        stored = StoredEntry(entry.kind.value, entry.term, entry.payload)
        return execute_entry(
            self._genesis,
            tip,
            base,
            stored,
            verify_event=self.signatures.check,
            verify_block=self.signatures.check_leader,
            check=self.signatures.check_statement,
        )

    def stage(self, entries: tuple[Entry, ...]) -> None:
        """Take note that the log now ends with these entries.

        Raises:
            InvariantError: a block reached the log without being checked; the node must stop.
            LedgerError: during recovery: a block in the log is invalid.
        """
        keep = entries[0].index - self.ledger.tip.height - 1
        if not 0 <= keep <= len(self._staged):
            raise InvariantError(f"entry {entries[0].index} is staged on block {self.top.height}")
        del self._staged[keep:]
        for entry in entries:
            candidate = self._candidates.pop((entry.index, entry.term), None)
            if candidate is not None and _fits(candidate, entry, self.top):
                self._staged.append(candidate.execution)
            else:
                self._staged.append(self._execute(entry, self.top, self.top_state))
        base = self._staged[-1].changes.base
        if isinstance(base, Layers) and sum(base.sizes) > 2 * len(self._staged) + _STALE_LAYERS:
            self._lay_anew()

    def _lay_anew(self) -> None:
        """Let the staged blocks hold nothing of those that are committed by now."""
        base: StateReader = self.ledger.recent
        for block in self._staged:
            block.changes.base = base
            base = _state_after(block)

    def drop_candidates(self) -> None:
        """Forget candidates that the core did not take; called when all its work is done."""
        self._candidates.clear()

    def apply(self, entry: Entry) -> ExecutedBlock:
        """Commit the lowest staged block.

        Raises:
            InvariantError: it is not the one that the core commits.
        """
        if not self._staged or self._staged[0].tip.height != entry.index:
            raise InvariantError(f"entry {entry.index} is committed before it was staged")
        execution = self._staged.pop(0)
        if execution.tip.term != entry.term:
            raise InvariantError(
                f"entry {entry.index} is of term {entry.term}, staged was {execution.tip.term}"
            )
        self.ledger.commit(execution)
        if self._staged:
            # What it was layered on is in the store now.
            self._staged[0].changes.base = self.ledger.recent
        return execution


def _is_same(entry: Entry, block: ExecutedBlock) -> bool:
    """Tell whether an entry is a block of its height and term, however it is signed."""
    if entry.kind is EntryKind.BLOCK:
        return compute_head(decode_block(entry.payload).header) == block.tip.head
    is_opening = entry.kind is EntryKind.NOOP and block.header.kind is BlockKind.NOOP
    return is_opening and not _follows_another(entry, block.header.prev_head)


def _follows_another(entry: Entry, head: bytes) -> bool:
    """Tell whether an entry says that it follows another block than the one with this head."""
    if entry.kind is EntryKind.BLOCK:
        return decode_block_header(decode_block(entry.payload).header).prev_head != head
    # Without votes, as an earlier version opened terms, it says nothing of that.
    return entry.payload != b"" and decode_opening(entry.payload).base.head != head


def _state_after(block: ExecutedBlock) -> Layers:
    return lay_over(block.changes.base, block.changes)


def _fits(candidate: _Candidate, entry: Entry, top: Tip) -> bool:
    same_bytes = candidate.payload == entry.payload
    return same_bytes and candidate.execution.header.prev_head == top.head


def _read_entries(log: LogReader, first: int, last: int) -> Iterator[Entry]:
    while first <= last:
        page = log.entries(Index(first), Index(last), _READ_BYTES)
        if not page:
            raise InvalidBlockError(first, "height", "the log has no such entry")
        yield from page
        first = page[-1].index + 1


def _expect(height: int, field: str, found: object, expected: object) -> None:
    if found != expected:
        raise InvalidBlockError(height, field, "does not fit the chain it stands in")
