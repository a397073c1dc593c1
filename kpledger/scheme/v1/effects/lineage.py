"""How much of each import went out again under certificates of its destination."""

from kpledger.scheme.v1.context import Context
from kpledger.scheme.v1.quantities import MAX_QUANTITY
from kpledger.scheme.v1.records import CertificateRecord, DrawnRecord
from kpledger.scheme.v1.rules.lineage import counted_sources


def draw(context: Context, record: CertificateRecord) -> None:
    """Count what a new certificate takes from its sources."""
    for source in counted_sources(context, record):
        _add(context, source.number, source.carat_thousandths)


def give_back(context: Context, record: CertificateRecord, up_to: int = MAX_QUANTITY) -> None:
    """Count no more what a certificate took that covers no shipment any more.

    Of goods that were sent back it is as much as came back, in the order of the sources.
    """
    for source in counted_sources(context, record):
        back = min(source.carat_thousandths, up_to)
        up_to -= back
        _add(context, source.number, -back)


def _add(context: Context, number: str, carat_thousandths: int) -> None:
    key = DrawnRecord.key_for(number)
    known = context.state.read(key, DrawnRecord)
    drawn = (0 if known is None else known.carat_thousandths) + carat_thousandths
    # Without strict lineage anything may be named; the total stays an amount all the same.
    kept = min(max(drawn, 0), MAX_QUANTITY)
    context.state.put(key, DrawnRecord(carat_thousandths=kept))
