"""The query ``numbers``: a participant's number ranges, what was used of them, and what is odd."""

from itertools import islice
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.books.database import Books
from kpledger.books.flags.search import Finding, FlagsQuestion, find_flags, prepare_search
from kpledger.books.flags.settings import Settings
from kpledger.books.query import Query, read_participant, select_rows
from kpledger.books.question import AnyDay, Participant, Question

_BEGAN: Final = "SELECT value FROM meta WHERE key = 'first_issued_on'"

_OBSERVED: Final = ("F7.order", "F7.never", "F7.outside", "F7.year")
"""What F7 sees at an event; gaps are listed with their ranges."""


class NumbersQuestion(Question, frozen=True, kw_only=True):
    """Whose numbers."""

    participant: Participant
    at: AnyDay = ""
    """Today; the day of the newest block if not given."""
    settings: Settings = ""
    """Thresholds of F7: ``F7.order_days=30``."""
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100
    """At most so many gaps of a range, and so many findings."""


class NumberGap(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers that were passed over."""

    first: str
    last: str
    count: int
    next: str
    """The number that was issued after them."""
    issued_on: str
    """When."""


class UsedRange(msgspec.Struct, frozen=True, kw_only=True):
    """A range and what was used of it."""

    authority: str
    first: str
    last: str
    use_from: str
    use_until: str
    retired_at: str
    """When it was withdrawn; empty if it was not."""
    size: int
    used: int
    highest: str
    """The highest number that was used; empty if none was."""
    missing: int
    """Numbers below it that were not used."""
    gaps: tuple[NumberGap, ...]


class NumbersAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All ranges of a participant."""

    participant: str
    at: str
    ranges: tuple[UsedRange, ...]
    findings: tuple[Finding, ...]
    """Numbers out of order, and numbers that were presented but never issued; newest first."""
    more: bool
    """Whether there are older findings."""


def _respond(books: Books, question: NumbersQuestion) -> NumbersAnswer:
    code = read_participant(books, question.participant)
    (began,) = books.connection.execute(_BEGAN).fetchone()
    search = prepare_search(
        books,
        FlagsQuestion(
            participant=code,
            from_day="" if question.at and question.at < began else began,
            at=question.at,
            settings=question.settings,
        ),
    )
    every = (one for one in find_flags(search, _OBSERVED) if one.participant == code)
    found = tuple(islice(every, question.limit + 1))
    asked = {"participant": code, "limit": question.limit}
    return NumbersAnswer(
        participant=code,
        at=search.at,
        ranges=select_rows(books, UsedRange, "numbers.sql", asked),
        findings=found[: question.limit],
        more=len(found) > question.limit,
    )


NUMBERS: Final = Query(
    "numbers",
    "A participant's number ranges: used, passed over, out of order, never issued",
    _respond,
)
