"""What governance changes: participants, offices, observers, keys, numbers and their form."""

from typing import TypeVar

import msgspec

from kpledger.base.ids import KPCS
from kpledger.scheme.v1 import records
from kpledger.scheme.v1.context import CatalogueError, Context
from kpledger.scheme.v1.events import governance as events
from kpledger.scheme.v1.events.life import ObserverRegistered, ObserverWithdrawn
from kpledger.scheme.v1.ids import ROOT
from kpledger.scheme.v1.rules.decisions import interim_end
from kpledger.scheme.v1.rules.numbering import is_named

T = TypeVar("T")


def _found(record: T | None, name: str) -> T:
    if record is None:
        raise CatalogueError(f"{name} was not checked before its change")
    return record


def _participant(context: Context, code: str) -> records.ParticipantRecord:
    return _found(context.participant(code), f"participant {code}")


def new_key(
    participant: str, authority: str, valid_from: int, officer: str | None = None
) -> records.KeyRecord:
    """Give the record of a key that begins."""
    return records.KeyRecord(
        participant=participant,
        authority=authority,
        valid_from=valid_from,
        revoked_at=None,
        reason=None,
        suspect_since=None,
        officer=officer,
    )


def admit_participant(context: Context) -> None:
    """Write the participant and its root key."""
    body = context.body(events.ParticipantAdmitted)
    standing = records.StandingSince(
        status=events.Standing.ACTIVE,
        effective_from=body.effective_from,
        decision=body.decision,
        lapses_at=interim_end(context, body.effective_from, interim=body.interim),
        event=context.event.event_id,
    )
    record = records.ParticipantRecord(
        code=body.code,
        name=body.name,
        kind=body.kind,
        standings=(standing,),
        authority_count=0,
    )
    context.state.put(records.ParticipantRecord.key_for(body.code), record)
    context.state.put(records.KeyRecord.key_for(body.root_key), new_key(body.code, ROOT, 0))


def change_status(context: Context) -> None:
    """Add a standing to the participant's history."""
    body = context.body(events.ParticipantStatusChanged)
    record = _participant(context, body.code)
    standing = records.StandingSince(
        status=body.status,
        effective_from=body.effective_from,
        decision=body.decision,
        lapses_at=interim_end(context, body.effective_from, interim=body.interim),
        event=context.event.event_id,
    )
    changed = msgspec.structs.replace(record, standings=(*record.standings, standing))
    context.state.put(records.ParticipantRecord.key_for(body.code), changed)


def register_authority(context: Context) -> None:
    """Write the office and count it."""
    body = context.body(events.AuthorityRegistered)
    code = context.author[0]
    record = records.AuthorityRecord(
        participant=code,
        authority=body.authority,
        title=body.title,
        place=body.place,
        contact=body.contact,
        roles=body.roles,
        territory=body.territory,
    )
    context.state.put(records.AuthorityRecord.key_for(code, body.authority), record)
    if code != KPCS:
        counted = _count_statistics(_participant(context, code), record, 1)
        counted = msgspec.structs.replace(counted, authority_count=counted.authority_count + 1)
        context.state.put(records.ParticipantRecord.key_for(code), counted)


def _count_statistics(
    participant: records.ParticipantRecord, office: records.AuthorityRecord, step: int
) -> records.ParticipantRecord:
    if events.AuthorityRole.STATISTICS not in office.roles:
        return participant
    count = participant.statistics_offices + step
    return msgspec.structs.replace(participant, statistics_offices=count)


def close_authority(context: Context) -> None:
    """Close the office at block time."""
    code, name = context.author[0], context.body(events.AuthorityClosed).authority
    record = _close(context, name)
    if code != KPCS:
        counted = _count_statistics(_participant(context, code), record, -1)
        context.state.put(records.ParticipantRecord.key_for(code), counted)


def _close(context: Context, name: str) -> records.AuthorityRecord:
    code = context.author[0]
    record = _found(context.authority(code, name), f"office {code}/{name}")
    closed = msgspec.structs.replace(record, closed_at=context.at.now_ms)
    context.state.put(records.AuthorityRecord.key_for(code, name), closed)
    return closed


def register_observer(context: Context) -> None:
    """Write the observer as an office of the scheme, and its key."""
    body = context.body(ObserverRegistered)
    record = records.AuthorityRecord(
        participant=KPCS,
        authority=body.observer,
        title=body.title,
        place="",
        contact=body.contact,
        roles=(events.AuthorityRole.OBSERVER,),
        observer=body.kind,
    )
    context.state.put(records.AuthorityRecord.key_for(KPCS, body.observer), record)
    context.state.put(records.KeyRecord.key_for(body.key), new_key(KPCS, body.observer, 0))


def withdraw_observer(context: Context) -> None:
    """Close the observer's registration at block time."""
    _close(context, context.body(ObserverWithdrawn).observer)


def add_key(context: Context) -> None:
    """Write the key record."""
    body = context.body(events.KeyAdded)
    record = new_key(context.author[0], body.authority, body.valid_from, body.officer)
    context.state.put(records.KeyRecord.key_for(body.key), record)


def rotate_key(context: Context) -> None:
    """Close the old key's record at block time, and write the new one's."""
    body = context.body(events.KeyRotated)
    old = _found(context.key(body.old), f"key {body.old.hex()}")
    end_key(context, body.old, events.RevocationReason.SUPERSEDED)
    record = new_key(old.participant, old.authority, body.valid_from, old.officer)
    context.state.put(records.KeyRecord.key_for(body.new), record)


def revoke_key(context: Context) -> None:
    """Close the key record at block time."""
    body = context.body(events.KeyRevoked)
    end_key(context, body.key, body.reason, body.suspect_since)


def end_key(
    context: Context,
    public_key: bytes,
    reason: events.RevocationReason,
    suspect_since: int | None = None,
) -> None:
    """Write that a key counts no more from block time on."""
    record = _found(context.key(public_key), f"key {public_key.hex()}")
    ended = msgspec.structs.replace(
        record, revoked_at=context.at.now_ms, reason=reason, suspect_since=suspect_since
    )
    context.state.put(records.KeyRecord.key_for(public_key), ended)


def allot_range(context: Context) -> None:
    """Add a range to the participant's."""
    body = context.body(events.NumberRangeAllocated)
    code = context.author[0]
    new = records.AllottedRange(authority=body.authority, range=body.range)
    ranges = (*context.ranges(code).ranges, new)
    context.state.put(records.RangesRecord.key_for(code), records.RangesRecord(ranges=ranges))


def retire_range(context: Context) -> None:
    """Close a range at block time."""
    body = context.body(events.NumberRangeRetired)
    code = context.author[0]
    ranges = tuple(
        msgspec.structs.replace(one, retired_at=context.at.now_ms) if is_named(one, body) else one
        for one in context.ranges(code).ranges
    )
    context.state.put(records.RangesRecord.key_for(code), records.RangesRecord(ranges=ranges))


def notify_format(context: Context) -> None:
    """Add what the participant's certificates look like from an instant on."""
    body = context.body(events.CertificateFormatNotified)
    code = context.author[0]
    new = records.FormatSince(
        masks=body.masks,
        specimen=body.specimen,
        features=body.features,
        valid_from=body.valid_from,
    )
    formats = (*context.formats(code).formats, new)
    context.state.put(records.FormatsRecord.key_for(code), records.FormatsRecord(formats=formats))
