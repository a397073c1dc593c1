"""The topic ``numbers``: a participant's number ranges, what was used of them, and what is odd."""

from itertools import islice
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.analysis.book import Book
from kpledger.analysis.flags.detect.numbers import read_gaps, read_ranges
from kpledger.analysis.flags.detect.observed import detect_observed
from kpledger.analysis.flags.finding import Finding
from kpledger.analysis.flags.indexes.papers import read_began
from kpledger.analysis.flags.indexes.serials import format_number, read_used
from kpledger.analysis.flags.look import Look
from kpledger.analysis.flags.topic import look_at
from kpledger.analysis.topic import Topic, ask_participant
from kpledger.base.units import format_time
from kpledger.scheme.v1.records import AllottedRange


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


def _respond(book: Book, question: NumbersQuestion) -> NumbersAnswer:
    code = ask_participant(book, question.participant).code
    began = read_began(book.index)
    look = look_at(
        book,
        participant=code,
        from_day="" if question.at and question.at < began else began,
        at=question.at,
        settings=question.settings,
    )
    found = (one for one in detect_observed("F7")(look) if one.participant == code)
    ranges = read_ranges(look, code)
    return NumbersAnswer(
        participant=code,
        at=look.at,
        ranges=tuple(_used(look, allotted, question.limit) for allotted in ranges),
        findings=tuple(islice(found, question.limit)),
    )


def _used(look: Look, allotted: AllottedRange, limit: int) -> UsedRange:
    run = allotted.range
    used, highest = 0, None
    for first, last in read_used(look.book.index, run):
        used += last - first + 1
        highest = last
    gaps = [
        NumberGap(
            first=gap.first,
            last=gap.last,
            count=gap.count,
            next=gap.after.number,
            issued_on=gap.after.issued_on,
        )
        for gap in islice(read_gaps(look, allotted), limit)
    ]
    return UsedRange(
        authority=allotted.authority,
        first=format_number(run, run.first),
        last=format_number(run, run.last),
        use_from=run.use_from,
        use_until=run.use_until,
        retired_at="" if allotted.retired_at is None else format_time(allotted.retired_at),
        size=run.last - run.first + 1,
        used=used,
        highest="" if highest is None else format_number(run, highest),
        missing=0 if highest is None else highest - run.first + 1 - used,
        gaps=tuple(gaps),
    )


NUMBERS: Final = Topic(
    path="numbers",
    summary="A participant's number ranges: used, passed over, out of order, never issued",
    question=NumbersQuestion,
    answer=NumbersAnswer,
    respond=_respond,
)
