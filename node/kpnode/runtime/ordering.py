"""Submitted events on their way to a block, here if this node leads, else through the leader.

An event that gets no answer is simply tried again: its id makes that harmless.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

from kpledger.base.errors import LedgerError
from kpledger.scheme.event import Author, SignedEvent
from kpnode.fairness import Buckets, LaneShares
from kpnode.raft import NodeId
from kpnode.runtime.incoming import InOrder
from kpnode.runtime.intake import Allowance, Intake
from kpnode.runtime.reads import RETRY_S
from kpnode.runtime.verifier import Verifier
from kpnode.submission import (
    Answer,
    Outcome,
    Refused,
    Retry,
    Submissions,
    Unavailable,
    refuse_signature,
)

_REFUSED: Final = 512
"""Signed events of one author at once that rules refuse, before no more of them is looked at."""
_REFUSED_PER_S: Final = 20
_KNOWN_REFUSED: Final = 10_000
_RELAYED: Final = 4096
"""Events that one peer relays which may be under way; who follows has half as many on their way."""
_NAMES: Final = 256
"""In whose names: whose turn it is has to be found among all of them."""
_VERIFYING: Final = 16
"""Of one peer's at once, in one call: so many are before one that another relays."""
_PAUSE_S: Final = 1.0
"""Before an author that has its share already is told so."""


class Orderer(Protocol):
    """Who brings an event into a block, or to who does (:class:`kpnode.runtime.Node`)."""

    @property
    def stopped(self) -> str | None:
        """Why nothing is ordered here any more."""

    def begin(self, event: SignedEvent, lane: Author, via: str = "") -> str | None:
        """Start one attempt; what stands in its way if nobody can take the event now.

        What another node relayed here, named by ``via``, goes no further.
        """

    def forget(self, event_id: bytes) -> None:
        """Note that nobody waits for an event any more."""


class _Relaying:
    """What one peer relays here: a share and a turn of its own, and the order in which it came."""

    def __init__(self) -> None:
        self.shares = LaneShares(_RELAYED, _NAMES)
        self.turns = asyncio.Semaphore(_VERIFYING)
        self.order = InOrder()


class Ordering:
    """The requests of one node, each until every event of it has an outcome."""

    def __init__(
        self, submissions: Submissions, intake: Intake, verifier: Verifier, orderer: Orderer
    ) -> None:
        """Let events in by an intake, and bring them to an orderer."""
        self._submissions = submissions
        self._intake = intake
        self._verifier = verifier
        self._orderer = orderer
        self._refused = Buckets(_REFUSED, _REFUSED_PER_S)
        self._known_refused: dict[bytes, None] = {}
        """Ids of events that were refused, the latest last."""
        self._relaying: defaultdict[NodeId, _Relaying] = defaultdict(_Relaying)
        self._begun: dict[object, float] = {}
        """When each request that is being ordered was begun, the oldest first."""

    @property
    def waited_s(self) -> float:
        """For how long the oldest request has waited for its events to be ordered; 0 for none."""
        return time.monotonic() - next(iter(self._begun.values()), time.monotonic())

    async def submit(
        self, events: Sequence[SignedEvent], timeout_s: float, allowance: Allowance
    ) -> list[Outcome]:
        """Bring events onto the ledger; outcomes in order.

        What has to be tried again is tried again together and in order: an event may rest on one
        before it. If that one was lost on its way, a refusal says nothing.
        """
        deadline_s = time.monotonic() + timeout_s
        claimed = events[0].header.author
        if not self._takes(claimed, len(events)):
            # Whoever sends on in spite of that has to wait for it, and costs nobody much.
            await asyncio.sleep(_PAUSE_S)
            return [_turn_away(event, claimed) for event in events]
        answers: list[Answer] = [Retry()] * len(events)
        if self._orderer.stopped is None:
            answers = await self._intake.admit(events, deadline_s, allowance)
        waiting = [at for at, answer in enumerate(answers) if isinstance(answer, Retry)]
        lane = _find_lane([events[at] for at in waiting]) if waiting else claimed
        if not self._takes(lane, len(events)) or (waiting and self._is_in_vain(lane, events)):
            await asyncio.sleep(_PAUSE_S)
            answers = [
                _turn_away(event, lane) if isinstance(answer, Retry) else answer
                for event, answer in zip(events, answers, strict=True)
            ]
        begun = object()
        try:
            self._begun[begun] = time.monotonic()
            with self._submissions.shares.hold(lane, len(waiting)):
                outcomes = await self._order(events, answers, lane, deadline_s)
        finally:
            del self._begun[begun]
        for at in waiting:
            if isinstance(outcomes[at], Refused):
                self._note_refused(events[at], allowance)
        return outcomes

    def _note_refused(self, event: SignedEvent, allowance: Allowance) -> None:
        """Count a signed event that a rule refuses, which costs the leader its time.

        Its author answers for it once; after that, whoever sends it again: anybody can who has seen
        it.
        """
        if event.event_id in self._known_refused:
            allowance.spend(1)
            return
        self._refused.fill(event.header.author, 1)
        self._known_refused[event.event_id] = None
        if len(self._known_refused) > _KNOWN_REFUSED:
            del self._known_refused[next(iter(self._known_refused))]

    def _takes(self, lane: Author, count: int) -> bool:
        """Tell whether a request of an author is looked at.

        One that brings a single event is, however much of its author's was refused: whoever stole a
        key, and has it refused again and again, must not keep its owner from withdrawing it.
        """
        was_refused = count > 1 and self._refused.is_full(lane)
        return not was_refused and self._submissions.shares.has_room(lane)

    def _is_in_vain(self, lane: Author, events: Sequence[SignedEvent]) -> bool:
        """Tell whether an author of whom much was refused sends an event that is refused here, too.

        Then the leader is not asked.
        """
        return self._refused.is_full(lane) and self._intake.judge(events[0]) is not None

    async def _order(
        self, events: Sequence[SignedEvent], answers: list[Answer], lane: Author, deadline_s: float
    ) -> list[Outcome]:
        while True:
            places = [at for at, answer in enumerate(answers) if isinstance(answer, Retry)]
            attempt = await self._attempt([events[at] for at in places], lane, deadline_s)
            is_lost = False
            for at, answer in zip(places, attempt, strict=True):
                is_lost = is_lost or isinstance(answer, Retry)
                answers[at] = Retry() if is_lost and isinstance(answer, Refused) else answer
            outcomes = [answer for answer in answers if not isinstance(answer, Retry)]
            if len(outcomes) == len(events):
                return outcomes
            await asyncio.sleep(RETRY_S)

    async def answer_relay(
        self, event: SignedEvent, lane: Author, timeout_s: float, *, via: NodeId
    ) -> Outcome:
        """Take an event that another node relayed here because this node was the leader.

        It is tried once: what comes before and after it, the other node alone knows. Nothing of
        what that node has looked at is believed.
        """
        deadline_s = time.monotonic() + timeout_s
        relaying = self._relaying[via]
        error = await self._verify(event, relaying)
        if error is not None:
            return refuse_signature(event.event_id, error)
        if not relaying.shares.has_room(lane):
            return _turn_away(event, lane)
        with relaying.shares.hold(lane, 1):
            (answer,) = await self._attempt([event], lane, deadline_s, via)
        lost = Unavailable(event.event_id, "the event was not ordered")
        return lost if isinstance(answer, Retry) else answer

    async def _verify(self, event: SignedEvent, relaying: _Relaying) -> LedgerError | None:
        """Verify an event when its turn comes, behind all that came from the same peer before.

        Keys that may not sign it here may do so by an event that is still on its way into a block.
        The core knows that, which looks at them before their signatures, and at these then.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with relaying.turns:
            may_sign = self._intake.may_sign(event)
            checks = [self._verifier.begin_event(event)] if may_sign else []
            relaying.order.add(checks, partial(_release, turn))
            await turn
        return checks[0].result() if checks else None

    async def _attempt(
        self,
        events: Sequence[SignedEvent],
        lane: Author,
        deadline_s: float,
        via: str = "",
    ) -> list[Answer]:
        """Start with the events, in order, as far as that is possible, and wait for the answers."""
        futures: list[asyncio.Future[Answer]] = []
        stopped = reason = self._orderer.stopped
        try:
            for event in events:
                reason = reason or self._orderer.begin(event, lane, via)
                if reason is not None:
                    break
                futures.append(self._submissions.wait_for(event.event_id, deadline_s))
            answers = [await future for future in futures]
        finally:
            for event, future in zip(events, futures, strict=False):
                if self._submissions.forget(event.event_id, future):
                    self._orderer.forget(event.event_id)
        is_final = stopped or bool(via) or time.monotonic() >= deadline_s
        return answers + [
            Unavailable(event.event_id, reason or "") if is_final else Retry()
            for event in events[len(futures) :]
        ]


def _find_lane(events: Sequence[SignedEvent]) -> Author:
    """Give who answers for a request, whose events stay together: the author of most of them.

    All are signed, but one of them may have been made by somebody else than who sends it.
    """
    if len(events) == 1:
        return events[0].header.author
    authors = {event.event_id: event.header.author for event in events}
    return Counter(authors.values()).most_common(1)[0][0]


def _release(turn: asyncio.Future[None]) -> None:
    # Whoever waited may have been cancelled meanwhile.
    if not turn.done():
        turn.set_result(None)


def _turn_away(event: SignedEvent, lane: Author) -> Unavailable:
    reason = f"too many events of {lane} are under way or were refused; send this again later"
    return Unavailable(event.event_id, reason, own_share=True)
