"""Submitted events on their way into a block: what became of each, and who waits to hear it.

Lives in the event loop of one node; the thread that runs the core never touches it.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from kpledger.base.errors import LedgerError
from kpledger.log.chain import ExecutedBlock
from kpledger.scheme.envelope import decode_trusted_envelope
from kpledger.scheme.event import Author, SignedEvent
from kpledger.scheme.outcome import Refusal, Rule
from kpnode.fairness import FairQueue, LaneShares
from kpnode.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Committed:
    """The event is on the ledger: a majority of the voters holds its block durably."""

    event_id: bytes
    height: int
    index: int
    time_ms: int
    """Block time, Unix milliseconds."""
    duplicate: bool
    """It was there before; submitting it again has changed nothing."""
    signers: tuple[bytes, ...] = ()
    """The keys that signed what is recorded; empty on the way between nodes."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A rule refuses the event."""

    event_id: bytes
    refusal: Refusal
    bad_signature: bool
    """A signature is wrong; the rule is the same as for one that is right and does not count."""
    for_everybody: Refusal | None = None
    """What somebody unknown hears instead: nobody has proven yet to hold a key that may sign."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Not decided in time. The same event may be sent again at any time."""

    event_id: bytes


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The event was not taken in. The same event may be sent again later."""

    event_id: bytes
    reason: str
    own_share: bool = False
    """Only who sent it is told so: it has sent too much."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Whoever was to order the event cannot: try again, perhaps elsewhere. Stays in the node."""


Outcome = Committed | Refused | Pending | Unavailable
"""What a submitter hears."""

Answer = Committed | Refused | Pending | Unavailable | Retry
"""What one attempt comes to."""


def find_committed(ledger: Ledger, event_id: bytes) -> Committed | None:
    """Find an event that is on the ledger, and answer whoever sends it again."""
    stored = ledger.event(event_id)
    if stored is None:
        return None
    signers = decode_trusted_envelope(stored.encoded).signers
    place = event_id, stored.record.height, stored.record.index, stored.time_ms
    return Committed(*place, duplicate=True, signers=signers)


def refuse_signature(event_id: bytes, error: LedgerError) -> Refused:
    """Refuse an event of which a signature does not verify."""
    accepted = "a signature over exactly this event by a registered key"
    refusal = Refusal(Rule.E1, "signatures", str(error), accepted)
    return Refused(event_id, refusal, bad_signature=True)


_GRAIN_S: Final = 0.02
"""How exactly deadlines are kept: so much later may somebody hear that time is up."""


class Submissions:
    """Events that wait for admission, and everybody who waits for an event.

    Attributes:
        shares: how many events of each author are under way.
    """

    def __init__(self, limit: int) -> None:
        """Start empty; about ``limit`` events may be under way at once."""
        self.shares = LaneShares(limit)
        self._queue = FairQueue()
        self._proposed: dict[int, tuple[bytes, ...]] = {}
        """Ids of the events of each block that was proposed, by its ticket."""
        self._waiting: dict[bytes, list[asyncio.Future[Answer]]] = {}
        self._deadlines_s: dict[asyncio.Future[Answer], tuple[float, bytes]] = {}
        self._timer: asyncio.Handle | None = None
        self._due_s = 0.0
        """The deadline that the timer is for, if there is one."""

    def __len__(self) -> int:
        """Count the events that wait for admission."""
        return len(self._queue)

    def __contains__(self, event_id: bytes) -> bool:
        """Tell whether somebody waits for an event."""
        return event_id in self._waiting

    def enqueue(self, event: SignedEvent, lane: Author, via: str = "") -> None:
        """Queue an event for admission, in the turn of an author of those that ``via`` relays."""
        self._queue.add(lane, event, via)

    def take(self, count: int) -> list[SignedEvent]:
        """Take up to so many events out of the queue; authors take turns.

        Events that nobody waits for any more are dropped: who submitted them was told that they are
        pending, and sends them again.
        """
        return self._queue.take(count, lambda event: event.event_id in self._waiting)

    def propose(self, ticket: int, event_ids: tuple[bytes, ...]) -> None:
        """Note that a block with these events was proposed."""
        self._proposed[ticket] = event_ids

    def drop(self, ticket: int) -> None:
        """Have the events of a proposal tried again that came to nothing."""
        self.answer_all(self._proposed.pop(ticket, ()), Retry())

    def commit(self, block: ExecutedBlock) -> None:
        """Tell everybody who waits for an event of a block that it is committed."""
        header = block.header
        for index, event in enumerate(block.events, header.first_event):
            place = event.event_id, header.height, index, header.time_ms
            committed = Committed(*place, duplicate=False, signers=event.signers)
            self.answer(event.event_id, committed)
        event_ids = tuple(event.event_id for event in block.events)
        for ticket in [one for one, ids in self._proposed.items() if ids == event_ids]:
            del self._proposed[ticket]

    def wait_for(self, event_id: bytes, deadline_s: float) -> asyncio.Future[Answer]:
        """Give a future that is done when something is known about the event, or time is up.

        ``deadline_s`` is a time of ``time.monotonic``, as event loops have it.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting.setdefault(event_id, []).append(future)
        self._deadlines_s[future] = deadline_s, event_id
        # One timer for all: most events are committed long before, and would each leave one behind.
        if self._timer is None or deadline_s < self._due_s:
            self._set_timer(loop, deadline_s)
        return future

    def _set_timer(self, loop: asyncio.AbstractEventLoop, deadline_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due_s = deadline_s
        self._timer = loop.call_at(deadline_s + _GRAIN_S, self._expire, loop)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now_s = loop.time()
        for future, (deadline_s, event_id) in self._deadlines_s.items():
            if deadline_s <= now_s and not future.done():
                future.set_result(Pending(event_id))
        waiting = [at for future, (at, _) in self._deadlines_s.items() if not future.done()]
        if waiting:
            self._set_timer(loop, min(waiting))

    def forget(self, event_id: bytes, future: asyncio.Future[Answer]) -> bool:
        """Stop waiting; True if nobody else waits for the event either."""
        self._deadlines_s.pop(future, None)
        waiting = self._waiting.get(event_id, [])
        if future in waiting:
            waiting.remove(future)
        if not waiting:
            self._waiting.pop(event_id, None)
        return not waiting

    def answer(self, event_id: bytes, answer: Answer) -> None:
        """Tell everybody who waits for the event."""
        for future in self._waiting.pop(event_id, ()):
            if not future.done():
                future.set_result(answer)

    def answer_all(self, event_ids: Iterable[bytes], answer: Answer) -> None:
        """Tell everybody who waits for one of the events."""
        for event_id in event_ids:
            self.answer(event_id, answer)

    @property
    def awaited(self) -> tuple[bytes, ...]:
        """The events that somebody waits for."""
        return tuple(self._waiting)
