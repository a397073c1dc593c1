"""What governance changes: participants, offices, observers, keys, numbers and their form."""

import msgspec

from kpledger.base.ids import KPCS
from kpledger.scheme.v1 import records
from kpledger.scheme.v1.context import Context, record_of
from kpledger.scheme.v1.events import governance as events
from kpledger.scheme.v1.events.decisions import ChairRotated
from kpledger.scheme.v1.events.life import ObserverRegistered, ObserverWithdrawn
from kpledger.scheme.v1.ids import RECOVERY, ROOT
from kpledger.scheme.v1.measures import StandingSince
from kpledger.scheme.v1.rules.decisions import interim_end
from kpledger.scheme.v1.rules.numbering import is_named, notified_forms


def admit_participant(context: Context) -> None:
    """Write the participant, its root key and its recovery key."""
    body = context.body(events.ParticipantAdmitted)
    standings = (_begin_standing(context, body, events.Standing.ACTIVE),)
    record = record_of(
        records.ParticipantRecord,
        body,
        standings=standings,
        authority_count=0,
        admitted_at=context.at.now_ms,
    )
    context.put(record, body.code)
    put_key(context, body.root_key, body.code, ROOT)
    put_key(context, body.recovery_key, body.code, RECOVERY)


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
) -> StandingSince:
    return StandingSince(
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
    record = record_of(records.AuthorityRecord, body, participant=code, height=context.at.height)
    _open(context, record)
    count_office(context, record, registered=1, statistics=1)


def _open(context: Context, office: records.AuthorityRecord) -> None:
    context.put(office, office.participant, office.authority)
    house = context.house(office.participant)
    offices = (*house.offices, office.authority)
    context.put(msgspec.structs.replace(house, offices=offices), office.participant)


def close_authority(context: Context) -> None:
    """Close the office at block time."""
    name = context.body(events.AuthorityClosed).authority
    close_office(context, context.existing(records.AuthorityRecord, context.author[0], name))


def close_office(context: Context, office: records.AuthorityRecord) -> None:
    """Write that an office signs nothing from block time on, and count it no more."""
    closed = msgspec.structs.replace(
        office, closed_at=context.at.now_ms, closed_height=context.at.height
    )
    context.put(closed, office.participant, office.authority)
    count_office(context, office, registered=0, statistics=-1)


def count_office(
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
        height=context.at.height,
    )
    _open(context, record)
    put_key(context, body.key, KPCS, body.observer)


def withdraw_observer(context: Context) -> None:
    """Close the observer's registration at block time."""
    name = context.body(ObserverWithdrawn).observer
    close_office(context, context.existing(records.AuthorityRecord, KPCS, name))


def add_key(context: Context) -> None:
    """Write the key record."""
    body = context.body(events.KeyAdded)
    put_key(
        context,
        body.key,
        context.author[0],
        body.authority,
        valid_from=body.valid_from,
        officer=body.officer,
    )


def put_key(
    context: Context,
    public_key: bytes,
    participant: str,
    authority: str,
    *,
    valid_from: int = 0,
    officer: str | None = None,
) -> None:
    """Write whose a key is, and that its participant has it."""
    record = records.KeyRecord(
        participant=participant,
        authority=authority,
        valid_from=valid_from,
        officer=officer,
        height=context.at.height,
    )
    context.put(record, public_key)
    house = context.house(participant)
    context.put(msgspec.structs.replace(house, keys=(*house.keys, public_key)), participant)


def rotate_key(context: Context) -> None:
    """Close the old key's record at block time, and write the new one's."""
    body = context.body(events.KeyRotated)
    old = context.existing(records.KeyRecord, body.old)
    end_key(context, body.old, events.RevocationReason.SUPERSEDED)
    put_key(
        context,
        body.new,
        old.participant,
        old.authority,
        valid_from=body.valid_from,
        officer=old.officer,
    )


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
    house = context.house(record.participant)
    keys = tuple(key for key in house.keys if key != public_key)
    context.put(msgspec.structs.replace(house, keys=keys), record.participant)


def put_presidency(context: Context, said: ChairRotated | events.ChairRecovered) -> None:
    """Write who presides and under which key; who recovers keys is for the genesis file to say."""
    before = context.scheme()
    helpers = {"witnesses": before.witnesses, "chair_quorum": before.chair_quorum}
    context.put(record_of(records.SchemeRecord, said, **helpers), "kpcs")


def allot_range(context: Context) -> None:
    """Add a range to the participant's."""
    body = context.body(events.NumberRangeAllocated)
    new = record_of(records.AllottedRange, body, height=context.at.height)
    code = context.author[0]
    context.put(records.RangesRecord(ranges=(*context.ranges(code), new)), code)


def retire_range(context: Context) -> None:
    """Close a range at block time."""
    body = context.body(events.NumberRangeRetired)
    code = context.author[0]
    at = context.at
    ranges = tuple(
        msgspec.structs.replace(one, retired_at=at.now_ms, retired_height=at.height)
        if is_named(one, body)
        else one
        for one in context.ranges(code)
    )
    context.put(records.RangesRecord(ranges=ranges), code)


def notify_format(context: Context) -> None:
    """Add what the participant's certificates look like from an instant on."""
    body = context.body(events.CertificateFormatNotified)
    new = record_of(records.FormatSince, body, height=context.at.height)
    formats = (*notified_forms(context).formats, new)
    context.put(records.FormatsRecord(formats=formats), context.author[0])
