"""A synthetic trade: the events that open some offices, then certificates issued and confirmed.

Everything is a pure function of names and serials. Nothing here is timed.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kpledger.base.ids import KPCS
from kpledger.base.keys import SigningKey
from kpledger.scheme.envelope import sign_event
from kpledger.scheme.event import Author, Body, compute_event_id, encode_event
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateKind,
    GoodsLine,
    HsCode,
    Origin,
    OriginKind,
    Party,
)
from kpledger.scheme.v1.events.governance import (
    AuthorityRegistered,
    AuthorityRole,
    KeyAdded,
    NumberRange,
    NumberRangeAllocated,
)
from kpledger.scheme.v1.events.importing import ImportConfirmed
from kpledger.scheme.v1.ids import CHAIR, ROOT

OFFICE: Final = "office"
"""The one authority of each participant of the trade."""
WIDTH: Final = 12

_EXPORTER: Final = Party(name="Jwaneng Sales", address="Gaborone", licence="EX-17")
_IMPORTER: Final = Party(name="Hoveniers Trading", address="Antwerp", licence="IM-4")

_ORIGIN: Final = "BW"
"""Where all of it was mined: not every participant is a country."""

Keyring = Callable[[str], SigningKey]
"""Gives the key of ``KPCS/chair``, ``BW/root`` or ``BW/office``."""


def make_key(name: str) -> SigningKey:
    """Derive the key of this name."""
    return SigningKey.from_seed(hashlib.sha256(name.encode()).digest())


@dataclass(frozen=True, slots=True)
class Statement:
    """A payload and the names of the keys that sign it."""

    payload: bytes
    signers: tuple[str, ...]

    def sign(self, keyring: Keyring) -> bytes:
        """Give the envelope."""
        return sign_event(self.payload, [keyring(name) for name in self.signers])


class Trade:
    """Makes the events of a trade between offices, in an order that the rules accept."""

    def __init__(self, chain: bytes, participants: Sequence[str], *, day: str) -> None:
        """Trade on one day, given as ``YYYY-MM-DD``."""
        self._chain = chain
        self._participants = participants
        self._day = day

    def _state(
        self,
        author: tuple[str, str],
        subject: str,
        body: Body,
        now_ms: int,
        prev: bytes | None = None,
    ) -> bytes:
        return encode_event(
            chain=self._chain,
            author=Author(participant=author[0], authority=author[1]),
            nonce=hashlib.sha256(f"{body.TYPE} {subject}".encode()).digest()[:16],
            occurred_at=now_ms,
            subject=subject,
            prev=prev,
            body=body,
        )

    def open_offices(self, now_ms: int) -> Iterator[Statement]:
        """Give each participant an office with a key and numbers."""
        for code in self._participants:
            root, office = f"{code}/{ROOT}", f"{code}/{OFFICE}"
            author = (code, ROOT)
            registered = AuthorityRegistered(
                authority=OFFICE,
                title=f"Diamond office of {code}",
                place="The capital",
                roles=(AuthorityRole.EXPORTING, AuthorityRole.IMPORTING),
                contact="",
            )
            yield Statement(
                self._state(author, office, registered, now_ms), (root, f"{KPCS}/{CHAIR}")
            )
            key = make_key(office).public_key
            added = KeyAdded(authority=OFFICE, key=key, valid_from=0)
            yield Statement(self._state(author, key.hex(), added, now_ms), (root,))
            numbers = NumberRange(
                prefix=code,
                width=WIDTH,
                first=0,
                last=10**WIDTH - 1,
                use_from="2020-01-01",
                use_until="2099-12-31",
            )
            allotted = NumberRangeAllocated(authority=OFFICE, range=numbers)
            yield Statement(self._state(author, office, allotted, now_ms), (root,))

    def ship(self, serial: int, now_ms: int) -> tuple[Statement, Statement]:
        """Issue one certificate and confirm its receipt; the serial makes it unique."""
        count = len(self._participants)
        issuer = self._participants[serial % count]
        destination = self._participants[(serial + 1 + serial // count % (count - 1)) % count]
        certificate = self._certificate(serial, issuer, destination, now_ms)
        issued = CertificateIssued(certificate=certificate)
        issue = self._state((issuer, OFFICE), certificate.number, issued, now_ms)
        confirmed = ImportConfirmed(
            number=certificate.number,
            parcels=certificate.parcels,
            carat_thousandths=certificate.carat_thousandths,
            value_usd_cents=certificate.value_usd_cents,
            exporter=certificate.exporter,
            importer=certificate.importer,
            received_on=self._day,
            exported_on=None,
        )
        confirmation = self._state(
            (destination, OFFICE), certificate.number, confirmed, now_ms, compute_event_id(issue)
        )
        return (
            Statement(issue, (f"{issuer}/{OFFICE}",)),
            Statement(confirmation, (f"{destination}/{OFFICE}",)),
        )

    def _certificate(self, serial: int, issuer: str, destination: str, now_ms: int) -> Certificate:
        carats, value = 1_000 + serial % 900_000, 100_000 + serial % 7_000_000
        return Certificate(
            number=f"{issuer}{serial:0{WIDTH}d}",
            kind=CertificateKind.NORMAL,
            languages=("en",),
            issued_on=self._day,
            expires_on=self._day,
            destination=destination,
            exporter=_EXPORTER,
            importer=_IMPORTER,
            origin=Origin(kind=OriginKind.SINGLE, countries=(_ORIGIN,)),
            parcels=1 + serial % 9,
            carat_thousandths=carats + 500,
            value_usd_cents=value + 20_000,
            lines=(
                GoodsLine(hs=HsCode.INDUSTRIAL, carat_thousandths=500, value_usd_cents=20_000),
                GoodsLine(
                    hs=HsCode.NON_INDUSTRIAL, carat_thousandths=carats, value_usd_cents=value
                ),
            ),
            validated_at=now_ms,
            seals=(f"S{serial:08d}",),
            sources=(),
            remarks="",
        )
