"""What submitted statistics change: the editions there are; what they say is kept in indexes."""

import msgspec

from kpledger.scheme.v1.context import Context
from kpledger.scheme.v1.events.statistics import (
    CountStatisticsSubmitted,
    ProductionStatisticsSubmitted,
    TradeStatisticsSubmitted,
)
from kpledger.scheme.v1.records import EditionRecorded, SubmissionRecord
from kpledger.scheme.v1.subjects import Subject


def submit_trade(context: Context) -> None:
    """Add an edition of a trade table."""
    _submit(context, Subject.TRADE, context.body(TradeStatisticsSubmitted).quarter)


def submit_production(context: Context) -> None:
    """Add an edition of a production figure."""
    _submit(context, Subject.PRODUCTION, context.body(ProductionStatisticsSubmitted).half_year)


def submit_counts(context: Context) -> None:
    """Add an edition of a table of counts."""
    _submit(context, Subject.COUNTS, context.body(CountStatisticsSubmitted).quarter)


def _submit(context: Context, kind: Subject, period: str) -> None:
    code = context.author[0]
    before = context.submission(code, kind, period)
    new = EditionRecorded(
        edition=len(before.editions) + 1,
        event=context.event.event_id,
        recorded_at=context.at.now_ms,
    )
    record = msgspec.structs.replace(before, editions=(*before.editions, new))
    context.state.put(SubmissionRecord.key_for(code, kind, period), record)
