"""How a leader makes a block of events: which of them pass, and what the others are told."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kpledger.base.errors import BadSignatureError
from kpledger.base.state import read_record
from kpledger.log.chain import BlockExecutor
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.records import EventRecord
from kpnode.machine import Machine
from kpnode.punctuality import Early
from kpnode.raft import Index, Proposed, RaftCore, ReadRequested, Role, TransferRequested
from kpnode.refusals import HeldRefusals
from kpnode.submission import Committed, Refused, Retry, find_committed, refuse_signature


@dataclass(frozen=True, slots=True)
class Ordered:
    """What came of events that were to be ordered; the others have no answer yet."""

    answers: list[tuple[bytes, Committed | Refused | Retry]]
    proposed: tuple[int, tuple[bytes, ...]] | None = None
    """The ticket of the block that was proposed, and the ids of its events."""


class Proposer:
    """Makes the blocks of one node; belongs to the thread of the core."""

    def __init__(
        self,
        core: RaftCore,
        machine: Machine,
        refusals: HeldRefusals,
        tickets: Iterator[int],
        *,
        now_ms: Callable[[], int],
        find_early: Callable[[int], Early | None],
        max_block_events: int,
        max_block_bytes: int,
    ) -> None:
        """Propose to a core what passes on a machine; ``refusals`` takes what does not."""
        self._core = core
        self._machine = machine
        self._refusals = refusals
        self._tickets = tickets
        self._now_ms = now_ms
        self._find_early = find_early
        self._max_block_events = max_block_events
        self._max_block_bytes = max_block_bytes
        self._offered_ms: int | None = None

    def order(self, events: Sequence[SignedEvent]) -> Ordered:
        """Admit events by the rules and propose what passes as one block."""
        core = self._core
        answers: list[tuple[bytes, Committed | Refused | Retry]] = []
        leads = core.role is Role.LEADER and core.last_index == self._machine.top.height
        if not leads or self._waits_for_time():
            return Ordered([(event.event_id, Retry()) for event in events])
        executor = self._machine.open_block(self._now_ms())
        refused: list[Refused] = []
        size = 0
        for position, event in enumerate(events):
            size += len(event.encoded)
            full = len(executor.events) >= self._max_block_events or size > self._max_block_bytes
            if full and executor.events:
                answers += [(left.event_id, Retry()) for left in events[position:]]
                break
            answer = self._admit(executor, event)
            if isinstance(answer, Refused) and not answer.bad_signature:
                refused.append(answer)
            elif answer is not None:
                answers.append((event.event_id, answer))
        grounds = Index(self._machine.top.height + bool(executor.events))
        proposed = proposal = None
        if executor.events:
            proposal = next(self._tickets)
            payload = self._machine.seal(executor, core.term)
            passed = tuple(event.event_id for event in executor.events)
            self._refusals.withdraw(passed)
            proposed = proposal, passed
            core.handle(Proposed(proposal, payload))
        if refused:
            ticket = next(self._tickets)
            self._refusals.hold(ticket, refused, term=core.term, grounds=grounds, proposal=proposal)
            core.handle(ReadRequested(ticket))
        return Ordered(answers, proposed)

    def _waits_for_time(self) -> bool:
        """Tell whether nothing is to be sealed now, since the last block is ahead of the clock.

        Once another voter is asked to lead, whose clock may be right; then one block is tried.
        """
        top_ms = self._machine.top.time_ms
        if not self._find_early(top_ms) or not (peers := self._core.status().peers):
            return False
        is_held = self._core.commit < self._core.last_index
        if is_held or self._offered_ms == top_ms:
            return is_held
        self._offered_ms = top_ms
        successor = max(peers, key=lambda peer: (peer.recently_active, peer.match)).node
        self._core.handle(TransferRequested(next(self._tickets), successor))
        return True

    def _admit(self, executor: BlockExecutor, event: SignedEvent) -> Committed | Refused | None:
        """Add an event to the block; an answer if that is all that will happen to it.

        An event that is on the way in an earlier block gets no answer now: its commit will be one.
        """
        record = read_record(executor.changes, EventRecord.key_for(event.event_id), EventRecord)
        if record is not None:
            return find_committed(self._machine.ledger, event.event_id)
        refusal = None
        if not self._machine.signatures.knows(event):
            # Verified where it came in, unless the memory of that is full: then here, last.
            refusal = executor.may_sign(event)
            try:
                if refusal is None:
                    self._machine.signatures.check(event)
            except BadSignatureError as error:
                return refuse_signature(event.event_id, error)
        refusal = refusal or executor.add(event)
        return None if refusal is None else Refused(event.event_id, refusal, bad_signature=False)
