"""Certificates: one of them, its history, and lists by state, issuer and destination.

A replacement is in the history of two certificates. An arrival or a detention on a certificate
whose life is over opens a case: it is in the history of the certificate and of the case.
"""

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.ids import HexDigest
from kpledger.books.database import Books
from kpledger.books.query import NotOnLedgerError, Query, read_participant, select_rows
from kpledger.books.question import AnyNumber, AnyParticipant, Number, Question, some_of
from kpledger.scheme.event import Author
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


_REPORTS: Final = """
SELECT subject FROM suspects WHERE number = ? ORDER BY event_index LIMIT 100
"""


class CertificateQuestion(Question, frozen=True, kw_only=True):
    """Which certificate."""

    number: Number


class CertificatesQuestion(Question, frozen=True, kw_only=True):
    """Which certificates: those that meet all filters."""

    state: Annotated[str, some_of(CertificateState)] = ""
    issuer: AnyParticipant = ""
    destination: AnyParticipant = ""
    after: AnyNumber = ""
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
    reports: tuple[str, ...]
    """Subjects of the reports of suspect papers with its number; the first hundred."""


def _respond_list(books: Books, question: CertificatesQuestion) -> CertificatesAnswer:
    numbers, last = _read_page(books, question, _read_filters(books, question))
    found = (books.record(CertificateRecord.key_for(one), CertificateRecord) for one in numbers)
    return CertificatesAnswer(
        certificates=tuple(record for record in found if record is not None), next=last or None
    )


def _respond_one(books: Books, question: CertificateQuestion) -> CertificateRecord:
    number = question.number
    record = books.record(CertificateRecord.key_for(number), CertificateRecord)
    if record is None:
        raise NotOnLedgerError(f"there is no certificate {number}")
    return record


def _respond_history(books: Books, question: CertificateQuestion) -> HistoryAnswer:
    number = _respond_one(books, question).number
    reports = books.connection.execute(_REPORTS, (number,)).fetchall()
    return HistoryAnswer(
        events=read_history(books, number), reports=tuple(subject for (subject,) in reports)
    )


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
    may_find_none=True,
)
HISTORY: Final = Query(
    "certificates/{number}/history",
    "The events on a certificate, oldest first",
    _respond_history,
    is_small=True,
    may_find_none=True,
)


def read_history(books: Books, subject: str) -> tuple[HistoryEntry, ...]:
    """Read the events on a subject, oldest first."""
    return select_rows(books, HistoryEntry, "history.sql", {"subject": subject})


def _read_filters(books: Books, question: CertificatesQuestion) -> dict[str, str]:
    wanted = {"issuer": question.issuer, "destination": question.destination}
    return {name: read_participant(books, code, name) for name, code in wanted.items() if code}


def _read_page(
    books: Books, question: CertificatesQuestion, filters: dict[str, str]
) -> tuple[list[str], str]:
    """Give the numbers of a page, and after which one to go on; empty where there are no more."""
    states = question.state.split(",") if question.state else [None]
    found = heapq.merge(*(_follow(books, state, filters, question.after) for state in {*states}))
    numbers: list[str] = []
    last = ""
    for last, fits in islice(found, MAX_SCANNED):
        if fits:
            numbers.append(last)
            if len(numbers) == question.limit:
                return numbers, last
    return numbers, last if next(found, None) else ""


def _follow(
    books: Books, state: str | None, filters: dict[str, str], after: str
) -> Iterator[tuple[str, bool]]:
    """Give numbers in their order, and whether they meet all filters.

    An index is followed for some of them; the others are looked at on the way. Nearly every
    certificate is confirmed in the end, so that this state narrows nothing.
    """
    leading = tuple(filters)
    if state not in (None, CertificateState.CONFIRMED):
        leading = ("state",)
    asked = {"issuer": None, "destination": None, **filters, "state": state, "after": after}
    return books.connection.execute(_PAGES[leading], {**asked, "scanned": MAX_SCANNED + 1})
