"""The tables of the trade as they are kept in the indexes: cells, and the sums over them.

===============  ============================================  ============================
index            key                                           totals
===============  ============================================  ============================
``trade-cell``   reporter/flow/quarter/partner/origin/HS code  weight and value (Annex III)
``trade-pair``   quarter/flow/reporter/partner                 with certificates
``trade-total``  quarter/flow/reporter                         with certificates
===============  ============================================  ============================

Every value is a history (:mod:`kpledger.analysis.statistics.totals`). An origin is a country's
code, or empty for parcels of mixed origin. The totals of a year are the sum of four quarters'. A
certificate has lines in several cells, so cells count no certificates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.analysis.statistics.totals import NOTHING, Total, add_to_history, total_at
from kpledger.base.units import quarter_of
from kpledger.scheme.v1.events.statistics import Flow

CELL: Final = b"trade-cell"
PAIR: Final = b"trade-pair"
TOTAL: Final = b"trade-total"


@dataclass(frozen=True, slots=True)
class Entry:
    """A shipment as one side of the trade counts it."""

    flow: Flow
    reporter: str
    partner: str
    day: str
    """The day that its period is taken from."""
    origin: str
    """Empty for mixed origin."""
    lines: tuple[tuple[str, int, int], ...]
    """HS code, thousandths of a carat, US cents."""


class Cell(NamedTuple):
    """What a cell of a trade table is about; a tuple, for a year has thousands of them."""

    partner: str
    origin: str
    hs: str


def add_entry(changes: IndexChanges, entry: Entry, recorded: int) -> None:
    """Count a shipment; ``recorded`` is the number of the day on which it was recorded."""
    _change(changes, entry, 1, recorded)


def take_back_entry(changes: IndexChanges, entry: Entry, recorded: int) -> None:
    """Subtract a shipment that was counted before, in the same period."""
    _change(changes, entry, -1, recorded)


def _change(changes: IndexChanges, entry: Entry, sign: int, recorded: int) -> None:
    quarter = quarter_of(entry.day)
    carats = value = 0
    for hs, line_carats, line_value in entry.lines:
        carats += line_carats
        value += line_value
        key = f"{entry.reporter}/{entry.flow}/{quarter}/{entry.partner}/{entry.origin}/{hs}"
        _add(changes, CELL, key, Total(sign * line_carats, sign * line_value), recorded)
    total = Total(sign * carats, sign * value, sign)
    by_flow = f"{quarter}/{entry.flow}/{entry.reporter}"
    _add(changes, PAIR, f"{by_flow}/{entry.partner}", total, recorded)
    _add(changes, TOTAL, by_flow, total, recorded)


def _add(changes: IndexChanges, name: bytes, key: str, change: Total, recorded: int) -> None:
    place = key.encode()
    changes.put(name, place, add_to_history(changes.get(name, place), change, recorded))


def read_cells(
    index: IndexReader, reporter: str, flow: Flow, quarter: str, known_at: int | None = None
) -> Mapping[Cell, Total]:
    """Give the cells of a trade table of a quarter as known at a day, empty ones left out."""
    prefix = f"{reporter}/{flow}/{quarter}/".encode()
    return {
        Cell(*key[len(prefix) :].decode().split("/")): total
        for key, history in index.scan(CELL, prefix)
        if (total := total_at(history, known_at)) != NOTHING
    }


def read_partners(
    index: IndexReader, reporter: str, flow: Flow, quarter: str, known_at: int | None = None
) -> Mapping[str, Total]:
    """Give a reporter's totals of a quarter by partner, with certificates."""
    prefix = f"{quarter}/{flow}/{reporter}/".encode()
    return {
        key[len(prefix) :].decode(): total
        for key, history in index.scan(PAIR, prefix)
        if (total := total_at(history, known_at)) != NOTHING
    }


def read_total(
    index: IndexReader, reporter: str, flow: Flow, quarter: str, known_at: int | None = None
) -> Total:
    """Give what a reporter traded in a quarter."""
    return total_at(index.get(TOTAL, f"{quarter}/{flow}/{reporter}".encode()), known_at)
