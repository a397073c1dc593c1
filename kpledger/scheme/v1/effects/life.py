"""What the life of the scheme changes: proceedings, what is filed and submitted, corrections."""

from collections.abc import Iterable
from typing import Final

import msgspec

from kpledger.base.errors import MalformedError
from kpledger.base.ids import KPCS
from kpledger.base.units import add_days
from kpledger.scheme.event import Body
from kpledger.scheme.v1.context import Context, record_of
from kpledger.scheme.v1.events import life as events
from kpledger.scheme.v1.events.importing import SuspectReported
from kpledger.scheme.v1.events.life import CorrectionMade, EventCountersigned
from kpledger.scheme.v1.events.statistics import AnomalyQuestioned
from kpledger.scheme.v1.lifecycles import PROCEEDINGS, ProceedingState
from kpledger.scheme.v1.records import (
    BodyRecord,
    CorrectionRecord,
    Countersignature,
    CountersignaturesRecord,
    EditionRecorded,
    ProceedingRecord,
    RecommendationStatus,
)
from kpledger.scheme.v1.rules.filings import report_of, submission_of
from kpledger.scheme.v1.rules.notes import corrections_of, countersignatures_of
from kpledger.scheme.v1.rules.proceedings import KIND_OF, documents_of

REPORT_DAYS: Final = 21
"""A review is reported within three weeks of its last day (KPCS VI.15)."""
_TITLE_CHARS: Final = 80


def open_proceeding(context: Context) -> None:
    """Write the proceeding as it begins, or, for a meeting called anew, as it stands now."""
    participant, title = _describe(context)
    title = title[:_TITLE_CHARS]
    known = context.read(ProceedingRecord, context.subject)
    if known is not None:
        _move(context, msgspec.structs.replace(known, title=title))
        return
    begun = ProceedingRecord(
        subject=context.subject,
        kind=KIND_OF[context.event.header.type],
        state=ProceedingState.NONE,
        head=context.event.event_id,
        participant=participant,
        opened_by=context.author[0],
        opened_at=context.at.now_ms,
        title=title,
    )
    _move(context, begun)


def _describe(context: Context) -> tuple[str, str]:
    """Say whom a proceeding concerns, and what it is in a few words."""
    body = context.event.body
    match body:
        case events.ReviewRequested():
            return body.participant, body.kind
        case events.MeetingAnnounced():
            return KPCS, f"{body.kind}, {body.place}"
        case events.ConcernRaised():
            return body.participant, body.text
        case AnomalyQuestioned():
            return body.participant, f"{body.series} {body.period}"
        case _:
            suspect = context.body(SuspectReported)
            return suspect.claimed_issuer, suspect.claimed_number


def proceed(context: Context) -> None:
    """Move the proceeding on, as the table of proceedings says."""
    _move(context, context.proceeding())


def _move(context: Context, record: ProceedingRecord) -> None:
    body = context.event.body
    state = PROCEEDINGS[record.kind][record.state][context.event.header.type]
    if isinstance(body, events.ReviewConsented) and not body.consented:
        state = ProceedingState.DECLINED
    recommendations = _followed(body, record.recommendations)
    moved = msgspec.structs.replace(
        record,
        state=state,
        head=context.event.event_id,
        due_on=_due_on(body, recommendations),
        documents=(*record.documents, *documents_of(body)),
        recommendations=recommendations,
    )
    context.put(moved, context.subject)


def _followed(
    body: Body, before: tuple[RecommendationStatus, ...]
) -> tuple[RecommendationStatus, ...]:
    if isinstance(body, events.ReviewReported):
        return tuple(
            record_of(RecommendationStatus, one, status=events.FollowUpStatus.OPEN)
            for one in body.recommendations
        )
    if isinstance(body, events.RecommendationFollowedUp):
        return tuple(
            msgspec.structs.replace(one, status=body.status) if one.name == body.name else one
            for one in before
        )
    return before


def _due_on(body: Body, recommendations: Iterable[RecommendationStatus]) -> str | None:
    """Say when the next step is due: a report, an answer, the first open recommendation."""
    match body:
        case events.ReviewCarriedOut():
            try:
                return add_days(body.until_day, REPORT_DAYS)
            except MalformedError:
                # The calendar ends before it is due.
                return None
        case events.ReviewReported() | events.RecommendationFollowedUp():
            still_open = (
                one.due_on
                for one in recommendations
                if one.status is not events.FollowUpStatus.DONE and one.due_on is not None
            )
            return min(still_open, default=None)
        case events.MeetingAnnounced():
            return body.until_day
        case events.ConcernRaised() | AnomalyQuestioned():
            return body.answer_due_on
        case _:
            return None


def file_report(context: Context) -> None:
    """Add an edition of an annual report."""
    body = context.body(events.AnnualReportFiled)
    before = report_of(context, body.year)
    filed = msgspec.structs.replace(
        before,
        documents=(*before.documents, body.document),
        filed_at=(*before.filed_at, context.at.now_ms),
        heights=(*before.heights, context.at.height),
    )
    context.put(filed, filed.participant, filed.year)


def submit(context: Context) -> None:
    """Add an edition of submitted statistics; what they say is kept in the books."""
    before = submission_of(context)
    new = EditionRecorded(
        edition=len(before.editions) + 1,
        event=context.event.event_id,
        recorded_at=context.at.now_ms,
    )
    added = msgspec.structs.replace(before, editions=(*before.editions, new))
    context.put(added, added.participant, added.kind, added.period)


def compose_body(context: Context) -> None:
    """Write the body as it is now."""
    body = context.body(events.BodyComposed)
    context.put(record_of(BodyRecord, body), body.name)


def keep_note(_context: Context) -> None:
    """Change nothing: a note stands in the history alone."""


def countersign(context: Context) -> None:
    """Write whose signatures were added to an event."""
    countersigned = context.body(EventCountersigned).event
    before = countersignatures_of(context, countersigned).countersignatures
    added = tuple(
        Countersignature(key=key, event=context.event.event_id) for key in context.event.signers
    )
    record = CountersignaturesRecord(countersignatures=(*before, *added))
    context.put(record, countersigned)


def correct(context: Context) -> None:
    """Write by which event another was corrected."""
    corrected = context.body(CorrectionMade).event
    before = corrections_of(context, corrected).corrections
    context.put(CorrectionRecord(corrections=(*before, context.event.event_id)), corrected)
