"""What happens to certificates: they are issued, replaced, and move through their states."""

import msgspec

from kpledger.scheme.v1.context import CatalogueError, Context
from kpledger.scheme.v1.effects import lineage
from kpledger.scheme.v1.events import certificate as events
from kpledger.scheme.v1.lifecycles import TRANSITIONS, CertificateState
from kpledger.scheme.v1.records import CertificateRecord, TechnicalRecord
from kpledger.scheme.v1.rules.amendments import amended
from kpledger.scheme.v1.rules.numbering import issued_certificate
from kpledger.scheme.v1.rules.technical import moving_certificates


def issue(context: Context) -> None:
    """Write the new certificate."""
    _put_issued(context, issued_certificate(context), replaces=None)


def replace(context: Context) -> None:
    """Close the old certificate and write the new one."""
    certificate = context.body(events.CertificateReplaced).certificate
    old = advance_certificate(context, replaced_by=certificate.number)
    lineage.give_back(context, old)
    _put_issued(context, certificate, replaces=old.number)


def take_back(context: Context) -> None:
    """Close a certificate that covers no shipment any more: voided, or returned unused."""
    lineage.give_back(context, advance_certificate(context))


def notify_export(context: Context) -> None:
    """Send the shipment on its way and keep the day it leaves."""
    advance_certificate(context, exported_on=context.body(events.ExportNotified).exported_on)


def amend(context: Context) -> None:
    """Let the certificate say what it should have said."""
    body = context.body(events.AmendmentEndorsed)
    advance_certificate(context, **amended(certificate_of(context), body.field, body.new))


def lose(context: Context) -> None:
    """Remember that it is lost, and where it stood."""
    advance_certificate(context, lost=True, prior=certificate_of(context).state)


def find(context: Context) -> None:
    """Take it as found; unless its goods have arrived meanwhile, it stands where it stood."""
    record = certificate_of(context)
    if record.state is CertificateState.LOST:
        advance_certificate(context, lost=False, state=record.prior, prior=None)
    else:
        advance_certificate(context, lost=False)


def _put_issued(context: Context, certificate: events.Certificate, *, replaces: str | None) -> None:
    issuer, authority = context.author
    record = CertificateRecord(
        number=certificate.number,
        kind=certificate.kind,
        state=(
            CertificateState.ISSUED
            if certificate.validated_at is None
            else CertificateState.VALIDATED
        ),
        marks=(),
        head=context.event.event_id,
        issuer=issuer,
        authority=authority,
        destination=certificate.destination,
        issued_on=certificate.issued_on,
        expires_on=certificate.expires_on,
        expiry=context.policy(issuer).expiry,
        recorded_at=context.at.now_ms,
        exporter=certificate.exporter,
        importer=certificate.importer,
        origins=certificate.origin.countries,
        zones=certificate.origin.zones,
        parcels=certificate.parcels,
        carat_thousandths=certificate.carat_thousandths,
        value_usd_cents=certificate.value_usd_cents,
        lines=certificate.lines,
        sources=certificate.sources,
        case=certificate.case,
        exported_on=None,
        arrived_on=None,
        prior=None,
        lost=False,
        holder=None,
        found=None,
        replaces=replaces,
        replaced_by=None,
    )
    context.state.put(CertificateRecord.key_for(certificate.number), record)
    lineage.draw(context, record)
    if record.kind is events.CertificateKind.TECHNICAL:
        _list_technical(context, record)


def _list_technical(context: Context, record: CertificateRecord) -> None:
    """Write which technical certificates move the goods now, beside the new one."""
    numbers = (*(one.number for one in moving_certificates(context, record.case)), record.number)
    context.state.put(TechnicalRecord.key_for(record.case), TechnicalRecord(numbers=numbers))


def certificate_of(context: Context) -> CertificateRecord:
    """Give the certificate that an accepted event is about."""
    record = context.certificate(context.subject)
    if record is None:
        raise CatalogueError(f"certificate {context.subject} was not checked before its change")
    return record


def move(context: Context) -> None:
    """Move the certificate on; nothing else about it changes."""
    advance_certificate(context)


def advance_certificate(context: Context, **changes: object) -> CertificateRecord:
    """Move the certificate on, as the table of transitions says, and change what else changes."""
    record = certificate_of(context)
    step = TRANSITIONS[record.state][context.event.header.type]
    marks = record.marks
    if step.mark is not None and step.mark not in marks:
        marks = (*marks, step.mark)
    following = {
        "state": record.state if step.state is None else step.state,
        "marks": marks,
        "head": context.event.event_id,
    }
    moved = msgspec.structs.replace(record, **{**following, **changes})
    context.state.put(CertificateRecord.key_for(record.number), moved)
    return moved
