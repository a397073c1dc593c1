"""Quarters, half-years and years: which lie in which; and days.

KPCS Annex III: trade and certificate counts by quarter, production by half-year. A quarter is
written ``2026Q1``, a half-year ``2026H1``, a year ``2026``; days are ``2026-01-31``.
"""

from dataclasses import dataclass
from typing import Final

from kpledger.base.units import DAY_MS, add_days, add_months, parse_day, start_of_day_ms

_MONTHS_IN: Final = {"Q": 3, "H": 6, "": 12}
_WORKING_DAYS: Final = 5


@dataclass(frozen=True, slots=True)
class Period:
    """A quarter, a half-year or a year."""

    name: str

    @property
    def quarters(self) -> tuple[str, ...]:
        """The quarters in it."""
        return self._parts("Q")

    @property
    def half_years(self) -> tuple[str, ...]:
        """The half-years in it; a quarter has none."""
        return self._parts("H")

    @property
    def first_day(self) -> str:
        """The day it begins with."""
        first, _ = self._months
        return f"{self.name[:4]}-{first + 1:02d}-01"

    @property
    def last_day(self) -> str:
        """The day it ends with."""
        return add_days(add_months(self.first_day, self._months[1]), -1)

    @property
    def _months(self) -> tuple[int, int]:
        """Its first month, from 0, and their count."""
        count = _MONTHS_IN[self.name[4:5]]
        return (int(self.name[5:] or 1) - 1) * count, count

    def _parts(self, letter: str) -> tuple[str, ...]:
        (first, count), step = self._months, _MONTHS_IN[letter]
        starts = range(first, first + count, step) if count >= step else ()
        return tuple(f"{self.name[:4]}{letter}{month // step + 1}" for month in starts)


def days_between(first: str, second: str) -> int:
    """Count the days from one day to another."""
    return (start_of_day_ms(second) - start_of_day_ms(first)) // DAY_MS


def working_days(first: str, second: str) -> int:
    """Count the days from Monday to Friday after one day up to another; no holidays are known."""
    start, days = parse_day(first), days_between(first, second)
    if days <= 0:
        return 0
    weeks, rest = divmod(days, 7)
    extra = sum((start.weekday() + ahead) % 7 < _WORKING_DAYS for ahead in range(1, rest + 1))
    return weeks * _WORKING_DAYS + extra
