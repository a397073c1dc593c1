"""Dates: the days that statements name, where they lie away from the day of recording.

Whatever an event says about when something happened, begins or is due stands in :data:`DATES`; how
far is too far is for flag F16 to say, by the kind of the date. Dates near the day of recording, as
nearly all are, are not written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from operator import attrgetter
from typing import Final

import msgspec

from kpledger.base.units import DAY_MS, MAX_TIME_MS, start_of_day_ms
from kpledger.books.periods import Period
from kpledger.books.projections.rows import Rows
from kpledger.books.projections.shipments import BookedEvent, numbered_day
from kpledger.scheme.event import SignedEvent


class DateKind(StrEnum):
    """What a date is of, and so by how much it may differ from the day of recording."""

    HAPPENED = "HAPPENED"
    """What has happened: an issue, an arrival, the making of the statement."""
    RECEIVED = "RECEIVED"
    """A receipt that is confirmed, for which there is a limit of its own."""
    LEFT = "LEFT"
    """A departure, as the other end tells it after the journey."""
    DEPARTS = "DEPARTS"
    """A departure, as it is announced."""
    DECIDED = "DECIDED"
    """What bodies decide or do: a decision, a measure that takes effect, a review."""
    PERIOD = "PERIOD"
    """The end of a period that figures or a report are about."""
    USED = "USED"
    """Since when numbers are for use."""
    UNTIL = "UNTIL"
    """The end of what holds for a time; however far it lies ahead, for it may be for ever."""
    PLANNED = "PLANNED"
    """What is still to come: expiry, an expected arrival, an answer that is due, a meeting."""


_NEAR: Final = {
    DateKind.HAPPENED: (2, 1),
    DateKind.RECEIVED: (7, 1),
    DateKind.LEFT: (31, 1),
    DateKind.DEPARTS: (2, 92),
    DateKind.DECIDED: (2, 92),
    DateKind.PERIOD: (92, 1),
    DateKind.USED: (92, 92),
    DateKind.UNTIL: (1, MAX_TIME_MS),
    DateKind.PLANNED: (1, 92),
}
"""From how many days before and after the day of recording on a date is written."""

DATES: Final = msgspec.toml.decode(
    files(__package__).joinpath("dates.toml").read_bytes(), type=dict[str, dict[str, DateKind]]
)
"""The dates that an event of each type names, by where they stand in its body."""
_PERIODS: Final = ("year", "quarter", "half_year")
_Read = Callable[[SignedEvent], str | int | None]


@dataclass(frozen=True, slots=True)
class _Dated:
    """A date that events of a type name."""

    field: str
    kind: DateKind
    read: _Read
    is_period: bool
    before: int
    after: int


def _dated(path: str, kind: DateKind) -> _Dated:
    field = path.rpartition(".")[2]
    return _Dated(field, kind, attrgetter(path), field in _PERIODS, *_NEAR[kind])


_OF_ALL: Final = (_dated("header.occurred_at", DateKind.HAPPENED),)
_READERS: Final[dict[str, tuple[_Dated, ...]]] = {
    type_: (*_OF_ALL, *(_dated(f"body.{path}", kind) for path, kind in dates.items()))
    for type_, dates in DATES.items()
}


class Dates:
    """Writes the table ``stated_dates``."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows.of("INSERT INTO stated_dates")

    def take(self, at: BookedEvent) -> None:
        """Note the dates of an event that lie away from its recording."""
        event, recorded = at.event, at.time_ms // DAY_MS
        for one in _READERS.get(event.header.type, _OF_ALL):
            stated = one.read(event)
            if stated is None:
                continue
            if one.is_period:
                stated = Period(str(stated)).last_day
            number = (start_of_day_ms(stated) if isinstance(stated, str) else stated) // DAY_MS
            days = recorded - number
            if days >= one.before or -days >= one.after:
                author, day = event.header.author.participant, numbered_day(number)
                self._rows.append((at.day, at.index, one.field, author, one.kind.value, day, days))
