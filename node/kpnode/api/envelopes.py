"""Events in a request: one or a batch, as DSSE JSON or as MessagePack.

The one place where an envelope from outside is decoded; from here on it is a signed event.
"""

from codecs import BOM_UTF8
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from kpledger.api.route import JSON_TYPE
from kpledger.api.routes import MAX_BATCH, MSGPACK_TYPE
from kpledger.base.codec import DECODE_ERRORS
from kpledger.base.errors import LedgerError, MalformedError
from kpledger.scheme.envelope import decode_envelope, parse_envelope_json
from kpledger.scheme.event import SignedEvent
from kpnode.api.allowances import ClientAllowance
from kpnode.api.bodies import read_body
from kpnode.api.problems import ProblemError, ProblemKind, make_problem
from kpnode.api.served import ApiLimits
from kpnode.api.shares import Held
from kpnode.fairness import BATCHES, Slices

_SLICE_BYTES: Final = 16 * 1024
"""What is decoded of a batch in one turn of the loop, in half a millisecond."""
_ENVELOPE_BYTES: Final = 1024
"""An envelope counts as so many at least."""
_ARRAYS: Final = frozenset(bytes([first]) for first in (*range(0x90, 0xA0), 0xDC, 0xDD))
"""First bytes of a MessagePack array; an envelope is a map."""

_packed_batch: Final[msgspec.msgpack.Decoder[list[bytes]]] = msgspec.msgpack.Decoder(
    Annotated[list[bytes], Meta(min_length=1, max_length=MAX_BATCH)]
)
_json_batch: Final[msgspec.json.Decoder[list[msgspec.Raw]]] = msgspec.json.Decoder(
    Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_BATCH)]
)


@dataclass(frozen=True, slots=True)
class GivenEvents:
    """What a request carries."""

    events: tuple[SignedEvent | LedgerError, ...]
    """Each event; or why it is none."""
    is_batch: bool
    """Whether they came as a list, were it of one."""


async def read_events(
    request: web.Request, limits: ApiLimits, held: Held, allowance: ClientAllowance, slices: Slices
) -> GivenEvents:
    """Read and decode the events of a request; ``held`` counts its bytes as they come.

    A batch is decoded in ``slices``, between which others are served.

    What is no event costs ``allowance``, as one of a stranger does.

    Raises:
        ProblemError: another media type, it comes too slowly, there is no room for it, or too much
            of what its client sends is no event (429): then none of it is taken.
        HTTPRequestEntityTooLarge: it is too large.
        LedgerError: it is neither one envelope nor a list of them.
    """
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type not in (JSON_TYPE, MSGPACK_TYPE):
        detail = f"{media_type or 'no content type'} is not {JSON_TYPE} or {MSGPACK_TYPE}"
        raise ProblemError(make_problem(ProblemKind.UNSUPPORTED_MEDIA_TYPE, detail))
    body = await read_body(request, limits, held, slices)
    is_packed = media_type == MSGPACK_TYPE
    if not is_packed:
        body = body.removeprefix(BOM_UTF8)  # RFC 8259, section 8.1: it may be ignored
    is_batch = body[:1] in _ARRAYS if is_packed else body.lstrip()[:1] == b"["
    try:
        parts = _split(body, is_packed=is_packed) if is_batch else [body]
    except LedgerError:
        allowance.spend(1)
        raise
    events = []
    left = 0 if is_batch else len(body)
    for part in parts:
        if left <= 0:
            await slices.next(BATCHES)
            left = _SLICE_BYTES
        left -= max(len(part), _ENVELOPE_BYTES)
        event = _decode(part, is_packed=is_packed)
        if isinstance(event, LedgerError):
            allowance.spend(1)
            allowance.require()
        events.append(event)
    return GivenEvents(tuple(events), is_batch=is_batch)


def _split(batch: bytes, *, is_packed: bool) -> list[bytes]:
    try:
        if is_packed:
            return _packed_batch.decode(batch)
        return [bytes(part) for part in _json_batch.decode(batch)]
    except DECODE_ERRORS as error:
        problem = f"{error}; accepted: 1 to {MAX_BATCH} envelopes"
        raise MalformedError("batch", problem) from None


def _decode(part: bytes, *, is_packed: bool) -> SignedEvent | LedgerError:
    try:
        return decode_envelope(part if is_packed else parse_envelope_json(part))
    except LedgerError as error:
        return error
