"""Traces: where the goods of a certificate came from, and where they went.

Backwards through the sources that a re-export names, what it replaces, and the case whose goods it
moves; forwards through the re-exports that name it, its replacement, the cases of what was
presented under it, and the technical certificates for those.
"""

import json
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.books.database import Books
from kpledger.books.query import Query, select_rows
from kpledger.books.question import Question, QuestionError, SubjectName

MAX_TRACED: Final = 2000
"""Shipments in one answer."""


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


class TraceQuestion(Question, frozen=True, kw_only=True):
    """Whose goods."""

    subject: SubjectName
    """A certificate's number, or a case."""
    limit: Annotated[int, Meta(ge=1, le=MAX_TRACED)] = 500
    """At most so many certificates and cases."""


class TracedShipment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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
    suspect: bool
    """An event on it may be a thief's: its key ended by a recovery of the key's participant."""
    wrong_sources: tuple[str, ...] = ()
    """What it names as sources and did not rightly draw from, as flag F19 tells."""
    claimed_carat_thousandths: int = 0
    """How much of it all re-exports claim that name it as a source."""
    held_carat_thousandths: int = 0
    """How much there was of it: as found, or as declared where nobody has confirmed it."""


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
    subject = question.subject
    (asked,) = _describe(books, [subject])
    if asked.state is None:
        problem = f"there is no certificate or case {subject[:80]!r}"
        raise QuestionError("subject", problem, "the number of a certificate, or a case")
    reached: dict[str, None] = {subject: None}
    back = _walk(books, subject, reached, question.limit, backwards=True)
    forward = _walk(books, subject, reached, question.limit, backwards=False)
    ends = {end for link in (*back, *forward) for end in (link.earlier, link.later)}
    return TraceAnswer(
        subject=subject,
        shipments=_describe(books, list(reached)),
        back=tuple(link for link in back if {link.earlier, link.later} <= reached.keys()),
        forward=tuple(link for link in forward if {link.earlier, link.later} <= reached.keys()),
        complete=ends <= reached.keys(),
    )


TRACE: Final = Query(
    "trace", "Where the goods of a certificate or case came from, and where they went", _respond
)


def _describe(books: Books, subjects: list[str]) -> tuple[TracedShipment, ...]:
    asked = {"subjects": json.dumps(subjects)}
    return select_rows(books, TracedShipment, "trace_shipments.sql", asked)


def _walk(
    books: Books, subject: str, reached: dict[str, None], limit: int, *, backwards: bool
) -> list[TracedLink]:
    """Follow the goods in one direction, nearest first, up to so many shipments in all."""
    file = "trace_back.sql" if backwards else "trace_forward.sql"
    links: list[TracedLink] = []
    seen = {subject}
    nearest = [subject]
    while nearest:
        steps = select_rows(books, TracedLink, file, {"subjects": json.dumps(nearest)})
        nearest = []
        for link in steps:
            there = link.earlier if backwards else link.later
            if there not in seen and (there in reached or len(reached) < limit):
                seen.add(there)
                reached[there] = None
                nearest.append(there)
        links += steps
    return links
