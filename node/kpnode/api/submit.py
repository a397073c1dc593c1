"""POST /v1/events: signed events come in, what became of them goes out.

One envelope or a batch, as DSSE JSON or as MessagePack. Sending the same event again is always
safe: it has one id, and is on the ledger once.
"""

import asyncio
from typing import Annotated, Final, assert_never

import msgspec
from aiohttp import web
from msgspec import Meta

from kpledger.envelope import open_envelope, parse_envelope_json, verify_envelope
from kpledger.errors import BadSignatureError, LedgerError, MalformedError
from kpledger.outcome import Refusal, Rule
from kpnode.api.parameters import Parameters
from kpnode.api.problems import (
    Kind,
    Problem,
    ProblemError,
    error_problem,
    failure_problem,
    make_problem,
    refusal_problem,
    respond_problem,
)
from kpnode.api.served import JSON_TYPE, MSGPACK_TYPE, ApiLimits, ServedNode
from kpnode.driver import Committed, Outcome, Pending, Refused, Rejected, Unavailable

MAX_BATCH: Final = 512

_JSON_HEADERS: Final = {"Content-Type": JSON_TYPE}
_ARRAYS: Final = frozenset({*range(0x90, 0xA0), 0xDC, 0xDD})
"""First bytes of a MessagePack array; an envelope is a map."""


class CommittedAnswer(
    msgspec.Struct, frozen=True, kw_only=True, tag="committed", tag_field="status"
):
    """The event is on the ledger."""

    id: str
    """The event's id."""
    height: int
    """The block that holds it."""
    index: int
    """Its place among all events, from 0."""
    block_time_ms: int
    """Time of the block, Unix milliseconds."""
    duplicate: bool
    """It was on the ledger before; nothing has changed."""


class PendingAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="pending", tag_field="status"):
    """Not decided in time; the same event may be sent again."""

    id: str
    """The event's id."""


class RefusedAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="refused", tag_field="status"):
    """One event of a batch is refused."""

    id: str | None
    """The event's id; null if the bytes are no event."""
    problem: Problem
    """Why."""


class UnavailableAnswer(
    msgspec.Struct, frozen=True, kw_only=True, tag="unavailable", tag_field="status"
):
    """One event of a batch was not taken in; it may be sent again."""

    id: str
    """The event's id."""
    problem: Problem
    """Why."""


SubmitAnswer = CommittedAnswer | PendingAnswer | RefusedAnswer | UnavailableAnswer


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each event of a batch, in order."""

    results: tuple[SubmitAnswer, ...]


_encoder: Final = msgspec.json.Encoder()
_packed_batch: Final = msgspec.msgpack.Decoder(
    Annotated[list[bytes], Meta(min_length=1, max_length=MAX_BATCH)]
)
_json_batch: Final = msgspec.json.Decoder(
    Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_BATCH)]
)


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
        media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media_type not in (JSON_TYPE, MSGPACK_TYPE):
            detail = f"{media_type or 'no content type'} is not {JSON_TYPE} or {MSGPACK_TYPE}"
            raise ProblemError(make_problem(Kind.UNSUPPORTED_MEDIA_TYPE, detail))
        body = await self._read(request)
        if media_type == MSGPACK_TYPE:
            if body and body[0] in _ARRAYS:
                return await self._answer_batch(_unpack_batch(body), timeout_s)
            return await self._answer_one(body, timeout_s)
        if body.lstrip()[:1] == b"[":
            return await self._answer_batch(_parse_batch(body), timeout_s)
        return await self._answer_one(parse_envelope_json(body), timeout_s)

    async def _read(self, request: web.Request) -> bytes:
        limit = self._limits.max_body_bytes
        if (request.content_length or 0) > limit:
            raise web.HTTPRequestEntityTooLarge(limit, request.content_length or 0)
        try:
            async with asyncio.timeout(self._limits.request_s):
                return await request.read()
        except TimeoutError:
            detail = f"the body was not there within {self._limits.request_s:g} seconds"
            raise ProblemError(make_problem(Kind.TOO_SLOW, detail)) from None

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
        self, batch: list[bytes | LedgerError], timeout_s: float
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


def _unpack_batch(body: bytes) -> list[bytes | LedgerError]:
    try:
        return list(_packed_batch.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad_batch(error) from None


def _parse_batch(body: bytes) -> list[bytes | LedgerError]:
    try:
        parts = _json_batch.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad_batch(error) from None
    return [_parse_one(bytes(part)) for part in parts]


def _parse_one(text: bytes) -> bytes | LedgerError:
    try:
        return parse_envelope_json(text)
    except LedgerError as error:
        return error


def _bad_batch(error: Exception) -> LedgerError:
    return MalformedError("batch", f"{error}; accepted: 1 to {MAX_BATCH} envelopes")
