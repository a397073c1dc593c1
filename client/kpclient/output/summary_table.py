"""The annual summary as a table, beside what was published about the year.

Production is compared country by country; countries that have no row of their own in what was
published add up to its ``OTHERS``. Of the trade, exports by weight are compared, as far as they
were published. Every difference is the ledger less what was published.
"""

from dataclasses import dataclass
from typing import Final

from kpclient.output.published import OTHERS, Published
from kpclient.output.tables import CellKind, Table, TableCell, columns_of
from kpledger.books.statistics.summary import SummaryAnswer, SummaryRow

FIGURES: Final = columns_of(
    *("participant", "name", "production_carats", "production_value_usd"),
    *("production_usd_per_carat", "import_carats", "import_value_usd", "export_carats"),
    *("export_value_usd", "certificates_issued", "certificates_received"),
    "half_years_submitted",
)
COMPARED: Final = columns_of(
    *("published_production_carats", "published_production_value_usd"),
    *("difference_production_carats", "difference_production_value_usd"),
    *("published_export_carats", "difference_export_carats"),
)
GLOBAL: Final = "GLOBAL"
"""Stands where the code would, in the row of totals."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of the ledger beside the published one."""

    what: str
    participant: str
    kind: CellKind
    ledger: int
    published: int

    @property
    def difference(self) -> int:
        """The ledger's less the published one."""
        return self.ledger - self.published


def compare_with_published(answer: SummaryAnswer, published: Published) -> list[Comparison]:
    """Compare every figure that was published, production first."""
    found: list[Comparison] = []
    mined = {row.participant: row for row in answer.participants}
    named = set(published.production)
    rest = [row for code, row in mined.items() if code not in named]
    for code, figures in published.production.items():
        rows = rest if code == OTHERS else [mined[code]] if code in mined else []
        carats = sum(row.production_carat_thousandths for row in rows)
        value = sum(row.production_value_usd_cents for row in rows)
        found += [
            Comparison(
                "production_carats", code, CellKind.CARATS, carats, figures.carat_thousandths
            ),
            Comparison("production_value_usd", code, CellKind.USD, value, figures.value_usd_cents),
        ]
    for code, carats in published.exports_carat_thousandths.items():
        ours = mined[code].export_carat_thousandths if code in mined else 0
        found.append(Comparison("export_carats", code, CellKind.CARATS, ours, carats))
    return found


def lay_out_summary(answer: SummaryAnswer, published: Published | None) -> Table:
    """Lay out the summary, a row for each participant and one of totals.

    Where something was published about the year there are columns for it, and a row ``OTHERS``.
    """
    rows = [_figures(row) for row in answer.participants]
    rows.append([GLOBAL, "All participants", *_figures(answer.totals)[2:]])
    if published is None:
        return Table(FIGURES, rows)
    compared: dict[str, dict[str, int]] = {}
    for one in compare_with_published(answer, published):
        cells = compared.setdefault(one.participant, {})
        cells[f"published_{one.what}"] = one.published
        cells[f"difference_{one.what}"] = one.difference
    for code in sorted(compared.keys() - {row[0] for row in rows}):
        nothing: list[TableCell] = [None] * (len(FIGURES) - 2)
        rows.append([code, "Others, as published" if code == OTHERS else "", *nothing])
    return Table(
        (*FIGURES, *COMPARED),
        [
            [*row, *(compared.get(str(row[0]), {}).get(column.name) for column in COMPARED)]
            for row in rows
        ],
    )


def _figures(row: SummaryRow) -> list[TableCell]:
    return [
        row.participant,
        row.name,
        row.production_carat_thousandths,
        row.production_value_usd_cents,
        row.production_usd_cents_per_carat,
        row.import_carat_thousandths,
        row.import_value_usd_cents,
        row.export_carat_thousandths,
        row.export_value_usd_cents,
        row.certificates_issued,
        row.certificates_received,
        row.half_years_submitted,
    ]
