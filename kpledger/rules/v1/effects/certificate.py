"""What happens to certificates: they are issued, replaced, and move through their states."""

import msgspec

from kpledger.events.certificate import Certificate, CertificateReplaced
from kpledger.lifecycle import TRANSITIONS, CertificateState
from kpledger.records import CertificateRecord, certificate_key
from kpledger.rules.v1.context import CatalogueError, Context
from kpledger.rules.v1.numbering import issued_certificate


def issue(context: Context) -> None:
    """Write the new certificate."""
    _put_issued(context, issued_certificate(context), replaces=None)


def replace(context: Context) -> None:
    """Close the old certificate and write the new one."""
    certificate = context.body(CertificateReplaced).certificate
    move(context)
    old = _certificate(context)
    closed = msgspec.structs.replace(old, replaced_by=certificate.number)
    context.state.put(certificate_key(old.number), closed)
    _put_issued(context, certificate, replaces=old.number)


def _put_issued(context: Context, certificate: Certificate, *, replaces: str | None) -> None:
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
    context.state.put(certificate_key(certificate.number), record)


def _certificate(context: Context) -> CertificateRecord:
    record = context.certificate(context.subject)
    if record is None:
        raise CatalogueError(f"certificate {context.subject} was not checked before its change")
    return record


def move(context: Context) -> None:
    """Move the certificate on, as the table of transitions says."""
    record = _certificate(context)
    step = TRANSITIONS[record.state][context.event.header.type]
    marks = record.marks
    if step.mark is not None and step.mark not in marks:
        marks = (*marks, step.mark)
    moved = msgspec.structs.replace(
        record,
        state=record.state if step.state is None else step.state,
        marks=marks,
        head=context.event.event_id,
    )
    context.state.put(certificate_key(record.number), moved)
