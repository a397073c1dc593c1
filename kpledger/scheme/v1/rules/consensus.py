"""E11: what participants signed about a decision, and whether that lets a measure rest on it.

A plenary decides on paper, and its minutes are the word of whoever records them. Participants may
sign for a decision besides, or object to it. Policy says how many have to sign before a measure
rests on a decision that is not interim; an objection of who has a vote always stands in the way.
"""

from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.events.decisions import PositionTaken, Procedure, Stance
from kpledger.scheme.v1.events.governance import ParticipantKind, Standing
from kpledger.scheme.v1.measures import SignedPosition
from kpledger.scheme.v1.records import DecisionRecord, PositionsRecord

_VOTING = (Standing.ACTIVE, Standing.MEMBER_NO_TRADE)


def has_vote(context: Context, code: str, time_ms: int) -> bool:
    """Tell whether a participant counts in a decision taken at an instant.

    A trading entity takes no part in decisions, nor does who is suspended or removed.
    """
    participant = context.participant(code)
    if participant is None or participant.kind is ParticipantKind.ENTITY:
        return False
    return participant.standing_at(time_ms) in _VOTING


def positions_on(context: Context, decision: str) -> tuple[SignedPosition, ...]:
    """Give what participants signed about a decision, the newest word of each."""
    return context.read_or(PositionsRecord(), decision).positions


def signed_for(context: Context, decision: str, document: bytes) -> tuple[str, ...]:
    """Give who has a vote and signed for this very text of a decision."""
    return tuple(
        one.participant
        for one in positions_on(context, decision)
        if (one.stance, one.document) == (Stance.SUPPORT, document)
        and has_vote(context, one.participant, context.at.now_ms)
    )


def objecting(context: Context, decision: str) -> list[str]:
    """Give who has a vote and objects to a decision, in alphabetical order."""
    return sorted(
        one.participant
        for one in positions_on(context, decision)
        if one.stance is Stance.OBJECTION and has_vote(context, one.participant, context.at.now_ms)
    )


def say_why_not(
    context: Context, decision: str, document: bytes, procedure: Procedure
) -> str | None:
    """Say why no measure rests on a decision that is not interim, or None if one may."""
    if procedure is Procedure.CHAIR_NOTICE:
        return "is only a notice of the Chair"
    against = objecting(context, decision)
    if against:
        return f"is objected to by {', '.join(against)}"
    signed, needed = len(signed_for(context, decision, document)), context.policy().signed_supports
    if signed < needed:
        return f"rests on the Chair's word: {signed} of {needed} participants have signed for it"
    return None


def check_position(context: Context) -> Refusals:
    """E11: who speaks has a vote, and means the text that was recorded, if one was."""
    body, author = context.body(PositionTaken), context.author[0]
    if not has_vote(context, author, context.at.now_ms):
        accepted = "a participant in good standing that is not a trading entity"
        yield Refusal(Rule.E11, "author", f"{author} has no vote in the scheme", accepted)
    record = context.read(DecisionRecord, body.decision)
    if record is not None and record.document != body.document:
        problem = f"{body.document.hex()} is not the text of {body.decision}"
        yield Refusal(Rule.E11, "body.document", problem, record.document.hex())
