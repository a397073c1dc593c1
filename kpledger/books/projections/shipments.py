"""Shipments: certificates as the books follow them, and the moves that events make them go through.

A record of the state says where a certificate stands; a shipment knows besides which events brought
it there, and what is waited for. Both are a row of the table ``certificates``.
"""

from collections.abc import Callable
from enum import StrEnum
from operator import attrgetter
from typing import Final

import msgspec

from kpledger.base.units import add_days, quarter_of
from kpledger.books.projections.rows import Rows, SqlRow
from kpledger.books.projections.state import BooksState, Recent
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.certificate import Certificate, CertificateKind, CertificateLost
from kpledger.scheme.v1.lifecycles import CertificateState
from kpledger.scheme.v1.records import CertificateRecord

WHOLE: Final = 10_000
"""All of a shipment, in the unit in which the shares of its origins are stated."""

_WITHDRAWALS: Final = frozenset(
    ("certificate_voided", "certificate_replaced", "certificate_returned_unused")
)
_ENDS: Final = frozenset(("import_refused_returned", "shipment_seized"))
_PUT_BACK: Final = "opening_withdrawn"


class Move(StrEnum):
    """What happened to a certificate."""

    ISSUED = "ISSUED"
    VALIDATED = "VALIDATED"
    """By a step of its own."""
    WITHDRAWN = "WITHDRAWN"
    """Voided, replaced or returned unused."""
    EXPORTED = "EXPORTED"
    ARRIVED = "ARRIVED"
    CONFIRMED = "CONFIRMED"
    """As declared, within the tolerance."""
    DISCREPANT = "DISCREPANT"
    RESOLVED = "RESOLVED"
    """Both sides agreed what a discrepant shipment held; or it had come as declared."""
    HELD = "HELD"
    """Detained, diverted, sent back or seized."""
    RELEASED = "RELEASED"
    """Let go on: to its destination, or into the country where it arrived."""
    AGAIN = "AGAIN"
    """Presented once more after its life was over."""
    PASSED = "PASSED"
    """Noted in a country of transit."""
    RETURNED = "RETURNED"
    """The issuer has back what was sent back."""


_MOVES: Final = {
    "certificate_validated": Move.VALIDATED,
    "export_notified": Move.EXPORTED,
    "arrival_recorded": Move.ARRIVED,
    "import_confirmed": Move.CONFIRMED,
    "import_confirmed_discrepant": Move.DISCREPANT,
    "shipment_detained": Move.HELD,
    "shipment_diverted": Move.HELD,
    "shipment_released": Move.RELEASED,
    "transit_noted": Move.PASSED,
    **dict.fromkeys(_WITHDRAWALS, Move.WITHDRAWN),
    **dict.fromkeys(_ENDS, Move.HELD),
}
_MOVES_AFTER_END: Final = {
    "arrival_recorded": Move.AGAIN,
    "shipment_detained": Move.AGAIN,
    "discrepancy_resolved": Move.RESOLVED,
    "return_received": Move.RETURNED,
    "transit_noted": Move.PASSED,
}


class BookedEvent(msgspec.Struct, frozen=True):
    """An event at its place, with the days that are written again and again."""

    event: SignedEvent
    index: int
    """Its leaf position."""
    height: int
    time_ms: int
    """Block time."""
    day: str
    """The day of that."""
    issued: Certificate | None
    """The certificate that it issues, if it issues one."""


def numbered_day(number: int) -> str:
    """Give a day by its number; that of 1970-01-01 is 0."""
    return add_days("1970-01-01", number)


class Shipment(msgspec.Struct):
    """A certificate: its record, and what the books know besides; changed in place."""

    record: CertificateRecord
    issue: int
    """The event that issued it."""
    shares: tuple[tuple[str, int | None], ...]
    """Countries of origin, each with its share in ten-thousandths if that is known."""
    validated: bool
    notice: int | None = None
    held_on: str | None = None
    arrival: int | None = None
    diverted: bool = False
    ended: str | None = None
    ending: int | None = None
    held: bool = False
    unsettled: bool = False
    claims: bool = True
    """Whether what it draws from its sources counts."""
    waits: str | None = None
    head: int = 0
    officers: str = ""
    """Who signed it at its office, with commas."""
    sourced_price: int | None = None
    higher: int | None = None
    days_after_higher: int | None = None
    earlier: int | None = None
    days_after_earlier: int | None = None
    sourced_change_ppm: int | None = None
    sourced_days: int | None = None
    sourced_percent: int | None = None
    drawn_carat_thousandths: int | None = None
    watched_origins: str | None = None
    watched_neighbours: str | None = None
    is_new: bool = False
    """Whether its row is yet to be inserted."""

    @property
    def is_technical(self) -> bool:
        """Whether it moves goods outside trade."""
        return self.record.kind is CertificateKind.TECHNICAL

    @property
    def withdrawn(self) -> bool:
        """Whether it was voided, replaced or returned unused."""
        return self.ended in _WITHDRAWALS

    @property
    def there_on(self) -> str | None:
        """Since when the destination has the goods before it."""
        return self.record.arrived_on or self.held_on

    @property
    def received_on(self) -> str | None:
        """When it was confirmed to have come."""
        return None if self.record.found is None else self.record.found.received_on

    @property
    def declared_amounts(self) -> tuple[int, int]:
        """The weight and value that it declares."""
        return self.record.carat_thousandths, self.record.value_usd_cents

    @property
    def found_amounts(self) -> tuple[int, int]:
        """The weight and value that were found."""
        found = self.record.found
        return (0, 0) if found is None else (found.carat_thousandths, found.value_usd_cents)

    @property
    def origin(self) -> str:
        """The one country it comes from; empty where there are several or none."""
        origins = self.record.origins
        return origins[0] if len(origins) == 1 else ""

    @property
    def waits_since(self) -> str | None:
        """The day from which that is waited for."""
        if self.waits is None:
            return None
        return self.record.expires_on if self.waits == "NEWS" else self.there_on

    def known_shares(self) -> dict[str, int]:
        """Give the shares of the origins; all under no name where any of them is not known."""
        if len(self.shares) == 1:
            return {self.shares[0][0]: WHOLE}
        known = {origin: share for origin, share in self.shares if share is not None}
        return known or {"": WHOLE}


# Columns that are attributes of the shipment, or else of its record; a dot becomes an underscore.
_FIXED: Final = (
    "number kind issuer authority destination issued_on recorded_at expires_on expiry origin"
    " carat_thousandths value_usd_cents replaces higher days_after_higher earlier"
    " days_after_earlier sourced_price sourced_change_ppm sourced_days sourced_percent"
    " drawn_carat_thousandths watched_origins watched_neighbours officers"
)
_CHANGING: Final = (
    "state exporter.name exporter.licence importer.name importer.licence parcels replaced_by"
    " validated exported_on notice arrived_on held_on there_on arrival prior lost diverted holder"
    " received_on ended ending withdrawn held unsettled claims waits waits_since head issue"
)
_FOUND: Final = ("parcels", "carat_thousandths", "value_usd_cents")
# In the order in which a shipment has them.
_KEPT: Final = (
    "validated, notice, held_on, arrival, diverted, ended, ending, held, unsettled, claims, waits,"
    " head, officers, sourced_price"
)


def _values_of(attributes: str) -> Callable[[Shipment], SqlRow]:
    return attrgetter(
        *(name if hasattr(Shipment, name) else f"record.{name}" for name in attributes.split())
    )


_fixed, _changing, _found = _values_of(_FIXED), _values_of(_CHANGING), attrgetter(*_FOUND)
_CHANGING_COLUMNS: Final = [
    "marks",
    *(f"found_{name}" for name in _FOUND),
    *(name.replace(".", "_") for name in _CHANGING.split()),
]
_COLUMNS: Final = [
    "origins",
    "zones",
    "quarter",
    "case_subject",
    *_FIXED.split(),
    *_CHANGING_COLUMNS,
]
_INSERT: Final = (
    f"INSERT INTO certificates ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
)
_UPDATE: Final = (
    f"UPDATE certificates SET {' = ?, '.join(_CHANGING_COLUMNS[:-1])} = ? WHERE issue = ?"
)


class Shipments:
    """All certificates, those that events name lately in memory."""

    def __init__(self, rows: Rows, state: BooksState) -> None:
        self._connection = rows.connection
        self._state = state
        self._known: Recent[str, Shipment] = Recent()
        self._dirty: dict[int, Shipment] = {}
        self._new = rows.of(_INSERT)
        self._changed = rows.of(_UPDATE)

    def find(self, number: str) -> Shipment | None:
        """Give a certificate as of the present event."""
        shipment = self._known.find(number)
        if shipment is None:
            record = self._state.read(CertificateRecord.key_for(number), CertificateRecord)
            shipment = None if record is None else self._load(record)
            if shipment is not None:
                self._known[number] = shipment
        return shipment

    def refresh(self, record: CertificateRecord) -> None:
        """Take over what the present event has made of a certificate, if it is in memory."""
        shipment = self._known.find(record.number)
        if shipment is not None:
            shipment.record = record

    def issue(self, certificate: Certificate, at: BookedEvent) -> Shipment:
        """Begin to follow a new certificate.

        Raises:
            KeyError: its record was not written before.
        """
        key = CertificateRecord.key_for(certificate.number)
        record = self._state.changed[key]
        if not isinstance(record, CertificateRecord):
            raise KeyError(certificate.number)
        origin = certificate.origin
        shares = origin.shares or (None,) * len(origin.countries)
        shipment = self._known[certificate.number] = Shipment(
            record=record,
            issue=at.index,
            shares=tuple(zip(origin.countries, shares, strict=True)),
            is_new=True,
            validated=certificate.validated_at is not None,
            unsettled=certificate.kind is CertificateKind.NORMAL,
            waits="NEWS",
            head=at.index,
        )
        self._dirty[at.index] = shipment
        return shipment

    def touch(self, shipment: Shipment) -> None:
        """Note that a certificate has changed."""
        self._dirty[shipment.issue] = shipment

    def flush(self) -> None:
        """Give the rows of what has changed to be written."""
        for one in self._dirty.values():
            if one.is_new:
                one.is_new = False
                self._new.append((*_first_row(one.record), *_fixed(one), *_changing_row(one)))
            else:
                self._changed.append(_changing_row(one))
        self._dirty.clear()
        self._known.forget()

    def _load(self, record: CertificateRecord) -> Shipment | None:
        select = f"SELECT issue, {_KEPT} FROM certificates WHERE number = ?"
        row = self._connection.execute(select, (record.number,)).fetchone()
        if row is None:
            return None
        issue, *kept = row
        return Shipment(record, issue, self._shares(record, issue), *kept)

    def _shares(self, record: CertificateRecord, issue: int) -> tuple[tuple[str, int | None], ...]:
        if len(record.origins) == 1:
            return ((record.origins[0], None),)
        return tuple(
            (origin, share)
            for origin in record.origins
            for (share,) in self._connection.execute(
                "SELECT share FROM certificate_origins"
                " WHERE origin = ? AND issued_on = ? AND certificate = ?",
                (origin, record.issued_on, issue),
            )
        )


def advance(shipment: Shipment, at: BookedEvent) -> Move | None:
    """Move a certificate on by an event on it; gives the move, or None where it makes none.

    The record is that after the event already.
    """
    move, body, state = _move_on(shipment, at), at.event.body, shipment.record.state
    if isinstance(body, CertificateLost):
        shipment.claims = body.with_goods
    elif state is not CertificateState.LOST:
        shipment.claims = not shipment.withdrawn and state is not CertificateState.RETURN_CLOSED
    return move


def _move_on(shipment: Shipment, at: BookedEvent) -> Move | None:
    kind = at.event.header.type
    if kind == _PUT_BACK:
        return _put_back(shipment)
    if shipment.ended is not None:
        return _MOVES_AFTER_END.get(kind)
    move = _MOVES.get(kind)
    match move:
        case None | Move.PASSED:
            return move
        case Move.VALIDATED:
            shipment.validated = True
        case Move.EXPORTED:
            shipment.notice = at.index
        case Move.ARRIVED:
            shipment.arrival, shipment.waits = at.index, "CONFIRMATION"
        case Move.HELD | Move.RELEASED if kind not in _ENDS:
            return move if _hold_or_release(shipment, at, move) else None
        case _:
            shipment.ended, shipment.ending, shipment.waits = kind, at.index, None
    return move


def _put_back(shipment: Shipment) -> Move:
    """Put a certificate back to where it stood before something was stated by mistake."""
    match shipment.record.state:
        case CertificateState.RESOLVED:
            return Move.RESOLVED
        case CertificateState.IN_TRANSIT:
            shipment.diverted, shipment.waits = False, "NEWS"
            return Move.RELEASED
        case _:
            shipment.ended = shipment.ending = None
            return Move.HELD


def _hold_or_release(shipment: Shipment, at: BookedEvent, move: Move) -> bool:
    """Detain, divert or let go; gives whether that is a move of the certificate."""
    is_there = at.event.header.author.participant == shipment.record.destination
    if move is Move.RELEASED:
        if shipment.diverted and not is_there:
            return False
        shipment.waits = "CONFIRMATION" if shipment.there_on else "NEWS"
        return True
    if at.event.header.type == "shipment_diverted":
        shipment.diverted = True
    elif is_there and not shipment.there_on:
        shipment.held_on, shipment.arrival = at.day, at.index
    shipment.waits = None
    return True


def _first_row(record: CertificateRecord) -> SqlRow:
    quarter = quarter_of(record.issued_on)
    return ",".join(record.origins), ",".join(record.zones), quarter, record.case or None


def _changing_row(one: Shipment) -> SqlRow:
    found = one.record.found
    amounts = (None, None, None) if found is None else _found(found)
    return (",".join(one.record.marks), *amounts, *_changing(one))
