"""What governance changes: participants, offices, keys, numbers, policy."""

import msgspec

from kpledger.events.governance import (
    AuthorityRegistered,
    KeyAdded,
    KeyRevoked,
    NumberRangeAllocated,
    ParticipantAdmitted,
    ParticipantStatusChanged,
    Standing,
)
from kpledger.ids import ROOT
from kpledger.records import (
    AllottedRange,
    AuthorityRecord,
    KeyRecord,
    ParticipantRecord,
    RangesRecord,
    StandingSince,
    authority_key,
    key_key,
    participant_key,
    ranges_key,
)
from kpledger.rules.v1.context import CatalogueError, Context


def _participant(context: Context, code: str) -> ParticipantRecord:
    record = context.participant(code)
    if record is None:
        raise CatalogueError(f"participant {code} was not checked before its change")
    return record


def _new_key(participant: str, authority: str, valid_from: int) -> KeyRecord:
    return KeyRecord(
        participant=participant,
        authority=authority,
        valid_from=valid_from,
        revoked_at=None,
        reason=None,
        suspect_since=None,
    )


def admit_participant(context: Context) -> None:
    """Write the participant and its root key."""
    body = context.body(ParticipantAdmitted)
    standing = StandingSince(
        status=Standing.ACTIVE, effective_from=body.effective_from, decision=body.decision
    )
    record = ParticipantRecord(
        code=body.code,
        name=body.name,
        kind=body.kind,
        standings=(standing,),
        authority_count=0,
    )
    context.state.put(participant_key(body.code), record)
    context.state.put(key_key(body.root_key), _new_key(body.code, ROOT, 0))


def change_status(context: Context) -> None:
    """Add a standing to the participant's history."""
    body = context.body(ParticipantStatusChanged)
    record = _participant(context, body.code)
    standing = StandingSince(
        status=body.status, effective_from=body.effective_from, decision=body.decision
    )
    changed = msgspec.structs.replace(record, standings=(*record.standings, standing))
    context.state.put(participant_key(body.code), changed)


def register_authority(context: Context) -> None:
    """Write the office and count it."""
    body = context.body(AuthorityRegistered)
    code = context.author[0]
    record = AuthorityRecord(
        participant=code,
        authority=body.authority,
        title=body.title,
        place=body.place,
        contact=body.contact,
        roles=body.roles,
    )
    context.state.put(authority_key(code, body.authority), record)
    participant = _participant(context, code)
    counted = msgspec.structs.replace(participant, authority_count=participant.authority_count + 1)
    context.state.put(participant_key(code), counted)


def add_key(context: Context) -> None:
    """Write the key record."""
    body = context.body(KeyAdded)
    record = _new_key(context.author[0], body.authority, body.valid_from)
    context.state.put(key_key(body.key), record)


def revoke_key(context: Context) -> None:
    """Close the key record at block time."""
    body = context.body(KeyRevoked)
    record = context.key(body.key)
    if record is None:
        raise CatalogueError(f"key {body.key.hex()} was not checked before its change")
    revoked = msgspec.structs.replace(
        record,
        revoked_at=context.at.now_ms,
        reason=body.reason,
        suspect_since=body.suspect_since,
    )
    context.state.put(key_key(body.key), revoked)


def allot_range(context: Context) -> None:
    """Add a range to the participant's."""
    body = context.body(NumberRangeAllocated)
    code = context.author[0]
    new = AllottedRange(authority=body.authority, range=body.range)
    ranges = (*context.ranges(code).ranges, new)
    context.state.put(ranges_key(code), RangesRecord(ranges=ranges))
