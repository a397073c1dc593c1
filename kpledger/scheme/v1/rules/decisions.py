"""E11: measures of the scheme rest on recorded decisions; the decisions themselves (G8, G9).

Decisions are taken by consensus (KPCS VI.5): one objection of a participant that has a vote, and
there is no decision. What the Chair orders alone, in urgency, is *interim*: it lapses unless a
later decision ratifies it by the event that set it.
"""

from typing import Final

from kpledger.base.ids import KPCS
from kpledger.base.units import DAY_MS, day_of, end_of_day_ms, format_time
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.days import check_past_day
from kpledger.scheme.v1.events import decisions as events
from kpledger.scheme.v1.events.governance import (
    ParticipantAdmitted,
    ParticipantKind,
    ParticipantStatusChanged,
    Standing,
)
from kpledger.scheme.v1.events.restrictions import RestrictionLifted, RestrictionSet
from kpledger.scheme.v1.lists import check_ascending, check_known
from kpledger.scheme.v1.records import EventRecord
from kpledger.scheme.v1.rules.authorship import Cosigner
from kpledger.scheme.v1.rules.keys import check_unused_key
from kpledger.scheme.v1.rules.restrictions import find_restriction

MAX_YEARS: Final = 10
"""How many years from now a Chair may be said to preside."""

_VOTING: Final = (Standing.ACTIVE, Standing.MEMBER_NO_TRADE)


def has_vote(context: Context, code: str, time_ms: int) -> bool:
    """Tell whether a participant counts in a decision taken at an instant.

    A trading entity takes no part in decisions, nor does who is suspended or removed.
    """
    participant = context.participant(code)
    if participant is None or participant.kind is ParticipantKind.ENTITY:
        return False
    return participant.standing_at(time_ms) in _VOTING


def check_decision(context: Context) -> Refusal | None:
    """E11: a measure of the Chair rests on a recorded decision, or is interim.

    What the Chair set alone, it may lift alone. A participant's own suspension is its own decision.
    """
    body = context.event.body
    if isinstance(body, ParticipantAdmitted | ParticipantStatusChanged | RestrictionSet):
        if context.author[0] != KPCS:
            return _check_own_standing(body.interim)
        if body.interim:
            return _check_interim(context, body.decision)
        return check_recorded(context, body.decision)
    lifted = context.body(RestrictionLifted)
    found = find_restriction(context, lifted.participant, lifted.restriction)
    if found is not None and found.lapses_at is not None:
        return None
    return check_recorded(context, lifted.decision)


def _check_own_standing(interim: object) -> Refusal | None:
    if not interim:
        return None
    problem = "a participant's own suspension is not the Chair's interim measure"
    return refuse(Rule.E11, "body.interim", problem, "false")


def _check_interim(context: Context, decision: str) -> Refusal | None:
    record = context.decision(decision)
    if record is None or record.procedure is events.Procedure.CHAIR_NOTICE:
        return None
    return refuse(
        Rule.E11,
        "body.interim",
        f"measures on the decision {decision} ({record.procedure}) are not interim",
        "false",
    )


def check_recorded(context: Context, decision: str) -> Refusal | None:
    """E11: the decision is on the ledger, and more than a notice of the Chair."""
    record = context.decision(decision)
    if record is None:
        problem = f"{decision} is not recorded"
        return refuse(Rule.E11, "body.decision", problem, "a decision that has been recorded")
    if record.procedure is events.Procedure.CHAIR_NOTICE:
        problem = f"{decision} is only a notice of the Chair"
        return refuse(Rule.E11, "body.decision", problem, "a decision of the scheme")
    return None


def check_record(context: Context) -> Refusal | None:
    """E11: a recorded decision is new, and nobody with a vote objected."""
    body = context.body(events.DecisionRecorded)
    if context.decision(body.decision) is not None:
        problem = f"{body.decision} has been recorded already"
        return refuse(Rule.E6, "body.decision", problem, "a name that has never been used")
    return (
        check_past_day(context, Rule.E5, "body.decided_on", body.decided_on)
        or check_known(context, body.supports, "body.supports")
        or check_known(context, body.objections, "body.objections")
        or _check_votes(context, body)
        or check_ascending(body.ratifies, "body.ratifies")
        or _check_ratified(context, body)
    )


def _check_votes(context: Context, body: events.DecisionRecorded) -> Refusal | None:
    # Judged on the day of the decision: who is suspended since then had a vote.
    at = min(end_of_day_ms(body.decided_on), context.at.now_ms)
    against = [code for code in body.objections if has_vote(context, code, at)]
    if against:
        problem = f"{', '.join(against)} objected"
        return refuse(Rule.E11, "body.objections", problem, "a decision that nobody objected to")
    both = sorted(set(body.supports) & set(body.objections))
    if both:
        problem = f"{', '.join(both)} supported and objected"
        return refuse(Rule.E11, "body.supports", problem, "each on one side")
    in_favour = any(has_vote(context, code, at) for code in body.supports)
    if in_favour or body.procedure is events.Procedure.CHAIR_NOTICE:
        return None
    problem = "nobody with a vote supported it"
    return refuse(Rule.E11, "body.supports", problem, "the support of a participant with a vote")


def _check_ratified(context: Context, body: events.DecisionRecorded) -> Refusal | None:
    if body.ratifies and body.procedure is events.Procedure.CHAIR_NOTICE:
        problem = "a notice of the Chair ratifies nothing"
        return refuse(Rule.E11, "body.procedure", problem, "PLENARY or WRITTEN")
    for position, event_id in enumerate(body.ratifies):
        field = f"body.ratifies[{position}]"
        lapses_at = interim_until(context, event_id)
        if lapses_at is None:
            problem = f"{event_id.hex()} did not set an interim measure"
            return refuse(Rule.E11, field, problem, "the event of a measure that is interim")
        if lapses_at <= context.at.now_ms:
            problem = f"the measure of {event_id.hex()} lapsed at {format_time(lapses_at)}"
            return refuse(Rule.E11, field, problem, "a measure still in force")
    return None


def interim_until(context: Context, event_id: bytes) -> int | None:
    """Give when the measure that an event set lapses; None if it set none that does."""
    earlier = context.earlier(event_id)
    if earlier is None:
        return None
    code = measured_participant(earlier)
    participant = context.participant(code)
    standings = participant.standings if participant is not None else ()
    ends = [one.lapses_at for one in standings if one.event == event_id]
    ends += [one.lapses_at for one in context.restrictions(code) if one.event == event_id]
    return ends[0] if ends else None


def measured_participant(earlier: EventRecord) -> str:
    """Give whom a measure of the Chair concerns, by the subject of the event that set it."""
    return earlier.subject.partition("/")[0]


def interim_end(context: Context, effective_from: int, *, interim: bool) -> int | None:
    """Give when a measure lapses that the Chair sets alone."""
    return effective_from + context.policy().interim_days * DAY_MS if interim else None


def check_chair_rotation(context: Context) -> Refusal | None:
    """E6, E11: the chair goes to a participant with a vote, for a later year, under a new key.

    And not for a distant one: nobody could follow the Chair of the year 9999.
    """
    body = context.body(events.ChairRotated)
    year, latest = context.scheme().year, int(day_of(context.at.now_ms)[:4]) + MAX_YEARS
    if body.year > latest:
        problem = f"{body.year} is too far ahead"
        return refuse(Rule.E6, "body.year", problem, f"a year up to {latest}")
    if year is not None and body.year <= year:
        problem = f"{body.year} is not after {year}, for which the Chair presides"
        return refuse(Rule.E6, "body.year", problem, f"a year from {year + 1} on")
    return (
        check_recorded(context, body.decision)
        or _check_presiding(context, body.chair, "body.chair")
        or _check_following(context, body.vice_chair, body.chair)
        or check_unused_key(context, body.key, "body.key")
    )


def check_election(context: Context) -> Refusal | None:
    """E6, E11: who is elected to follow the Chair has a vote, and is somebody else."""
    body = context.body(events.ViceChairElected)
    return check_recorded(context, body.decision) or _check_following(
        context, body.vice_chair, context.scheme().chair
    )


def _check_following(context: Context, vice_chair: str | None, chair: str | None) -> Refusal | None:
    if vice_chair is None:
        return None
    if vice_chair == chair:
        problem = f"{vice_chair} presides already"
        return refuse(Rule.E6, "body.vice_chair", problem, "another participant")
    return _check_presiding(context, vice_chair, "body.vice_chair")


def _check_presiding(context: Context, code: str, field: str) -> Refusal | None:
    if has_vote(context, code, context.at.now_ms):
        return None
    problem = f"{code} has no vote in the scheme"
    return refuse(
        Rule.E6, field, problem, "a participant in good standing that is not a trading entity"
    )


def next_chair(context: Context) -> tuple[Cosigner, ...]:
    """Give who signs a hand-over besides the Chair: the key of the next one."""
    return (Cosigner(KPCS, key=context.body(events.ChairRotated).key),)
