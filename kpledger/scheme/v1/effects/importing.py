"""What happens to a certificate where its shipment arrives or surfaces."""

import msgspec

from kpledger.scheme.v1.context import CatalogueError, Context
from kpledger.scheme.v1.effects import lineage
from kpledger.scheme.v1.effects.cases import open_presented
from kpledger.scheme.v1.effects.certificate import advance_certificate, certificate_of
from kpledger.scheme.v1.events import importing as events
from kpledger.scheme.v1.lifecycles import CertificateState
from kpledger.scheme.v1.records import FoundGoods
from kpledger.scheme.v1.rules.cases import opening_kind


def arrive(context: Context) -> None:
    """Put the goods into the destination's hands, or open a case for them."""
    body = context.body(events.ArrivalRecorded)
    kind = opening_kind(context)
    if kind is not None:
        open_presented(context, kind, body.found_carat_thousandths)
    else:
        advance_certificate(context, arrived_on=body.arrived_on, holder=context.author[0])


def confirm(context: Context) -> None:
    """Close the certificate with what was found as declared."""
    body = context.body(events.ImportConfirmed)
    exported_on = body.exported_on or certificate_of(context).exported_on
    advance_certificate(
        context, found=_found(body), holder=context.author[0], exported_on=exported_on
    )


def confirm_discrepant(context: Context) -> None:
    """Keep what was found beside what was declared."""
    body = context.body(events.ImportConfirmedDiscrepant)
    advance_certificate(context, found=_found(body), holder=context.author[0])


def _found(body: events.ImportConfirmed | events.ImportConfirmedDiscrepant) -> FoundGoods:
    return FoundGoods(
        parcels=body.parcels,
        carat_thousandths=body.carat_thousandths,
        value_usd_cents=body.value_usd_cents,
        received_on=body.received_on,
    )


def resolve(context: Context) -> None:
    """Put what both agree on in the place of what was found."""
    body = context.body(events.DiscrepancyResolved)
    found = certificate_of(context).found
    if found is None:
        raise CatalogueError(f"{context.subject} was confirmed without what was found")
    agreed = msgspec.structs.replace(
        found,
        parcels=body.parcels,
        carat_thousandths=body.carat_thousandths,
        value_usd_cents=body.value_usd_cents,
    )
    advance_certificate(context, found=agreed)


def detain(context: Context) -> None:
    """Put the goods into the hands of whoever detains them, or open a case for them."""
    kind = opening_kind(context)
    if kind is not None:
        open_presented(context, kind, None)
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
    lineage.give_back(context, returned, context.body(events.ReturnReceived).carat_thousandths)
