"""What records and events look like as JSON: fields as they are called inside, bytes as hex."""

import msgspec

from kpledger.scheme.envelope import decode_envelope, format_envelope_json
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.records import (
    AuthorityRecord,
    CertificateRecord,
    ParticipantRecord,
    RangesRecord,
)
from kpnode.ledger import StoredEvent

View = dict[str, object]
"""A JSON object."""


def view_struct(value: msgspec.Struct) -> View:
    """Show a Struct with all its fields."""
    return {name: _view(getattr(value, name)) for name in value.__struct_fields__}


def _view(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, msgspec.Struct):
        return view_struct(value)
    if isinstance(value, tuple):
        return [_view(one) for one in value]
    return value


def view_certificate(record: CertificateRecord) -> View:
    """Show a certificate."""
    return view_struct(record)


def view_participant(
    record: ParticipantRecord,
    authorities: tuple[AuthorityRecord, ...],
    ranges: RangesRecord | None,
    now_ms: int,
) -> View:
    """Show a participant with its offices and numbers, and its standing now."""
    standing = record.standing_at(now_ms)
    shown = view_struct(record)
    for counted in ("authority_count", "statistics_offices"):
        del shown[counted]
    return {
        **shown,
        "status": None if standing is None else standing.value,
        "authorities": [_view_authority(authority) for authority in authorities],
        "ranges": [] if ranges is None else [view_struct(one) for one in ranges.ranges],
    }


def _view_authority(record: AuthorityRecord) -> View:
    shown = view_struct(record)
    del shown["participant"]
    return shown


def view_event(event_id: bytes, stored: StoredEvent) -> View:
    """Show a committed event: where it stands, what it says, and the envelope that proves it."""
    event = decode_envelope(stored.encoded)
    return {
        "id": event_id.hex(),
        "status": "committed",
        **_view_place(stored),
        "event": _view_content(event),
        "envelope": msgspec.Raw(format_envelope_json(stored.encoded)),
    }


def view_history_entry(event_id: bytes, stored: StoredEvent) -> View:
    """Show an event as one line of a history."""
    header = decode_envelope(stored.encoded).header
    return {
        "id": event_id.hex(),
        "type": header.type,
        "author": view_struct(header.author),
        "occurred_at": header.occurred_at,
        **_view_place(stored),
    }


def _view_place(stored: StoredEvent) -> View:
    return {
        "height": stored.record.height,
        "index": stored.record.index,
        "block_time_ms": stored.time_ms,
    }


def _view_content(event: SignedEvent) -> View:
    header = event.header
    return {
        "chain": header.chain.hex(),
        "type": header.type,
        "version": header.version,
        "author": view_struct(header.author),
        "nonce": header.nonce.hex(),
        "occurred_at": header.occurred_at,
        "subject": header.subject,
        "prev": None if header.prev is None else header.prev.hex(),
        "body": view_struct(event.body),
    }
