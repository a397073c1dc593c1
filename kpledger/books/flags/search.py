"""The query ``flags``: runs the statements of flags over the books, the newest findings first."""

import heapq
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.units import add_days, day_of, end_of_day_ms
from kpledger.books.database import Books
from kpledger.books.flags.catalogue import Flag, Way, read_flags
from kpledger.books.flags.sentence import Value, write_sentence
from kpledger.books.flags.settings import FlagSettings, Settings, read_settings
from kpledger.books.periods import days_between
from kpledger.books.projections.prices import step_of
from kpledger.books.query import Query, read_participant
from kpledger.books.question import AnyDay, AnyParticipant, Question, QuestionError, form

LOOK_BACK_DAYS: Final = 365
MAX_SPAN_DAYS: Final = 40 * 366
"""Longer than the scheme will be old for long: what a page costs grows with its span."""
MAX_FINDINGS: Final = 1_000
EVIDENCE_MAX: Final = 10
"""How many events a finding names; where there are more, they are examples."""
_FIRST_SLICE_DAYS: Final = 92
_NO_LIMIT: Final = -1


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to look at."""

    flag: str
    """Its code, ``F3``."""
    subject: str
    """A certificate's number, a participant, a pair ``A-B``, a range of numbers, an event."""
    participant: str
    """Whom it concerns first."""
    partner: str
    """The other side, if there is one; empty otherwise."""
    day: str
    """When: of the certificate, of the event, or the end of the period."""
    measure: int
    """What the threshold is compared with, in the unit of the setting."""
    explanation: str
    """What was seen, in plain words with the numbers, and what may lie behind it."""
    evidence: tuple[str, ...]
    """Ids of the events it rests on, hexadecimal."""


def _read_flags(text: str) -> tuple[str, ...]:
    chosen = [one.strip().upper() for one in text.split(",")] if text else []
    for one in chosen:
        if one not in read_flags():
            raise QuestionError("flag", f"there is no flag {one[:20]!r}", "F1 to F19")
    return tuple(dict.fromkeys(chosen))


class FlagsQuestion(Question, frozen=True, kw_only=True):
    """Which findings."""

    flag: Annotated[
        str,
        form(
            "[Ff][0-9]+(, *[Ff][0-9]+)*",
            "F1 to F19; or several, with commas",
            parse=_read_flags,
            may_be_empty=True,
        ),
    ] = ""
    """Only this one, ``F3``; or several, ``F3,F5``."""
    participant: AnyParticipant = ""
    """Only what concerns this one, as issuer, destination or reporter."""
    from_day: AnyDay = ""
    """The first day; a year before the last if not given."""
    until: AnyDay = ""
    """The last day; today if not given."""
    at: AnyDay = ""
    """Today, for what is overdue; the day of the newest block if not given."""
    settings: Settings = ""
    """Other thresholds than the defaults, ``F1.days=45,stock.US=250000``."""
    limit: Annotated[int, Meta(ge=1, le=MAX_FINDINGS)] = 100
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


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody wants flagged: in which books and days, by which thresholds."""

    books: Books
    settings: FlagSettings
    from_day: str
    until_day: str
    at: str
    """Today, for whatever is overdue."""
    participant: str = ""
    """Only what concerns this one, or everybody."""
    last_day: str = ""
    """The last day of all, where the days are a slice of more; that of the slice if empty."""

    def parameters(self, flag: Flag) -> dict[str, Value]:
        """Give what the statements of a flag are asked with."""
        thresholds = self.settings.of_flag(flag.flag)
        if "ratio_percent" in thresholds:
            thresholds["ratio_steps"] = _steps_of(thresholds["ratio_percent"])
        return {
            "from_day": self.from_day,
            "until_day": self.until_day,
            "last_day": self.last_day or self.until_day,
            "at": self.at,
            "at_ms": end_of_day_ms(self.at),
            "participant": self.participant,
            "stock": json.dumps(self.settings.stock),
            **self.settings.of_all(),
            **thresholds,
        }

    def slices(self) -> Iterator["Search"]:
        """Cut the days into slices, the newest first, each half as long again as the one before."""
        days, last = _FIRST_SLICE_DAYS, self.until_day
        while self.from_day <= last:
            first = max(self.from_day, add_days(last, 1 - days))
            yield replace(
                self, from_day=first, until_day=last, last_day=self.last_day or self.until_day
            )
            days, last = days + days // 2, add_days(first, -1)


@dataclass(frozen=True, slots=True)
class _Raised:
    """A row of a statement."""

    flag: Flag
    way: Way
    columns: Mapping[str, Value]


def prepare_search(books: Books, asked: FlagsQuestion) -> Search:
    """Read in which days somebody wants something flagged, for whom, by which thresholds.

    Raises:
        QuestionError: a parameter is not what it should be, or nobody on the ledger; names it.
    """
    if asked.participant:
        read_participant(books, asked.participant)
    today = asked.at or day_of(books.time_ms)
    last = asked.until or today
    first = asked.from_day or add_days(last, -LOOK_BACK_DAYS)
    if first > last:
        raise QuestionError("from_day", f"{first} is after {last}", "a day up to `until`")
    if days_between(first, last) > MAX_SPAN_DAYS:
        accepted = f"a day up to {MAX_SPAN_DAYS} days before `until`"
        raise QuestionError("from_day", f"{first} is too long before {last}", accepted)
    settings = read_settings(books, asked.settings)
    return Search(books, settings, first, last, today, asked.participant)


def find_flags(
    search: Search, names: Sequence[str] = (), *, skip: int = 0, limit: int | None = None
) -> Iterator[Finding]:
    """Give the findings of flags, all if none is named, the newest first.

    A name is that of a flag, ``F7``, or of one of its ways to be raised, ``F7.gap``. The findings
    of one day come by flag, and within a flag by its ways to be raised.
    """
    most = None if limit is None else skip + limit
    for raised in islice(_raise(search, names, most), skip, most):
        yield _explain(search.books.connection, raised)


def _raise(search: Search, names: Sequence[str], most: int | None) -> Iterator[_Raised]:
    ways = [
        (flag, way)
        for flag in read_flags().values()
        for way in flag.finding
        if not names or flag.flag in names or f"{flag.flag}.{way.kind}" in names
    ]
    # Slice by slice, so that a page of the newest costs nothing for the years before.
    for part in search.slices():
        streams = [_run(part, flag, way, most) for flag, way in ways]
        yield from heapq.merge(*streams, key=lambda one: str(one.columns["day"]), reverse=True)


def _run(search: Search, flag: Flag, way: Way, most: int | None) -> Iterator[_Raised]:
    cursor = search.books.connection.cursor()
    cursor.row_factory = sqlite3.Row
    parameters = search.parameters(flag) | {"limit": _NO_LIMIT if most is None else most}
    for row in cursor.execute(f"{flag.common}{way.sql}LIMIT :limit", parameters):
        yield _Raised(flag, way, dict(row))


def _steps_of(ratio_percent: int) -> int:
    """Give how many steps of price a ratio is: by how much the steps of two prices differ."""
    return step_of(1_000, ratio_percent * 1_000) - step_of(1_000, 100_000)


def _explain(connection: sqlite3.Connection, raised: _Raised) -> Finding:
    columns = raised.columns
    indexes = dict.fromkeys(json.loads(str(columns["evidence"])))
    events = [
        connection.execute("SELECT event_id FROM events WHERE event_index = ?", (one,)).fetchone()
        for one in indexes
    ]
    return Finding(
        flag=raised.flag.flag,
        subject=str(columns["subject"]),
        participant=str(columns["participant"]),
        partner=str(columns["partner"]),
        day=str(columns["day"]),
        measure=int(columns["measure"] or 0),
        explanation=write_sentence(raised.way.text, columns),
        evidence=tuple(event.hex() for (event,) in filter(None, events))[:EVIDENCE_MAX],
    )


def _respond(books: Books, question: FlagsQuestion) -> FlagsAnswer:
    search = prepare_search(books, question)
    flags, limit = _read_flags(question.flag), question.limit
    page = tuple(find_flags(search, flags, skip=question.skip, limit=limit + 1))
    return FlagsAnswer(
        at=search.at,
        from_day=search.from_day,
        until=search.until_day,
        findings=page[:limit],
        more=len(page) > limit,
    )


FLAGS: Final = Query("flags", "What an analyst should look at, the newest first", _respond)
