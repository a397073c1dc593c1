"""Certificates: one of them, its history, and lists by state, issuer and destination.

A replacement is in the history of two certificates. An arrival or a detention on a certificate
whose life is over opens a case: it is in the history of the certificate and of the case.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.ids import HexDigest
from kpledger.books.database import Books
from kpledger.books.query import (
    NotOnLedgerError,
    Query,
    QuestionError,
    read_parameter,
    read_participant,
    select_rows,
)
from kpledger.scheme.event import Author
from kpledger.scheme.v1.ids import parse_number
from kpledger.scheme.v1.lifecycles import CertificateState
from kpledger.scheme.v1.records import CertificateRecord

MAX_LISTED: Final = 1000
MAX_SCANNED: Final = 5_000
"""Certificates that are looked at for one page, so that filters that hardly ever meet cannot read
everything; the next page goes on from there."""


_PAGE: Final = """
SELECT number,
       coalesce(state = :state, TRUE) AND coalesce(issuer = :issuer, TRUE)
           AND coalesce(destination = :destination, TRUE)
FROM certificates
WHERE {narrowed} AND number > :after
ORDER BY number
LIMIT :scanned
"""
_PAGES: Final[dict[tuple[str, ...], str]] = {
    leading: _PAGE.format(narrowed=narrowed)
    for leading, narrowed in {
        (): "TRUE",
        ("state",): "state = :state AND state <> 'CONFIRMED'",
        ("issuer",): "issuer = :issuer",
        ("destination",): "destination = :destination",
        ("issuer", "destination"): "issuer = :issuer AND destination = :destination",
    }.items()
}
"""Certificates in the order of their numbers, and whether they meet all filters, by the filters
that an index is followed for."""


class CertificateQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which certificate."""

    number: str = ""


class CertificatesQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which certificates: those that meet all filters."""

    state: str | None = None
    issuer: str | None = None
    destination: str | None = None
    after: str | None = None
    """Only numbers behind this one."""
    limit: Annotated[int, Meta(ge=1, le=MAX_LISTED)] = 100


class CertificatesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of certificates, in the order of their numbers."""

    certificates: tuple[CertificateRecord, ...]
    next: str | None
    """The number after which the next page begins; null: there are no more."""


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An event as one line of a history."""

    id: HexDigest
    type: str
    author: Author
    occurred_at: int
    """When it happened, as its author says; Unix milliseconds."""
    height: int
    index: int
    block_time_ms: int
    """When it was recorded; Unix milliseconds."""
    suspect: bool
    """It may be a thief's: a recovery names its height or an earlier one, and ended its key."""


class HistoryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The events on a certificate, oldest first."""

    events: tuple[HistoryEntry, ...]


def _respond_list(books: Books, question: CertificatesQuestion) -> CertificatesAnswer:
    filters = _read_filters(books, question)
    after = "" if question.after is None else read_number("after", question.after)
    numbers, next_after = _read_page(books, filters, after, question.limit)
    found = (books.record(CertificateRecord.key_for(one), CertificateRecord) for one in numbers)
    return CertificatesAnswer(
        certificates=tuple(record for record in found if record is not None), next=next_after
    )


def _respond_one(books: Books, question: CertificateQuestion) -> CertificateRecord:
    number = read_number("number", question.number)
    record = books.record(CertificateRecord.key_for(number), CertificateRecord)
    if record is None:
        raise NotOnLedgerError(f"there is no certificate {number}")
    return record


def _respond_history(books: Books, question: CertificateQuestion) -> HistoryAnswer:
    return HistoryAnswer(events=read_history(books, _respond_one(books, question).number))


CERTIFICATES: Final = Query(
    "certificates",
    "Certificates by state, issuer and destination, in the order of their numbers",
    _respond_list,
)
CERTIFICATE: Final = Query(
    "certificates/{number}",
    "What a certificate says, and where it stands",
    _respond_one,
    is_small=True,
)
HISTORY: Final = Query(
    "certificates/{number}/history",
    "The events on a certificate, oldest first",
    _respond_history,
    is_small=True,
)


def read_history(books: Books, subject: str) -> tuple[HistoryEntry, ...]:
    """Read the events on a subject, oldest first."""
    return select_rows(books, HistoryEntry, "history.sql", {"subject": subject})


def read_number(field: str, text: str) -> str:
    """Read the number of a certificate, whether or not there is one.

    Raises:
        QuestionError: it is none.
    """
    return read_parameter(field, text, parse_number, "a certificate number, such as BW00001234")


def _read_filters(books: Books, question: CertificatesQuestion) -> dict[str, str]:
    wanted = {name: getattr(question, name) for name in ("state", "issuer", "destination")}
    filters = {name: value for name, value in wanted.items() if value is not None}
    for name, value in filters.items():
        if name != "state":
            read_participant(books, value, name)
        elif value not in list(CertificateState):
            raise QuestionError(name, f"{value[:64]!r}", ", ".join(CertificateState))
    return filters


def _read_page(
    books: Books, filters: dict[str, str], after: str, limit: int
) -> tuple[list[str], str | None]:
    """Give the numbers of a page, and after which one to go on."""
    wanted = {"state": None, "issuer": None, "destination": None, "after": after} | filters
    found = books.connection.execute(_PAGES[_leading(filters)], {**wanted, "scanned": MAX_SCANNED})
    numbers: list[str] = []
    scanned, last = 0, after
    for last, fits in found:
        scanned += 1
        if fits:
            numbers.append(last)
            if len(numbers) == limit:
                return numbers, last
    return numbers, last if scanned == MAX_SCANNED else None


def _leading(filters: dict[str, str]) -> tuple[str, ...]:
    """Choose the filters whose index is followed; the others are looked at on the way.

    Nearly every certificate is confirmed in the end, so that this state narrows nothing.
    """
    if filters.get("state", CertificateState.CONFIRMED) != CertificateState.CONFIRMED:
        return ("state",)
    return tuple(name for name in ("issuer", "destination") if name in filters)
