"""What the books count as trade, added up here by plain Python from their rows."""

from collections import defaultdict
from typing import NamedTuple

from kpledger.base.units import MAX_TIME_MS, day_of, end_of_day_ms
from kpledger.books.database import Books
from kpledger.scheme.v1.events.statistics import Flow


class Total(NamedTuple):
    """A weight, what it is worth, and how many certificates it is spread over."""

    carat_thousandths: int = 0
    value_usd_cents: int = 0
    certificates: int = 0

    def plus(self, other: "Total") -> "Total":
        return Total(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


NOTHING = Total()


class Cell(NamedTuple):
    """What a row of a trade table is about."""

    reporter: str
    quarter: str
    flow: str
    partner: str
    origin: str
    hs: str


def read_cells(books: Books, known_at: str = "") -> dict[Cell, Total]:
    """Give every cell of the trade tables as known at the end of a day."""
    now = end_of_day_ms(known_at) if known_at else MAX_TIME_MS
    cells: dict[Cell, Total] = defaultdict(Total)
    for *cell, carats, value, certificates, known_from, known_until in books.connection.execute(
        "SELECT reporter, quarter, flow, partner, origin, hs, carat_thousandths, value_usd_cents,"
        " certificates, known_from, known_until FROM trade"
    ):
        if known_from <= now and (known_until is None or known_until > now):
            place = Cell(*cell)
            cells[place] = cells[place].plus(Total(carats, value, certificates))
    return dict(cells)


def read_lines(
    books: Books, reporter: str, flow: Flow, quarter: str
) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Give weight and value by partner, origin and HS code."""
    return {
        cell[3:]: total[:2]
        for cell, total in read_cells(books).items()
        if cell[:3] == (reporter, quarter, flow)
    }


def read_total(books: Books, reporter: str, flow: Flow, quarter: str, known_at: str = "") -> Total:
    """Give what a reporter traded in a quarter, as kept and as its rows add up."""
    kept = books.connection.execute(
        "SELECT SUM(carat_thousandths), SUM(value_usd_cents), SUM(certificates) FROM trade_totals"
        " WHERE quarter = ? AND flow = ? AND reporter = ? AND known_on <= ?",
        (quarter, flow, reporter, known_at or day_of(MAX_TIME_MS)),
    ).fetchone()
    total = NOTHING
    for cell, one in read_cells(books, known_at).items():
        if cell[:3] == (reporter, quarter, flow):
            total = total.plus(one)
    assert tuple(figure or 0 for figure in kept) == total
    return total
