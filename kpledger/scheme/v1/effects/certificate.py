"""What happens to certificates: they are issued, replaced, and move through their states.

Of each import it is counted how much went out again under certificates of its destination.
"""

import msgspec

from kpledger.scheme.v1.context import Context
from kpledger.scheme.v1.events import certificate as events
from kpledger.scheme.v1.lifecycles import TRANSITIONS, CertificateState
from kpledger.scheme.v1.quantities import MAX_QUANTITY
from kpledger.scheme.v1.records import CertificateRecord, DrawnRecord, TechnicalRecord
from kpledger.scheme.v1.rules.contents import issued_record
from kpledger.scheme.v1.rules.exporting import amended
from kpledger.scheme.v1.rules.lineage import counted_sources, drawn_from
from kpledger.scheme.v1.rules.technical import moving_certificates


def issue(context: Context) -> None:
    """Write the new certificate, and count what it takes from its sources."""
    record = issued_record(context)
    context.put(record, record.number)
    for source in counted_sources(context, record):
        _draw(context, source.number, source.carat_thousandths)
    if record.kind is events.CertificateKind.TECHNICAL:
        # These technical certificates move the goods now.
        moving = (*moving_certificates(context, record.case), record)
        context.put(TechnicalRecord(numbers=tuple(one.number for one in moving)), record.case)


def replace(context: Context) -> None:
    """Close the old certificate and write the new one."""
    certificate = context.body(events.CertificateReplaced).certificate
    give_back(context, advance_certificate(context, replaced_by=certificate.number))
    issue(context)


def take_back(context: Context) -> None:
    """Close a certificate that covers no shipment any more: voided, or returned unused."""
    give_back(context, advance_certificate(context))


def give_back(context: Context, record: CertificateRecord, up_to: int = MAX_QUANTITY) -> None:
    """Count no more what a certificate took that covers no shipment any more.

    Of goods that were sent back it is as much as came back, in the order of the sources.
    """
    for source in counted_sources(context, record):
        back = min(source.carat_thousandths, up_to)
        up_to -= back
        _draw(context, source.number, -back)


def _draw(context: Context, number: str, carat_thousandths: int) -> None:
    drawn = drawn_from(context, number) + carat_thousandths
    # Without strict lineage anything may be named; the total stays an amount all the same.
    context.put(DrawnRecord(carat_thousandths=min(max(drawn, 0), MAX_QUANTITY)), number)


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


def certificate_of(context: Context) -> CertificateRecord:
    """Give the certificate that an accepted event is about."""
    return context.existing(CertificateRecord, context.subject)


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
    context.put(moved, record.number)
    return moved
