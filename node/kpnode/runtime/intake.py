"""Intake: what is looked at before a submitted event may wait for a block.

First whether its keys may sign it at all, which costs a few reads of the state; then the
signatures, in threads of their own; and only then does it wait, or go to the leader. The other
rules are the leader's to judge, on the newest state: nobody hears what they say about the ledger
unless a key that may speak has signed. Nothing here is queued for whoever may not.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Protocol

from kpledger.base.state import RecentState
from kpledger.log.chain import BlockExecutor, ExecutedBlock
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.rulebook import UnknownRulesError
from kpledger.scheme.v1.records import KeyRecord
from kpnode.fairness import BATCHES, Slices
from kpnode.ledger import Ledger
from kpnode.runtime.verifier import Verifier
from kpnode.submission import (
    Answer,
    Committed,
    Refused,
    Retry,
    Unavailable,
    find_committed,
    refuse_signature,
)

_SLICE: Final = 16
"""Events that are looked at between two looks at how much their sender is still allowed."""
_PAUSE_S: Final = 1.0
"""How much later whoever is over a quota hears so: it slows down who does nothing else, and turns
nobody away who comes from the same address."""
_KEPT_RECORDS: Final = 4096
_SENT_AGAIN: Final = 0.125
"""What an event costs that is on the ledger with just these signers: an answer may have been lost,
and whoever sends a whole request again stays within its allowance."""


class Allowance(Protocol):
    """How many events a sender may still send in vain: strangers', forged, or recorded ones."""

    @property
    def is_spent(self) -> bool:
        """Tell whether there is nothing left."""

    def spend(self, count: float) -> None:
        """Note so many more."""


class _Unlimited:
    is_spent = False

    def spend(self, count: float) -> None:
        pass


UNLIMITED: Final = _Unlimited()
"""The allowance of whoever is not counted."""


class Intake:
    """Lets events of one node in, or says why not; belongs to its event loop."""

    def __init__(
        self,
        ledger: Ledger,
        verifier: Verifier,
        catch_up: Callable[[float], Awaitable[str | None]],
        slices: Slices,
    ) -> None:
        """Look at events by this ledger.

        ``catch_up`` waits until it holds what was acknowledged before; says what stood in the way.
        ``slices`` is who shares the loop with others that have long work.
        """
        self._ledger = ledger
        self._verifier = verifier
        self._catch_up = catch_up
        self._slices = slices
        # The thread of the core has one of its own: what is kept here is taken over in the loop.
        self._recent = RecentState(ledger.state, _KEPT_RECORDS)
        self._looking = self._open()
        """Adds nothing, so that it serves until the next block, with all that it has read."""

    def applied(self, executed: ExecutedBlock) -> None:
        """Take over what a committed block has changed."""
        self._recent.apply(executed.changes)
        self._looking = self._open()

    def judge(self, event: SignedEvent) -> Refusal | None:
        """Say what the rules say to an event on this ledger, as far as this program knows them."""
        try:
            return self._open().add(event)
        except UnknownRulesError:
            return None

    def may_sign(self, event: SignedEvent) -> bool:
        """Tell whether its keys may sign an event on this ledger; it may have moved on."""
        self._looking.now_ms = self._now_ms()
        try:
            return self._looking.may_sign(event) is None
        except UnknownRulesError:
            return False

    async def admit(
        self, events: Sequence[SignedEvent], deadline_s: float, allowance: Allowance
    ) -> list[Answer]:
        """Say of each event what is known already; Retry() of those that may be ordered.

        A key that may not speak here may do so by an earlier event of the request, or by one that
        was acknowledged elsewhere: that is looked at again on the newest state before it is said.
        """
        try:
            return await self._admit(events, deadline_s, allowance)
        except asyncio.CancelledError:
            # Whoever leaves before it is told is not let off.
            allowance.spend(len(events))
            raise

    async def _admit(
        self, events: Sequence[SignedEvent], deadline_s: float, allowance: Allowance
    ) -> list[Answer]:
        answers: list[Answer] = []
        for first in range(0, len(events), _SLICE):
            if len(events) > 1:
                await self._slices.next(BATCHES)
            if allowance.is_spent:
                if any(isinstance(answer, Refused) for answer in answers):
                    # To decode the rest of them was work as well.
                    allowance.spend(len(events) - first)
                return answers + [_turn_away(event) for event in events[first:]]
            answers += await self._look_at(events[first : first + _SLICE], allowance)
        if any(map(_is_over_quota, answers)):
            await asyncio.sleep(min(_PAUSE_S, max(0, deadline_s - time.monotonic())))
        if any(map(_is_stranger, answers)):
            await self._look_again(events, answers, deadline_s, allowance)
        return answers

    async def _look_at(self, events: Sequence[SignedEvent], allowance: Allowance) -> list[Answer]:
        self._looking.now_ms = self._now_ms()
        judged = [self._judge_keys(self._looking, event) for event in events]
        answers = await self._verify(events, judged)
        allowance.spend(sum(map(_cost_in_vain, events, judged, answers)))
        return answers

    async def _look_again(
        self,
        events: Sequence[SignedEvent],
        answers: list[Answer],
        deadline_s: float,
        allowance: Allowance,
    ) -> None:
        """Judge strangers on the newest state and what comes before them in the request."""
        reason = await self._catch_up(max(0, deadline_s - time.monotonic()))
        executor = self._open()
        for at, event in enumerate(events):
            if at % _SLICE == 0:
                await self._slices.next(BATCHES)
            if _is_stranger(answers[at]):
                if reason is not None:
                    answers[at] = Unavailable(event.event_id, reason)
                else:
                    spent = allowance.is_spent
                    answers[at] = _turn_away(event) if spent else await self._judge(executor, event)
                    allowance.spend(not isinstance(answers[at], Retry | Committed))
            if isinstance(answers[at], Retry):
                executor.add(event)

    async def _judge(self, executor: BlockExecutor, event: SignedEvent) -> Answer:
        (answer,) = await self._verify([event], [self._judge_keys(executor, event)])
        return answer

    async def _verify(
        self, events: Sequence[SignedEvent], judged: Sequence[Retry | Refused]
    ) -> list[Answer]:
        """Verify the signatures of what may be signed so, unless it is on the ledger already.

        What may not may have been recorded while its keys still might.
        """
        recorded: dict[bytes, Committed] = {}
        jobs = [
            partial(
                self._verify_new if isinstance(answer, Retry) else self._find_recorded,
                event,
                recorded,
            )
            for event, answer in zip(events, judged, strict=True)
        ]
        errors = await self._verifier.do(jobs)
        return [
            recorded.get(event.event_id)
            or (answer if error is None else refuse_signature(event.event_id, error))
            for event, answer, error in zip(events, judged, errors, strict=True)
        ]

    def _verify_new(self, event: SignedEvent, recorded: dict[bytes, Committed]) -> None:
        self._find_recorded(event, recorded)
        if event.event_id not in recorded:
            self._verifier.signatures.check(event)

    def _find_recorded(self, event: SignedEvent, recorded: dict[bytes, Committed]) -> None:
        # In a thread: the loop would have to wait for the interpreter's lock after each read.
        committed = find_committed(self._ledger, event.event_id)
        if committed is not None:
            recorded[event.event_id] = committed

    def _judge_keys(self, executor: BlockExecutor, event: SignedEvent) -> Retry | Refused:
        """Say what the keys of an event may do, before its signatures are verified."""
        refusal = executor.may_sign(event)
        if refusal is None:
            return Retry()
        told = _conceal(executor, event) if refusal.rule is Rule.E1 else None
        return Refused(event.event_id, refusal, bad_signature=False, for_everybody=told)

    def _open(self) -> BlockExecutor:
        return BlockExecutor(self._ledger.genesis, self._ledger.tip, self._recent, self._now_ms())

    def _now_ms(self) -> int:
        return max(self._ledger.tip.time_ms, time.time_ns() // 1_000_000)


def _conceal(executor: BlockExecutor, event: SignedEvent) -> Refusal:
    """Say that the keys of an event may not sign it, and nothing of who holds which office."""
    for key in event.signers:
        if executor.changes.get(KeyRecord.key_for(key)) is None:
            problem = f"key {key.hex()} is not registered"
            return Refusal(Rule.E1, "signatures", problem, "a registered key that is in force")
    problem = "these keys may not sign this event, or not they alone"
    return Refusal(Rule.E1, "signatures", problem, "the keys in force of whoever has to sign it")


def _is_stranger(answer: Answer) -> bool:
    is_refused = isinstance(answer, Refused) and not answer.bad_signature
    return is_refused and not _is_over_quota(answer)


def _is_over_quota(answer: Answer) -> bool:
    return isinstance(answer, Refused) and answer.refusal.rule is Rule.E15


def _cost_in_vain(event: SignedEvent, judged: Answer, answer: Answer) -> float:
    """Tell what an event costs that is on the ledger already, or whose signature is wrong."""
    if isinstance(answer, Committed):
        return _SENT_AGAIN if answer.signers == event.signers else 1
    return isinstance(answer, Refused) and isinstance(judged, Retry)


def _turn_away(event: SignedEvent) -> Unavailable:
    reason = (
        "too many events of this client were signed by nobody who may, or were on the ledger"
        " already; send this again later"
    )
    return Unavailable(event.event_id, reason, own_share=True)
