"""E11 and E14: measures rest on recorded decisions (G8, G9); what is settled for all (G10).

Decisions are taken by consensus (KPCS VI.5): one objection of a participant that has a vote, and
there is no decision. What the Chair orders alone, in urgency, is *interim*: it lapses unless a
later decision ratifies it by the event that set it.

What the scheme leaves open is settled for the time to come, and in its bounds.
"""

from typing import Final

from kpledger.base.ids import KPCS
from kpledger.base.units import DAY_MS, day_of, end_of_day_ms, format_time
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.events import decisions as events
from kpledger.scheme.v1.events.decisions import RestrictionLifted, RestrictionSet
from kpledger.scheme.v1.events.governance import ParticipantAdmitted, ParticipantStatusChanged
from kpledger.scheme.v1.measures import Restriction, StandingSince
from kpledger.scheme.v1.policy import SCHEME_ONLY
from kpledger.scheme.v1.records import DecisionRecord, EventRecord, PolicyRecord
from kpledger.scheme.v1.rules.authorship import Cosigner
from kpledger.scheme.v1.rules.consensus import has_vote, objecting, say_why_not, signed_for
from kpledger.scheme.v1.rules.governance import check_unused_key
from kpledger.scheme.v1.rules.restrictions import find_restriction
from kpledger.scheme.v1.rules.values import (
    check_ascending,
    check_known,
    check_notice_period,
    check_past_day,
)
from kpledger.scheme.version import RulesRecord

MAX_YEARS: Final = 10
"""How many years from now a Chair may be said to preside."""

MAX_SETTLED: Final = 500
"""How often policy may be settled, for the scheme and for each participant."""

MAX_BLOCKS_AHEAD: Final = 100_000
"""How far ahead rules may be activated: some months of the trade of all participants. One version
follows another, so one set by mistake for a distant height would stand in the way of all others."""

_RECORDED: Final = "a decision that has been recorded"


def check_decision(context: Context) -> Refusals:
    """E11: a measure of the Chair rests on a recorded decision, or is interim.

    What the Chair set alone, it may lift alone. A participant's own suspension is its own decision.
    """
    body = context.event.body
    if not isinstance(body, ParticipantAdmitted | ParticipantStatusChanged | RestrictionSet):
        lifted = context.body(RestrictionLifted)
        found = find_restriction(context, lifted.participant, lifted.restriction)
        if found is None or found.lapses_at is None:
            yield from check_recorded(context, lifted.decision)
    elif context.author[0] == KPCS and not body.interim:
        yield from check_recorded(context, body.decision)
    elif context.author[0] == KPCS:
        record = context.read(DecisionRecord, body.decision)
        if record is not None and _say_why_not(context, record) is None:
            problem = f"measures on the decision {body.decision} ({record.procedure})"
            yield Refusal(Rule.E11, "body.interim", f"{problem} are not interim", "false")
    elif body.interim:
        problem = "a participant's own suspension is not the Chair's interim measure"
        yield Refusal(Rule.E11, "body.interim", problem, "false")


def check_recorded(context: Context, decision: str) -> Refusals:
    """E11: the decision is on the ledger, and the scheme's: no notice, and nobody objects."""
    record = context.read(DecisionRecord, decision)
    if record is None:
        yield Refusal(Rule.E11, "body.decision", f"{decision} is not recorded", _RECORDED)
    elif (why := _say_why_not(context, record)) is not None:
        problem, accepted = f"{decision} {why}", "a decision of the scheme"
        if record.procedure is not events.Procedure.CHAIR_NOTICE:
            accepted = f"{accepted} that participants have signed for, and nobody objects to"
        yield Refusal(Rule.E11, "body.decision", problem, accepted)


def _say_why_not(context: Context, record: DecisionRecord) -> str | None:
    return say_why_not(context, record.decision, record.document, record.procedure)


def check_record(context: Context) -> Refusals:
    """E11: a recorded decision is new, and nobody with a vote objected.

    Where participants sign for decisions, it names as its supports only who has.
    """
    body = context.body(events.DecisionRecorded)
    if context.read(DecisionRecord, body.decision) is not None:
        problem = f"{body.decision} has been recorded already"
        yield Refusal(Rule.E6, "body.decision", problem, "a name that has never been used")
    yield from check_past_day(context, Rule.E5, "body.decided_on", body.decided_on)
    yield from check_known(context, body.supports, "body.supports")
    yield from check_known(context, body.objections, "body.objections")
    yield from _check_votes(context, body)
    yield from check_ascending(body.ratifies, "body.ratifies")
    yield from _check_ratified(context, body)


def _check_votes(context: Context, body: events.DecisionRecorded) -> Refusals:
    # Judged on the day of the decision: who is suspended since then had a vote.
    at = min(end_of_day_ms(body.decided_on), context.at.now_ms)
    against = [code for code in body.objections if has_vote(context, code, at)]
    if against:
        problem = f"{', '.join(against)} objected"
        yield Refusal(Rule.E11, "body.objections", problem, "a decision that nobody objected to")
    both = sorted(set(body.supports) & set(body.objections))
    if both:
        problem = f"{', '.join(both)} supported and objected"
        yield Refusal(Rule.E11, "body.supports", problem, "each on one side")
    by_chair = body.procedure is events.Procedure.CHAIR_NOTICE
    if not by_chair:
        yield from _check_signed(context, body)
    in_favour = any(has_vote(context, code, at) for code in body.supports)
    if not in_favour and not by_chair and not context.policy().signed_supports:
        problem = "nobody with a vote supported it"
        accepted = "the support of a participant with a vote"
        yield Refusal(Rule.E11, "body.supports", problem, accepted)


def _check_signed(context: Context, body: events.DecisionRecorded) -> Refusals:
    against = objecting(context, body.decision)
    if against:
        problem = f"{', '.join(against)} objected by a statement of its own"
        yield Refusal(Rule.E11, "body.decision", problem, "a decision that nobody objects to")
    signed = signed_for(context, body.decision, body.document)
    unsigned = [code for code in body.supports if code not in signed]
    if unsigned and context.policy().signed_supports:
        problem = f"{', '.join(unsigned)} did not sign for this text of {body.decision}"
        accepted = ", ".join(sorted(signed)) or "none: it is recorded on the Chair's word"
        yield Refusal(Rule.E11, "body.supports", problem, accepted)


def _check_ratified(context: Context, body: events.DecisionRecorded) -> Refusals:
    if body.ratifies and body.procedure is events.Procedure.CHAIR_NOTICE:
        problem = "a notice of the Chair ratifies nothing"
        yield Refusal(Rule.E11, "body.procedure", problem, "PLENARY or WRITTEN")
    why = say_why_not(context, body.decision, body.document, body.procedure)
    if body.ratifies and why is not None:
        yield Refusal(Rule.E11, "body.ratifies", f"{body.decision} {why}", "signatures first")
    for position, event_id in enumerate(body.ratifies):
        field = f"body.ratifies[{position}]"
        lapses_at = interim_until(context, event_id)
        if lapses_at is None:
            problem = f"{event_id.hex()} did not set an interim measure"
            yield Refusal(Rule.E11, field, problem, "the event of a measure that is interim")
        elif lapses_at <= context.at.now_ms:
            problem = f"the measure of {event_id.hex()} lapsed at {format_time(lapses_at)}"
            yield Refusal(Rule.E11, field, problem, "a measure still in force")


def interim_until(context: Context, event_id: bytes) -> int | None:
    """Give when the measure that an event set lapses; None if it set none that does."""
    earlier = context.earlier(event_id)
    if earlier is None:
        return None
    code = measured_participant(earlier)
    participant = context.participant(code)
    standings = participant.standings if participant is not None else ()
    measures: list[Restriction | StandingSince] = [*standings, *context.restrictions(code)]
    return next((one.lapses_at for one in measures if one.event == event_id), None)


def measured_participant(earlier: EventRecord) -> str:
    """Give whom a measure of the Chair concerns, by the subject of the event that set it."""
    return earlier.subject.partition("/")[0]


def interim_end(context: Context, effective_from: int, *, interim: bool) -> int | None:
    """Give when a measure lapses that the Chair sets alone."""
    return effective_from + context.policy().interim_days * DAY_MS if interim else None


def check_chair_rotation(context: Context) -> Refusals:
    """E6, E11: the chair goes to a participant with a vote, for a later year, under a new key.

    And not for a distant one: nobody could follow the Chair of the year 9999.
    """
    body = context.body(events.ChairRotated)
    year, latest = context.scheme().year, int(day_of(context.at.now_ms)[:4]) + MAX_YEARS
    if body.year > latest:
        problem = f"{body.year} is too far ahead"
        yield Refusal(Rule.E6, "body.year", problem, f"a year up to {latest}")
    if year is not None and body.year <= year:
        problem = f"{body.year} is not after {year}, for which the Chair presides"
        yield Refusal(Rule.E6, "body.year", problem, f"a year from {year + 1} on")
    yield from check_recorded(context, body.decision)
    yield from _check_presiding(context, body.chair, "body.chair")
    yield from _check_following(context, body.vice_chair, body.chair)
    yield from check_unused_key(context, body.key, "body.key")


def check_election(context: Context) -> Refusals:
    """E6, E11: who is elected to follow the Chair has a vote, and is somebody else."""
    body = context.body(events.ViceChairElected)
    yield from check_recorded(context, body.decision)
    yield from _check_following(context, body.vice_chair, context.scheme().chair)


def _check_following(context: Context, vice_chair: str | None, chair: str | None) -> Refusals:
    if vice_chair is None:
        return
    if vice_chair == chair:
        problem = f"{vice_chair} presides already"
        yield Refusal(Rule.E6, "body.vice_chair", problem, "another participant")
    yield from _check_presiding(context, vice_chair, "body.vice_chair")


def _check_presiding(context: Context, code: str, field: str) -> Refusals:
    if not has_vote(context, code, context.at.now_ms):
        problem = f"{code} has no vote in the scheme"
        accepted = "a participant in good standing that is not a trading entity"
        yield Refusal(Rule.E6, field, problem, accepted)


def next_chair(context: Context) -> tuple[Cosigner, ...]:
    """Give who signs besides the Chair: the key of the next Chair."""
    return (Cosigner(KPCS, key=context.body(events.ChairRotated).key),)


def check_policy(context: Context) -> Refusals:
    """E1, E5, E11, E14: the Chair settles for all, a participant for itself; none for the past."""
    body = context.body(events.PolicySet)
    yield from _check_whose(context, body)
    yield from _check_values(body)
    now = context.at.now_ms
    if body.effective_from < now:
        problem = f"{format_time(body.effective_from)} is before now"
        accepted = f"a time from {format_time(now)} on"
        yield Refusal(Rule.E14, "body.effective_from", problem, accepted)
    yield from check_notice_period(context, body.effective_from)
    count = len(policy_history(context, body.participant).history)
    if count >= MAX_SETTLED:
        problem = f"policy has been settled {count} times"
        yield Refusal(Rule.E6, "body.values", problem, f"at most {MAX_SETTLED} times")


def policy_history(context: Context, code: str | None) -> PolicyRecord:
    """Give what was settled for a participant, or for the scheme; empty when nothing was."""
    return context.read_or(PolicyRecord(history=()), code or "network")


def _check_whose(context: Context, body: events.PolicySet) -> Refusals:
    author = context.author[0]
    expected = None if author == KPCS else author
    if body.participant != expected:
        problem = f"{author} may not settle the policy of {body.participant or 'the scheme'}"
        accepted = expected or "null: the policy of the scheme; a participant settles its own"
        yield Refusal(Rule.E1, "body.participant", problem, accepted)
    if expected is None and body.decision is None:
        problem = "the policy of the scheme needs a decision"
        yield Refusal(Rule.E11, "body.decision", problem, _RECORDED)
    elif expected is None and body.decision is not None:
        yield from check_recorded(context, body.decision)
    elif body.decision is not None:
        problem = f"{body.decision} is named, but a participant settles its own policy by itself"
        yield Refusal(Rule.E11, "body.decision", problem, "null")


def _check_values(body: events.PolicySet) -> Refusals:
    values = body.values
    given = [name for name in values.__struct_fields__ if getattr(values, name) is not None]
    if not given:
        yield Refusal(Rule.E5, "body.values", "nothing is settled", "at least one value")
    for name in given:
        if name in SCHEME_ONLY and body.participant is not None:
            problem = f"{name} can only be settled for the whole scheme"
            yield Refusal(Rule.E5, f"body.values.{name}", problem, "null")
    if values.max_validity_days is not None and values.max_validity_months is not None:
        problem = "there is a limit in days and another in months"
        yield Refusal(Rule.E5, "body.values.max_validity_months", problem, "one of the two")
    yield from check_ascending(values.vigilance or (), "body.values.vigilance")


def check_activation(context: Context) -> Refusals:
    """E6, E11, E14: the next version of the rules holds from a block to come, no distant one."""
    body = context.body(events.RulesActivated)
    newest = context.existing(RulesRecord, "versions").versions[-1]
    if body.version != newest.version + 1:
        problem = f"v{body.version} does not follow v{newest.version}"
        yield Refusal(Rule.E6, "body.version", problem, f"v{newest.version + 1}")
    lowest = max(context.at.height, newest.height) + 1
    if body.height < lowest:
        problem = f"block {body.height} has passed, or is decided already"
        yield Refusal(Rule.E14, "body.height", problem, f"a height from {lowest} on")
    highest = context.at.height + MAX_BLOCKS_AHEAD
    if body.height > highest:
        problem = f"block {body.height} is too far ahead"
        yield Refusal(Rule.E14, "body.height", problem, f"a height up to {highest}")
    yield from check_recorded(context, body.decision)
