"""POST /v1/events: signed events come in, what became of them goes out.

One envelope or a batch, as DSSE JSON or as MessagePack. Sending the same event again is always
safe: it has one id, and is on the ledger once.
"""

from collections.abc import Sequence
from typing import Final, assert_never

import msgspec
from aiohttp import web

from kpledger.api.answers import (
    BatchAnswer,
    CommittedAnswer,
    PendingAnswer,
    Problem,
    RefusedAnswer,
    SubmitAnswer,
    UnavailableAnswer,
)
from kpledger.api.routes import JSON_TYPE, SubmitOptions
from kpledger.base.errors import LedgerError
from kpledger.scheme.event import SignedEvent
from kpnode.api.envelopes import read_events
from kpnode.api.parameters import read_parameters
from kpnode.api.problems import (
    ProblemError,
    ProblemKind,
    error_problem,
    make_problem,
    refusal_problem,
    respond_problem,
)
from kpnode.api.served import ApiLimits, ServedNode, failure_problem
from kpnode.runtime import Committed, Outcome, Pending, Refused, Unavailable

_JSON_HEADERS: Final = {"Content-Type": JSON_TYPE}


_encoder: Final = msgspec.json.Encoder()


class SubmitApi:
    """Takes submissions, up to a limit at once."""

    def __init__(self, node: ServedNode, limits: ApiLimits) -> None:
        """Submit to this node."""
        self._node = node
        self._limits = limits
        self._under_way = 0

    async def post_events(self, request: web.Request) -> web.Response:
        """Take one envelope or a batch."""
        timeout_s = read_parameters(request, SubmitOptions).timeout_ms / 1000
        given = await read_events(request, self._limits)
        if given.is_batch:
            return await self._answer_batch(given.events, timeout_s)
        (event,) = given.events
        if isinstance(event, LedgerError):
            raise event
        return await self._answer_one(event, timeout_s)

    async def _submit(self, events: Sequence[SignedEvent], timeout_s: float) -> list[Outcome]:
        if self._under_way + len(events) > self._limits.max_submissions:
            detail = f"{self._under_way} events are being submitted; send this again later"
            raise ProblemError(make_problem(ProblemKind.BUSY, detail))
        self._under_way += len(events)
        try:
            return await self._node.submit(events, timeout_s)
        finally:
            self._under_way -= len(events)

    async def _answer_one(self, event: SignedEvent, timeout_s: float) -> web.Response:
        (outcome,) = await self._submit([event], timeout_s)
        answer = self._describe(outcome)
        match answer:
            case CommittedAnswer():
                return web.Response(status=201, body=_encoder.encode(answer), headers=_JSON_HEADERS)
            case PendingAnswer():
                return web.Response(status=202, body=_encoder.encode(answer), headers=_JSON_HEADERS)
            case RefusedAnswer(problem=problem) | UnavailableAnswer(problem=problem):
                return respond_problem(problem)
            case _:
                assert_never(answer)

    async def _answer_batch(
        self, batch: Sequence[SignedEvent | LedgerError], timeout_s: float
    ) -> web.Response:
        """Submit what is an event; the rest is refused in its place."""
        events = [one for one in batch if isinstance(one, SignedEvent)]
        outcomes = iter(await self._submit(events, timeout_s) if events else ())
        results = tuple(
            self._describe(next(outcomes))
            if isinstance(one, SignedEvent)
            else RefusedAnswer(id=None, problem=error_problem(one))
            for one in batch
        )
        return web.Response(
            body=_encoder.encode(BatchAnswer(results=results)), headers=_JSON_HEADERS
        )

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
                return UnavailableAnswer(id=event_id, problem=self._unavailable_problem(outcome))
            case _:
                assert_never(outcome)

    def _unavailable_problem(self, outcome: Unavailable) -> Problem:
        status = self._node.status()
        if status.failure is not None:
            return failure_problem(status.failure)
        kind = ProblemKind.NO_LEADER if status.raft.leader is None else ProblemKind.BUSY
        return make_problem(kind, outcome.reason)
