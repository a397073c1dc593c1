"""The query ``flags``: what there is to look at, over all flags, the newest first."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.books.database import Books
from kpledger.books.flags.catalogue import read_flags
from kpledger.books.flags.finding import Finding
from kpledger.books.flags.search import find_flags, prepare_search
from kpledger.books.query import Query, QuestionError

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


def _ask_flags(text: str) -> tuple[str, ...]:
    if not text:
        return ()
    chosen = [one.strip().upper() for one in text.split(",")]
    for one in chosen:
        if one not in read_flags():
            raise QuestionError("flag", f"there is no flag {one[:20]!r}", "F1 to F18")
    return tuple(dict.fromkeys(chosen))


def _respond(books: Books, question: FlagsQuestion) -> FlagsAnswer:
    search = prepare_search(
        books,
        participant=question.participant,
        from_day=question.from_day,
        until=question.until,
        at=question.at,
        settings=question.settings,
    )
    flags, limit = _ask_flags(question.flag), question.limit
    page = tuple(find_flags(search, flags, skip=question.skip, limit=limit + 1))
    return FlagsAnswer(
        at=search.at,
        from_day=search.from_day,
        until=search.until_day,
        findings=page[:limit],
        more=len(page) > limit,
    )


FLAGS: Final = Query(
    path="flags",
    summary="What an analyst should look at, the newest first",
    question=FlagsQuestion,
    answer=FlagsAnswer,
    respond=_respond,
)
