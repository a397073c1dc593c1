"""Reference periods of the statistics: quarters, half-years, years, and when figures are due.

KPCS Annex III: trade and certificate counts by quarter, production by half-year, each within two
months after the end of the period.
"""

import re
from dataclasses import dataclass
from typing import Final

from kpledger.analysis.topic import QuestionError
from kpledger.base.units import add_days, add_months

_PERIOD: Final = re.compile(r"([0-9]{4})(?:Q([1-4])|H([12]))?\Z")
_MONTHS: Final = 12
_QUARTER_MONTHS: Final = 3
_HALF_MONTHS: Final = 6
_MONTHS_TO_SUBMIT: Final = 2
_ACCEPTED: Final = "a quarter, half-year or year: 2022Q1, 2022H1, 2022"


@dataclass(frozen=True, slots=True)
class Period:
    """Some months of one year that are a quarter, a half-year or the year."""

    name: str
    year: int
    first_month: int
    """1 to 12."""
    months: int

    @property
    def quarters(self) -> tuple[str, ...]:
        """The quarters in it."""
        first = (self.first_month - 1) // _QUARTER_MONTHS + 1
        count = self.months // _QUARTER_MONTHS
        return tuple(f"{self.year:04d}Q{first + number}" for number in range(count))

    @property
    def half_years(self) -> tuple[str, ...]:
        """The half-years in it; a quarter has none."""
        first = (self.first_month - 1) // _HALF_MONTHS + 1
        count = self.months // _HALF_MONTHS
        return tuple(f"{self.year:04d}H{first + number}" for number in range(count))

    @property
    def first_day(self) -> str:
        """The day it begins with."""
        return f"{self.year:04d}-{self.first_month:02d}-01"

    @property
    def last_day(self) -> str:
        """The day it ends with."""
        return add_days(add_months(self.first_day, self.months), -1)

    @property
    def due_on(self) -> str:
        """The last day on which its figures are in time (Annex III): 31 May for the first quarter.

        Two months after the end of the period, to the end of that month.
        """
        return add_days(add_months(self.first_day, self.months + _MONTHS_TO_SUBMIT), -1)


def parse_period(text: str) -> Period | None:
    """Read a period, ``2022Q1``, ``2022H1`` or ``2022``; None if it is none."""
    match = _PERIOD.match(text)
    # A year at the end of the calendar has no day on which its figures are due.
    if match is None or not 1900 <= int(match[1]) <= 9998:  # noqa: PLR2004 (years of the calendar)
        return None
    year, quarter, half = match.groups()
    if quarter is not None:
        return Period(text, int(year), (int(quarter) - 1) * _QUARTER_MONTHS + 1, _QUARTER_MONTHS)
    if half is not None:
        return Period(text, int(year), (int(half) - 1) * _HALF_MONTHS + 1, _HALF_MONTHS)
    return Period(text, int(year), 1, _MONTHS)


def ask_period(text: str) -> Period:
    """Read the ``period`` of a question.

    Raises:
        QuestionError: it is none.
    """
    period = parse_period(text)
    if period is None:
        raise QuestionError("period", f"{text[:64]!r} is no reference period", _ACCEPTED)
    return period
