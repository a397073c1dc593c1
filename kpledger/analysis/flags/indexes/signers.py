"""Signers: which events each key signed, and which keys were revoked as compromised."""

from collections.abc import Iterator
from typing import Final

import msgspec

from kpledger.analysis.applied import Applied
from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.scheme.v1.events.governance import KeyRevoked, RevocationReason

SIGNED: Final = b"signed"
EXPOSED: Final = b"exposedkey"

_encode: Final = msgspec.msgpack.Encoder().encode


class Signed(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """An event that a key signed."""

    event: bytes
    type: str
    subject: str
    time_ms: int
    """When it was recorded."""


class Exposed(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A key that may have been in other hands."""

    participant: str
    since_ms: int
    revocation: bytes


_decode: Final = msgspec.msgpack.Decoder(Signed).decode
_decode_exposed: Final = msgspec.msgpack.Decoder(Exposed).decode


def take_signers(applied: Applied, changes: IndexChanges) -> None:
    """Note who signed an event, and which key it tells to distrust."""
    event = applied.event
    place = applied.time_ms.to_bytes(8, "big") + applied.index.to_bytes(8, "big")
    signed = _encode(
        Signed(
            event=event.event_id,
            type=event.header.type,
            subject=event.header.subject,
            time_ms=applied.time_ms,
        )
    )
    for key in event.signers:
        changes.put(SIGNED, key + place, signed)
    body = event.body
    if isinstance(body, KeyRevoked) and body.reason is RevocationReason.COMPROMISED:
        exposed = Exposed(
            participant=event.header.author.participant,
            since_ms=0 if body.suspect_since is None else body.suspect_since,
            revocation=event.event_id,
        )
        changes.put(EXPOSED, body.key, _encode(exposed))


def read_exposed(index: IndexReader) -> Iterator[tuple[bytes, Exposed]]:
    """Give the keys that were revoked as compromised."""
    for key, value in index.scan(EXPOSED):
        yield key, _decode_exposed(value)


def read_signed(index: IndexReader, key: bytes, since_ms: int) -> Iterator[Signed]:
    """Give what a key signed since an instant, in order."""
    for _, value in index.scan(SIGNED, key, start=key + since_ms.to_bytes(8, "big")):
        yield _decode(value)
