"""The verification of a certificate: as much of it as everybody may know, one at a time.

Whoever holds the paper can tell whether it is the certificate that was issued, and whether it still
stands. Traders, value and what is known of the shipment's way are for those whom the operator of a
node has listed.
"""

from typing import Final

import msgspec

from kpledger.books.certificates import CertificateQuestion, read_history
from kpledger.books.database import Books
from kpledger.books.query import Query
from kpledger.scheme.v1.lifecycles import CertificateState
from kpledger.scheme.v1.records import CertificateRecord


class DeclaredWeight(msgspec.Struct, frozen=True, kw_only=True):
    """What is declared under one HS code."""

    hs: str
    carat_thousandths: int


class CertificateInShort(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody may know of a certificate."""

    state: CertificateState
    issuer: str
    destination: str
    issued_on: str
    expires_on: str
    carat_thousandths: int
    """In all, as it was issued."""
    lines: tuple[DeclaredWeight, ...]
    suspect: bool = False
    """An event on it may be a thief's, whose key was taken back."""


class VerificationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether there is a certificate, and how it was issued."""

    number: str
    certificate: CertificateInShort | None
    """Null: there is none of this number on the ledger."""


def _respond(books: Books, question: CertificateQuestion) -> VerificationAnswer:
    number = question.number
    record = books.record(CertificateRecord.key_for(number), CertificateRecord)
    if record is None:
        return VerificationAnswer(number=number, certificate=None)
    found = msgspec.convert(record, CertificateInShort, from_attributes=True)
    suspect = any(event.suspect for event in read_history(books, number))
    return VerificationAnswer(
        number=number, certificate=msgspec.structs.replace(found, suspect=suspect)
    )


VERIFICATION: Final = Query(
    "verification/{number}",
    "Whether a certificate was issued, how, and whether it stands; for everybody",
    _respond,
    is_small=True,
    for_everybody=True,
)
