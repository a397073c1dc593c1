"""Observations: what a move of a certificate shows, as far as SQL cannot tell it from other rows.

Working days, the policy and the standings at the time, and figures that need more than 64 bits are
worked out once, here, and stored as columns; what is too much is for the flags to say.
"""

import heapq
from collections.abc import Iterable
from importlib import resources
from typing import Final

import msgspec

from kpledger.base.units import bound_amount, end_of_day_ms, start_of_day_ms
from kpledger.books.periods import days_between, working_days
from kpledger.books.projections.rows import Rows
from kpledger.books.projections.shipments import BookedEvent, Move, Shipment, Shipments
from kpledger.books.projections.state import BooksState
from kpledger.scheme.v1.events.certificate import Source, TransitNoted
from kpledger.scheme.v1.events.decisions import ExpiryMeaning
from kpledger.scheme.v1.events.governance import Standing
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    DiscrepancyCause,
    HoldReason,
    ImportConfirmedDiscrepant,
    ImportRefusedReturned,
    ReturnReceived,
    ShipmentDetained,
    ShipmentSeized,
)
from kpledger.scheme.v1.policy import Policy, resolve_policy
from kpledger.scheme.v1.records import ParticipantRecord, PolicyRecord
from kpledger.scheme.v1.territories import TERRITORIES

MILLION: Final = 1_000_000
_NEIGHBOURS: Final = msgspec.toml.decode(
    (resources.files(__package__) / "neighbours.toml").read_bytes(), type=dict[str, tuple[str, ...]]
)
_LINKED_PPM: Final = 5_000
_LANE_DAYS: Final = 365
_FOUND: Final = (Move.CONFIRMED, Move.DISCREPANT)

Lane = tuple[str, str, int]
"""Issuer, destination, thousandths of a carat."""
Drawn = tuple[int, Shipment]
"""How much is drawn from a shipment, in thousandths of a carat."""


class Movement(msgspec.Struct):
    """A row of the table ``movements`` that is being filled: its columns, in their order."""

    event_index: int
    certificate: int
    move: str
    participant: str
    issuer: str
    destination: str
    recorded_at: int
    recorded_on: str
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
    contents: str | None = None
    issuer_standing: str | None = None
    destination_standing: str | None = None


class Observer:
    """Looks at moves, and writes the table ``movements`` and what is seen at an issue."""

    def __init__(self, rows: Rows, state: BooksState, shipments: Shipments) -> None:
        self._connection = rows.connection
        self._state = state
        self._shipments = shipments
        self._rows = rows.of("INSERT INTO movements")
        self._lanes: dict[Lane, list[tuple[str, str]]] = {}

    def flush(self) -> None:
        """Forget the lanes of what is about to be written."""
        self._lanes.clear()

    def see_issue(self, shipment: Shipment, sources: tuple[Source, ...]) -> None:
        """See what the issue of a normal certificate shows."""
        known = [
            (source.carat_thousandths, one)
            for source in sources
            if (one := self._shipments.find(source.number)) is not None
        ]
        _see_sources(shipment, known)
        self._see_return(shipment, known)
        self._see_origins(shipment)

    def see_move(self, move: Move, shipment: Shipment, at: BookedEvent) -> None:
        """See what another move shows."""
        record, found, body = shipment.record, shipment.record.found, at.event.body
        who = at.event.header.author.participant, record.issuer, record.destination
        row = Movement(at.index, shipment.issue, str(move), *who, at.time_ms, at.day)
        self._see_goods(row, shipment, at)
        match move:
            case Move.EXPORTED:
                row.day = record.exported_on
            case Move.ARRIVED if isinstance(body, ArrivalRecorded):
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
            case _:
                pass
        self._rows.append(msgspec.structs.astuple(row))

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

    def _see_goods(self, row: Movement, shipment: Shipment, at: BookedEvent) -> None:
        """See when it was, and whether seals were broken or the goods other than declared."""
        record, body, weighed = shipment.record, at.event.body, None
        match body:
            case ArrivalRecorded():
                row.day, weighed = body.arrived_on, body.found_carat_thousandths
                row.seals_broken = int(not body.seals_intact) or None
            case TransitNoted():
                row.day, row.seals_broken = body.entered_on, int(not body.seals_intact) or None
            case ReturnReceived():
                row.day, weighed = body.received_on, body.carat_thousandths
            case ShipmentDetained() | ImportRefusedReturned() | ShipmentSeized():
                row.seals_broken = int(body.reason is HoldReason.BROKEN_SEALS) or None
                row.contents = "CONTENTS" if body.reason is HoldReason.CONTENTS_DIFFER else None
            case ImportConfirmedDiscrepant() if body.cause is DiscrepancyCause.CONTENTS:
                row.contents = "CONTENTS"
            case ImportConfirmedDiscrepant() if body.parcels != record.parcels:
                row.contents = "PARCELS"
            case _:
                pass
        if weighed is not None:
            declared = record.carat_thousandths
            apart = bound_amount(abs(weighed - declared) * MILLION // declared)
            if apart > self._policy(row.participant, at).carat_tolerance_ppm:
                row.contents, row.carat_thousandths, row.weight_ppm = "WEIGHT", weighed, apart

    def _see_notice(self, row: Movement, shipment: Shipment, at: BookedEvent) -> None:
        if shipment.notice is None and self._policy(shipment.record.issuer, at).notice_expected:
            row.unannounced = 1

    def _see_standing(self, row: Movement, shipment: Shipment, at: BookedEvent) -> None:
        """See the standing of both: then, or else all of a day of departure or arrival."""
        record = shipment.record
        row.issuer_standing = self._bad_standing(record.issuer, at, row.day, record.exported_on)
        row.destination_standing = self._bad_standing(record.destination, at, row.day)

    def _bad_standing(self, code: str, at: BookedEvent, *days: str | None) -> str | None:
        participant = self._state.read(ParticipantRecord.key_for(code), ParticipantRecord)
        if participant is None or all(
            one.status is Standing.ACTIVE for one in participant.standings
        ):
            return None
        over = [day for day in days if day is not None and day < at.day]
        spans = [(start_of_day_ms(day), end_of_day_ms(day)) for day in over]
        for first, last in ((at.time_ms, at.time_ms), *spans):
            held = participant.standings_within(first, last)
            if Standing.ACTIVE not in held and held[-1] is not None:
                return held[-1].value
        return None

    def _see_return(self, shipment: Shipment, sources: list[Drawn]) -> None:
        record = shipment.record
        weight = record.carat_thousandths
        lane = record.issuer, record.destination, weight
        self._lanes.setdefault(lane, []).append((record.issued_on, record.number))
        earlier = self._came_back(shipment)
        for drawn, one in sources:
            if one.record.issuer == record.destination:
                # All of what came, and nothing else: a part of it may weigh the same by chance.
                weights = (one.record.carat_thousandths, drawn, weight)
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
            if one is not None and not one.withdrawn:
                return one
        return None

    def _read_lane(self, lane: Lane, until_day: str) -> Iterable[tuple[str, str]]:
        return self._connection.execute(
            # Left to itself, SQLite takes an index for questions, and reads all of an issuer.
            "SELECT issued_on, number FROM certificates INDEXED BY certificates_lane"
            " WHERE kind = 'NORMAL' AND issuer = ? AND destination = ? AND carat_thousandths = ?"
            " AND issued_on <= ? AND withdrawn = 0 ORDER BY issued_on DESC, number DESC",
            (*lane, until_day),
        )

    def _see_origins(self, shipment: Shipment) -> None:
        network = self._state.read(PolicyRecord.key_for("network"), PolicyRecord)
        if network is None:
            return
        listed = set(resolve_policy(network, None, shipment.record.recorded_at).vigilance)
        if not listed:
            return
        origins = {TERRITORIES.get(one, one) for one in shipment.record.origins}
        origins.update(shipment.record.origins)
        if watched := sorted(origins & listed):
            shipment.watched_origins = ", ".join(watched)
            return
        beside = {code for one in listed for code in _NEIGHBOURS.get(one, ())}
        if near := sorted(origins & beside):
            shipment.watched_neighbours = ", ".join(near)

    def _policy(self, code: str, at: BookedEvent) -> Policy:
        """Give the policy in force when an event was recorded."""
        network = self._state.read(PolicyRecord.key_for("network"), PolicyRecord)
        own = self._state.read(PolicyRecord.key_for(code or "network"), PolicyRecord)
        return Policy() if network is None else resolve_policy(network, own, at.time_ms)


def _see_sources(shipment: Shipment, sources: list[Drawn]) -> None:
    """See what a re-export draws from sources that the ledger knows, priced as these were.

    A part may be the better one by sorting, so the share that is drawn is kept beside the measure.
    """
    drawn = imported = value = 0
    latest = ""
    for part, one in sources:
        record, found = one.record, one.record.found
        carats = record.carat_thousandths if found is None else found.carat_thousandths
        worth = record.value_usd_cents if found is None else found.value_usd_cents
        drawn += part
        imported += carats
        value += worth * part // carats
        latest = max(latest, one.received_on or record.arrived_on or record.issued_on)
    if not drawn or not value:
        return
    carats, worth = shipment.record.carat_thousandths, shipment.record.value_usd_cents
    # Millionths of a cent for a thousandth of a carat.
    price, price_now = max(1, value * MILLION // drawn), worth * MILLION // carats
    shipment.sourced_change_ppm = bound_amount((price_now - price) * MILLION // price)
    shipment.sourced_price = bound_amount(price // 1_000)
    shipment.sourced_days = days_between(latest, shipment.record.issued_on)
    shipment.drawn_carat_thousandths = bound_amount(drawn)
    # The shipment may hold less than was drawn for it, or goods without a source.
    shipment.sourced_percent = bound_amount(min(drawn, carats) * 100 // imported)


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
