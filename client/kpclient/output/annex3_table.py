"""The tables of KPCS Annex III as one flat table: the column ``table`` says which a row is of."""

from collections.abc import Iterator
from typing import Final

import msgspec

from kpclient.output.tables import Table, TableCell, columns_of, write_name
from kpledger.books.statistics.annex3 import Annex3Answer

COLUMNS: Final = columns_of(
    *("table", "participant", "period", "source", "known_at", "flow", "partner", "origin", "hs"),
    *("carats", "value_usd", "submitted_carats", "submitted_value_usd"),
    *("difference_carats", "difference_value_usd", "issued", "received"),
    *("submitted_issued", "submitted_received", "difference_issued", "difference_received"),
    *("series", "edition", "first_on", "newest_on", "due_on", "late"),
)


def lay_out_annex3(answer: Annex3Answer) -> Table:
    """Lay out the tables."""
    common: dict[str, TableCell] = {
        "participant": answer.participant,
        "period": answer.period,
        "source": str(answer.source),
        "known_at": answer.known_at,
    }
    rows = [common | row for row in _rows(answer)]
    return Table(COLUMNS, [[row.get(column.name) for column in COLUMNS] for row in rows])


def _rows(answer: Annex3Answer) -> Iterator[dict[str, TableCell]]:
    for name in ("trade", "counts", "production", "submissions"):
        for row in getattr(answer, name):
            cells = {write_name(field): value for field, value in _plain(row).items()}
            if name == "production":
                # What was mined is known from submissions alone.
                cells["period"] = cells["half_year"]
                for amount in ("carats", "value_usd"):
                    cells[f"submitted_{amount}"] = cells.pop(amount)
            yield {"table": name, **cells}


def _plain(row: msgspec.Struct) -> dict[str, TableCell]:
    plain: dict[str, TableCell] = msgspec.to_builtins(row)
    return plain
