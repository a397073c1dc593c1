"""E6: proceedings go on as their table says, by whose turn it is.

The table is :data:`kpledger.scheme.v1.lifecycles.PROCEEDINGS`.
"""

from typing import Final

from kpledger.base.ids import KPCS
from kpledger.base.units import DAY_MS, start_of_day_ms
from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.days import check_begun, check_past_day, check_span
from kpledger.scheme.v1.events import life as events
from kpledger.scheme.v1.events.governance import Standing
from kpledger.scheme.v1.events.importing import SuspectReported
from kpledger.scheme.v1.events.statistics import AnomalyAnswered, AnomalyQuestioned, Series
from kpledger.scheme.v1.lifecycles import PROCEEDINGS, ProceedingState
from kpledger.scheme.v1.lists import check_ascending, check_known
from kpledger.scheme.v1.words import check_words

MAX_DOCUMENTS = 200
"""How many documents may be filed in one proceeding; a step that files none goes on beyond."""

_DOCUMENT: Final = "the hash of a document"

KIND_OF: Final = {
    name: kind for kind, table in PROCEEDINGS.items() for steps in table.values() for name in steps
}
"""The kind of proceeding that an event type is a step of."""


def check_step(context: Context) -> Refusal | None:
    """E6: the proceeding stands where this event goes on from, and its author has seen that."""
    name, prev = context.event.header.type, context.event.header.prev
    kind = KIND_OF[name]
    record = context.proceeding(context.subject)
    if record is not None and record.kind is not kind:
        problem = f"{context.subject} is of the kind {record.kind}"
        return refuse(Rule.E6, "subject", problem, f"a subject of the kind {kind}")
    state = ProceedingState.NONE if record is None else record.state
    steps = PROCEEDINGS[kind].get(state, {})
    if name not in steps:
        if record is None:
            problem = f"there is no {kind} {context.subject}"
            return refuse(
                Rule.E6, "subject", problem, f"a subject of the kind {kind} on the ledger"
            )
        problem = f"{context.subject} is {state}, and no {name} can follow"
        return refuse(Rule.E6, "type", problem, ", ".join(steps) or "nothing: it is over")
    head = None if record is None else record.head
    if prev != head:
        problem = f"{prev.hex() if prev else 'null'} is not the newest event on {context.subject}"
        return refuse(Rule.E6, "prev", problem, head.hex() if head else "null")
    filed = documents_of(context.event.body)
    if record is not None and filed and len(record.documents) >= MAX_DOCUMENTS:
        problem = f"{len(record.documents)} documents have been filed on {context.subject}"
        return refuse(Rule.E6, "type", problem, f"up to {MAX_DOCUMENTS} documents")
    return None


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


def check_concerned(context: Context) -> Refusal | None:
    """E2: whom a proceeding concerns answers for itself."""
    record = context.proceeding(context.subject)
    if record is None or record.participant == context.author[0]:
        return None
    problem = f"{context.subject} concerns {record.participant}, not {context.author[0]}"
    return refuse(Rule.E2, "author", problem, record.participant)


def check_request(context: Context) -> Refusal | None:
    """E1: the Chair asks a participant for a review; others invite one to themselves."""
    body = context.body(events.ReviewRequested)
    author = context.author[0]
    if author not in (KPCS, body.participant):
        problem = f"{author} may not ask for a review of {body.participant}"
        return refuse(Rule.E1, "author", problem, f"the Chair, or {body.participant}/root")
    return check_known(context, (body.participant,), "body.participant")


def check_carried_out(context: Context) -> Refusal | None:
    """E5: a review that took place is over, by a team of others."""
    body = context.body(events.ReviewCarriedOut)
    refusal = (
        check_span(Rule.E5, "body.from_day", body.from_day, None)
        or check_past_day(context, Rule.E5, "body.until_day", body.until_day, body.from_day)
        or check_known(context, body.team, "body.team")
    )
    record = context.proceeding(context.subject)
    if refusal is None and record is not None and record.participant in body.team:
        problem = f"{record.participant} cannot review itself"
        return refuse(Rule.E5, "body.team", problem, "others")
    return refusal


def check_review_report(context: Context) -> Refusal | None:
    """E5: recommendations have names of their own, and days of the calendar."""
    recommendations = context.body(events.ReviewReported).recommendations
    refusal = check_ascending([one.name for one in recommendations], "body.recommendations")
    if refusal is not None:
        return refusal
    for position, one in enumerate(recommendations):
        refusal = _check_due(f"body.recommendations[{position}].due_on", one.due_on)
        if refusal is not None:
            return refusal
    return None


def _check_due(field: str, day: str | None) -> Refusal | None:
    return None if day is None else check_span(Rule.E5, field, day, None)


def check_follow_up(context: Context) -> Refusal | None:
    """E6: what is followed up was recommended."""
    name = context.body(events.RecommendationFollowedUp).name
    record = context.proceeding(context.subject)
    known = () if record is None else tuple(one.name for one in record.recommendations)
    if name in known:
        return None
    problem = f"{context.subject} has no recommendation {name}"
    return refuse(Rule.E6, "body.name", problem, " or ".join(known) or "nothing")


def check_meeting(context: Context) -> Refusal | None:
    """E5: a meeting has a first and a last day."""
    body = context.body(events.MeetingAnnounced)
    return check_span(Rule.E5, "body.from_day", body.from_day, None) or check_span(
        Rule.E5, "body.until_day", body.until_day, body.from_day
    )


def check_held(context: Context) -> Refusal | None:
    """E5: whoever took part is a participant; E6: the meeting is over."""
    record = context.proceeding(context.subject)
    last = None if record is None else record.due_on
    # A day begins up to 14 hours earlier in the east than in UTC.
    if last is not None and start_of_day_ms(last) > context.at.now_ms + DAY_MS:
        problem = f"{context.subject} lasts until {last}"
        return refuse(Rule.E6, "type", problem, "the record of a meeting that is over")
    return check_known(context, context.body(events.MeetingHeld).present, "body.present")


def check_concern(context: Context) -> Refusal | None:
    """E5: a concern is about another participant, and says what it is."""
    body = context.body(events.ConcernRaised)
    if body.participant == context.author[0]:
        problem = f"{body.participant} cannot raise a concern about itself"
        return refuse(Rule.E5, "body.participant", problem, "another participant")
    return (
        check_known(context, (body.participant,), "body.participant")
        or _check_due("body.answer_due_on", body.answer_due_on)
        or check_words("body.text", body.text, body.document, instead=_DOCUMENT)
    )


def check_answer(context: Context) -> Refusal | None:
    """E5: an answer says something, or a paper does."""
    body = context.event.body
    if isinstance(body, AnomalyAnswered):
        return check_words("body.answer", body.answer, body.document, instead=_DOCUMENT)
    answered = context.body(events.ConcernAnswered)
    return check_words("body.text", answered.text, answered.document, instead=_DOCUMENT)


def check_solution(context: Context) -> Refusal | None:
    """E5: whoever closes a concern tells all the essence and the solution (KPCS V(f))."""
    return check_words("body.text", context.body(events.ConcernClosed).text)


_PARTS: Final = {Series.TRADE: "Q", Series.COUNTS: "Q", Series.PRODUCTION: "H"}


def check_question(context: Context) -> Refusal | None:
    """E5: a question is about a period of its series that has begun, and asks something."""
    body = context.body(AnomalyQuestioned)
    part = _PARTS[body.series]
    if body.period[4:5] not in ("", part):
        problem = f"{body.period} is not a period of {body.series}"
        accepted = f"a year, or part of one such as {body.period[:4]}{part}1"
        return refuse(Rule.E5, "body.period", problem, accepted)
    return (
        check_known(context, (body.participant,), "body.participant")
        or check_begun(context, "body.period", body.period)
        or _check_due("body.answer_due_on", body.answer_due_on)
        or check_words("body.question", body.question)
    )


def check_suspect(context: Context) -> Refusal | None:
    """E5: the day of issue that stands on a suspect certificate is a day; forgers know calendars.

    Where the paper shows no such day, there is none to report.
    """
    return _check_due("body.claimed_issue", context.body(SuspectReported).claimed_issue)


def check_judge(context: Context) -> Refusal | None:
    """E2: the claimed issuer judges a suspect certificate; the Chair, where it is no member."""
    record = context.proceeding(context.subject)
    if record is None:
        return None
    issuer = context.participant(record.participant)
    standing = issuer.standing_at(context.at.now_ms) if issuer is not None else None
    is_member = standing not in (None, Standing.REMOVED)
    judge = record.participant if is_member else KPCS
    if context.author[0] == judge:
        return None
    issued_by = f"{record.participant} ({standing or 'not a participant'})"
    problem = f"{context.author[0]} may not judge what {issued_by} is said to have issued"
    return refuse(Rule.E2, "author", problem, judge if is_member else "the Chair")
