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

from kpledger.analysis.book import Book
from kpledger.analysis.flags.indexes.papers import read_began
from kpledger.analysis.flags.indexes.submissions import read_production
from kpledger.analysis.flags.periods import (
    due_day,
    end_of,
    halves_between,
    months_of,
    quarters_between,
)
from kpledger.analysis.flags.topic import check_day
from kpledger.analysis.topic import QuestionError, Topic, ask_participant
from kpledger.base.ids import KPCS
from kpledger.base.units import add_days, day_of, end_of_day_ms
from kpledger.scheme.v1.events.governance import Standing
from kpledger.scheme.v1.events.life import FollowUpStatus
from kpledger.scheme.v1.ids import CHAIR
from kpledger.scheme.v1.lifecycles.proceeding import ProceedingState
from kpledger.scheme.v1.records import (
    SCHEME_KEY,
    KeyRecord,
    ParticipantRecord,
    ProceedingRecord,
    ReportRecord,
    RestrictionsRecord,
    SchemeRecord,
    SubmissionRecord,
    report_key,
    restrictions_key,
    submission_key,
)
from kpledger.scheme.v1.subjects import Subject, subject_under

_AHEAD_DAYS: Final = 92
_FARTHEST_DAYS: Final = 3_660
"""What is due is counted period by period for everybody: ten years are enough of it."""
_REPORT_DUE: Final = "03-31"
_EVERYTHING: Final = 1_000_000

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
    book: Book
    today: str
    first: str
    """What falls on earlier days is not asked for."""
    members: tuple[ParticipantRecord, ...]


def respond(book: Book, question: CalendarQuestion) -> CalendarAnswer:
    """Say what is due.

    Raises:
        QuestionError: a day is none, or too far away.
    """
    if question.participant not in ("", KPCS):
        ask_participant(book, question.participant)
    today = day_of(book.tip.time_ms)
    first = check_day("from_day", question.from_day)
    last = check_day("until_day", question.until_day) or add_days(today, _AHEAD_DAYS)
    farthest = add_days(today, _FARTHEST_DAYS)
    if last > farthest:
        raise QuestionError("until_day", f"{last} is too far ahead", f"a day up to {farthest}")
    members = tuple(
        record
        for _, record in book.records(
            b"participant/", ParticipantRecord, after=None, limit=_EVERYTHING
        )
    )
    desk = _Desk(book, today, first, members)
    entries = [
        entry
        for source in _SOURCES
        for entry in source(desk, last)
        if first <= entry.day <= last and question.participant in ("", entry.participant)
    ]
    entries.sort(key=lambda one: (one.day, one.participant, one.kind, one.subject, one.what))
    return CalendarAnswer(today=today, entries=tuple(entries))


CALENDAR: Final = Topic(
    path="calendar",
    summary="What is due, overdue or about to end, day by day",
    question=CalendarQuestion,
    answer=CalendarAnswer,
    respond=respond,
)


def _statistics(desk: _Desk, last: str) -> Iterator[CalendarEntry]:
    began = read_began(desk.book.index)
    if not began:
        return
    for member in desk.members:
        mines = any(True for _ in read_production(desk.book.index, member.code))
        for series, periods in (
            (Subject.TRADE, quarters_between(began, last)),
            (Subject.COUNTS, quarters_between(began, last)),
            (Subject.PRODUCTION, halves_between(began, last) if mines else ()),
        ):
            for period in periods:
                key = submission_key(member.code, series, period)
                expected = f"{months_of(period)[0]}-01" >= began[:7] and _belongs(
                    member, f"{months_of(period)[0]}-01", end_of(period)
                )
                asked = expected and due_day(period) >= desk.first
                if asked and desk.book.record(key, SubmissionRecord) is None:
                    subject = subject_under(member.code, series, period)
                    what = f"{series} statistics of {period}"
                    yield _entry(
                        desk, due_day(period), member.code, DueKind.STATISTICS, subject, what=what
                    )


def _reports(desk: _Desk, last: str) -> Iterator[CalendarEntry]:
    began = read_began(desk.book.index) or desk.today
    for year in range(int(began[:4]), int(last[:4])):
        for member in desk.members:
            filed = desk.book.record(report_key(member.code, year), ReportRecord)
            if filed is None and _belongs(member, f"{year}-01-01", f"{year}-12-31"):
                subject = subject_under(member.code, Subject.REPORT, str(year))
                day, what = f"{year + 1}-{_REPORT_DUE}", f"annual report of {year}"
                yield _entry(desk, day, member.code, DueKind.ANNUAL_REPORT, subject, what=what)


def _belongs(member: ParticipantRecord, first: str, last: str) -> bool:
    """Tell whether it was a participant when a period began, and still when it ended."""
    joined = day_of(member.standings[0].effective_from)
    return joined <= first and member.standing_at(end_of_day_ms(last)) is not Standing.REMOVED


def _proceedings(desk: _Desk, _last: str) -> Iterator[CalendarEntry]:
    for _, record in desk.book.records(
        b"proceeding/", ProceedingRecord, after=None, limit=_EVERYTHING
    ):
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


def _measures(desk: _Desk, _last: str) -> Iterator[CalendarEntry]:
    for member in desk.members:
        code = member.code
        for standing in member.standings:
            if standing.lapses_at is not None:
                what = f"{standing.status} by {standing.decision} lapses unless ratified"
                yield from _to_come(desk, standing.lapses_at, code, DueKind.LAPSE, code, what=what)
        record = desk.book.record(restrictions_key(code), RestrictionsRecord)
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


def _chair(desk: _Desk, _last: str) -> Iterator[CalendarEntry]:
    scheme = desk.book.record(SCHEME_KEY, SchemeRecord)
    if scheme is not None and scheme.year is not None:
        what = f"{scheme.chair} hands over to {scheme.vice_chair or 'whoever is elected'}"
        day = f"{scheme.year}-12-31"
        yield _entry(desk, day, KPCS, DueKind.CHAIR, f"{KPCS}/{CHAIR}", what=what)


def _keys(desk: _Desk, _last: str) -> Iterator[CalendarEntry]:
    for key, record in desk.book.records(b"key/", KeyRecord, after=None, limit=_EVERYTHING):
        if record.valid_from > desk.book.tip.time_ms and record.revoked_at is None:
            subject = key.removeprefix(b"key/").decode()
            what = f"a key of {record.participant}/{record.authority} becomes valid"
            yield from _to_come(
                desk, record.valid_from, record.participant, DueKind.KEY, subject, what=what
            )


_SOURCES: Final = (_statistics, _reports, _proceedings, _measures, _chair, _keys)


def _to_come(
    desk: _Desk, time_ms: int, whose: str, kind: DueKind, subject: str, *, what: str
) -> Iterator[CalendarEntry]:
    """Note what happens by itself, if it has not happened yet."""
    if time_ms > desk.book.tip.time_ms:
        yield _entry(desk, day_of(time_ms), whose, kind, subject, what=what)


def _entry(
    desk: _Desk, day: str, whose: str, kind: DueKind, subject: str, *, what: str
) -> CalendarEntry:
    return CalendarEntry(
        day=day, participant=whose, kind=kind, subject=subject, what=what, overdue=day < desk.today
    )
