"""What the life of the scheme changes: proceedings, reports, bodies."""

from collections.abc import Iterable
from typing import Final

import msgspec

from kpledger.base.errors import MalformedError
from kpledger.base.ids import KPCS
from kpledger.base.units import add_days
from kpledger.scheme.event import Body
from kpledger.scheme.v1.context import CatalogueError, Context
from kpledger.scheme.v1.events import life as events
from kpledger.scheme.v1.events.importing import SuspectReported
from kpledger.scheme.v1.events.statistics import AnomalyQuestioned
from kpledger.scheme.v1.lifecycles import PROCEEDINGS, ProceedingState
from kpledger.scheme.v1.records import (
    BodyRecord,
    ProceedingRecord,
    RecommendationStatus,
    ReportRecord,
)
from kpledger.scheme.v1.rules.proceedings import KIND_OF, documents_of

REPORT_DAYS: Final = 21
"""A review is reported within three weeks of its last day (KPCS VI.15)."""
_TITLE_CHARS: Final = 80


def open_proceeding(context: Context) -> None:
    """Write the proceeding as it begins, or, for a meeting called anew, as it stands now."""
    known = context.proceeding(context.subject)
    if known is not None:
        renamed = msgspec.structs.replace(known, title=_describe(context)[1][:_TITLE_CHARS])
        context.state.put(ProceedingRecord.key_for(context.subject), _moved(context, renamed))
        return
    kind = KIND_OF[context.event.header.type]
    participant, title = _describe(context)
    record = ProceedingRecord(
        subject=context.subject,
        kind=kind,
        state=ProceedingState.NONE,
        head=context.event.event_id,
        participant=participant,
        opened_by=context.author[0],
        opened_at=context.at.now_ms,
        title=title[:_TITLE_CHARS],
        due_on=None,
        documents=(),
        recommendations=(),
    )
    context.state.put(ProceedingRecord.key_for(context.subject), _moved(context, record))


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
    record = context.proceeding(context.subject)
    if record is None:
        raise CatalogueError(f"proceeding {context.subject} was not checked before its change")
    context.state.put(ProceedingRecord.key_for(context.subject), _moved(context, record))


def _moved(context: Context, record: ProceedingRecord) -> ProceedingRecord:
    body = context.event.body
    state = PROCEEDINGS[record.kind][record.state][context.event.header.type]
    if isinstance(body, events.ReviewConsented) and not body.consented:
        state = ProceedingState.DECLINED
    recommendations = _followed(body, record.recommendations)
    return msgspec.structs.replace(
        record,
        state=state,
        head=context.event.event_id,
        due_on=_due_on(body, recommendations),
        documents=(*record.documents, *documents_of(body)),
        recommendations=recommendations,
    )


def _followed(
    body: Body, before: tuple[RecommendationStatus, ...]
) -> tuple[RecommendationStatus, ...]:
    if isinstance(body, events.ReviewReported):
        return tuple(
            RecommendationStatus(
                name=one.name, due_on=one.due_on, status=events.FollowUpStatus.OPEN
            )
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
            still_open = [
                one for one in recommendations if one.status is not events.FollowUpStatus.DONE
            ]
            return min((one.due_on for one in still_open if one.due_on is not None), default=None)
        case events.MeetingAnnounced():
            return body.until_day
        case events.ConcernRaised() | AnomalyQuestioned():
            return body.answer_due_on
        case _:
            return None


def file_report(context: Context) -> None:
    """Add an edition of an annual report."""
    body = context.body(events.AnnualReportFiled)
    code = context.author[0]
    before = context.report(code, body.year)
    record = msgspec.structs.replace(
        before,
        documents=(*before.documents, body.document),
        filed_at=(*before.filed_at, context.at.now_ms),
    )
    context.state.put(ReportRecord.key_for(code, body.year), record)


def compose_body(context: Context) -> None:
    """Write the body as it is now."""
    body = context.body(events.BodyComposed)
    record = BodyRecord(
        name=body.name,
        title=body.title,
        kind=body.kind,
        chair=body.chair,
        members=body.members,
        observers=body.observers,
        dissolved=body.dissolved,
    )
    context.state.put(BodyRecord.key_for(body.name), record)
