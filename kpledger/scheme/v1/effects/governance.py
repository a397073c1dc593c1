"""What governance changes: participants, offices, observers, keys, numbers and their form."""

import msgspec

from kpledger.base.ids import KPCS
from kpledger.scheme.v1 import records
from kpledger.scheme.v1.context import Context, record_of
from kpledger.scheme.v1.events import governance as events
from kpledger.scheme.v1.events.life import ObserverRegistered, ObserverWithdrawn
from kpledger.scheme.v1.ids import RECOVERY, ROOT
from kpledger.scheme.v1.rules.decisions import interim_end
from kpledger.scheme.v1.rules.numbering import is_named, notified_forms


def admit_participant(context: Context) -> None:
    """Write the participant, its root key and its recovery key."""
    body = context.body(events.ParticipantAdmitted)
    standings = (_begin_standing(context, body, events.Standing.ACTIVE),)
    record = record_of(records.ParticipantRecord, body, standings=standings, authority_count=0)
    context.put(record, body.code)
    for key, authority in ((body.root_key, ROOT), (body.recovery_key, RECOVERY)):
        record_ = records.KeyRecord(participant=body.code, authority=authority, valid_from=0)
        context.put(record_, key)


def change_status(context: Context) -> None:
    """Add a standing to the participant's history."""
    body = context.body(events.ParticipantStatusChanged)
    record = context.existing(records.ParticipantRecord, body.code)
    standings = (*record.standings, _begin_standing(context, body, body.status))
    context.put(msgspec.structs.replace(record, standings=standings), body.code)


def _begin_standing(
    context: Context,
    body: events.ParticipantAdmitted | events.ParticipantStatusChanged,
    status: events.Standing,
) -> records.StandingSince:
    return records.StandingSince(
        status=status,
        effective_from=body.effective_from,
        decision=body.decision,
        lapses_at=interim_end(context, body.effective_from, interim=body.interim),
        event=context.event.event_id,
    )


def register_authority(context: Context) -> None:
    """Write the office and count it."""
    body = context.body(events.AuthorityRegistered)
    code = context.author[0]
    record = record_of(records.AuthorityRecord, body, participant=code)
    context.put(record, code, body.authority)
    _count(context, record, registered=1, statistics=1)


def close_authority(context: Context) -> None:
    """Close the office at block time."""
    record = _close(context, context.body(events.AuthorityClosed).authority)
    _count(context, record, registered=0, statistics=-1)


def _count(
    context: Context, office: records.AuthorityRecord, *, registered: int, statistics: int
) -> None:
    """Count an office of a participant, and whether it is one for statistics."""
    if office.participant == KPCS:
        return
    before = context.existing(records.ParticipantRecord, office.participant)
    step = statistics if events.AuthorityRole.STATISTICS in office.roles else 0
    counted = msgspec.structs.replace(
        before,
        authority_count=before.authority_count + registered,
        statistics_offices=before.statistics_offices + step,
    )
    context.put(counted, office.participant)


def _close(context: Context, name: str) -> records.AuthorityRecord:
    code = context.author[0]
    record = context.existing(records.AuthorityRecord, code, name)
    closed = msgspec.structs.replace(record, closed_at=context.at.now_ms)
    context.put(closed, code, name)
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
    context.put(record, KPCS, body.observer)
    key = records.KeyRecord(participant=KPCS, authority=body.observer, valid_from=0)
    context.put(key, body.key)


def withdraw_observer(context: Context) -> None:
    """Close the observer's registration at block time."""
    _close(context, context.body(ObserverWithdrawn).observer)


def add_key(context: Context) -> None:
    """Write the key record."""
    body = context.body(events.KeyAdded)
    context.put(record_of(records.KeyRecord, body, participant=context.author[0]), body.key)


def rotate_key(context: Context) -> None:
    """Close the old key's record at block time, and write the new one's."""
    body = context.body(events.KeyRotated)
    old = context.existing(records.KeyRecord, body.old)
    end_key(context, body.old, events.RevocationReason.SUPERSEDED)
    context.put(msgspec.structs.replace(old, valid_from=body.valid_from), body.new)


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
    record = context.existing(records.KeyRecord, public_key)
    ended = msgspec.structs.replace(
        record, revoked_at=context.at.now_ms, reason=reason, suspect_since=suspect_since
    )
    context.put(ended, public_key)


def allot_range(context: Context) -> None:
    """Add a range to the participant's."""
    new = record_of(records.AllottedRange, context.body(events.NumberRangeAllocated))
    code = context.author[0]
    context.put(records.RangesRecord(ranges=(*context.ranges(code), new)), code)


def retire_range(context: Context) -> None:
    """Close a range at block time."""
    body = context.body(events.NumberRangeRetired)
    code = context.author[0]
    ranges = tuple(
        msgspec.structs.replace(one, retired_at=context.at.now_ms) if is_named(one, body) else one
        for one in context.ranges(code)
    )
    context.put(records.RangesRecord(ranges=ranges), code)


def notify_format(context: Context) -> None:
    """Add what the participant's certificates look like from an instant on."""
    new = record_of(records.FormatSince, context.body(events.CertificateFormatNotified))
    formats = (*notified_forms(context).formats, new)
    context.put(records.FormatsRecord(formats=formats), context.author[0])
