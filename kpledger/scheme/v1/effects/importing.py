"""What happens to a shipment where it arrives or surfaces, under its certificate or as a case."""

import msgspec

from kpledger.scheme.v1.context import CatalogueError, Context, Effect, record_of
from kpledger.scheme.v1.effects.certificate import advance_certificate, certificate_of, give_back
from kpledger.scheme.v1.events import importing as events
from kpledger.scheme.v1.lifecycles import CASE_TRANSITIONS, OPENING, CertificateState
from kpledger.scheme.v1.records import CaseCountRecord, CaseRecord, FoundGoods
from kpledger.scheme.v1.rules.custody import next_case, opening_kind


def arrive(context: Context) -> None:
    """Put the goods into the destination's hands, or open a case for them."""
    body = context.body(events.ArrivalRecorded)
    if not _open_presented(context, body.found_carat_thousandths):
        advance_certificate(context, arrived_on=body.arrived_on, holder=context.author[0])


def confirm(context: Context) -> None:
    """Close the certificate with what was found as declared."""
    body = context.body(events.ImportConfirmed)
    exported_on = body.exported_on or certificate_of(context).exported_on
    found, holder = record_of(FoundGoods, body), context.author[0]
    advance_certificate(context, found=found, holder=holder, exported_on=exported_on)


def confirm_discrepant(context: Context) -> None:
    """Keep what was found beside what was declared."""
    found = record_of(FoundGoods, context.body(events.ImportConfirmedDiscrepant))
    advance_certificate(context, found=found, holder=context.author[0])


def resolve(context: Context) -> None:
    """Put what both agree on in the place of what was found."""
    body = context.body(events.DiscrepancyResolved)
    found = certificate_of(context).found
    if found is None:
        raise CatalogueError(f"{context.subject} was confirmed without what was found")
    agreed = record_of(FoundGoods, body, received_on=found.received_on)
    advance_certificate(context, found=agreed)


def detain(context: Context) -> None:
    """Put the goods into the hands of whoever detains them, or open a case for them."""
    if _open_presented(context, None):
        return
    record = certificate_of(context)
    # A lost one keeps where it stood before it was lost.
    prior = record.prior if record.state is CertificateState.LOST else record.state
    advance_certificate(context, holder=context.author[0], prior=prior)


def release(context: Context) -> None:
    """Let the goods go on: at the destination they have arrived, elsewhere they travel again."""
    record = certificate_of(context)
    if record.holder == record.destination:
        advance_certificate(context, prior=None)
        return
    stays = record.prior is CertificateState.DIVERTED
    advance_certificate(
        context,
        state=CertificateState.LOST if record.lost else record.prior,
        prior=record.prior if record.lost else None,
        holder=record.holder if stays else None,
    )


def take_over(context: Context) -> None:
    """Put the goods into the author's hands: it found them."""
    advance_certificate(context, holder=context.author[0])


def receive_back(context: Context) -> None:
    """Put the goods into the issuer's hands again: it may export them another time."""
    returned = advance_certificate(context, holder=context.author[0])
    give_back(context, returned, context.body(events.ReturnReceived).carat_thousandths)


def _open_presented(context: Context, carat_thousandths: int | None) -> bool:
    """Open the case of a further shipment under a closed certificate, which stays as it is."""
    kind = opening_kind(context)
    if kind is None:
        return False
    record = certificate_of(context)
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
    context.put(opened, case)
    context.put(CaseCountRecord(count=serial), record.number)
    return True


def open_named(context: Context) -> None:
    """Open the case of goods without a certificate, or of a sample."""
    body = context.body(events.CaseOpened)
    opened = record_of(
        CaseRecord,
        body,
        case=context.subject,
        state=OPENING[body.TYPE],
        head=context.event.event_id,
        number=None,
        holder=context.author[0],
        returned_to=body.claimed_provenance,
        opened_at=context.at.now_ms,
    )
    context.put(opened, context.subject)


def or_case(on_certificate: Effect) -> Effect:
    """Give the effect that moves a case where the subject is one, and otherwise does this."""

    def effect(context: Context) -> None:
        record = context.case(context.subject)
        if record is None:
            on_certificate(context)
            return
        returned = isinstance(context.event.body, events.ReturnReceived)
        moved = msgspec.structs.replace(
            record,
            state=CASE_TRANSITIONS[record.state][context.event.header.type],
            head=context.event.event_id,
            holder=context.author[0] if returned else record.holder,
        )
        context.put(moved, record.case)

    return effect
