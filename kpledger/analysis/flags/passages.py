"""Passages: a certificate as the flags follow it, and the moves that events make it go through.

The record of a certificate shows it after a whole block; a passage is written event by event, so
that what one event finds is what the events before it have left.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from kpledger.analysis.applied import Applied
from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.base.units import day_of
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateKind,
    CertificateReplaced,
    CertificateValidated,
    ExportNotified,
)
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    DiscrepancyResolved,
    ImportConfirmed,
    ImportConfirmedDiscrepant,
    ShipmentDetained,
    ShipmentDiverted,
    ShipmentReleased,
)

PASSAGES: Final = b"passage"


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
    """Both sides agreed what a discrepant shipment held."""
    HELD = "HELD"
    """Detained, diverted, sent back or seized."""
    RELEASED = "RELEASED"
    """Let go on: to its destination, or into the country where it arrived."""
    AGAIN = "AGAIN"
    """Presented once more after its life was over."""


class Passage(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is followed of a certificate."""

    number: str
    issuer: str
    destination: str
    issued_on: str
    expires_on: str
    technical: bool
    origins: tuple[str, ...]
    carat_thousandths: int
    value_usd_cents: int
    issue: bytes
    """The event that issued it."""
    recorded_at: int
    replaces: str = ""
    exported_on: str = ""
    arrived_on: str = ""
    arrival: bytes = b""
    received_on: str = ""
    found_carat_thousandths: int = 0
    """What was found, or agreed on afterwards."""
    found_value_usd_cents: int = 0
    ended: str = ""
    """The type of the event that ended its life; empty while it is open."""
    ending: bytes = b""
    notice: bytes = b""
    """The event that announced it; a confirmation may know the day it left without one."""
    held_on: str = ""
    """The day on which the destination detained it before any arrival was recorded."""
    diverted: bool = False

    @property
    def there_on(self) -> str:
        """Since when the destination has the goods before it; empty before."""
        return self.arrived_on or self.held_on


@dataclass(frozen=True, slots=True)
class Moved:
    """One move, the passage after it, and the event that made it."""

    move: Move
    passage: Passage
    applied: Applied
    certificate: Certificate | None = None
    """As issued."""
    before: Passage | None = None
    """The passage before it, where a figure of it changes."""

    @property
    def event(self) -> bytes:
        """The id of the event."""
        return self.applied.event.event_id


_WITHDRAWALS: Final = frozenset(
    ("certificate_voided", "certificate_replaced", "certificate_returned_unused")
)
_ENDS: Final = frozenset(("import_refused_returned", "shipment_seized"))

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Passage).decode


def read_passage(index: IndexReader | IndexChanges, number: str) -> Passage | None:
    """Read what is followed of a certificate, or None."""
    value = index.get(PASSAGES, number.encode())
    return None if value is None else _decode(value)


def is_withdrawn(index: IndexReader | IndexChanges, number: str) -> bool:
    """Tell whether a certificate was voided, replaced or returned unused."""
    passage = read_passage(index, number)
    return passage is not None and passage.ended in _WITHDRAWALS


def counts_as_trade(index: IndexReader, number: str) -> bool:
    """Tell whether a certificate counts in sums: not a technical one, and not withdrawn."""
    passage = read_passage(index, number)
    return passage is not None and not passage.technical and passage.ended not in _WITHDRAWALS


def follow(applied: Applied, changes: IndexChanges) -> Iterator[Moved]:
    """Give the moves that an event makes, and write the passages after them."""
    for moved in _moves(applied, changes):
        changes.put(PASSAGES, moved.passage.number.encode(), _encode(moved.passage))
        yield moved


def _moves(applied: Applied, changes: IndexChanges) -> Iterator[Moved]:
    body = applied.event.body
    if isinstance(body, CertificateIssued):
        yield _issued(applied, body.certificate, "")
        return
    before = read_passage(changes, applied.event.header.subject)
    if before is None:
        return
    moved = _moved(applied, before)
    if moved is not None:
        yield moved
    if isinstance(body, CertificateReplaced):
        yield _issued(applied, body.certificate, before.number)


def _issued(applied: Applied, certificate: Certificate, replaces: str) -> Moved:
    passage = Passage(
        number=certificate.number,
        issuer=applied.event.header.author.participant,
        destination=certificate.destination,
        issued_on=certificate.issued_on,
        expires_on=certificate.expires_on,
        technical=certificate.kind is CertificateKind.TECHNICAL,
        origins=certificate.origin.countries,
        carat_thousandths=certificate.carat_thousandths,
        value_usd_cents=certificate.value_usd_cents,
        issue=applied.event.event_id,
        recorded_at=applied.time_ms,
        replaces=replaces,
    )
    return Moved(Move.ISSUED, passage, applied, certificate)


def _moved(applied: Applied, before: Passage) -> Moved | None:
    kind, event = applied.event.header.type, applied.event.event_id
    if before.ended:
        return _moved_after_end(applied, before)
    over = msgspec.structs.replace(before, ended=kind, ending=event)
    moved: Moved | None = None
    match applied.event.body:
        case CertificateValidated():
            moved = Moved(Move.VALIDATED, before, applied)
        case ExportNotified() as notice:
            sent = msgspec.structs.replace(before, exported_on=notice.exported_on, notice=event)
            moved = Moved(Move.EXPORTED, sent, applied)
        case ArrivalRecorded() as arrived:
            there = msgspec.structs.replace(before, arrived_on=arrived.arrived_on, arrival=event)
            moved = Moved(Move.ARRIVED, there, applied)
        case (ImportConfirmed() | ImportConfirmedDiscrepant()) as found:
            received = msgspec.structs.replace(
                over,
                received_on=found.received_on,
                found_carat_thousandths=found.carat_thousandths,
                found_value_usd_cents=found.value_usd_cents,
                exported_on=getattr(found, "exported_on", None) or before.exported_on,
            )
            clean = isinstance(found, ImportConfirmed)
            moved = Moved(Move.CONFIRMED if clean else Move.DISCREPANT, received, applied)
        case _ if kind in _WITHDRAWALS:
            moved = Moved(Move.WITHDRAWN, over, applied)
        case _ if kind in _ENDS:
            moved = Moved(Move.HELD, over, applied)
        case _:
            moved = _held_or_released(applied, before)
    return moved


def _held_or_released(applied: Applied, before: Passage) -> Moved | None:
    event = applied.event.event_id
    is_there = applied.event.header.author.participant == before.destination
    match applied.event.body:
        case ShipmentDetained() if is_there and not before.there_on:
            held_on = day_of(applied.time_ms)
            held = msgspec.structs.replace(before, held_on=held_on, arrival=event)
            return Moved(Move.HELD, held, applied)
        case ShipmentDetained():
            return Moved(Move.HELD, before, applied)
        case ShipmentDiverted():
            astray = msgspec.structs.replace(before, diverted=True)
            return Moved(Move.HELD, astray, applied)
        case ShipmentReleased() if is_there or not before.diverted:
            return Moved(Move.RELEASED, before, applied)
        case _:
            return None


def _moved_after_end(applied: Applied, before: Passage) -> Moved | None:
    match applied.event.body:
        case ArrivalRecorded() | ShipmentDetained():
            return Moved(Move.AGAIN, before, applied)
        case DiscrepancyResolved() as agreed:
            after = msgspec.structs.replace(
                before,
                found_carat_thousandths=agreed.carat_thousandths,
                found_value_usd_cents=agreed.value_usd_cents,
            )
            return Moved(Move.RESOLVED, after, applied, before=before)
        case _:
            return None
