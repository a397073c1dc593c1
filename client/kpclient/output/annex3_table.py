"""The tables of KPCS Annex III as one flat table: the column ``table`` says which a row is of."""

from collections.abc import Iterator, Mapping
from typing import Final

from kpclient.output.tables import CellKind, Column, Table, TableCell
from kpledger.books.statistics.annex3 import Annex3Answer

COLUMNS: Final = (
    Column("table", CellKind.TEXT),
    Column("participant", CellKind.TEXT),
    Column("period", CellKind.TEXT),
    Column("source", CellKind.TEXT),
    Column("known_at", CellKind.TEXT),
    Column("flow", CellKind.TEXT),
    Column("partner", CellKind.TEXT),
    Column("origin", CellKind.TEXT),
    Column("hs", CellKind.TEXT),
    Column("carats", CellKind.CARATS),
    Column("value_usd", CellKind.USD),
    Column("submitted_carats", CellKind.CARATS),
    Column("submitted_value_usd", CellKind.USD),
    Column("difference_carats", CellKind.CARATS),
    Column("difference_value_usd", CellKind.USD),
    Column("issued", CellKind.WHOLE),
    Column("received", CellKind.WHOLE),
    Column("submitted_issued", CellKind.WHOLE),
    Column("submitted_received", CellKind.WHOLE),
    Column("difference_issued", CellKind.WHOLE),
    Column("difference_received", CellKind.WHOLE),
    Column("series", CellKind.TEXT),
    Column("edition", CellKind.WHOLE),
    Column("first_on", CellKind.TEXT),
    Column("newest_on", CellKind.TEXT),
    Column("due_on", CellKind.TEXT),
    Column("late", CellKind.TRUTH),
)


def lay_out_annex3(answer: Annex3Answer) -> Table:
    """Lay out the tables."""
    common: dict[str, TableCell] = {
        "participant": answer.participant,
        "source": str(answer.source),
        "known_at": answer.known_at,
    }
    rows = [{**common, **row} for row in _rows(answer)]
    return Table(COLUMNS, [[row.get(column.name) for column in COLUMNS] for row in rows])


def _rows(answer: Annex3Answer) -> Iterator[Mapping[str, TableCell]]:
    for trade in answer.trade:
        yield {
            "table": "trade",
            "period": answer.period,
            "flow": str(trade.flow),
            "partner": trade.partner,
            "origin": trade.origin,
            "hs": trade.hs,
            "carats": trade.carat_thousandths,
            "value_usd": trade.value_usd_cents,
            "submitted_carats": trade.submitted_carat_thousandths,
            "submitted_value_usd": trade.submitted_value_usd_cents,
            "difference_carats": trade.difference_carat_thousandths,
            "difference_value_usd": trade.difference_value_usd_cents,
        }
    for count in answer.counts:
        yield {
            "table": "counts",
            "period": answer.period,
            "partner": count.partner,
            "issued": count.issued,
            "received": count.received,
            "submitted_issued": count.submitted_issued,
            "submitted_received": count.submitted_received,
            "difference_issued": count.difference_issued,
            "difference_received": count.difference_received,
        }
    for production in answer.production:
        yield {
            "table": "production",
            "period": production.half_year,
            "submitted_carats": production.carat_thousandths,
            "submitted_value_usd": production.value_usd_cents,
        }
    for submission in answer.submissions:
        yield {
            "table": "submissions",
            "period": submission.period,
            "series": str(submission.series),
            "edition": submission.edition,
            "first_on": submission.first_on,
            "newest_on": submission.newest_on,
            "due_on": submission.due_on,
            "late": submission.late,
        }
