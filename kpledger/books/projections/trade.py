"""The trade: what KPCS Annex III counts, and sums over it that questions ask for at once.

An export is counted once the certificate is validated: at its issue, or where validating is a step
of its own, then. Its period is the quarter of the day of issue, whenever it is validated. It is
taken back when the certificate is voided, replaced or returned unused; a refused or seized shipment
stays an export, for the goods had left. An import is counted when it is confirmed, with the weights
and values found, in the quarter of the day of receipt; where they differ from what was declared,
they are distributed over the declared HS codes in proportion. When both sides agree afterwards what
a discrepant shipment held, the import counts what they agreed on.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from kpledger.base.units import quarter_of
from kpledger.books.projections.rows import Rows, SumTable
from kpledger.books.projections.shipments import BookedEvent, Move, Shipment
from kpledger.scheme.v1.events.statistics import Flow

Line = tuple[str, int, int]
"""HS code, thousandths of a carat, US cents."""

_EXPORT: Final = Flow.EXPORT.value
_IMPORT: Final = Flow.IMPORT.value

# Rows are inserted first; of those of one cell, all before the event that closes it are meant.
_CLOSE: Final = (
    "UPDATE trade SET known_until = ? WHERE reporter = ? AND quarter = ? AND flow = ?"
    " AND partner = ? AND origin = ? AND hs = ? AND certificate = ? AND line = ?"
    " AND event_index < ? AND known_until IS NULL"
)


class Trade:
    """Writes the tables ``trade`` and ``trade_totals``."""

    def __init__(self, rows: Rows) -> None:
        self._open = rows.of("INSERT INTO trade")
        self._close = rows.of(_CLOSE)
        self._totals = SumTable(rows, "trade_totals", 3)

    def flush(self) -> None:
        """Give the totals to be written."""
        self._totals.flush()

    def count(
        self, move: Move, shipment: Shipment, at: BookedEvent, found_before: tuple[int, int]
    ) -> None:
        """Count what a move of a normal certificate adds, or takes back."""
        match move:
            case Move.ISSUED | Move.VALIDATED | Move.WITHDRAWN:
                if shipment.validated:
                    sign = -1 if move is Move.WITHDRAWN else 1
                    self._count(_EXPORT, declared_lines(shipment), shipment, at, sign)
            case Move.CONFIRMED | Move.DISCREPANT | Move.RESOLVED:
                if move is Move.RESOLVED:
                    lines = found_lines(shipment, found_before)
                    self._count(_IMPORT, lines, shipment, at, -1)
                lines = found_lines(shipment, shipment.found_amounts)
                self._count(_IMPORT, lines, shipment, at, 1)
            case _:
                pass

    def _count(
        self, flow: str, lines: Iterable[Line], shipment: Shipment, at: BookedEvent, sign: int
    ) -> None:
        """Count a shipment as one side of the trade does, or take that back."""
        record = shipment.record
        reporter, partner, day = record.issuer, record.destination, record.issued_on
        if flow == _IMPORT:
            reporter, partner, day = partner, reporter, shipment.received_on or day
        quarter = quarter_of(day)
        total = self._totals.change((quarter, flow, reporter, at.day))
        total[2] += sign
        group = reporter, quarter, flow, partner, shipment.origin
        since = at.index, at.time_ms, None, day
        for line, (hs, carats, value) in enumerate(lines):
            total[0] += sign * carats
            total[1] += sign * value
            if sign > 0:
                cell = *group, hs, shipment.issue, line
                self._open.append((*cell, *since, carats, value, int(line == 0)))
            else:
                self._close.append((at.time_ms, *group, hs, shipment.issue, line, at.index))


def declared_lines(shipment: Shipment) -> Iterable[Line]:
    """Give what it declares by HS code."""
    return [
        (str(line.hs), line.carat_thousandths, line.value_usd_cents)
        for line in shipment.record.lines
    ]


def found_lines(shipment: Shipment, found: tuple[int, int]) -> Iterable[Line]:
    """Give what was found, distributed over the declared HS codes."""
    lines = shipment.record.lines
    carats = distribute(found[0], [line.carat_thousandths for line in lines])
    values = distribute(found[1], [line.value_usd_cents for line in lines])
    return zip((str(line.hs) for line in lines), carats, values, strict=True)


def distribute(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Divide an amount in proportion to weights, by largest remainders.

    The parts sum to the amount exactly, each lies within one unit of its exact share, and they are
    the weights themselves where the amount is their sum. Of equal remainders, the earlier one is
    rounded up. Weights are not negative, and not all zero.
    """
    whole = sum(weights)
    if amount == whole:
        return tuple(weights)
    parts = [amount * weight // whole for weight in weights]
    missing = amount - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda n: -(amount * weights[n] % whole))
    for position in by_remainder[:missing]:
        parts[position] += 1
    return tuple(parts)
