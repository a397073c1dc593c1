"""The statistics as flat tables: those of KPCS Annex III, and the annual summary.

The summary stands beside what was published about the year. Production is compared country by
country; countries that have no row of their own in what was published add up to its ``OTHERS``. Of
the trade, exports by weight are compared, as far as they were published. Every difference is the
ledger less what was published.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from kpclient.output.published import OTHERS, Published
from kpclient.output.tables import CellKind, Table, TableCell, kind_of, write_name
from kpledger.books.statistics import Annex3Answer, SummaryAnswer, SummaryRow

ANNEX3_TABLES: Final = ("trade", "counts", "production", "submissions")
_ANNEX3: Final = (
    *("table", "participant", "period", "source", "known_at", "flow", "partner", "origin", "hs"),
    *("carats", "value_usd", "submitted_carats", "submitted_value_usd"),
    *("difference_carats", "difference_value_usd", "issued", "received"),
    *("submitted_issued", "submitted_received", "difference_issued", "difference_received"),
    *("series", "edition", "first_on", "newest_on", "due_on", "late"),
)
_SUMMARY: Final = tuple(map(write_name, SummaryRow.__struct_fields__))
_COMPARED: Final = (
    *("published_production_carats", "published_production_value_usd"),
    *("difference_production_carats", "difference_production_value_usd"),
    *("published_export_carats", "difference_export_carats"),
)
GLOBAL: Final = "GLOBAL"
"""Stands where the code would, in the row of totals."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of the ledger beside the published one."""

    figure: str
    participant: str
    unit: CellKind
    ledger: int
    published: int
    difference: int


def lay_out_annex3(answer: Annex3Answer) -> Table:
    """Lay out the tables as one; the column ``table`` says which a row is of."""
    common = {name: str(getattr(answer, name)) for name in _ANNEX3[2:5]}
    return Table(
        _ANNEX3,
        [
            {"table": name, "participant": answer.participant, **common, **_figures(row)}
            for name in ANNEX3_TABLES
            for row in getattr(answer, name)
        ],
    )


def lay_out_summary(answer: SummaryAnswer, compared: Sequence[Comparison]) -> Table:
    """Lay out the summary, a row for each participant and one of totals.

    If it is compared with what was published there are columns for that, and a row ``OTHERS``.
    """
    rows = [_figures(row) for row in answer.participants]
    rows.append(_figures(answer.totals) | {"participant": GLOBAL, "name": "All participants"})
    if not compared:
        return Table(_SUMMARY, rows)
    beside: dict[str, dict[str, TableCell]] = {}
    for one in compared:
        cells = beside.setdefault(one.participant, {})
        cells[f"published_{one.figure}"] = one.published
        cells[f"difference_{one.figure}"] = one.difference
    for code in sorted(beside.keys() - {row["participant"] for row in rows}):
        name = "Others, as published" if code == OTHERS else ""
        rows.append({"participant": code, "name": name})
    return Table(
        (*_SUMMARY, *_COMPARED), [row | beside.get(str(row["participant"]), {}) for row in rows]
    )


def compare_with_published(answer: SummaryAnswer, published: Published | None) -> list[Comparison]:
    """Compare every figure that was published, if any, production first."""
    found: list[Comparison] = []
    if published is None:
        return found
    known = {row.participant: row for row in answer.participants}
    rest = [row for code, row in known.items() if code not in published.production]
    for code, figures in published.production.items():
        rows = rest if code == OTHERS else [known[code]] if code in known else []
        carats = sum(row.production_carat_thousandths for row in rows)
        value = sum(row.production_value_usd_cents for row in rows)
        found += [
            _compare("production_carats", code, carats, figures.carat_thousandths),
            _compare("production_value_usd", code, value, figures.value_usd_cents),
        ]
    for code, carats in published.exports_carat_thousandths.items():
        ours = known[code].export_carat_thousandths if code in known else 0
        found.append(_compare("export_carats", code, ours, carats))
    return found


def _compare(figure: str, participant: str, ledger: int, published: int) -> Comparison:
    return Comparison(
        figure=figure,
        participant=participant,
        unit=kind_of(figure),
        ledger=ledger,
        published=published,
        difference=ledger - published,
    )


def _figures(row: msgspec.Struct) -> dict[str, TableCell]:
    """Give the fields of a row by the names that people know."""
    plain: dict[str, TableCell] = msgspec.to_builtins(row)
    return {write_name(name): value for name, value in plain.items()}
