"""How much of each import went out again under certificates of its destination."""

from kpledger.records import CertificateRecord, DrawnRecord, drawn_key
from kpledger.rules.v1.context import Context
from kpledger.rules.v1.lineage import counted_sources
from kpledger.units import MAX_AMOUNT


def draw(context: Context, record: CertificateRecord) -> None:
    """Count what a new certificate takes from its sources."""
    _add(context, record, 1)


def give_back(context: Context, record: CertificateRecord) -> None:
    """Count no more what a certificate took that covers no shipment any more."""
    _add(context, record, -1)


def _add(context: Context, record: CertificateRecord, sign: int) -> None:
    for source in counted_sources(context, record):
        key = drawn_key(source.number)
        known = context.state.read(key, DrawnRecord)
        drawn = (0 if known is None else known.carat_thousandths) + sign * source.carat_thousandths
        # Without strict lineage anything may be named; the total stays an amount all the same.
        kept = min(max(drawn, 0), MAX_AMOUNT)
        context.state.put(key, DrawnRecord(carat_thousandths=kept))
