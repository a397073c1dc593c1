"""What must not get onto the ledger: each attempt, and the rule that has to refuse it."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from lab.demo.paperwork import Registry, Signed, make_certificate
from lab.demo.trade_shipment import Shipment

from kpledger.base.codec import encode
from kpledger.scheme.envelope import open_envelope
from kpledger.scheme.v1.events.certificate import CertificateIssued


@dataclass(frozen=True, slots=True)
class Attempt:
    """A forbidden event."""

    what: str
    rule: str
    """Code of the rule that has to refuse it."""
    event: Signed


def make_attempts(registry: Registry, shipment: Shipment, used_number: str) -> Iterator[Attempt]:
    """Give the attempts, made out of an honest shipment of the issuer of ``used_number``."""
    issuer = shipment.issuer
    certificate = make_certificate(shipment, used_number)
    again = CertificateIssued(certificate=certificate)
    yield Attempt(
        "a number that was used before",
        "E3",
        registry.sign_office(issuer, used_number, again, None),
    )
    number = registry.next_number(issuer)
    # Kenya has never been a participant; certificates "from" or "to" it are a known pattern.
    abroad = msgspec.structs.replace(certificate, number=number, destination="KE")
    yield Attempt(
        "a certificate to a non-participant",
        "E4",
        registry.sign_office(issuer, number, CertificateIssued(certificate=abroad), None),
    )
    number = registry.next_number(issuer)
    honest = msgspec.structs.replace(certificate, number=number)
    signed = registry.sign_office(issuer, number, CertificateIssued(certificate=honest), None)
    yield Attempt("a forged signature", "E1", _forge(signed))


def _forge(signed: Signed) -> Signed:
    """Turn one bit of the signature."""
    envelope = open_envelope(signed.envelope)
    first = envelope.signatures[0]
    forged = msgspec.structs.replace(first, sig=bytes([first.sig[0] ^ 1]) + first.sig[1:])
    changed = msgspec.structs.replace(envelope, signatures=(forged,))
    return Signed(signed.event_id, encode(changed), signed.subject)
