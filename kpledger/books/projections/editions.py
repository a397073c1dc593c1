"""Editions: every edition of submitted statistics, and how much it restates of the one before."""

from typing import Final

from kpledger.base.units import bound_amount
from kpledger.books.projections.rows import Rows, SqlRow
from kpledger.books.projections.shipments import BookedEvent
from kpledger.scheme.v1.events.statistics import (
    CountStatisticsSubmitted,
    Flow,
    ProductionStatisticsSubmitted,
    Series,
    TradeRow,
    TradeStatisticsSubmitted,
)

_MILLION: Final = 1_000_000
_NONE: Final = (0, 0)
_OF_EDITION: Final = "WHERE series = ? AND period = ? AND participant = ? AND edition = ?"


def write_edition(rows: Rows, at: BookedEvent) -> None:
    """Write an edition into the tables ``editions`` and ``edition_rows``, if an event is one."""
    stated: list[SqlRow] = []
    exports = imports = production = counts = _NONE
    match at.event.body:
        case TradeStatisticsSubmitted(quarter=period, edition=edition, rows=trade):
            series = Series.TRADE
            exports, imports = _sum(trade, Flow.EXPORT), _sum(trade, Flow.IMPORT)
            for row in trade:
                of = row.flow.value, row.partner, row.origin, str(row.hs)
                stated.append((*of, row.carat_thousandths, row.value_usd_cents, 0, 0))
        case ProductionStatisticsSubmitted(half_year=period, edition=edition) as mined:
            series = Series.PRODUCTION
            production = mined.carat_thousandths, mined.value_usd_cents
        case CountStatisticsSubmitted(quarter=period, edition=edition, rows=counted):
            series = Series.COUNTS
            counts = sum(row.issued for row in counted), sum(row.received for row in counted)
            stated = [
                (None, one.partner, None, None, 0, 0, one.issued, one.received) for one in counted
            ]
        case _:
            return
    participant = at.event.header.author.participant
    place = participant, series.value, period, edition
    figures = tuple(map(bound_amount, (*exports, *imports, *production, *counts)))
    before = rows.connection.execute(
        "SELECT export_carat_thousandths, export_value_usd_cents, import_carat_thousandths,"
        " import_value_usd_cents, production_carat_thousandths, production_value_usd_cents,"
        f" issued, received FROM editions {_OF_EDITION}",
        (series.value, period, participant, edition - 1),
    ).fetchone()
    # The next edition may follow before the transaction ends, so this one is written at once.
    rows.connection.execute(
        f"INSERT INTO editions VALUES ({', '.join('?' * 16)})",
        (*place, at.index, at.time_ms, at.day, *figures, _restated_ppm(before, figures)),
    )
    written = rows.of("INSERT INTO edition_rows")
    written += [(*place, number, *row) for number, row in enumerate(stated)]


def _restated_ppm(before: tuple[int, ...] | None, now: tuple[int, ...]) -> int | None:
    """Give the largest relative change of a figure against the edition before."""
    if before is None:
        return None
    changes = (
        abs(new - old) * _MILLION // max(1, old) for old, new in zip(before, now, strict=True)
    )
    return bound_amount(max(changes))


def _sum(rows: tuple[TradeRow, ...], flow: Flow) -> tuple[int, int]:
    chosen = [row for row in rows if row.flow is flow]
    return sum(row.carat_thousandths for row in chosen), sum(row.value_usd_cents for row in chosen)
