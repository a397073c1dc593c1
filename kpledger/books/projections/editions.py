"""Editions: every edition of submitted statistics, and how much it restates of the one before."""

import sqlite3
from typing import Final

from kpledger.base.units import bound_amount
from kpledger.books.projections.shipments import BookedEvent
from kpledger.scheme.v1.events.statistics import (
    CountStatisticsSubmitted,
    Flow,
    ProductionStatisticsSubmitted,
    Series,
    TradeRow,
    TradeStatisticsSubmitted,
)

_FIGURES: Final = 8
_MILLION: Final = 1_000_000


def write_edition(connection: sqlite3.Connection, at: BookedEvent) -> None:
    """Write an edition into the tables ``editions`` and ``edition_rows``."""
    figures = [0] * _FIGURES
    rows: list[tuple[object, ...]] = []
    match at.event.body:
        case TradeStatisticsSubmitted(quarter=period, edition=edition, rows=trade):
            series = Series.TRADE
            figures[0:2] = _sum(trade, Flow.EXPORT)
            figures[2:4] = _sum(trade, Flow.IMPORT)
            rows = [
                (
                    row.flow.value,
                    row.partner,
                    row.origin,
                    str(row.hs),
                    row.carat_thousandths,
                    row.value_usd_cents,
                    0,
                    0,
                )
                for row in trade
            ]
        case ProductionStatisticsSubmitted(half_year=period, edition=edition) as mined:
            series = Series.PRODUCTION
            figures[4:6] = mined.carat_thousandths, mined.value_usd_cents
        case CountStatisticsSubmitted(quarter=period, edition=edition, rows=counts):
            series = Series.COUNTS
            figures[6] = sum(row.issued for row in counts)
            figures[7] = sum(row.received for row in counts)
            rows = [
                (None, row.partner, None, None, 0, 0, row.issued, row.received) for row in counts
            ]
        case _:
            return
    place = at.event.header.author.participant, series.value, period, edition
    figures = [bound_amount(figure) for figure in figures]
    connection.execute(
        f"INSERT INTO editions VALUES ({', '.join('?' * 16)})",
        (*place, at.index, at.time_ms, at.day, *figures, _restated_ppm(connection, place, figures)),
    )
    connection.executemany(
        f"INSERT INTO edition_rows VALUES ({', '.join('?' * 13)})",
        [(*place, number, *row) for number, row in enumerate(rows)],
    )


def _restated_ppm(
    connection: sqlite3.Connection, place: tuple[str, str, str, int], figures: list[int]
) -> int | None:
    """Give the largest relative change of a figure against the edition before."""
    participant, series, period, edition = place
    row = connection.execute(
        "SELECT export_carat_thousandths, export_value_usd_cents, import_carat_thousandths,"
        " import_value_usd_cents, production_carat_thousandths, production_value_usd_cents,"
        " issued, received FROM editions"
        " WHERE series = ? AND period = ? AND participant = ? AND edition = ?",
        (series, period, participant, edition - 1),
    ).fetchone()
    if row is None:
        return None
    changes = (
        abs(new - old) * _MILLION // max(1, old) for new, old in zip(figures, row, strict=True)
    )
    return bound_amount(max(changes))


def _sum(rows: tuple[TradeRow, ...], flow: Flow) -> tuple[int, int]:
    chosen = [row for row in rows if row.flow is flow]
    return (
        sum(row.carat_thousandths for row in chosen),
        sum(row.value_usd_cents for row in chosen),
    )
