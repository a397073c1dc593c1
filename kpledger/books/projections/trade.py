"""The trade: what KPCS Annex III counts, and sums over it that questions ask for at once.

An export is counted once the certificate is validated: at its issue, or where validating is a step
of its own, then. Its period is the quarter of the day of issue, whenever it is validated. It is
taken back when the certificate is voided, replaced or returned unused; a refused or seized shipment
stays an export, for the goods had left. An import is counted when it is confirmed, with the weights
and values found, in the quarter of the day of receipt; where they differ from what was declared,
they are distributed over the declared HS codes in proportion. When both sides agree afterwards what
a discrepant shipment held, the import counts what they agreed on.
"""

import sqlite3
from dataclasses import dataclass
from typing import Final

from kpledger.base.units import MAX_AMOUNT, bound_amount, quarter_of
from kpledger.books.projections.distribution import distribute
from kpledger.books.projections.shipments import BookedEvent, Move, Shipment
from kpledger.scheme.v1.events.statistics import Flow

Cell = tuple[str, str, str, str, str, str, int, int]
"""Reporter, quarter, flow, partner, origin, HS code, certificate, line."""
Total = tuple[str, str, str, str]
"""Quarter, flow, reporter, day of recording."""

_INSERT: Final = f"INSERT INTO trade VALUES ({', '.join('?' * 15)})"
_CLOSE: Final = (
    "UPDATE trade SET known_until = ? WHERE reporter = ? AND quarter = ? AND flow = ?"
    " AND partner = ? AND origin = ? AND hs = ? AND certificate = ? AND line = ?"
    " AND known_until IS NULL"
)
_BOUNDED: Final = f"max(-{MAX_AMOUNT}, min({MAX_AMOUNT}, {{0}} + excluded.{{0}}))"
_ADD: Final = (
    "INSERT INTO trade_totals VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (quarter, flow, reporter, known_on) DO UPDATE SET"
    f" carat_thousandths = {_BOUNDED.format('carat_thousandths')},"
    f" value_usd_cents = {_BOUNDED.format('value_usd_cents')},"
    " certificates = certificates + excluded.certificates"
)


@dataclass(frozen=True, slots=True)
class _Side:
    """A shipment as one side of the trade counts it."""

    flow: Flow
    reporter: str
    partner: str
    day: str
    """The day that its period is taken from."""
    lines: tuple[tuple[str, int, int], ...]
    """HS code, thousandths of a carat, US cents."""


class Trade:
    """Writes the tables ``trade`` and ``trade_totals``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Write through a connection."""
        self._connection = connection
        self._open: dict[Cell, tuple[object, ...]] = {}
        self._closed: list[tuple[object, ...]] = []
        self._closing: list[tuple[object, ...]] = []
        self._totals: dict[Total, list[int]] = {}

    def flush(self) -> None:
        """Write what was counted."""
        self._connection.executemany(_CLOSE, self._closing)
        rows = [*self._closed, *((*cell, *rest) for cell, rest in self._open.items())]
        self._connection.executemany(_INSERT, rows)
        self._connection.executemany(
            _ADD,
            [
                (*total, bound_amount(carats), bound_amount(value), count)
                for total, (carats, value, count) in self._totals.items()
            ],
        )
        for kept in (self._closing, self._closed, self._open, self._totals):
            kept.clear()

    def count(
        self, move: Move, shipment: Shipment, at: BookedEvent, found_before: tuple[int, int]
    ) -> None:
        """Count what a move of a normal certificate adds, or takes back."""
        match move:
            case Move.ISSUED | Move.VALIDATED:
                if shipment.validated:
                    self._add(_export(shipment), shipment, at, 1)
            case Move.WITHDRAWN:
                if shipment.validated:
                    self._add(_export(shipment), shipment, at, -1)
            case Move.CONFIRMED | Move.DISCREPANT:
                self._add(_import(shipment, _found(shipment)), shipment, at, 1)
            case Move.RESOLVED:
                self._add(_import(shipment, found_before), shipment, at, -1)
                self._add(_import(shipment, _found(shipment)), shipment, at, 1)
            case _:
                pass

    def _add(self, side: _Side, shipment: Shipment, at: BookedEvent, sign: int) -> None:
        quarter, flow = quarter_of(side.day), side.flow.value
        carats = value = 0
        for line, (hs, line_carats, line_value) in enumerate(side.lines):
            carats += line_carats
            value += line_value
            cell = (
                side.reporter,
                quarter,
                flow,
                side.partner,
                shipment.origin,
                hs,
                shipment.issue,
                line,
            )
            if sign > 0:
                amounts = side.day, line_carats, line_value, int(line == 0)
                self._open[cell] = at.index, at.time_ms, None, *amounts
            else:
                self._close(cell, at.time_ms)
        total = self._totals.setdefault((quarter, flow, side.reporter, at.day), [0, 0, 0])
        total[0] += sign * carats
        total[1] += sign * value
        total[2] += sign

    def _close(self, cell: Cell, now: int) -> None:
        """Close a row that stands in the table, or one that is about to."""
        row = self._open.pop(cell, None)
        if row is None:
            self._closing.append((now, *cell))
        else:
            self._closed.append((*cell, *row[:2], now, *row[3:]))


def _export(shipment: Shipment) -> _Side:
    record = shipment.record
    lines = tuple(
        (str(line.hs), line.carat_thousandths, line.value_usd_cents) for line in record.lines
    )
    return _Side(Flow.EXPORT, record.issuer, record.destination, record.issued_on, lines)


def _found(shipment: Shipment) -> tuple[int, int]:
    found = shipment.record.found
    return (0, 0) if found is None else (found.carat_thousandths, found.value_usd_cents)


def _import(shipment: Shipment, found: tuple[int, int]) -> _Side:
    record = shipment.record
    carats = distribute(found[0], [line.carat_thousandths for line in record.lines])
    values = distribute(found[1], [line.value_usd_cents for line in record.lines])
    codes = (str(line.hs) for line in record.lines)
    return _Side(
        Flow.IMPORT,
        record.destination,
        record.issuer,
        shipment.received_on or record.issued_on,
        tuple(zip(codes, carats, values, strict=True)),
    )
