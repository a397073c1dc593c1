"""Signed events come in: to be recorded (``POST /v1/events``), or to be tried (``/v1/rehearsals``).

One envelope or a batch, as DSSE JSON or as MessagePack. Sending the same event again is always
safe: it has one id, and is on the ledger once. A rehearsal runs the rules of the ledger on the
committed state of this node, at its clock; nothing is recorded, and nobody else hears of it. Since
the ledger moves on, it is a forecast and no promise.
"""

import asyncio
import threading
import time
from collections.abc import Sequence
from itertools import takewhile
from typing import Final, assert_never

import msgspec
from aiohttp import web

from kpledger.api.answers import (
    BatchAnswer,
    CommittedAnswer,
    PendingAnswer,
    RefusedAnswer,
    RehearsalAnswer,
    RehearsalResult,
    SubmitAnswer,
    UnavailableAnswer,
)
from kpledger.api.routes import JSON_TYPE, ReadOptions, SubmitOptions
from kpledger.base.errors import BadSignatureError, LedgerError
from kpledger.log.chain import BlockExecutor
from kpledger.scheme.envelope import verify_envelope
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.outcome import Refusal, Rule
from kpnode.api.client import client_of
from kpnode.api.envelopes import read_events
from kpnode.api.parameters import read_parameters
from kpnode.api.problems import ProblemKind, error_problem, refusal_problem, respond_problem
from kpnode.api.served import ApiLimits, catch_up, explain_failing, respond_json
from kpnode.api.shares import Shares, Turns
from kpnode.runtime import Committed, Node, Outcome, Pending, Refused, Unavailable

_REHEARSALS_AT_ONCE: Final = 2
"""They cost as much as blocks, and anybody may ask for them; others wait."""

_encoder: Final = msgspec.json.Encoder()


class SubmitApi:
    """Takes submissions, up to a limit at once, and rehearses."""

    def __init__(self, node: Node, limits: ApiLimits) -> None:
        """Submit to this node, and rehearse on its ledger."""
        self._node = node
        self._limits = limits
        self._submissions = Shares(limits.max_submissions, "events are being submitted")
        rehearsals = Shares(limits.max_rehearsals, "rehearsals wait")
        self._stage = Turns(_REHEARSALS_AT_ONCE, rehearsals)

    async def post_events(self, request: web.Request) -> web.Response:
        """Submit one envelope or a batch."""
        timeout_s = read_parameters(request, SubmitOptions).timeout_ms / 1000
        given = await read_events(request, self._limits)
        if given.is_batch:
            return _respond(200, await self._submit_batch(request, given.events, timeout_s))
        (event,) = given.events
        if isinstance(event, LedgerError):
            raise event
        (outcome,) = await self._submit(request, [event], timeout_s)
        answer = self._describe(outcome)
        match answer:
            case CommittedAnswer():
                return _respond(201, answer)
            case PendingAnswer():
                return _respond(202, answer)
            case RefusedAnswer(problem=problem) | UnavailableAnswer(problem=problem):
                return respond_problem(problem)
            case _:
                assert_never(answer)

    async def _submit_batch(
        self,
        request: web.Request,
        batch: Sequence[SignedEvent | LedgerError],
        timeout_s: float,
    ) -> BatchAnswer:
        """Submit what is an event; the rest is refused in its place."""
        events = [one for one in batch if isinstance(one, SignedEvent)]
        outcomes = iter(await self._submit(request, events, timeout_s) if events else ())
        results = tuple(
            self._describe(next(outcomes))
            if isinstance(one, SignedEvent)
            else RefusedAnswer(id=None, problem=error_problem(one))
            for one in batch
        )
        return BatchAnswer(results=results)

    async def _submit(
        self, request: web.Request, events: Sequence[SignedEvent], timeout_s: float
    ) -> list[Outcome]:
        with self._submissions.take(client_of(request).site, len(events)):
            return await self._node.submit(events, timeout_s)

    def _describe(self, outcome: Outcome) -> SubmitAnswer:
        event_id = outcome.event_id.hex()
        match outcome:
            case Committed():
                return CommittedAnswer(
                    id=event_id,
                    height=outcome.height,
                    index=outcome.index,
                    block_time_ms=outcome.time_ms,
                    duplicate=outcome.duplicate,
                )
            case Pending():
                return PendingAnswer(id=event_id)
            case Refused():
                problem = refusal_problem(outcome.refusal, bad_signature=outcome.bad_signature)
                return RefusedAnswer(id=event_id, problem=problem)
            case Unavailable():
                status = self._node.status()
                problem = explain_failing(status, ProblemKind.BUSY, outcome.reason)
                return UnavailableAnswer(id=event_id, problem=problem)
            case _:
                assert_never(outcome)

    async def post_rehearsals(self, request: web.Request) -> web.Response:
        """Rehearse one envelope or a batch."""
        options = read_parameters(request, ReadOptions)
        given = await read_events(request, self._limits)
        tip = await catch_up(self._node, options)
        async with self._stage.take(client_of(request).site):
            is_over = threading.Event()
            try:
                answer = await asyncio.to_thread(self._rehearse, given.events, is_over)
            finally:
                # Also when the client has left: nobody rehearses on for nobody.
                is_over.set()
        return respond_json(answer, tip)

    def _rehearse(
        self, events: Sequence[SignedEvent | LedgerError], is_over: threading.Event
    ) -> RehearsalAnswer:
        ledger = self._node.ledger
        now_ms = max(ledger.tip.time_ms, time.time_ns() // 1_000_000)
        executor = BlockExecutor(self._node.genesis, ledger.tip, ledger.state, now_ms)
        wanted = takewhile(lambda _: not is_over.is_set(), events)
        return RehearsalAnswer(results=tuple(_rehearse_one(executor, one) for one in wanted))


def _rehearse_one(executor: BlockExecutor, event: SignedEvent | LedgerError) -> RehearsalResult:
    if isinstance(event, LedgerError):
        return RehearsalResult(id=None, accepted=False, problem=error_problem(event))
    bad_signature = False
    try:
        verify_envelope(event)
        refusal = executor.add(event)
    except BadSignatureError as error:
        bad_signature = True
        refusal = Refusal(Rule.E1, "signatures", str(error), "signatures that verify")
    problem = None if refusal is None else refusal_problem(refusal, bad_signature=bad_signature)
    return RehearsalResult(id=event.event_id.hex(), accepted=problem is None, problem=problem)


def _respond(status: int, answer: msgspec.Struct) -> web.Response:
    return web.Response(
        status=status, body=_encoder.encode(answer), headers={"Content-Type": JSON_TYPE}
    )
