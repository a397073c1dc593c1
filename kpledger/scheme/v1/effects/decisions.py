"""What decisions change: the chair, policy, the rules, restrictions, and what was interim."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from kpledger.base.ids import KPCS
from kpledger.scheme.v1 import records
from kpledger.scheme.v1.context import Context, record_of
from kpledger.scheme.v1.effects.governance import end_key, put_key, put_presidency
from kpledger.scheme.v1.events import decisions as events
from kpledger.scheme.v1.events.governance import RevocationReason
from kpledger.scheme.v1.ids import CHAIR
from kpledger.scheme.v1.measures import Restriction, SignedPosition, StandingSince
from kpledger.scheme.v1.rules.consensus import positions_on
from kpledger.scheme.v1.rules.decisions import interim_end, measured_participant, policy_history
from kpledger.scheme.version import RulesRecord, RulesSince

M = TypeVar("M", StandingSince, Restriction)


def record_decision(context: Context) -> None:
    """Write the decision, and make lasting what it ratifies."""
    body = context.body(events.DecisionRecorded)
    record = record_of(records.DecisionRecord, body, recorded_at=context.at.now_ms)
    context.put(record, body.decision)
    for event_id in body.ratifies:
        _ratify(context, event_id)


def take_position(context: Context) -> None:
    """Put the newest word of a participant in the place of an earlier one."""
    body, author = context.body(events.PositionTaken), context.author[0]
    new = record_of(SignedPosition, body, participant=author, event=context.event.event_id)
    known = {one.participant: one for one in positions_on(context, body.decision)} | {author: new}
    context.put(records.PositionsRecord(positions=tuple(known.values())), body.decision)


def _ratify(context: Context, event_id: bytes) -> None:
    code = measured_participant(context.existing(records.EventRecord, event_id))
    participant = context.existing(records.ParticipantRecord, code)
    standings = _lasting(participant.standings, event_id)
    context.put(msgspec.structs.replace(participant, standings=standings), code)
    held = context.restrictions(code)
    if held:
        context.put(records.RestrictionsRecord(restrictions=_lasting(held, event_id)), code)


def _lasting(measures: Sequence[M], event_id: bytes) -> tuple[M, ...]:
    return tuple(
        msgspec.structs.replace(one, lapses_at=None) if one.event == event_id else one
        for one in measures
    )


def hand_over_chair(context: Context) -> None:
    """End the old Chair's key, write the new one's, and say who presides."""
    body = context.body(events.ChairRotated)
    end_key(context, context.scheme().key, RevocationReason.SUPERSEDED)
    put_key(context, body.key, KPCS, CHAIR)
    put_presidency(context, body)


def elect_vice_chair(context: Context) -> None:
    """Write who takes the chair next."""
    vice_chair = context.body(events.ViceChairElected).vice_chair
    context.put(msgspec.structs.replace(context.scheme(), vice_chair=vice_chair), "kpcs")


def settle_policy(context: Context) -> None:
    """Add what is settled to the history of the scheme or the participant."""
    body = context.body(events.PolicySet)
    at = context.at
    settled = record_of(records.PolicySince, body, recorded_at=at.now_ms, height=at.height)
    history = (*policy_history(context, body.participant).history, settled)
    context.put(records.PolicyRecord(history=history), body.participant or "network")


def activate_rules(context: Context) -> None:
    """Write from which height on the next version holds."""
    new = record_of(RulesSince, context.body(events.RulesActivated))
    versions = context.existing(RulesRecord, "versions").versions
    context.put(RulesRecord(versions=(*versions, new)), "versions")


def set_restriction(context: Context) -> None:
    """Add a restriction to the participant's."""
    body = context.body(events.RestrictionSet)
    approver = body.approver
    new = record_of(
        Restriction,
        body,
        approver=None if approver is None else (approver.participant, approver.authority),
        lapses_at=interim_end(context, body.effective_from, interim=body.interim),
        event=context.event.event_id,
    )
    restrictions = (*context.restrictions(body.participant), new)
    context.put(records.RestrictionsRecord(restrictions=restrictions), body.participant)


def lift_restriction(context: Context) -> None:
    """Write when the restriction ends."""
    body = context.body(events.RestrictionLifted)
    restrictions = tuple(
        msgspec.structs.replace(one, effective_until=body.effective_from)
        if one.restriction == body.restriction
        else one
        for one in context.restrictions(body.participant)
    )
    context.put(records.RestrictionsRecord(restrictions=restrictions), body.participant)


def answer_shipment(context: Context) -> None:
    """Write that the shipment may pass, up to a weight; or that it may not."""
    body, carats = context.event.body, 0
    if isinstance(body, events.ShipmentApproved):
        carats = body.carat_thousandths
    else:
        body = context.body(events.ShipmentDeclined)
    said = records.ApprovalRecord(
        approved=isinstance(body, events.ShipmentApproved),
        carat_thousandths=carats,
        event=context.event.event_id,
        recorded_at=context.at.now_ms,
    )
    context.put(said, body.number, body.participant, body.restriction)
