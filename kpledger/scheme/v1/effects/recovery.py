"""What a recovery changes: new keys, and all that a thief may have arranged is put back."""

from typing import TypeVar

import msgspec

from kpledger.base.ids import KPCS
from kpledger.base.units import day_of
from kpledger.scheme.v1 import records
from kpledger.scheme.v1.context import Context
from kpledger.scheme.v1.effects.governance import (
    close_office,
    count_office,
    end_key,
    put_key,
    put_presidency,
)
from kpledger.scheme.v1.events.governance import (
    ChairRecovered,
    ParticipantRecovered,
    RevocationReason,
)
from kpledger.scheme.v1.ids import CHAIR, OWN_KEYS, RECOVERY, ROOT, SECRETARIAT
from kpledger.scheme.v1.quantities import EARLIEST_YEAR

T = TypeVar("T", records.AllottedRange, records.FormatSince, records.PolicySince)


def recover_participant(context: Context) -> None:
    """End a participant's own keys and what was arranged since, and write the new ones."""
    body = context.body(ParticipantRecovered)
    _put_back(context, body.code, body.suspect_height, OWN_KEYS)
    put_key(context, body.root_key, body.code, ROOT)
    put_key(context, body.recovery_key, body.code, RECOVERY)


def recover_chair(context: Context) -> None:
    """End the keys of Chair and secretariat and what was arranged since, and say who presides."""
    body = context.body(ChairRecovered)
    _put_back(context, KPCS, body.suspect_height, (CHAIR, SECRETARIAT))
    put_key(context, body.key, KPCS, CHAIR)
    put_key(context, body.secretariat_key, KPCS, SECRETARIAT)
    put_presidency(context, body)


def _put_back(
    context: Context, code: str, suspect_height: int | None, heads: tuple[str, ...]
) -> None:
    """End the keys that speak for a house; where there was a thief, undo what he may have done."""
    recovery = records.RecoveryRecord(recovered_at=context.at.now_ms, suspect_height=suspect_height)
    context.put(recovery, code, context.event.event_id)
    # Of keys that were only lost, nothing needs to be undone.
    since = context.at.height + 1 if suspect_height is None else suspect_height
    for key in context.house(code).keys:
        record = context.existing(records.KeyRecord, key)
        if record.authority in heads or record.height >= since:
            end_key(context, key, RevocationReason.RECOVERED)
    offices = tuple(
        name for name in context.house(code).offices if _put_back_office(context, code, name, since)
    )
    house = msgspec.structs.replace(context.house(code), offices=offices)
    context.put(house, code)
    _put_back_lists(context, code, since)
    _put_back_reports(context, code, since)


def _put_back_office(context: Context, code: str, name: str, since: int) -> bool:
    """Close an office that was opened since a block, open again one that was closed.

    Gives whether it was there before: others take no room from those that are still to come.
    """
    office = context.existing(records.AuthorityRecord, code, name)
    if office.height >= since and office.closed_at is None:
        close_office(context, office)
    elif office.height < since and (office.closed_height or 0) >= since:
        opened = msgspec.structs.replace(office, closed_at=None, closed_height=None)
        context.put(opened, code, name)
        count_office(context, opened, registered=0, statistics=1)
    return office.height < since


def _put_back_lists(context: Context, code: str, since: int) -> None:
    """Drop numbers, forms and policy that were arranged since a block."""
    ranges = tuple(
        msgspec.structs.replace(one, retired_at=None, retired_height=None)
        if (one.retired_height or 0) >= since
        else one
        for one in _before(context.ranges(code), since)
    )
    if ranges != context.ranges(code):
        context.put(records.RangesRecord(ranges=ranges), code)
    formats = context.read(records.FormatsRecord, code)
    if formats is not None:
        context.put(records.FormatsRecord(formats=_before(formats.formats, since)), code)
    name = "network" if code == KPCS else code
    policy = context.read(records.PolicyRecord, name)
    if policy is not None:
        context.put(records.PolicyRecord(history=_before(policy.history, since)), name)


def _put_back_reports(context: Context, code: str, since: int) -> None:
    """Drop annual reports that were filed since a block: there may be so many of each year."""
    for year in range(EARLIEST_YEAR, int(day_of(context.at.now_ms)[:4]) + 2):
        report = context.read(records.ReportRecord, code, year)
        if report is None or report.heights[-1:] < (since,):
            continue
        kept = sum(height < since for height in report.heights)
        before = msgspec.structs.replace(
            report,
            documents=report.documents[:kept],
            filed_at=report.filed_at[:kept],
            heights=report.heights[:kept],
        )
        context.put(before, code, year)


def _before(items: tuple[T, ...], since: int) -> tuple[T, ...]:
    return tuple(one for one in items if one.height < since)
