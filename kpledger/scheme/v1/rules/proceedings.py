"""E6: proceedings go on as their table says, by whose turn it is.

The table is :data:`kpledger.scheme.v1.lifecycles.PROCEEDINGS`.
"""

from typing import Final

from kpledger.base.ids import KPCS
from kpledger.base.units import DAY_MS, start_of_day_ms
from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.events import life as events
from kpledger.scheme.v1.events.governance import Standing
from kpledger.scheme.v1.events.importing import SuspectReported
from kpledger.scheme.v1.events.statistics import AnomalyAnswered, AnomalyQuestioned, Series
from kpledger.scheme.v1.lifecycles import PROCEEDINGS, ProceedingState
from kpledger.scheme.v1.records import ProceedingRecord
from kpledger.scheme.v1.rules.values import (
    check_ascending,
    check_begun,
    check_known,
    check_past_day,
    check_span,
    check_words,
    tell_unseen,
)

MAX_DOCUMENTS = 200
"""How many documents may be filed in one proceeding; a step that files none goes on beyond."""

_DOCUMENT: Final = "the hash of a document"

KIND_OF: Final = {
    name: kind
    for kind, table in PROCEEDINGS.items()
    for steps in table.values()
    for name in steps
    if name != events.OpeningWithdrawn.TYPE
}
"""The kind of proceeding that an event type is a step of, where it is of one alone."""


def check_step(context: Context) -> Refusals:
    """E6: the proceeding stands where this event goes on from, and its author has seen that."""
    name, prev = context.event.header.type, context.event.header.prev
    record = context.read(ProceedingRecord, context.subject)
    kind = KIND_OF[name] if name in KIND_OF else context.proceeding().kind
    state, head = (ProceedingState.NONE, None) if record is None else (record.state, record.head)
    if record is not None and record.kind is not kind:
        problem = f"{context.subject} is of the kind {record.kind}"
        yield Refusal(Rule.E6, "subject", problem, f"a subject of the kind {kind}")
    steps = PROCEEDINGS[kind].get(state, {})
    if name not in steps and record is None:
        problem = f"there is no {kind} {context.subject}"
        yield Refusal(Rule.E6, "subject", problem, f"a subject of the kind {kind} on the ledger")
    if name not in steps:
        problem = f"{context.subject} is {state}, and no {name} can follow"
        yield Refusal(Rule.E6, "type", problem, ", ".join(steps) or "nothing: it is over")
    if prev != head:
        problem = tell_unseen(prev, context.subject)
        yield Refusal(Rule.E6, "prev", problem, head.hex() if head else "null")
    filed = 0 if record is None else len(record.documents)
    if filed >= MAX_DOCUMENTS and documents_of(context.event.body):
        problem = f"{filed} documents have been filed on {context.subject}"
        yield Refusal(Rule.E6, "type", problem, f"up to {MAX_DOCUMENTS} documents")


def documents_of(body: Body) -> tuple[bytes, ...]:
    """Give the hashes of what a step puts on file: one document, or none."""
    match body:
        case (
            events.ReviewReported()
            | events.RecommendationFollowedUp()
            | events.MeetingHeld()
            | events.ConcernRaised()
            | events.ConcernAnswered()
            | AnomalyAnswered()
        ):
            filed = body.document
        case SuspectReported():
            filed = body.image
        case _:
            filed = None
    return () if filed is None else (filed,)


def check_concerned(context: Context) -> Refusals:
    """E2: whom a proceeding concerns answers for itself."""
    record = context.proceeding()
    if record.participant != context.author[0]:
        problem = f"{context.subject} concerns {record.participant}, not {context.author[0]}"
        yield Refusal(Rule.E2, "author", problem, record.participant)


def check_request(context: Context) -> Refusals:
    """E1: the Chair asks a participant for a review; others invite one to themselves."""
    code, author = context.body(events.ReviewRequested).participant, context.author[0]
    if author not in (KPCS, code):
        problem = f"{author} may not ask for a review of {code}"
        yield Refusal(Rule.E1, "author", problem, f"the Chair, or {code}/root")
    yield from check_known(context, (code,), "body.participant")


def check_carried_out(context: Context) -> Refusals:
    """E5: a review that took place is over, by a team of others."""
    body, record = context.body(events.ReviewCarriedOut), context.proceeding()
    first, last = body.from_day, body.until_day
    yield from check_span(Rule.E5, "body.from_day", first)
    yield from check_past_day(context, Rule.E5, "body.until_day", last, first)
    yield from check_known(context, body.team, "body.team")
    if record.participant in body.team:
        yield Refusal(Rule.E5, "body.team", f"{record.participant} cannot review itself", "others")


def check_review_report(context: Context) -> Refusals:
    """E5: recommendations have names of their own, and days of the calendar."""
    recommendations = context.body(events.ReviewReported).recommendations
    yield from check_ascending([one.name for one in recommendations], "body.recommendations")
    for position, one in enumerate(recommendations):
        yield from _check_due(f"body.recommendations[{position}].due_on", one.due_on)


def _check_due(field: str, day: str | None) -> Refusals:
    return iter(()) if day is None else check_span(Rule.E5, field, day)


def check_follow_up(context: Context) -> Refusals:
    """E6: what is followed up was recommended."""
    name, record = context.body(events.RecommendationFollowedUp).name, context.proceeding()
    known = [one.name for one in record.recommendations]
    if name not in known:
        problem = f"{context.subject} has no recommendation {name}"
        yield Refusal(Rule.E6, "body.name", problem, " or ".join(known) or "nothing")


def check_meeting(context: Context) -> Refusals:
    """E5: a meeting has a first and a last day."""
    body = context.body(events.MeetingAnnounced)
    yield from check_span(Rule.E5, "body.from_day", body.from_day)
    yield from check_span(Rule.E5, "body.until_day", body.until_day, body.from_day)


def check_held(context: Context) -> Refusals:
    """E5: whoever took part is a participant; E6: the meeting is over."""
    last = context.proceeding().due_on
    # A day begins up to 14 hours earlier in the east than in UTC.
    if last is not None and start_of_day_ms(last) > context.at.now_ms + DAY_MS:
        problem = f"{context.subject} lasts until {last}"
        yield Refusal(Rule.E6, "type", problem, "the record of a meeting that is over")
    yield from check_known(context, context.body(events.MeetingHeld).present, "body.present")


def check_concern(context: Context) -> Refusals:
    """E5: a concern is about another participant, and says what it is."""
    body = context.body(events.ConcernRaised)
    code = body.participant
    if code == context.author[0]:
        problem = f"{code} cannot raise a concern about itself"
        yield Refusal(Rule.E5, "body.participant", problem, "another participant")
    yield from check_known(context, (code,), "body.participant")
    yield from _check_due("body.answer_due_on", body.answer_due_on)
    yield from check_words("body.text", body.text, body.document, instead=_DOCUMENT)


def check_answer(context: Context) -> Refusals:
    """E5: an answer says something, or a paper does."""
    body = context.event.body
    if isinstance(body, AnomalyAnswered):
        return check_words("body.answer", body.answer, body.document, instead=_DOCUMENT)
    answered = context.body(events.ConcernAnswered)
    return check_words("body.text", answered.text, answered.document, instead=_DOCUMENT)


def check_solution(context: Context) -> Refusals:
    """E5: whoever closes a concern tells all the essence and the solution (KPCS V(f))."""
    return check_words("body.text", context.body(events.ConcernClosed).text)


_PARTS: Final = {Series.TRADE: "Q", Series.COUNTS: "Q", Series.PRODUCTION: "H"}


def check_question(context: Context) -> Refusals:
    """E5: a question is about a period of its series that has begun, and asks something."""
    body = context.body(AnomalyQuestioned)
    part = _PARTS[body.series]
    if body.period[4:5] not in ("", part):
        problem = f"{body.period} is not a period of {body.series}"
        accepted = f"a year, or part of one such as {body.period[:4]}{part}1"
        yield Refusal(Rule.E5, "body.period", problem, accepted)
    yield from check_known(context, (body.participant,), "body.participant")
    yield from check_begun(context, "body.period", body.period)
    yield from _check_due("body.answer_due_on", body.answer_due_on)
    yield from check_words("body.question", body.question)


def check_suspect(context: Context) -> Refusals:
    """E5: the day of issue that stands on a suspect certificate is a day; forgers know calendars.

    Where the paper shows no such day, there is none to report.
    """
    return _check_due("body.claimed_issue", context.body(SuspectReported).claimed_issue)


def check_judge(context: Context) -> Refusals:
    """E2: the claimed issuer judges a suspect certificate; the Chair, if that is not a member."""
    issuer, author = context.proceeding().participant, context.author[0]
    standing = context.standing(issuer)
    judge = named = issuer
    if standing in (None, Standing.REMOVED):
        judge, named = KPCS, "the Chair"
    if author != judge:
        issued_by = f"{issuer} ({standing or 'not a participant'})"
        problem = f"{author} may not judge what {issued_by} is said to have issued"
        yield Refusal(Rule.E2, "author", problem, named)
