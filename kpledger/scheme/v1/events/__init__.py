"""The event catalogue: every statement that the ledger can hold, one Struct for each.

A new event type is a :class:`Body` in the module of its group and a row in the catalogue of the
rules (:mod:`kpledger.scheme.v1.catalogue`).
"""

from typing import Final

import msgspec

from kpledger.base.codec import decode, encode
from kpledger.base.errors import MalformedError
from kpledger.scheme.v1.events import (
    certificate,
    decisions,
    governance,
    importing,
    life,
    notes,
    restrictions,
    statistics,
)
from kpledger.scheme.v1.events.base import (
    MAX_EVENT_BYTES,
    MAX_SIGNATURES,
    Author,
    Body,
    EventHeader,
)

__all__ = [
    "BODIES",
    "MAX_EVENT_BYTES",
    "MAX_SIGNATURES",
    "Author",
    "Body",
    "EventHeader",
    "certificate",
    "decisions",
    "decode_body",
    "decode_event_header",
    "encode_event",
    "governance",
    "importing",
    "life",
    "notes",
    "restrictions",
    "statistics",
]

BODIES: Final[dict[tuple[str, int], type[Body]]] = {
    (body.TYPE, body.VERSION): body for body in Body.__subclasses__()
}
"""Every known (type, version) and the Struct of its body."""


def encode_event(
    *,
    chain: bytes,
    author: Author,
    nonce: bytes,
    occurred_at: int,
    subject: str,
    prev: bytes | None,
    body: Body,
) -> bytes:
    """Encode a statement as the canonical payload that is signed."""
    header = EventHeader(
        chain=chain,
        type=body.TYPE,
        version=body.VERSION,
        author=author,
        nonce=nonce,
        occurred_at=occurred_at,
        subject=subject,
        prev=prev,
        body=msgspec.Raw(encode(body)),
    )
    return encode(header)


def decode_event_header(payload: bytes) -> EventHeader:
    """Decode a payload; its body stays raw.

    Raises:
        OversizedError: larger than :data:`MAX_EVENT_BYTES`.
        MalformedError: not an event; names the field.
        NotCanonicalError: a second spelling of an event.
    """
    return decode(payload, EventHeader, what="event", max_bytes=MAX_EVENT_BYTES)


def decode_body(header: EventHeader) -> Body:
    """Decode the body of an event by its type.

    Raises:
        MalformedError: no such type or version, or not of that type; names the field.
        NotCanonicalError: a second spelling of a body.
    """
    kind = BODIES.get((header.type, header.version))
    if kind is None:
        known = ", ".join(sorted(f"{name} v{version}" for name, version in BODIES))
        raise MalformedError(
            "event",
            f"there is no event type {header.type} v{header.version}; known are {known}",
            field="type",
        )
    what = f"body of {header.type}"
    return decode(bytes(header.body), kind, what=what, max_bytes=MAX_EVENT_BYTES)
