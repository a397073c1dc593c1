"""The topic ``flags``: what there is to look at, over all flags, the newest first."""

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.analysis.book import Book
from kpledger.analysis.flags.detect import DETECTORS
from kpledger.analysis.flags.finding import Finding
from kpledger.analysis.flags.look import Look
from kpledger.analysis.flags.registry import FLAGS, Flag
from kpledger.analysis.flags.settings import parse_settings
from kpledger.analysis.topic import QuestionError, Topic, ask_participant
from kpledger.base.errors import MalformedError
from kpledger.base.ids import parse_participant
from kpledger.base.units import add_days, day_of, parse_day

FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2099
LOOK_BACK_DAYS: Final = 365
MAX_PAGE: Final = 1_000


class FlagsQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which findings."""

    flag: str = ""
    """Only this one, ``F3``; or several, ``F3,F5``."""
    participant: str = ""
    """Only what concerns this one, as issuer, destination or reporter."""
    from_day: str = ""
    """The first day; a year before the last if not given."""
    until: str = ""
    """The last day; today if not given."""
    at: str = ""
    """Today, for what is overdue; the day of the newest block if not given."""
    settings: str = ""
    """Other thresholds than the defaults, ``F1.days=45,stock.US=250000``."""
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 100
    skip: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """How many of the newest to pass over."""


class FlagsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Findings, the newest first."""

    at: str
    from_day: str
    until: str
    findings: tuple[Finding, ...]
    more: bool
    """Whether there are older ones."""


def look_at(
    book: Book,
    *,
    participant: str = "",
    from_day: str = "",
    until: str = "",
    at: str = "",
    settings: str = "",
) -> Look:
    """Read what somebody wants flagged.

    Raises:
        QuestionError: a parameter is not what it should be, or nobody on the ledger; names it.
    """
    if participant:
        ask_participant(book, check_code("participant", participant))
    today = check_day("at", at) or day_of(book.tip.time_ms)
    last = check_day("until", until) or today
    first = check_day("from_day", from_day) or add_days(last, -LOOK_BACK_DAYS)
    if first > last:
        raise QuestionError("from_day", f"{first} is after {last}", "a day up to `until`")
    return Look(
        book=book,
        settings=parse_settings(settings),
        from_day=first,
        until_day=last,
        at=today,
        participant=participant,
    )


def check_day(field: str, text: str) -> str:
    """Read a day, or none.

    Periods are counted one by one from day to day, so that a day near an end of the calendar would
    cost the node seconds for nothing.

    Raises:
        QuestionError: it is none, or not of :data:`FIRST_YEAR` to :data:`LAST_YEAR`.
    """
    if text:
        try:
            year = parse_day(text).year
        except MalformedError as error:
            raise QuestionError(field, error.problem, "a day, as 2026-03-02") from None
        if not FIRST_YEAR <= year <= LAST_YEAR:
            accepted = f"a day of the years {FIRST_YEAR} to {LAST_YEAR}"
            raise QuestionError(field, f"{text} is too far away", accepted)
    return text


def check_code(field: str, text: str) -> str:
    """Read a participant's code, or none.

    Raises:
        QuestionError: it is none.
    """
    if text:
        try:
            parse_participant(text)
        except MalformedError as error:
            raise QuestionError(field, error.problem, "two capital letters, as BW") from None
    return text


def find_flags(look: Look, flags: tuple[Flag, ...] = tuple(Flag)) -> Iterator[Finding]:
    """Give the findings of flags, the newest first."""
    streams = [detector(look) for flag in flags for detector in DETECTORS[flag]]
    return heapq.merge(*streams, key=lambda one: one.day, reverse=True)


def _read_flags(text: str) -> tuple[Flag, ...]:
    if not text:
        return tuple(Flag)
    chosen = [one.strip().upper() for one in text.split(",")]
    for one in chosen:
        if one not in FLAGS:
            raise QuestionError("flag", f"there is no flag {one[:20]!r}", "F1 to F18")
    return tuple(FLAGS[one] for one in dict.fromkeys(chosen))


def _respond(book: Book, question: FlagsQuestion) -> FlagsAnswer:
    look = look_at(
        book,
        participant=question.participant,
        from_day=question.from_day,
        until=question.until,
        at=question.at,
        settings=question.settings,
    )
    found = find_flags(look, _read_flags(question.flag))
    page = list(islice(found, question.skip, question.skip + question.limit + 1))
    return FlagsAnswer(
        at=look.at,
        from_day=look.from_day,
        until=look.until_day,
        findings=tuple(page[: question.limit]),
        more=len(page) > question.limit,
    )


FLAGS_TOPIC: Final = Topic(
    path="flags",
    summary="What an analyst should look at, the newest first",
    question=FlagsQuestion,
    answer=FlagsAnswer,
    respond=_respond,
)
