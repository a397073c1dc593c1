"""What must not get onto the ledger: each attempt, and the rule that has to refuse it."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from lab.year.office import Draft, Paper
from lab.year.shipments import Shipments
from lab.year.stock import Goods

from kpledger.base.codec import encode
from kpledger.scheme.envelope import decode_envelope, open_envelope
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.certificate import CertificateIssued


@dataclass(frozen=True, slots=True)
class Attempt:
    """A forbidden event."""

    what: str
    rule: str
    """Code of the rule that has to refuse it."""
    event: SignedEvent


def make_attempts(shipments: Shipments, issued: SignedEvent) -> Iterator[Attempt]:
    """Give the attempts, made out of an honest issue that is on the ledger."""
    if not isinstance(issued.body, CertificateIssued):
        raise TypeError(f"{issued.header.type} issues no certificate")
    certificate = issued.body.certificate
    goods = Goods(certificate.origin, certificate.lines)
    author = issued.header.author
    draft = Draft(author.participant, certificate.destination, goods)
    offices = shipments.participants.offices[author.participant]
    office = next(one for one in offices if one.authority == author.authority)
    paper = shipments.draw_up(draft, office)
    # Kenya has never been a participant; certificates "from" or "to" it are a known pattern.
    yield Attempt(
        "a number that was used before", "E3", _issue(shipments, paper, number=certificate.number)
    )
    yield Attempt(
        "a certificate to a non-participant", "E4", _issue(shipments, paper, destination="KE")
    )
    yield Attempt(
        "a forged signature", "E1", _forge(_issue(shipments, shipments.draw_up(draft, office)))
    )


def _issue(shipments: Shipments, paper: Paper, **changes: str) -> SignedEvent:
    certificate = msgspec.structs.replace(paper.certificate, **changes)
    signer = shipments.signer
    office = paper.office
    signer.write(
        (office.participant, office.authority),
        certificate.number,
        CertificateIssued(certificate=certificate),
        signer.officers(office.participant, office.authority),
    )
    return decode_envelope(signer.entries.pop().envelope)


def _forge(event: SignedEvent) -> SignedEvent:
    """Turn one bit of the signature."""
    envelope = open_envelope(event.encoded)
    first = envelope.signatures[0]
    forged = msgspec.structs.replace(first, sig=bytes([first.sig[0] ^ 1]) + first.sig[1:])
    return decode_envelope(encode(msgspec.structs.replace(envelope, signatures=(forged,))))
