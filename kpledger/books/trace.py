"""Traces: where the goods of a certificate came from, and where they went.

Backwards through the sources that a re-export names, what it replaces, and the case whose goods it
moves; forwards through the re-exports that name it, its replacement, the cases of what was
presented under it, and the technical certificates for those.
"""

from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.books.database import Books
from kpledger.books.query import Query, QuestionError
from kpledger.scheme.v1.records import CaseCountRecord, CaseRecord, CertificateRecord
from kpledger.scheme.v1.subjects import case_of_certificate

_NAMING: Final = """
SELECT number FROM certificate_sources JOIN certificates ON issue = certificate
WHERE source = :subject
UNION
SELECT number FROM certificates WHERE case_subject = :subject
ORDER BY number
"""


class LinkKind(StrEnum):
    """How goods come from one certificate or case to another."""

    SOURCE = "SOURCE"
    """The second re-exports goods of the first."""
    REPLACEMENT = "REPLACEMENT"
    """The second stands in the place of the first."""
    CASE = "CASE"
    """A further shipment was presented under the first."""
    TECHNICAL = "TECHNICAL"
    """The second moves the goods of the first, outside trade."""


class TraceQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose goods."""

    subject: str = ""
    """A certificate's number, or a case."""
    limit: Annotated[int, Meta(ge=1, le=2000)] = 500
    """At most so many certificates and cases."""


class TracedShipment(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate or case, as far as a lineage shows it."""

    subject: str
    state: str | None
    """Null where the ledger does not know it."""
    issuer: str
    """Of a case: who has the goods before it."""
    destination: str
    """Empty for a case."""
    issued_on: str
    origins: tuple[str, ...]
    carat_thousandths: int
    """As declared; 0 for a case."""


class TracedLink(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the goods."""

    earlier: str
    later: str
    link: LinkKind
    carat_thousandths: int | None
    """How much of the earlier one's goods; only known for sources."""


class TraceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A lineage: what lies behind a shipment, and what lies before it."""

    subject: str
    shipments: tuple[TracedShipment, ...]
    """The one that was asked for first, then the nearer ones before the farther ones."""
    back: tuple[TracedLink, ...]
    """Steps that led to it."""
    forward: tuple[TracedLink, ...]
    """Steps that its goods took afterwards."""
    complete: bool
    """Whether that is all of it; not, where the limit was reached."""


def _respond(books: Books, question: TraceQuestion) -> TraceAnswer:
    """Tell where the goods of a certificate or case came from, and where they went.

    Raises:
        QuestionError: there is no such certificate or case.
    """
    subject = question.subject
    if _find(books, subject) is None:
        problem = f"there is no certificate or case {subject[:80]!r}"
        raise QuestionError("subject", problem, "the number of a certificate, or a case")
    reached: dict[str, None] = {subject: None}
    back = _walk(books, subject, reached, question.limit, backwards=True)
    forward = _walk(books, subject, reached, question.limit, backwards=False)
    ends = {end for link in (*back, *forward) for end in (link.earlier, link.later)}
    return TraceAnswer(
        subject=subject,
        shipments=tuple(_describe(books, one) for one in reached),
        back=tuple(link for link in back if {link.earlier, link.later} <= reached.keys()),
        forward=tuple(link for link in forward if {link.earlier, link.later} <= reached.keys()),
        complete=ends <= reached.keys(),
    )


TRACE: Final = Query(
    path="trace",
    summary="Where the goods of a certificate or case came from, and where they went",
    question=TraceQuestion,
    answer=TraceAnswer,
    respond=_respond,
)


def _walk(
    books: Books, subject: str, reached: dict[str, None], limit: int, *, backwards: bool
) -> list[TracedLink]:
    """Follow the goods in one direction, nearest first, up to so many shipments in all."""
    links: list[TracedLink] = []
    seen = {subject}
    waiting = deque([subject])
    while waiting:
        here = waiting.popleft()
        for link in _behind(books, here) if backwards else _before(books, here):
            links.append(link)
            there = link.earlier if backwards else link.later
            if there in seen:
                continue
            if there not in reached and len(reached) >= limit:
                continue
            seen.add(there)
            reached[there] = None
            waiting.append(there)
    return links


def _behind(books: Books, subject: str) -> Iterator[TracedLink]:
    match _find(books, subject):
        case CertificateRecord() as record:
            for source in record.sources:
                yield _link(source.number, subject, LinkKind.SOURCE, source.carat_thousandths)
            if record.replaces:
                yield _link(record.replaces, subject, LinkKind.REPLACEMENT)
            if record.case:
                yield _link(record.case, subject, LinkKind.TECHNICAL)
        case CaseRecord(number=str(number)):
            yield _link(number, subject, LinkKind.CASE)


def _before(books: Books, subject: str) -> Iterator[TracedLink]:
    record = _find(books, subject)
    for later in _read_naming(books, subject):
        child = books.record(CertificateRecord.key_for(later), CertificateRecord)
        carats = [
            source.carat_thousandths
            for source in (child.sources if child else ())
            if source.number == subject
        ]
        if carats:
            yield _link(subject, later, LinkKind.SOURCE, carats[0])
        else:
            yield _link(subject, later, LinkKind.TECHNICAL)
    if isinstance(record, CertificateRecord):
        if record.replaced_by:
            yield _link(subject, record.replaced_by, LinkKind.REPLACEMENT)
        for serial in range(1, _count_cases(books, subject) + 1):
            yield _link(subject, case_of_certificate(subject, serial), LinkKind.CASE)


def _read_naming(books: Books, subject: str) -> Iterator[str]:
    """Give the certificates that name one as their source, or move the goods of a case."""
    for (number,) in books.connection.execute(_NAMING, {"subject": subject}):
        yield number


def _count_cases(books: Books, number: str) -> int:
    """Count the further shipments that were presented under a certificate."""
    record = books.record(CaseCountRecord.key_for(number), CaseCountRecord)
    return 0 if record is None else record.count


def _link(earlier: str, later: str, link: LinkKind, carats: int | None = None) -> TracedLink:
    return TracedLink(earlier=earlier, later=later, link=link, carat_thousandths=carats)


def _find(books: Books, subject: str) -> CertificateRecord | CaseRecord | None:
    if "/" in subject:
        return books.record(CaseRecord.key_for(subject), CaseRecord)
    return books.record(CertificateRecord.key_for(subject), CertificateRecord)


def _describe(books: Books, subject: str) -> TracedShipment:
    match _find(books, subject):
        case CertificateRecord() as record:
            return TracedShipment(
                subject=subject,
                state=record.state,
                issuer=record.issuer,
                destination=record.destination,
                issued_on=record.issued_on,
                origins=record.origins,
                carat_thousandths=record.carat_thousandths,
            )
        case CaseRecord() as case:
            return _outline(subject, case.state, case.holder)
    return _outline(subject, None, subject[:2])


def _outline(subject: str, state: str | None, holder: str) -> TracedShipment:
    return TracedShipment(
        subject=subject,
        state=state,
        issuer=holder,
        destination="",
        issued_on="",
        origins=(),
        carat_thousandths=0,
    )
