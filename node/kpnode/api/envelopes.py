"""Envelopes in a request: one or a batch, as DSSE JSON or as MessagePack."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from kpledger.api.routes import JSON_TYPE, MAX_BATCH, MSGPACK_TYPE
from kpledger.base.errors import LedgerError, MalformedError
from kpledger.scheme.envelope import parse_envelope_json
from kpnode.api.problems import Kind, ProblemError, make_problem
from kpnode.api.served import ApiLimits

_ARRAYS: Final = frozenset({*range(0x90, 0xA0), 0xDC, 0xDD})
"""First bytes of a MessagePack array; an envelope is a map."""

_packed_batch: Final = msgspec.msgpack.Decoder(
    Annotated[list[bytes], Meta(min_length=1, max_length=MAX_BATCH)]
)
_json_batch: Final = msgspec.json.Decoder(
    Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_BATCH)]
)


@dataclass(frozen=True, slots=True)
class Envelopes:
    """What a request carries."""

    given: tuple[bytes | LedgerError, ...]
    """Each encoded; or why the text is none."""
    is_batch: bool
    """Whether they came as a list, were it of one."""


async def read_envelopes(request: web.Request, limits: ApiLimits) -> Envelopes:
    """Read the envelopes of a request.

    Raises:
        ProblemError: another media type, or it comes too slowly.
        HTTPRequestEntityTooLarge: it is too large.
        LedgerError: it is no list of envelopes.
    """
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type not in (JSON_TYPE, MSGPACK_TYPE):
        detail = f"{media_type or 'no content type'} is not {JSON_TYPE} or {MSGPACK_TYPE}"
        raise ProblemError(make_problem(Kind.UNSUPPORTED_MEDIA_TYPE, detail))
    body = await _read(request, limits)
    if media_type == MSGPACK_TYPE:
        if body and body[0] in _ARRAYS:
            return Envelopes(_unpack_batch(body), is_batch=True)
        return Envelopes((body,), is_batch=False)
    if body.lstrip()[:1] == b"[":
        return Envelopes(_parse_batch(body), is_batch=True)
    return Envelopes((_parse_one(body),), is_batch=False)


async def _read(request: web.Request, limits: ApiLimits) -> bytes:
    limit = limits.max_body_bytes
    if (request.content_length or 0) > limit:
        raise web.HTTPRequestEntityTooLarge(limit, request.content_length or 0)
    try:
        async with asyncio.timeout(limits.request_s):
            return await request.read()
    except TimeoutError:
        detail = f"the body was not there within {limits.request_s:g} seconds"
        raise ProblemError(make_problem(Kind.TOO_SLOW, detail)) from None


def _unpack_batch(body: bytes) -> tuple[bytes, ...]:
    try:
        return tuple(_packed_batch.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad_batch(error) from None


def _parse_batch(body: bytes) -> tuple[bytes | LedgerError, ...]:
    try:
        parts = _json_batch.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad_batch(error) from None
    return tuple(_parse_one(bytes(part)) for part in parts)


def _parse_one(text: bytes) -> bytes | LedgerError:
    try:
        return parse_envelope_json(text)
    except LedgerError as error:
        return error


def _bad_batch(error: Exception) -> LedgerError:
    return MalformedError("batch", f"{error}; accepted: 1 to {MAX_BATCH} envelopes")
