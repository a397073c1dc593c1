"""Events on their way from a node that does not vote towards the leader, through its sources.

A source passes an event on in turn if it does not lead. The event's id makes that harmless: a node
has it on its way once, and sending it again changes nothing. What a source answers is believed as
far as this node sees it itself: a commit on its own ledger, a refusal by its own rules.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Final, Protocol

import msgpack

from kpledger.api.answers import (
    BatchAnswer,
    CommittedAnswer,
    Problem,
    RefusedAnswer,
    SubmitAnswer,
)
from kpledger.api.decoding import read_answer
from kpledger.api.routes import (
    EVENT,
    HEIGHT_HEADER,
    MAX_BATCH,
    MSGPACK_TYPE,
    SUBMIT,
    Consistency,
    EventQuestion,
    ReadOptions,
    SubmitOptions,
)
from kpledger.base.text import clean, parse_count, shorten
from kpledger.log.genesis import Genesis
from kpledger.scheme.event import Author, SignedEvent
from kpledger.scheme.outcome import Refusal
from kpnode.contacts import Said, UnansweredError
from kpnode.ledger import Ledger
from kpnode.process import end_tasks
from kpnode.raft import Index
from kpnode.replica.sources import KnownSource, Sources
from kpnode.submission import Answer, Refused, Retry, Unavailable, find_committed

_TRY_MS: Final = 5_000
"""For how long one source may try to bring events onto the ledger."""
_MARGIN_S: Final = 2.0
_PAUSE_S: Final = 0.25
"""Before what came to nothing is tried again."""
_CONFIRM_S: Final = 2.0
"""How long a refusal may wait until this node knows as much as whoever refuses."""
_SEEN_S: Final = 5.0
"""How long a block that a source says to be there may take to come."""
_VAIN_S: Final = 60.0
"""For so long others are preferred to a source through which nothing came about."""
_MAX_ANSWER_BYTES: Final = 1 << 20
_NO_EVENT: Final = EventQuestion(id="0" * 64)
"""What is asked where only the height counts."""


class RelayingNode(Protocol):
    """Whom events are relayed for (:class:`kpnode.replica.replica.Replica`)."""

    @property
    def genesis(self) -> Genesis:
        """What the ledger was founded on."""

    @property
    def ledger(self) -> Ledger:
        """What is final and executed."""

    @property
    def stopped(self) -> str | None:
        """Why nothing is taken in any more."""

    def judge(self, event: SignedEvent) -> Refusal | None:
        """Say what the rules say to an event on this ledger."""

    async def reach(self, height: int) -> None:
        """Wait until the ledger holds a block: for ever, if it never will."""

    def answer(self, event_id: bytes, answer: Answer) -> None:
        """Tell who waits for an event what became of it."""

    async def catch_up(self, timeout_s: float) -> str | None:
        """Wait until the ledger holds what was acknowledged before this call."""


class Relay:
    """Passes on events and questions of one node (a :class:`kpnode.runtime.ordering.Orderer`)."""

    def __init__(self, follower: RelayingNode, sources: Sources) -> None:
        self._follower = follower
        self._sources = sources
        self._under_way: set[bytes] = set()
        self._gathered: list[SignedEvent] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._vain_until_s: dict[str, float] = {}
        """By source."""

    @property
    def stopped(self) -> str | None:
        """Why nothing is passed on any more."""
        return self._follower.stopped

    def forget(self, event_id: bytes) -> None:
        """Note that nobody waits for an event any more."""
        self._under_way.discard(event_id)

    def begin(self, event: SignedEvent, lane: Author, via: str = "") -> str | None:  # noqa: ARG002 (an Orderer's)
        """Start one attempt; what stands in its way if no source can be asked now.

        What is begun in one turn of the loop goes together, in order.
        """
        if not any(True for _ in self._candidates()):
            return "no source of this node can be asked now"
        if event.event_id not in self._under_way:
            self._under_way.add(event.event_id)
            if not self._gathered:
                asyncio.get_running_loop().call_soon(self._send)
            self._gathered.append(event)
        return None

    async def close(self) -> None:
        """Stop passing on."""
        await end_tasks(tuple(self._tasks))

    def _candidates(self) -> Iterator[KnownSource]:
        """Give the sources that may be asked now: the leader first, then voters, then others.

        Those through which nothing came about lately come last, whose turn was longest ago first.
        """
        leader, voters = self._follower.ledger.tip.leader, self._follower.genesis.file.voters
        now_s = time.monotonic()

        def rank(one: KnownSource) -> tuple[float, bool, bool]:
            vain_s = max(0.0, self._vain_until_s.get(one.name, 0.0) - now_s)
            return vain_s, one.name != leader, one.name not in voters

        yield from sorted(self._sources.free(), key=rank)

    async def _sees(self, height: int) -> bool:
        """Wait for a block that a source says to be there; tells whether this node has it soon."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SEEN_S):
                await self._follower.reach(height)
                return True
        return False

    def _send(self) -> None:
        events, self._gathered = self._gathered, []
        for first in range(0, len(events), MAX_BATCH):
            task = asyncio.create_task(self._relay(events[first : first + MAX_BATCH]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _relay(self, events: Sequence[SignedEvent]) -> None:
        """Bring events to the first source that takes them, and hear what became of them."""
        source, results = await self._post(events)
        claimed = [one.height for one in results if isinstance(one, CommittedAnswer)]
        if claimed:
            await self._sees(max(claimed))
        failed, is_vain = [], False
        for event, result in zip(events, results, strict=True):
            answer = await self._hear(event, result)
            is_vain |= isinstance(answer, Retry | Unavailable)
            if isinstance(answer, Retry):
                failed.append(event.event_id)
            elif answer is not None:
                self._answer(event.event_id, answer)
        if is_vain and source is not None:
            self._vain_until_s[source.name] = time.monotonic() + _VAIN_S
        if failed:
            await asyncio.sleep(_PAUSE_S)
        for event_id in failed:
            self._answer(event_id, Retry())

    async def _hear(self, event: SignedEvent, result: SubmitAnswer | None) -> Answer | None:
        """Believe what a source says of an event as far as this node sees it; None: it was told."""
        match result:
            case CommittedAnswer(duplicate=is_duplicate):
                own = find_committed(self._follower.ledger, event.event_id)
                if own is None:
                    return Retry()
                return own if is_duplicate else None
            case RefusedAnswer(problem=problem):
                return await self._judge_refusal(event, problem)
            case _:
                return Retry()

    def _answer(self, event_id: bytes, answer: Answer) -> None:
        self._under_way.discard(event_id)
        self._follower.answer(event_id, answer)

    async def _post(
        self, events: Sequence[SignedEvent]
    ) -> tuple[KnownSource | None, Sequence[SubmitAnswer | None]]:
        """Give the first source that takes events, and what it answers for each."""
        target = SUBMIT.target(SubmitOptions(timeout_ms=_TRY_MS))
        body: bytes = msgpack.packb([event.encoded for event in events])
        headers = {"Content-Type": MSGPACK_TYPE}
        timeout_s = _TRY_MS / 1000 + _MARGIN_S
        for source in tuple(self._candidates()):
            try:
                said = await source.line.post(
                    target, body, headers, timeout_s=timeout_s, max_bytes=_MAX_ANSWER_BYTES
                )
                return source, _read_results(said, len(events))
            except UnansweredError as error:
                self._sources.failed(source, str(error))
        return None, [None] * len(events)

    async def _judge_refusal(self, event: SignedEvent, said: Problem) -> Answer:
        """Pass a refusal on in our own words, if we come to the same; else it is none."""
        own = self._follower.judge(event)
        if own is None or (own.rule.code, own.field) != (said.rule, said.field):
            await self._follower.catch_up(_CONFIRM_S)
            own = self._follower.judge(event)
        if own is None or own.rule.code != said.rule:
            words = clean(shorten(said.detail))
            reason = f"the leader refuses it, and this node finds no reason to: {words}"
            return Unavailable(event.event_id, reason)
        return Refused(event.event_id, own, bad_signature=False)

    async def ask_index(self) -> Index | None:
        """Ask for a height that holds all that was acknowledged before; None if nobody says one."""
        options = ReadOptions(consistency=Consistency.LINEARIZABLE, timeout_ms=_TRY_MS)
        target = EVENT.target(_NO_EVENT, options)
        for source in tuple(self._candidates()):
            try:
                said = await source.line.get(
                    target, timeout_s=_TRY_MS / 1000 + _MARGIN_S, max_bytes=_MAX_ANSWER_BYTES
                )
            except UnansweredError as error:
                self._sources.failed(source, str(error))
                continue
            height = parse_count(said.headers.get(HEIGHT_HEADER, ""))
            if said.status == HTTPStatus.OK and height is not None:
                if await self._sees(height):
                    return Index(height)
                self._vain_until_s[source.name] = time.monotonic() + _VAIN_S
        await asyncio.sleep(_PAUSE_S)
        return None


def _read_results(said: Said, count: int) -> tuple[SubmitAnswer, ...]:
    """Read what became of events.

    Raises:
        UnansweredError: the source says nothing of that, or nonsense.
    """
    if said.status != HTTPStatus.OK:
        raise UnansweredError(f"takes no events: HTTP status {said.status}")
    try:
        results = read_answer(said.body, BatchAnswer).results
    except (ValueError, RecursionError) as error:
        raise UnansweredError(f"answers submissions with nonsense: {error}") from None
    if len(results) != count:
        raise UnansweredError(f"answers {len(results)} of {count} submissions")
    return results
