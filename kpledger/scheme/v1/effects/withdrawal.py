"""What becomes of a case, a proceeding or a dispute that whoever opened it by mistake withdraws."""

from kpledger.scheme.v1.context import Context, record_of
from kpledger.scheme.v1.effects.certificate import advance_certificate, certificate_of
from kpledger.scheme.v1.effects.importing import or_case
from kpledger.scheme.v1.effects.life import proceed
from kpledger.scheme.v1.lifecycles import CertificateState
from kpledger.scheme.v1.records import FoundGoods, ProceedingRecord


def withdraw(context: Context) -> None:
    """Close it, or put the certificate back to where it stood."""
    if context.read(ProceedingRecord, context.subject) is not None:
        proceed(context)
    else:
        or_case(_put_back)(context)


def _put_back(context: Context) -> None:
    record = certificate_of(context)
    if record.found is not None:
        # It came as declared.
        declared = record_of(FoundGoods, record, received_on=record.found.received_on)
        advance_certificate(context, found=declared)
    elif record.state is CertificateState.DIVERTED:
        advance_certificate(context, holder=None)
    else:
        # Who has the goods has them still: let go, they stand where they stood.
        elsewhere = record.holder != record.destination
        prior = record.prior or (CertificateState.DIVERTED if elsewhere else None)
        advance_certificate(context, prior=prior)
