"""The query ``numbers``: a participant's number ranges, what was used of them, and what is odd."""

from itertools import islice
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.units import format_time
from kpledger.books.database import Books
from kpledger.books.flags.finding import Finding
from kpledger.books.flags.search import find_flags, prepare_search
from kpledger.books.query import Query, ask_participant, read_statement, select_rows
from kpledger.scheme.v1.events.governance import NumberRange
from kpledger.scheme.v1.records import AllottedRange, RangesRecord

_USED: Final = read_statement("numbers_used.sql")
_GAPS: Final = read_statement("numbers_gaps.sql")

_BEGAN: Final = "SELECT value FROM meta WHERE key = 'first_issued_on'"

_OBSERVED: Final = ("F7.order", "F7.never", "F7.outside", "F7.year")
"""What F7 sees at an event; gaps are listed with their ranges."""


class NumbersQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose numbers."""

    participant: str = ""
    at: str = ""
    """Today; the day of the newest block if not given."""
    settings: str = ""
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


def _respond(books: Books, question: NumbersQuestion) -> NumbersAnswer:
    code = ask_participant(books, question.participant).code
    (began,) = books.connection.execute(_BEGAN).fetchone()
    search = prepare_search(
        books,
        participant=code,
        from_day="" if question.at and question.at < began else began,
        at=question.at,
        settings=question.settings,
    )
    found = (one for one in find_flags(search, _OBSERVED) if one.participant == code)
    record = books.record(RangesRecord.key_for(code), RangesRecord)
    return NumbersAnswer(
        participant=code,
        at=search.at,
        ranges=tuple(
            _used(books, allotted, question.limit)
            for allotted in (() if record is None else record.ranges)
        ),
        findings=tuple(islice(found, question.limit)),
    )


def _used(books: Books, allotted: AllottedRange, limit: int) -> UsedRange:
    run = allotted.range
    place = {"prefix": run.prefix, "width": run.width, "first": run.first, "last": run.last}
    used, highest = books.connection.execute(_USED, place).fetchone()
    return UsedRange(
        authority=allotted.authority,
        first=_number(run, run.first),
        last=_number(run, run.last),
        use_from=run.use_from,
        use_until=run.use_until,
        retired_at="" if allotted.retired_at is None else format_time(allotted.retired_at),
        size=run.last - run.first + 1,
        used=used,
        highest="" if highest is None else _number(run, highest),
        missing=0 if highest is None else highest - run.first + 1 - used,
        gaps=tuple(select_rows(books, NumberGap, _GAPS, {**place, "limit": limit})),
    )


def _number(run: NumberRange, serial: int) -> str:
    return f"{run.prefix}{serial:0{run.width}d}"


NUMBERS: Final = Query(
    path="numbers",
    summary="A participant's number ranges: used, passed over, out of order, never issued",
    question=NumbersQuestion,
    answer=NumbersAnswer,
    respond=_respond,
)
