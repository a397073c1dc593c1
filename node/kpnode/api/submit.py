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
from kpledger.api.routes import JSON_TYPE
from kpledger.base.errors import BadSignatureError, LedgerError
from kpledger.scheme.envelope import open_envelope, verify_envelope
from kpledger.scheme.outcome import Refusal, Rule
from kpnode.api.envelopes import read_envelopes
from kpnode.api.parameters import Parameters
from kpnode.api.problems import (
    Kind,
    ProblemError,
    error_problem,
    failure_problem,
    make_problem,
    refusal_problem,
    respond_problem,
)
from kpnode.api.served import ApiLimits, ServedNode
from kpnode.runtime import Committed, Outcome, Pending, Refused, Rejected, Unavailable

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
        timeout_s = Parameters(request.query, "timeout_ms").timeout_s()
        envelopes = await read_envelopes(request, self._limits)
        if envelopes.is_batch:
            return await self._answer_batch(envelopes.given, timeout_s)
        (envelope,) = envelopes.given
        if isinstance(envelope, LedgerError):
            raise envelope
        return await self._answer_one(envelope, timeout_s)

    async def _submit(self, envelopes: list[bytes], timeout_s: float) -> list[Outcome]:
        if self._under_way + len(envelopes) > self._limits.max_submissions:
            detail = f"{self._under_way} events are being submitted; send this again later"
            raise ProblemError(make_problem(Kind.BUSY, detail))
        self._under_way += len(envelopes)
        try:
            return await self._node.submit(envelopes, timeout_s)
        finally:
            self._under_way -= len(envelopes)

    async def _answer_one(self, envelope: bytes, timeout_s: float) -> web.Response:
        (outcome,) = await self._submit([envelope], timeout_s)
        answer = self._describe(outcome, envelope)
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
        self, batch: Sequence[bytes | LedgerError], timeout_s: float
    ) -> web.Response:
        """Submit what is an envelope; the rest is refused in its place."""
        envelopes = [one for one in batch if isinstance(one, bytes)]
        outcomes = iter(await self._submit(envelopes, timeout_s) if envelopes else ())
        results = tuple(
            self._describe(next(outcomes), one)
            if isinstance(one, bytes)
            else RefusedAnswer(id=None, problem=error_problem(one))
            for one in batch
        )
        return web.Response(
            body=_encoder.encode(BatchAnswer(results=results)), headers=_JSON_HEADERS
        )

    def _describe(self, outcome: Outcome, envelope: bytes) -> SubmitAnswer:
        match outcome:
            case Committed():
                return CommittedAnswer(
                    id=outcome.event_id.hex(),
                    height=outcome.height,
                    index=outcome.index,
                    block_time_ms=outcome.time_ms,
                    duplicate=outcome.duplicate,
                )
            case Pending():
                return PendingAnswer(id=outcome.event_id.hex())
            case Refused():
                problem = _explain_refusal(outcome.refusal, envelope)
                return RefusedAnswer(id=outcome.event_id.hex(), problem=problem)
            case Rejected():
                return RefusedAnswer(id=None, problem=error_problem(outcome.error))
            case Unavailable():
                problem = self._unavailable_problem(outcome)
                return UnavailableAnswer(id=outcome.event_id.hex(), problem=problem)
            case _:
                assert_never(outcome)

    def _unavailable_problem(self, outcome: Unavailable) -> Problem:
        status = self._node.status()
        if status.failure is not None:
            return failure_problem(status.failure)
        kind = Kind.NO_LEADER if status.raft.leader is None else Kind.BUSY
        return make_problem(kind, outcome.reason)


def _explain_refusal(refusal: Refusal, envelope: bytes) -> Problem:
    """Tell a signature that is wrong from one that does not count; the rule is E1 for both."""
    is_signature = False
    if refusal.rule is Rule.E1 and refusal.field == "signatures":
        try:
            verify_envelope(open_envelope(envelope))
        except BadSignatureError:
            is_signature = True
    return refusal_problem(refusal, is_signature=is_signature)
