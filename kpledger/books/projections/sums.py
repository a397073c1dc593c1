"""Sums that a page of all flags reads by the thousand: pairs by quarter, flows by month.

What both sides agreed on takes the place of what was found, and what was withdrawn is taken out.
"""

from collections.abc import Iterable
from typing import Final

from kpledger.base.units import quarter_of
from kpledger.books.projections.rows import Rows, SumTable
from kpledger.books.projections.shipments import WHOLE, Move, Shipment
from kpledger.books.projections.state import BooksState
from kpledger.books.projections.trade import Line, declared_lines, found_lines
from kpledger.scheme.v1.records import ParticipantRecord
from kpledger.scheme.v1.territories import TERRITORIES

Amounts = tuple[int, int]
"""Thousandths of a carat, US cents."""

_DECLARED, _SETTLED, _FOUND, _HELD, _RECEIVED = range(0, 15, 3)
_LIGHTER, _HEAVIER, _DRIFT = 15, 16, 17
_EXPORTS, _IMPORTS = 0, 3
_TURNED_IN, _TURNED_OUT = 0, 3
_WITHOUT_SUMS: Final = (
    *(Move.VALIDATED, Move.EXPORTED, Move.ARRIVED, Move.AGAIN),
    *(Move.PASSED, Move.RETURNED),
)


class Sums:
    """Writes the tables ``pairs``, ``flows``, ``turnovers`` and ``received_origins``."""

    def __init__(self, rows: Rows, state: BooksState) -> None:
        self._state = state
        self._pairs = SumTable(rows, "pairs", 18)
        self._flows = SumTable(rows, "flows", 6)
        self._turnovers = SumTable(rows, "turnovers", 6)
        self._received: set[tuple[str, str]] = set()
        self._origins = rows.of("INSERT OR IGNORE INTO received_origins")

    def flush(self) -> None:
        """Give the sums that have changed to be written."""
        self._pairs.flush()
        self._flows.flush()
        self._turnovers.flush()
        self._origins += sorted(self._received)
        self._received.clear()

    def add(self, move: Move, shipment: Shipment, found_before: Amounts) -> None:
        """Add up what a move of a normal certificate changes, and note what it leaves open."""
        if move in _WITHOUT_SUMS:
            return
        self._add_to_pair(move, shipment, found_before)
        self._add_to_flows(move, shipment, found_before)
        self._add_to_turnovers(move, shipment, found_before)

    def _add_to_pair(self, move: Move, shipment: Shipment, found_before: Amounts) -> None:
        record, received_on = shipment.record, shipment.received_on
        declared, found = shipment.declared_amounts, shipment.found_amounts
        pair = self._pair(shipment, record.issued_on)
        match move:
            case Move.ISSUED:
                _add(pair, _DECLARED, 1, declared)
            case Move.WITHDRAWN:
                _add(pair, _DECLARED, -1, declared)
                _set_held(pair, shipment, declared, held=False)
                shipment.unsettled = False
            case Move.HELD:
                _set_held(pair, shipment, declared, held=True)
            case Move.RELEASED:
                _set_held(pair, shipment, declared, held=False)
            case Move.CONFIRMED | Move.DISCREPANT if received_on is not None:
                difference = found[0] - declared[0]
                shipment.unsettled = difference != 0
                _add(pair, _SETTLED, 1, declared)
                _add(pair, _FOUND, 1, found)
                _set_held(pair, shipment, declared, held=False)
                if move is Move.CONFIRMED:
                    pair[_LIGHTER] += difference < 0
                    pair[_HEAVIER] += difference > 0
                    pair[_DRIFT] += difference
                _add(self._pair(shipment, received_on), _RECEIVED, 1, found)
            case Move.RESOLVED if received_on is not None:
                change = found[0] - found_before[0], found[1] - found_before[1]
                shipment.unsettled = found[0] != declared[0]
                _add(pair, _FOUND, 0, change)
                _add(self._pair(shipment, received_on), _RECEIVED, 0, change)
            case _:
                pass

    def _pair(self, shipment: Shipment, day: str) -> list[int]:
        record = shipment.record
        return self._pairs.change((quarter_of(day), record.issuer, record.destination))

    def _add_to_flows(self, move: Move, shipment: Shipment, found_before: Amounts) -> None:
        record, received_on = shipment.record, shipment.received_on
        match move:
            case Move.ISSUED | Move.WITHDRAWN:
                sign = 1 if move is Move.ISSUED else -1
                of = record.issuer, record.issued_on
                self._flow(shipment, of, _EXPORTS, sign, shipment.declared_amounts)
            case Move.CONFIRMED | Move.DISCREPANT | Move.RESOLVED if received_on is not None:
                of = record.destination, received_on
                if move is Move.RESOLVED:
                    self._flow(shipment, of, _IMPORTS, -1, found_before)
                self._received.update(
                    (record.destination, self._home(one)) for one in record.origins
                )
                self._flow(shipment, of, _IMPORTS, 1, shipment.found_amounts)
            case _:
                pass

    def _add_to_turnovers(self, move: Move, shipment: Shipment, found_before: Amounts) -> None:
        """Add up, by HS code, what comes in, and what of it may go out without naming a source."""
        record, received_on = shipment.record, shipment.received_on
        match move:
            case Move.ISSUED | Move.WITHDRAWN:
                if shipment.sourced_price is None and record.issuer not in {
                    self._home(origin) for origin in record.origins
                }:
                    sign = 1 if move is Move.ISSUED else -1
                    of = record.issued_on[:4], record.issuer
                    self._turn_over(of, _TURNED_OUT, sign, declared_lines(shipment))
            case Move.CONFIRMED | Move.DISCREPANT | Move.RESOLVED if received_on is not None:
                of = received_on[:4], record.destination
                if move is Move.RESOLVED:
                    self._turn_over(of, _TURNED_IN, -1, found_lines(shipment, found_before))
                lines = found_lines(shipment, shipment.found_amounts)
                self._turn_over(of, _TURNED_IN, 1, lines)
            case _:
                pass

    def _turn_over(self, of: tuple[str, str], at: int, sign: int, lines: Iterable[Line]) -> None:
        for hs, *amounts in lines:
            _add(self._turnovers.change((*of, hs)), at, sign, (amounts[0], amounts[1]))

    def _flow(
        self, shipment: Shipment, of: tuple[str, str], at: int, sign: int, amounts: Amounts
    ) -> None:
        """Add to the flows of a participant, on a day, exports or imports of each origin."""
        for origin, share in shipment.known_shares().items():
            flow = self._flows.change((of[0], of[1][:7], self._home(origin)))
            _add(flow, at, sign, (amounts[0] * share // WHOLE, amounts[1] * share // WHOLE))

    def _home(self, origin: str) -> str:
        """Give the participant that a country's stones are of, if it is not one itself."""
        home = TERRITORIES.get(origin)
        if home is None or self._state.read(ParticipantRecord.key_for(origin), ParticipantRecord):
            return origin
        return home


def _add(sums: list[int], at: int, count: int, amounts: Amounts) -> None:
    """Add a number of certificates, or take them away, with their weight and value."""
    sign = -1 if count < 0 else 1
    sums[at] += count
    sums[at + 1] += sign * amounts[0]
    sums[at + 2] += sign * amounts[1]


def _set_held(pair: list[int], shipment: Shipment, declared: Amounts, *, held: bool) -> None:
    if shipment.held != held:
        _add(pair, _HELD, 1 if held else -1, declared)
        shipment.held = held
