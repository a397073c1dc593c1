"""The calendar of the scheme: what is due, what is overdue, and what ends by itself.

Statistics within two months (KPCS Annex III), annual reports by 31 March, reports of reviews within
three weeks (VI.15), recommendations and answers by the day that was set; interim measures that
lapse, restrictions that end, meetings, the end of the Chair's year (VI.4), keys not yet valid.
Today is the day of the newest block.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from kpledger.base.ids import KPCS
from kpledger.base.units import add_days, day_of
from kpledger.books.database import Books
from kpledger.books.participants import read_participants
from kpledger.books.query import Query, QuestionError, ask_day, ask_participant, read_statement
from kpledger.scheme.v1.events.life import FollowUpStatus
from kpledger.scheme.v1.ids import CHAIR
from kpledger.scheme.v1.lifecycles.proceeding import ProceedingState
from kpledger.scheme.v1.records import (
    SCHEME_KEY,
    KeyRecord,
    ProceedingRecord,
    RestrictionsRecord,
    SchemeRecord,
)
from kpledger.scheme.v1.subjects import Subject, subject_under

_AHEAD_DAYS: Final = 92
_FARTHEST_DAYS: Final = 3_660
"""What is due is counted period by period for everybody: ten years are enough of it."""

_MISSING_FILINGS: Final = read_statement("calendar_filings.sql")

_DUE: Final[dict[Subject, str]] = {
    Subject.REVIEW: "report of the review",
    Subject.MEETING: "record of the meeting",
    Subject.CONCERN: "answer to a concern",
    Subject.ANOMALY: "answer to a question about statistics",
    Subject.SUSPECT: "verdict on a suspect certificate",
}


class DueKind(StrEnum):
    """What falls on a day."""

    STATISTICS = "STATISTICS"
    ANNUAL_REPORT = "ANNUAL_REPORT"
    PROCEEDING = "PROCEEDING"
    """The next step of a review, a meeting, a concern or a question."""
    RECOMMENDATION = "RECOMMENDATION"
    LAPSE = "LAPSE"
    """An interim measure ends unless it is ratified."""
    END = "END"
    """A restriction ends as it was decided."""
    CHAIR = "CHAIR"
    KEY = "KEY"
    """A key becomes valid."""


class CalendarQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose calendar, and of when."""

    participant: str = ""
    """A code, or ``KPCS``; empty: everybody."""
    from_day: str = ""
    """Empty: everything that is overdue, too."""
    until_day: str = ""
    """Empty: 92 days from today."""


class CalendarEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that falls on a day."""

    day: str
    participant: str
    kind: DueKind
    subject: str
    """What it is about, as an event on it would name it."""
    what: str
    overdue: bool


class CalendarAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar, in the order of days."""

    today: str
    """The day of the newest block."""
    entries: tuple[CalendarEntry, ...]


@dataclass(frozen=True, slots=True)
class _Desk:
    books: Books
    today: str
    first: str
    """What falls on earlier days is not asked for."""
    last: str
    """Nor on later ones."""


def _respond(books: Books, question: CalendarQuestion) -> CalendarAnswer:
    """Say what is due.

    Raises:
        QuestionError: a day is none, or too far away.
    """
    if question.participant not in ("", KPCS):
        ask_participant(books, question.participant)
    today = day_of(books.time_ms)
    first = ask_day("from_day", question.from_day)
    last = ask_day("until_day", question.until_day) or add_days(today, _AHEAD_DAYS)
    farthest = add_days(today, _FARTHEST_DAYS)
    if last > farthest:
        raise QuestionError("until_day", f"{last} is too far ahead", f"a day up to {farthest}")
    desk = _Desk(books, today, first, last)
    entries = [
        entry
        for source in _SOURCES
        for entry in source(desk)
        if first <= entry.day <= last and question.participant in ("", entry.participant)
    ]
    entries.sort(key=lambda one: (one.day, one.participant, one.kind, one.subject, one.what))
    return CalendarAnswer(today=today, entries=tuple(entries))


CALENDAR: Final = Query(
    path="calendar",
    summary="What is due, overdue or about to end, day by day",
    question=CalendarQuestion,
    answer=CalendarAnswer,
    respond=_respond,
)


def _filings(desk: _Desk) -> Iterator[CalendarEntry]:
    days = {"first": desk.first, "last": desk.last}
    rows = desk.books.connection.execute(_MISSING_FILINGS, days)
    for code, series, period, due_on in rows:
        filed = Subject(series.lower())
        if filed is Subject.REPORT:
            kind, what = DueKind.ANNUAL_REPORT, f"annual report of {period}"
        else:
            kind, what = DueKind.STATISTICS, f"{filed} statistics of {period}"
        subject = subject_under(code, filed, period)
        yield _entry(desk, due_on, code, kind, subject, what=what)


def _proceedings(desk: _Desk) -> Iterator[CalendarEntry]:
    for _, record in desk.books.records(b"proceeding/", ProceedingRecord):
        whose, subject = record.participant, record.subject
        for one in record.recommendations:
            if one.due_on is not None and one.status is not FollowUpStatus.DONE:
                what = f"recommendation {one.name} of the review"
                yield _entry(desk, one.due_on, whose, DueKind.RECOMMENDATION, subject, what=what)
        if record.due_on is not None and record.state in _AWAITED:
            what = f"{_DUE[record.kind]}: {record.title}"
            yield _entry(desk, record.due_on, whose, DueKind.PROCEEDING, subject, what=what)


_AWAITED: Final = (
    ProceedingState.ANNOUNCED,
    ProceedingState.RAISED,
    ProceedingState.CARRIED_OUT,
)
"""States in which a proceeding's day is that of its next step."""


def _measures(desk: _Desk) -> Iterator[CalendarEntry]:
    for member in read_participants(desk.books):
        code = member.code
        for standing in member.standings:
            if standing.lapses_at is not None:
                what = f"{standing.status} by {standing.decision} lapses unless ratified"
                yield from _to_come(desk, standing.lapses_at, code, DueKind.LAPSE, code, what=what)
        record = desk.books.record(RestrictionsRecord.key_for(code), RestrictionsRecord)
        for one in record.restrictions if record is not None else ():
            subject = subject_under(code, Subject.RESTRICTION, one.restriction)
            if one.lapses_at is not None:
                what = f"restriction by {one.decision} lapses unless ratified"
                yield from _to_come(desk, one.lapses_at, code, DueKind.LAPSE, subject, what=what)
            if one.effective_until is not None:
                what = f"restriction by {one.decision} ends"
                yield from _to_come(
                    desk, one.effective_until, code, DueKind.END, subject, what=what
                )


def _chair(desk: _Desk) -> Iterator[CalendarEntry]:
    scheme = desk.books.record(SCHEME_KEY, SchemeRecord)
    if scheme is not None and scheme.year is not None:
        what = f"{scheme.chair} hands over to {scheme.vice_chair or 'whoever is elected'}"
        day = f"{scheme.year}-12-31"
        yield _entry(desk, day, KPCS, DueKind.CHAIR, f"{KPCS}/{CHAIR}", what=what)


def _keys(desk: _Desk) -> Iterator[CalendarEntry]:
    for key, record in desk.books.records(b"key/", KeyRecord):
        if record.valid_from > desk.books.time_ms and record.revoked_at is None:
            subject = key.removeprefix(b"key/").decode()
            what = f"a key of {record.participant}/{record.authority} becomes valid"
            yield from _to_come(
                desk, record.valid_from, record.participant, DueKind.KEY, subject, what=what
            )


_SOURCES: Final = (_filings, _proceedings, _measures, _chair, _keys)


def _to_come(
    desk: _Desk, time_ms: int, whose: str, kind: DueKind, subject: str, *, what: str
) -> Iterator[CalendarEntry]:
    """Note what happens by itself, if it has not happened yet."""
    if time_ms > desk.books.time_ms:
        yield _entry(desk, day_of(time_ms), whose, kind, subject, what=what)


def _entry(
    desk: _Desk, day: str, whose: str, kind: DueKind, subject: str, *, what: str
) -> CalendarEntry:
    return CalendarEntry(
        day=day, participant=whose, kind=kind, subject=subject, what=what, overdue=day < desk.today
    )
