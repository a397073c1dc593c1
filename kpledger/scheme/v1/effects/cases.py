"""What happens to cases: they are opened, and move through their states."""

import msgspec

from kpledger.scheme.v1.context import CatalogueError, Context, Effect
from kpledger.scheme.v1.events.importing import CaseKind, CaseOpened, ReturnReceived
from kpledger.scheme.v1.lifecycles import CASE_TRANSITIONS, OPENING
from kpledger.scheme.v1.records import CaseCountRecord, CaseRecord
from kpledger.scheme.v1.rules.cases import next_case


def open_presented(context: Context, kind: CaseKind, carat_thousandths: int | None) -> None:
    """Open the case of a further shipment under a closed certificate, which stays as it is."""
    record = context.certificate(context.subject)
    if record is None:
        raise CatalogueError(f"certificate {context.subject} was not checked before its case")
    case, serial = next_case(context)
    opened = CaseRecord(
        case=case,
        kind=kind,
        state=OPENING[context.event.header.type],
        head=context.event.event_id,
        number=record.number,
        holder=context.author[0],
        returned_to=record.issuer,
        carat_thousandths=carat_thousandths,
        opened_at=context.at.now_ms,
    )
    context.state.put(CaseRecord.key_for(case), opened)
    context.state.put(CaseCountRecord.key_for(record.number), CaseCountRecord(count=serial))


def open_named(context: Context) -> None:
    """Open the case of goods without a certificate, or of a sample."""
    body = context.body(CaseOpened)
    opened = CaseRecord(
        case=context.subject,
        kind=body.kind,
        state=OPENING[CaseOpened.TYPE],
        head=context.event.event_id,
        number=None,
        holder=context.author[0],
        returned_to=body.claimed_provenance,
        carat_thousandths=body.carat_thousandths,
        opened_at=context.at.now_ms,
    )
    context.state.put(CaseRecord.key_for(context.subject), opened)


def or_case(on_certificate: Effect) -> Effect:
    """Give the effect that moves a case where the subject is one, and otherwise does this."""

    def effect(context: Context) -> None:
        record = context.case(context.subject)
        if record is None:
            on_certificate(context)
        else:
            _move(context, record)

    return effect


def _move(context: Context, record: CaseRecord) -> None:
    returned = isinstance(context.event.body, ReturnReceived)
    moved = msgspec.structs.replace(
        record,
        state=CASE_TRANSITIONS[record.state][context.event.header.type],
        head=context.event.event_id,
        holder=context.author[0] if returned else record.holder,
    )
    context.state.put(CaseRecord.key_for(record.case), moved)
