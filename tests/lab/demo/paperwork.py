"""The paperwork of the synthetic year: every shipment as the signed events about it.

All signatures are made here, under keys that are derived from a seed and good for nothing else. An
event that follows another names it by the id it will have, so the whole year can be signed before
any of it is submitted.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lab.demo.trade_shipment import Outcome, Shipment

from kpledger.base.ids import ROOT
from kpledger.base.keys import SigningKey
from kpledger.base.units import add_days, format_time
from kpledger.scheme.envelope import compute_event_id, sign_event
from kpledger.scheme.v1.events import Author, Body, encode_event
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateKind,
    CertificateVoided,
    Origin,
    OriginKind,
    VoidReason,
)
from kpledger.scheme.v1.events.governance import (
    AuthorityRegistered,
    AuthorityRole,
    KeyAdded,
    NumberRange,
    NumberRangeAllocated,
)
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    DiscrepancyCause,
    HoldReason,
    ImportConfirmed,
    ImportConfirmedDiscrepant,
    ShipmentSeized,
)

AUTHORITY: Final = "diamond-office"
"""The one office that each participant has in the synthetic year, with both roles."""

SERIAL_DIGITS: Final = 8
YEAR_START: Final = "2022-01-01"
YEAR_END: Final = "2022-12-31"
_REMARK: Final = "SYNTHETIC: made for a demonstration, no such shipment exists"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed event, ready to be submitted."""

    event_id: bytes
    envelope: bytes
    subject: str


@dataclass(frozen=True, slots=True)
class FoundingKeys:
    """The keys a network was founded with, as far as the demonstration needs them."""

    chair: SigningKey
    roots: Mapping[str, SigningKey]
    """The root key of each participant, by code."""


class Registry:
    """Writes and signs events for every participant of one ledger."""

    def __init__(self, chain: bytes, keys: FoundingKeys, *, seed: int, now_ms: int) -> None:
        """Prepare offices for the participants; ``now_ms`` is when all of it is written."""
        self._chain = chain
        self._keys = keys
        self._seed = seed
        self._now_ms = now_ms
        self._count = 0
        self._serials: dict[str, int] = {}

    def office_key(self, code: str) -> SigningKey:
        """Give the key of a participant's office."""
        label = f"kpledger demonstration office {code} {self._seed} {self._chain.hex()}"
        return SigningKey.from_seed(hashlib.sha256(label.encode()).digest())

    def sign(
        self,
        author: Author,
        subject: str,
        body: Body,
        keys: tuple[SigningKey, ...],
        prev: bytes | None = None,
    ) -> Signed:
        """Sign one event."""
        self._count += 1
        label = f"{self._chain.hex()} {self._seed} {self._now_ms} {self._count}"
        payload = encode_event(
            chain=self._chain,
            author=author,
            nonce=hashlib.sha256(label.encode()).digest()[:16],
            occurred_at=self._now_ms,
            subject=subject,
            prev=prev,
            body=body,
        )
        return Signed(compute_event_id(payload), sign_event(payload, keys), subject)

    def sign_office(self, code: str, subject: str, body: Body, prev: bytes | None) -> Signed:
        """Sign one event as a participant's office."""
        author = Author(participant=code, authority=AUTHORITY)
        return self.sign(author, subject, body, (self.office_key(code),), prev)

    def open_offices(self) -> Iterator[Signed]:
        """Register an office, its key and its numbers for every participant."""
        for code, root in sorted(self._keys.roots.items()):
            author = Author(participant=code, authority=ROOT)
            subject = f"{code}/{AUTHORITY}"
            registered = AuthorityRegistered(
                authority=AUTHORITY,
                title=f"Synthetic diamond office of {code}",
                place=f"Synthetic place in {code}",
                roles=(AuthorityRole.EXPORTING, AuthorityRole.IMPORTING),
                contact="",
            )
            # The Chair countersigns a participant's first authority.
            yield self.sign(author, subject, registered, (root, self._keys.chair))
            key = self.office_key(code).public_key
            added = KeyAdded(authority=AUTHORITY, key=key, valid_from=0)
            yield self.sign(author, key.hex(), added, (root,))
            numbers = NumberRange(
                prefix=code,
                width=SERIAL_DIGITS,
                first=1,
                last=10**SERIAL_DIGITS - 1,
                use_from=YEAR_START,
                use_until=YEAR_END,
            )
            allotted = NumberRangeAllocated(authority=AUTHORITY, range=numbers)
            yield self.sign(author, subject, allotted, (root,))

    def next_number(self, code: str) -> str:
        """Give the next certificate number of a participant."""
        serial = self._serials.get(code, 0) + 1
        self._serials[code] = serial
        return f"{code}{serial:0{SERIAL_DIGITS}d}"

    def write(self, shipment: Shipment) -> tuple[tuple[int, Signed], ...]:
        """Give the events of one shipment with their times, each naming the one before."""
        certificate = make_certificate(shipment, self.next_number(shipment.issuer))
        number = certificate.number
        body: Body = CertificateIssued(certificate=certificate)
        events = [(shipment.issued_at_ms, self.sign_office(shipment.issuer, number, body, None))]
        for time_ms, code, body in _aftermath(shipment, certificate):
            prev = events[-1][1].event_id
            events.append((time_ms, self.sign_office(code, number, body, prev)))
        return tuple(events)


def _day(time_ms: int) -> str:
    return format_time(time_ms)[:10]


def make_certificate(shipment: Shipment, number: str) -> Certificate:
    """Write the certificate of a shipment."""
    issued_on = _day(shipment.issued_at_ms)
    kind = OriginKind.SINGLE if len(shipment.origins) == 1 else OriginKind.MIXED
    return Certificate(
        number=number,
        kind=CertificateKind.NORMAL,
        languages=("en",),
        issued_on=issued_on,
        expires_on=add_days(issued_on, shipment.validity_days),
        destination=shipment.destination,
        exporter=shipment.exporter,
        importer=shipment.importer,
        origin=Origin(kind=kind, countries=shipment.origins),
        parcels=shipment.parcels,
        carat_thousandths=sum(line.carat_thousandths for line in shipment.lines),
        value_usd_cents=sum(line.value_usd_cents for line in shipment.lines),
        lines=shipment.lines,
        validated_at=shipment.issued_at_ms,
        seals=shipment.seals,
        sources=(),
        remarks=_REMARK,
    )


def _aftermath(shipment: Shipment, certificate: Certificate) -> Iterator[tuple[int, str, Body]]:
    """Give what happens to a certificate after its issue: when, at whose office, and what."""
    if shipment.outcome is Outcome.VOIDED and shipment.voided_at_ms is not None:
        voided = CertificateVoided(reason=VoidReason.NOT_EXPORTED, remarks=_REMARK)
        yield shipment.voided_at_ms, shipment.issuer, voided
    received_at_ms = shipment.received_at_ms
    if received_at_ms is None:
        return
    day = _day(received_at_ms)
    arrived = ArrivalRecorded(
        arrived_on=day,
        seals_intact=shipment.outcome is not Outcome.SEIZED,
        opened=True,
        found_carat_thousandths=None,
        remarks=_REMARK,
    )
    yield received_at_ms, shipment.destination, arrived
    yield received_at_ms + 1, shipment.destination, _conclude(shipment, certificate, day)


def _conclude(shipment: Shipment, certificate: Certificate, day: str) -> Body:
    if shipment.outcome is Outcome.SEIZED:
        return ShipmentSeized(
            reason=HoldReason.BROKEN_SEALS,
            legal_reference="SYNTHETIC customs act",
            custody="SYNTHETIC customs house",
            carat_thousandths=certificate.carat_thousandths,
        )
    if shipment.outcome is Outcome.DISCREPANT:
        found = shipment.found_lines
        return ImportConfirmedDiscrepant(
            number=certificate.number,
            parcels=certificate.parcels,
            carat_thousandths=sum(line.carat_thousandths for line in found),
            value_usd_cents=sum(line.value_usd_cents for line in found),
            exporter=certificate.exporter,
            importer=certificate.importer,
            received_on=day,
            cause=DiscrepancyCause.WEIGHING,
            remarks=_REMARK,
        )
    return ImportConfirmed(
        number=certificate.number,
        parcels=certificate.parcels,
        carat_thousandths=certificate.carat_thousandths,
        value_usd_cents=certificate.value_usd_cents,
        exporter=certificate.exporter,
        importer=certificate.importer,
        received_on=day,
        exported_on=None,
    )
