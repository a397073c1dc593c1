"""Months, quarters, half-years and years: which lie in which, and when their figures are due.

KPCS Annex III: trade and certificate counts by quarter, production by half-year, each within two
months after the end of the period. A month is written ``2026-01``, a quarter ``2026Q1``, a
half-year ``2026H1``, a year ``2026``; days are ``2026-01-31``.
"""

import functools
import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from kpledger.base.errors import MalformedError
from kpledger.base.units import (
    DAY_MS,
    add_days,
    add_months,
    parse_day,
    quarter_of,
    start_of_day_ms,
)

_PERIOD: Final = re.compile(r"([0-9]{4})(?:Q[1-4]|H[12])?\Z")
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 9998
"""A year at the end of the calendar has no day on which its figures are due."""
_MONTHS: Final = 12
_MONTH_CHARS: Final = 7
_MONTHS_TO_SUBMIT: Final = 2
_SATURDAY: Final = 5
_REMEMBERED: Final = 1024
"""Questions name the same few periods for each participant and pair."""


@dataclass(frozen=True, slots=True)
class Period:
    """A quarter, a half-year or a year."""

    name: str

    @property
    def months(self) -> tuple[str, ...]:
        """The months in it."""
        return months_of(self.name)

    @property
    def quarters(self) -> tuple[str, ...]:
        """The quarters in it."""
        return tuple(dict.fromkeys(quarter_of(month) for month in self.months))

    @property
    def half_years(self) -> tuple[str, ...]:
        """The half-years in it; a quarter has none."""
        if self.name[4:5] == "Q":
            return ()
        return tuple(dict.fromkeys(half_of(month) for month in self.months))

    @property
    def first_day(self) -> str:
        """The day it begins with."""
        return start_of(self.name)

    @property
    def last_day(self) -> str:
        """The day it ends with."""
        return end_of(self.name)

    @property
    def due_on(self) -> str:
        """The last day on which its figures are in time."""
        return due_day(self.name)


def parse_period(text: str) -> Period:
    """Read a quarter, half-year or year.

    Raises:
        MalformedError: it is none, or of no year from 1900 to 9998.
    """
    match = _PERIOD.match(text)
    if match is None or not _FIRST_YEAR <= int(match[1]) <= _LAST_YEAR:
        raise MalformedError("period", f"{text[:64]!r} is no reference period")
    return Period(text)


def half_of(month: str) -> str:
    """Give the half-year that a month or day lies in."""
    return f"{month[:4]}H{1 if 2 * int(month[5:7]) <= _MONTHS else 2}"


@functools.lru_cache(maxsize=_REMEMBERED)
def months_of(period: str) -> tuple[str, ...]:
    """List the months of a quarter, half-year or year."""
    length = {"Q": 3, "H": 6, "": _MONTHS}[period[4:5]]
    first = (int(period[5:] or 1) - 1) * length + 1
    return tuple(f"{period[:4]}-{month:02d}" for month in range(first, first + length))


def start_of(period: str) -> str:
    """Give the first day of a quarter, half-year or year."""
    return f"{months_of(period)[0]}-01"


@functools.lru_cache(maxsize=_REMEMBERED)
def end_of(period: str) -> str:
    """Give the last day of a month, quarter, half-year or year."""
    last = period if len(period) == _MONTH_CHARS else months_of(period)[-1]
    return add_days(add_months(f"{last}-01", 1), -1)


@functools.lru_cache(maxsize=_REMEMBERED)
def due_day(period: str) -> str:
    """Give the last day on which figures of a period are in time: 31 May for the first quarter.

    Two months after the end of the period, to the end of that month.
    """
    return add_days(add_months(add_days(end_of(period), 1), _MONTHS_TO_SUBMIT), -1)


def month_after(month: str, count: int) -> str:
    """Give the month so many months later."""
    return add_months(f"{month}-01", count)[:_MONTH_CHARS]


@functools.lru_cache(maxsize=_REMEMBERED)
def months_between(first: str, last: str) -> tuple[str, ...]:
    """List the months from one month or day to another, both included."""
    year, month = int(first[:4]), int(first[5:7])
    months = []
    while (name := f"{year:04d}-{month:02d}") <= last[:_MONTH_CHARS]:
        months.append(name)
        year, month = (year, month + 1) if month < _MONTHS else (year + 1, 1)
    return tuple(months)


def days_between(first: str, second: str) -> int:
    """Count the days from one day to another."""
    return (start_of_day_ms(second) - start_of_day_ms(first)) // DAY_MS


def working_days(first: str, second: str) -> int:
    """Count the days from Monday to Friday after one day up to another; no holidays are known."""
    start, days = parse_day(first), days_between(first, second)
    if days <= 0:
        return 0
    weeks, rest = divmod(days, 7)
    extra = sum(_is_working(start, ahead) for ahead in range(1, rest + 1))
    return weeks * 5 + extra


def _is_working(start: date, ahead: int) -> bool:
    return (start.weekday() + ahead) % 7 < _SATURDAY
