"""What decisions change: the chair, policy, the rules, and measures that were interim."""

import msgspec

from kpledger.base.ids import KPCS
from kpledger.scheme.v1 import records
from kpledger.scheme.v1.context import Context
from kpledger.scheme.v1.effects.governance import end_key, new_key
from kpledger.scheme.v1.events import decisions as events
from kpledger.scheme.v1.events.governance import RevocationReason
from kpledger.scheme.v1.ids import CHAIR
from kpledger.scheme.v1.rules.decisions import measured_participant
from kpledger.scheme.version import RULES_KEY, RulesRecord, RulesSince


def record_decision(context: Context) -> None:
    """Write the decision, and make lasting what it ratifies."""
    body = context.body(events.DecisionRecorded)
    record = records.DecisionRecord(
        decision=body.decision,
        title=body.title,
        document=body.document,
        procedure=body.procedure,
        decided_on=body.decided_on,
        supports=body.supports,
        recorded_at=context.at.now_ms,
    )
    context.state.put(records.DecisionRecord.key_for(body.decision), record)
    for event_id in body.ratifies:
        _ratify(context, event_id)


def _ratify(context: Context, event_id: bytes) -> None:
    earlier = context.earlier(event_id)
    code = measured_participant(earlier) if earlier is not None else ""
    participant = context.participant(code)
    if participant is not None:
        standings = tuple(
            msgspec.structs.replace(one, lapses_at=None) if one.event == event_id else one
            for one in participant.standings
        )
        changed = msgspec.structs.replace(participant, standings=standings)
        context.state.put(records.ParticipantRecord.key_for(code), changed)
    held = context.restrictions(code)
    if held:
        restrictions = tuple(
            msgspec.structs.replace(one, lapses_at=None) if one.event == event_id else one
            for one in held
        )
        context.state.put(
            records.RestrictionsRecord.key_for(code),
            records.RestrictionsRecord(restrictions=restrictions),
        )


def hand_over_chair(context: Context) -> None:
    """End the old Chair's key, write the new one's, and say who presides."""
    body = context.body(events.ChairRotated)
    end_key(context, context.scheme().key, RevocationReason.SUPERSEDED)
    context.state.put(records.KeyRecord.key_for(body.key), new_key(KPCS, CHAIR, 0))
    scheme = records.SchemeRecord(
        chair=body.chair, vice_chair=body.vice_chair, year=body.year, key=body.key
    )
    context.state.put(records.SCHEME_KEY, scheme)


def elect_vice_chair(context: Context) -> None:
    """Write who takes the chair next."""
    vice_chair = context.body(events.ViceChairElected).vice_chair
    elected = msgspec.structs.replace(context.scheme(), vice_chair=vice_chair)
    context.state.put(records.SCHEME_KEY, elected)


def settle_policy(context: Context) -> None:
    """Add what is settled to the history of the scheme or the participant."""
    body = context.body(events.PolicySet)
    settled = records.PolicySince(
        values=body.values,
        effective_from=body.effective_from,
        recorded_at=context.at.now_ms,
        decision=body.decision,
    )
    history = (*context.policies(body.participant).history, settled)
    context.state.put(
        records.PolicyRecord.key_for(body.participant or "network"),
        records.PolicyRecord(history=history),
    )


def activate_rules(context: Context) -> None:
    """Write from which height on the next version holds."""
    body = context.body(events.RulesActivated)
    new = RulesSince(version=body.version, height=body.height)
    versions = (*context.rules().versions, new)
    context.state.put(RULES_KEY, RulesRecord(versions=versions))
