"""The calendar of the scheme: what is due, what is overdue, and what ends by itself.

Statistics within two months (KPCS Annex III), annual reports by 31 March, reports of reviews within
three weeks (VI.15), recommendations and answers by the day that was set; interim measures that
lapse, what was decided to begin or to end on a day, meetings, the end of the Chair's year (VI.4),
keys not yet valid.
Today is the day of the newest block.
"""

from enum import StrEnum
from typing import Final

import msgspec

from kpledger.base.ids import KPCS
from kpledger.base.units import add_days, day_of
from kpledger.books.database import Books
from kpledger.books.query import Query, read_participant, select_rows
from kpledger.books.question import AnyDay, AnySide, Question, QuestionError

_AHEAD_DAYS: Final = 92
_FARTHEST_DAYS: Final = 3_660
"""What is due is counted period by period for everybody: ten years are enough of it."""


class DueKind(StrEnum):
    """What falls on a day."""

    STATISTICS = "STATISTICS"
    ANNUAL_REPORT = "ANNUAL_REPORT"
    PROCEEDING = "PROCEEDING"
    """The next step of a review, a meeting, a concern or a question."""
    RECOMMENDATION = "RECOMMENDATION"
    LAPSE = "LAPSE"
    """An interim measure ends unless it is ratified."""
    BEGIN = "BEGIN"
    """A standing, an admission among them, a restriction or a policy begins to hold."""
    END = "END"
    """A restriction ends as it was decided."""
    CHAIR = "CHAIR"
    KEY = "KEY"
    """A key becomes valid."""


class CalendarQuestion(Question, frozen=True, kw_only=True):
    """Whose calendar, and of when."""

    participant: AnySide = ""
    """A code, or ``KPCS``; empty: everybody."""
    from_day: AnyDay = ""
    """Empty: everything that is overdue, too."""
    until_day: AnyDay = ""
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


def _respond(books: Books, question: CalendarQuestion) -> CalendarAnswer:
    if question.participant not in ("", KPCS):
        read_participant(books, question.participant)
    today = day_of(books.time_ms)
    first = question.from_day
    last = question.until_day or add_days(today, _AHEAD_DAYS)
    if first > last:
        raise QuestionError("from_day", f"{first} is after {last}", f"a day up to {last}")
    farthest = add_days(today, _FARTHEST_DAYS)
    if last > farthest:
        raise QuestionError("until_day", f"{last} is too far ahead", f"a day up to {farthest}")
    asked = {
        "participant": question.participant,
        "first": first,
        "last": last,
        "today": today,
        "now": books.time_ms,
    }
    entries = select_rows(books, CalendarEntry, "calendar.sql", asked)
    return CalendarAnswer(today=today, entries=entries)


CALENDAR: Final = Query("calendar", "What is due, overdue or about to end, day by day", _respond)
