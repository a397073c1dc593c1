"""Submitted statistics: every edition that a participant sent, and which was the newest at a day.

The state remembers that an edition was recorded; what it says is kept here: its sums under
``submitted``, its rows under ``submitted-rows``. Keys of both are
``series/period/participant/edition``, so that all who submitted for a period stand together.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from kpledger.analysis.applied import Applied
from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.analysis.statistics.totals import day_number
from kpledger.base.codec import decode_trusted, encode
from kpledger.scheme.v1.events.statistics import (
    CountRow,
    CountStatisticsSubmitted,
    Flow,
    ProductionStatisticsSubmitted,
    Series,
    TradeRow,
    TradeStatisticsSubmitted,
)

EDITION: Final = b"submitted"
ROWS: Final = b"submitted-rows"

_EDITION_DIGITS: Final = 4


class Sum(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A sum over the rows of an edition."""

    carat_thousandths: int = 0
    value_usd_cents: int = 0


NO_SUM: Final = Sum()


class Edition(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One edition: where it is recorded, and its sums; those of other series are zero."""

    edition: int
    event: bytes
    recorded_at: int
    """Block time, Unix milliseconds."""
    exports: Sum = NO_SUM
    imports: Sum = NO_SUM
    production: Sum = NO_SUM
    issued: int = 0
    received: int = 0


class TradeRows(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The rows of a trade table."""

    rows: tuple[TradeRow, ...]


class CountRows(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The rows of a table of certificate counts."""

    rows: tuple[CountRow, ...]


def keep_submission(applied: Applied, changes: IndexChanges) -> None:
    """Keep an edition (a :data:`kpledger.analysis.applied.Projection`)."""
    participant = applied.event.header.author.participant
    match applied.event.body:
        case TradeStatisticsSubmitted(quarter=period, edition=number, rows=rows):
            kept = _edition(
                applied,
                number,
                exports=_sum(rows, Flow.EXPORT),
                imports=_sum(rows, Flow.IMPORT),
            )
            key = _key(Series.TRADE, period, participant, number)
            changes.put(ROWS, key, encode(TradeRows(rows=rows)))
        case CountStatisticsSubmitted(quarter=period, edition=number, rows=counts):
            kept = _edition(
                applied,
                number,
                issued=sum(row.issued for row in counts),
                received=sum(row.received for row in counts),
            )
            key = _key(Series.COUNTS, period, participant, number)
            changes.put(ROWS, key, encode(CountRows(rows=counts)))
        case ProductionStatisticsSubmitted(half_year=period, edition=number) as body:
            produced = Sum(
                carat_thousandths=body.carat_thousandths, value_usd_cents=body.value_usd_cents
            )
            kept = _edition(applied, number, production=produced)
            key = _key(Series.PRODUCTION, period, participant, number)
        case _:
            return
    changes.put(EDITION, key, encode(kept))


def _edition(
    applied: Applied,
    number: int,
    *,
    exports: Sum = NO_SUM,
    imports: Sum = NO_SUM,
    production: Sum = NO_SUM,
    issued: int = 0,
    received: int = 0,
) -> Edition:
    return Edition(
        edition=number,
        event=applied.event.event_id,
        recorded_at=applied.time_ms,
        exports=exports,
        imports=imports,
        production=production,
        issued=issued,
        received=received,
    )


def _sum(rows: tuple[TradeRow, ...], flow: Flow) -> Sum:
    chosen = [row for row in rows if row.flow is flow]
    return Sum(
        carat_thousandths=sum(row.carat_thousandths for row in chosen),
        value_usd_cents=sum(row.value_usd_cents for row in chosen),
    )


def read_editions(
    index: IndexReader,
    series: Series,
    period: str,
    participant: str,
    known_at: int | None = None,
) -> tuple[Edition, ...]:
    """Give the editions of a period that were recorded by a day, oldest first."""
    prefix = f"{series}/{period}/{participant}/".encode()
    editions = (decode_trusted(value, Edition) for _, value in index.scan(EDITION, prefix))
    return tuple(one for one in editions if _is_known(one, known_at))


def read_newest(
    index: IndexReader, series: Series, period: str, known_at: int | None = None
) -> Iterator[tuple[str, Edition]]:
    """Yield who submitted for a period by a day, with the newest edition of each."""
    prefix = f"{series}/{period}/".encode()
    newest: dict[str, Edition] = {}
    for key, value in index.scan(EDITION, prefix):
        edition = decode_trusted(value, Edition)
        if _is_known(edition, known_at):
            newest[key[len(prefix) :].decode().partition("/")[0]] = edition
    yield from newest.items()


def read_trade_rows(
    index: IndexReader, period: str, participant: str, edition: Edition
) -> tuple[TradeRow, ...]:
    """Give the rows of an edition of a trade table."""
    stored = index.get(ROWS, _key(Series.TRADE, period, participant, edition.edition))
    return () if stored is None else decode_trusted(stored, TradeRows).rows


def read_count_rows(
    index: IndexReader, period: str, participant: str, edition: Edition
) -> tuple[CountRow, ...]:
    """Give the rows of an edition of a table of counts."""
    stored = index.get(ROWS, _key(Series.COUNTS, period, participant, edition.edition))
    return () if stored is None else decode_trusted(stored, CountRows).rows


def _is_known(edition: Edition, known_at: int | None) -> bool:
    return known_at is None or day_number(edition.recorded_at) <= known_at


def _key(series: Series, period: str, participant: str, edition: int) -> bytes:
    return f"{series}/{period}/{participant}/{edition:0{_EDITION_DIGITS}d}".encode()
