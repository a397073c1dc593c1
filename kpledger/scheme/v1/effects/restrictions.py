"""What restrictions change, and what their approvers say to shipments."""

import msgspec

from kpledger.scheme.v1.context import Context
from kpledger.scheme.v1.events import restrictions as events
from kpledger.scheme.v1.records import ApprovalRecord, Restriction, RestrictionsRecord
from kpledger.scheme.v1.rules.decisions import interim_end


def set_restriction(context: Context) -> None:
    """Add a restriction to the participant's."""
    body = context.body(events.RestrictionSet)
    approver = body.approver
    new = Restriction(
        restriction=body.restriction,
        scope=body.scope,
        mode=body.mode,
        zones=body.zones,
        approver=None if approver is None else (approver.participant, approver.authority),
        effective_from=body.effective_from,
        effective_until=body.effective_until,
        decision=body.decision,
        lapses_at=interim_end(context, body.effective_from, interim=body.interim),
        event=context.event.event_id,
    )
    restrictions = (*context.restrictions(body.participant), new)
    record = RestrictionsRecord(restrictions=restrictions)
    context.state.put(RestrictionsRecord.key_for(body.participant), record)


def lift_restriction(context: Context) -> None:
    """Write when the restriction ends."""
    body = context.body(events.RestrictionLifted)
    restrictions = tuple(
        msgspec.structs.replace(one, effective_until=body.effective_from)
        if one.restriction == body.restriction
        else one
        for one in context.restrictions(body.participant)
    )
    record = RestrictionsRecord(restrictions=restrictions)
    context.state.put(RestrictionsRecord.key_for(body.participant), record)


def approve_shipment(context: Context) -> None:
    """Write that the shipment may pass, up to a weight."""
    body = context.body(events.ShipmentApproved)
    key = ApprovalRecord.key_for(body.number, body.participant, body.restriction)
    context.state.put(key, _said(context, approved=True, carats=body.carat_thousandths))


def decline_shipment(context: Context) -> None:
    """Write that the shipment may not pass."""
    body = context.body(events.ShipmentDeclined)
    key = ApprovalRecord.key_for(body.number, body.participant, body.restriction)
    context.state.put(key, _said(context, approved=False, carats=0))


def _said(context: Context, *, approved: bool, carats: int) -> ApprovalRecord:
    return ApprovalRecord(
        approved=approved,
        carat_thousandths=carats,
        event=context.event.event_id,
        recorded_at=context.at.now_ms,
    )
