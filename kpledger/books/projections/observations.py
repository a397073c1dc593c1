"""Observations: what a move of a certificate shows, as far as SQL cannot tell it from other rows.

Working days, the policy and the standings at the time, and figures that need more than 64 bits are
worked out once, here, and stored as columns; what is too much is for the flags to say.
"""

import heapq
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from kpledger.base.units import bound_amount
from kpledger.books.periods import days_between, working_days
from kpledger.books.projections.neighbours import NEIGHBOURS
from kpledger.books.projections.shipments import BookedEvent, Move, Shipment, Shipments
from kpledger.books.projections.state import BooksState
from kpledger.scheme.v1.events.certificate import Source
from kpledger.scheme.v1.events.decisions import ExpiryMeaning
from kpledger.scheme.v1.events.governance import Standing
from kpledger.scheme.v1.events.importing import ArrivalRecorded
from kpledger.scheme.v1.policy import Policy, resolve_policy
from kpledger.scheme.v1.records import CertificateRecord, ParticipantRecord, PolicyRecord

MILLION: Final = 1_000_000
_LINKED_PPM: Final = 5_000
_LANE_DAYS: Final = 365
_FOUND: Final = (Move.CONFIRMED, Move.DISCREPANT)

Lane = tuple[str, str, int]
"""Issuer, destination, thousandths of a carat."""

_INSERT: Final = f"INSERT INTO movements VALUES ({', '.join('?' * 21)})"


@dataclass(slots=True)
class Movement:
    """A row of the table ``movements`` that is being filled."""

    day: str | None = None
    carat_thousandths: int | None = None
    value_usd_cents: int | None = None
    weight_ppm: int | None = None
    value_ppm: int | None = None
    price_ppm: int | None = None
    working_days: int | None = None
    days_allowed: int | None = None
    days_expired: int | None = None
    moved_on: str | None = None
    unannounced: int | None = None
    seals_broken: int | None = None
    issuer_standing: str | None = None


@dataclass(frozen=True, slots=True)
class Sourced:
    """What was drawn from sources that the ledger knows."""

    drawn: int
    """In thousandths of a carat, as all weights here."""
    imported: int
    """What these sources held in all."""
    value_usd_cents: int
    """What is drawn is worth, priced as its sources were."""
    latest: str
    """The day on which the last of them came in."""

    @property
    def price(self) -> int:
        """Millionths of a cent for a thousandth of a carat."""
        return max(1, self.value_usd_cents * MILLION // self.drawn)

    def change_ppm(self, carat_thousandths: int, value_usd_cents: int) -> int:
        """Give how far a price lies above (or below) that of the sources, in millionths of it."""
        price_now = value_usd_cents * MILLION // carat_thousandths
        return (price_now - self.price) * MILLION // self.price


class Observer:
    """Looks at moves, and writes the table ``movements`` and what is seen at an issue."""

    def __init__(
        self, connection: sqlite3.Connection, state: BooksState, shipments: Shipments
    ) -> None:
        """Look at what the state and the shipments say."""
        self._connection = connection
        self._state = state
        self._shipments = shipments
        self._rows: list[tuple[object, ...]] = []
        self._lanes: dict[Lane, list[tuple[str, str]]] = {}

    def flush(self) -> None:
        """Write the rows of what was seen."""
        self._connection.executemany(_INSERT, self._rows)
        self._rows.clear()
        self._lanes.clear()

    def see_issue(self, shipment: Shipment, sources: tuple[Source, ...]) -> None:
        """See what the issue of a normal certificate shows."""
        self._see_sources(shipment, sources)
        self._see_return(shipment, sources)
        self._see_origins(shipment)

    def see_move(self, move: Move, shipment: Shipment, at: BookedEvent) -> None:
        """See what another move shows."""
        row = Movement()
        record, found, body = shipment.record, shipment.record.found, at.event.body
        match move:
            case Move.EXPORTED:
                row.day = record.exported_on
            case Move.ARRIVED if isinstance(body, ArrivalRecorded):
                row.day = body.arrived_on
                row.seals_broken = None if body.seals_intact else 1
                # Whether a certificate that is valid for export was late is not known before the
                # confirmation says when the shipment left.
                if record.expiry is ExpiryMeaning.JOURNEY or record.exported_on:
                    _see_expiry(row, move, shipment, body.arrived_on)
                self._see_notice(row, shipment, at)
                self._see_standing(row, shipment, at)
            case Move.CONFIRMED | Move.DISCREPANT | Move.RESOLVED if found is not None:
                row.carat_thousandths = found.carat_thousandths
                row.value_usd_cents = found.value_usd_cents
                if move in _FOUND:
                    row.day = found.received_on
                    self._see_found(row, move, shipment, at)
            case Move.HELD if shipment.arrival == at.index:
                self._see_standing(row, shipment, at)
            case Move.AGAIN if isinstance(body, ArrivalRecorded):
                row.day = body.arrived_on
            case _:
                pass
        self._rows.append(_row_of(move, shipment, at, row))

    def _see_found(self, row: Movement, move: Move, shipment: Shipment, at: BookedEvent) -> None:
        record, found = shipment.record, shipment.record.found
        if found is None:
            return
        declared, value = record.carat_thousandths, record.value_usd_cents
        weight, worth = found.carat_thousandths, found.value_usd_cents
        row.weight_ppm = bound_amount(abs(weight - declared) * MILLION // declared)
        row.value_ppm = bound_amount(abs(worth - value) * MILLION // value)
        if move is Move.DISCREPANT:
            # By the carat, so that a part of the goods does not look like a price.
            gap = abs(worth * declared - value * weight)
            row.price_ppm = bound_amount(gap * MILLION // (value * weight))
        _see_expiry(row, move, shipment, found.received_on)
        row.working_days = working_days(record.arrived_on or found.received_on, at.day)
        row.days_allowed = self._policy(record.destination, at).confirm_within_days
        if not record.arrived_on:
            self._see_notice(row, shipment, at)
        if not shipment.there_on:
            self._see_standing(row, shipment, at)

    def _see_notice(self, row: Movement, shipment: Shipment, at: BookedEvent) -> None:
        if shipment.notice is None and self._policy(shipment.record.issuer, at).notice_expected:
            row.unannounced = 1

    def _see_standing(self, row: Movement, shipment: Shipment, at: BookedEvent) -> None:
        issuer = self._state.read(
            ParticipantRecord.key_for(shipment.record.issuer), ParticipantRecord
        )
        standing = None if issuer is None else issuer.standing_at(at.time_ms)
        if standing is not None and standing is not Standing.ACTIVE:
            row.issuer_standing = standing.value

    def _see_sources(self, shipment: Shipment, sources: tuple[Source, ...]) -> None:
        # What is drawn is priced as its sources were; a part may be the better one by sorting, so
        # the share of the sources that is drawn is kept beside the measure.
        sourced = self._add_up(sources)
        if sourced is None:
            return
        carats, value = shipment.record.carat_thousandths, shipment.record.value_usd_cents
        shipment.sourced_price = bound_amount(sourced.price // 1_000)
        shipment.sourced_change_ppm = bound_amount(sourced.change_ppm(carats, value))
        shipment.sourced_days = days_between(sourced.latest, shipment.record.issued_on)
        shipment.drawn_carat_thousandths = bound_amount(sourced.drawn)
        # The shipment may hold less than was drawn for it, or goods without a source.
        shipment.sourced_percent = bound_amount(
            min(sourced.drawn, carats) * 100 // sourced.imported
        )

    def _add_up(self, sources: tuple[Source, ...]) -> Sourced | None:
        """Add up the sources of a re-export; None where the ledger knows none of them."""
        drawn = imported = value = 0
        latest = ""
        for source in sources:
            before = self._shipments.find(source.number)
            if before is None:
                continue
            record, found = before.record, before.record.found
            carats = record.carat_thousandths if found is None else found.carat_thousandths
            worth = record.value_usd_cents if found is None else found.value_usd_cents
            drawn += source.carat_thousandths
            imported += carats
            value += worth * source.carat_thousandths // carats
            came_on = before.received_on or record.arrived_on or record.issued_on
            latest = max(latest, came_on)
        return Sourced(drawn, imported, value, latest) if drawn and value else None

    def _see_return(self, shipment: Shipment, sources: tuple[Source, ...]) -> None:
        record = shipment.record
        weight = record.carat_thousandths
        lane = record.issuer, record.destination, weight
        self._lanes.setdefault(lane, []).append((record.issued_on, record.number))
        earlier = self._came_back(shipment)
        for source in sources:
            one = self._shipments.find(source.number)
            if one is not None and one.record.issuer == record.destination:
                # All of what came, and nothing else: a part of it may weigh the same by chance.
                weights = (one.record.carat_thousandths, source.carat_thousandths, weight)
                if (max(weights) - min(weights)) * MILLION <= max(weights) * _LINKED_PPM:
                    earlier = one
        if earlier is None:
            return
        days = days_between(earlier.record.issued_on, record.issued_on)
        if 0 <= days <= _LANE_DAYS:
            shipment.earlier, shipment.days_after_earlier = earlier.issue, days

    def _came_back(self, shipment: Shipment) -> Shipment | None:
        """Find the newest shipment of the same weight that came the other way."""
        record = shipment.record
        lane = record.destination, record.issuer, record.carat_thousandths
        lately = sorted(self._lanes.get(lane, ()), reverse=True)
        before = self._read_lane(lane, record.issued_on)
        came = heapq.merge(lately, before, reverse=True) if lately else before
        for day, number in came:
            one = self._shipments.find(number) if day <= record.issued_on else None
            if one is not None and not one.is_withdrawn:
                return one
        return None

    def _read_lane(self, lane: Lane, until_day: str) -> Iterable[tuple[str, str]]:
        return self._connection.execute(
            "SELECT issued_on, number FROM certificates WHERE kind = 'NORMAL' AND issuer = ?"
            " AND destination = ? AND carat_thousandths = ? AND issued_on <= ? AND withdrawn = 0"
            " ORDER BY issued_on DESC, number DESC",
            (*lane, until_day),
        )

    def _see_origins(self, shipment: Shipment) -> None:
        network = self._state.read(PolicyRecord.key_for("network"), PolicyRecord)
        if network is None:
            return
        listed = set(resolve_policy(network, None, shipment.record.recorded_at).vigilance)
        if not listed:
            return
        origins = set(shipment.record.origins)
        if watched := sorted(origins & listed):
            shipment.watched_origins = ", ".join(watched)
            return
        beside = {code for one in listed for code in NEIGHBOURS.get(one, ())}
        if near := sorted(origins & beside):
            shipment.watched_neighbours = ", ".join(near)

    def _policy(self, code: str, at: BookedEvent) -> Policy:
        """Give the policy in force when an event was recorded."""
        network = self._state.read(PolicyRecord.key_for("network"), PolicyRecord)
        own = self._state.read(PolicyRecord.key_for(code or "network"), PolicyRecord)
        return Policy() if network is None else resolve_policy(network, own, at.time_ms)


def found_before(state: BooksState, number: str) -> tuple[int, int]:
    """Give what was found of a shipment, weight and value, before the present event."""
    record = state.before(CertificateRecord.key_for(number), CertificateRecord)
    if record is None or record.found is None:
        return 0, 0
    return record.found.carat_thousandths, record.found.value_usd_cents


def _see_expiry(row: Movement, move: Move, shipment: Shipment, day: str) -> None:
    record = shipment.record
    decisive = day
    if record.expiry is ExpiryMeaning.EXPORT_BY and record.exported_on:
        decisive = record.exported_on
    was_seen = record.expiry is ExpiryMeaning.JOURNEY and record.arrived_on
    if move is not Move.ARRIVED and was_seen and was_seen > record.expires_on:
        return
    days = days_between(record.expires_on, decisive)
    if days > 0:
        row.days_expired, row.moved_on = days, decisive


def _row_of(move: Move, shipment: Shipment, at: BookedEvent, row: Movement) -> tuple[object, ...]:
    record = shipment.record
    return (
        at.index,
        shipment.issue,
        move.value,
        at.event.header.author.participant,
        record.issuer,
        record.destination,
        at.time_ms,
        at.day,
        row.day,
        row.carat_thousandths,
        row.value_usd_cents,
        row.weight_ppm,
        row.value_ppm,
        row.price_ppm,
        row.working_days,
        row.days_allowed,
        row.days_expired,
        row.moved_on,
        row.unannounced,
        row.seals_broken,
        row.issuer_standing,
    )
