"""Periods: months, quarters and half-years, and when their statistics are due (KPCS Annex III)."""

import functools
from datetime import date

from kpledger.base.units import DAY_MS, add_days, add_months, parse_day, start_of_day_ms

_SATURDAY = 5
_MONTHS = 12
_MONTH_CHARS = 7
_REMEMBERED = 1024
"""Questions name the same few periods for each participant and pair."""


def days_between(first: str, second: str) -> int:
    """Count the days from one day to another."""
    return (start_of_day_ms(second) - start_of_day_ms(first)) // DAY_MS


@functools.lru_cache(maxsize=_REMEMBERED)
def months_between(first: str, last: str) -> tuple[str, ...]:
    """List the months ``2026-01`` from one to another, both included."""
    year, month = int(first[:4]), int(first[5:7])
    months = []
    while (name := f"{year:04d}-{month:02d}") <= last[:7]:
        months.append(name)
        year, month = (year, month + 1) if month < _MONTHS else (year + 1, 1)
    return tuple(months)


def month_after(month: str, count: int) -> str:
    """Give the month so many months later."""
    return add_months(f"{month}-01", count)[:7]


def quarters_between(first_day: str, last_day: str) -> tuple[str, ...]:
    """List the quarters ``2026Q1`` that end within the days."""
    first, last = month_after(first_day[:7], -2), last_day[:7]
    found = {quarter_of_month(month) for month in months_between(first, last)}
    return tuple(sorted(one for one in found if first_day <= end_of(one) <= last_day))


def quarter_of_month(month: str) -> str:
    """Give the quarter that a month lies in."""
    return f"{month[:4]}Q{(int(month[5:7]) + 2) // 3}"


def half_of_month(month: str) -> str:
    """Give the half-year that a month lies in."""
    return f"{month[:4]}H{1 if 2 * int(month[5:7]) <= _MONTHS else 2}"


def halves_between(first_day: str, last_day: str) -> tuple[str, ...]:
    """List the half-years ``2026H1`` that end within the days."""
    quarters = quarters_between(first_day, last_day)
    return tuple(f"{one[:4]}H{int(one[5]) // 2}" for one in quarters if one[5] in "24")


@functools.lru_cache(maxsize=_REMEMBERED)
def months_of(period: str) -> tuple[str, ...]:
    """List the months of a quarter or half-year."""
    length = 3 if period[4] == "Q" else 6
    first = (int(period[5]) - 1) * length + 1
    return tuple(f"{period[:4]}-{month:02d}" for month in range(first, first + length))


@functools.lru_cache(maxsize=_REMEMBERED)
def end_of(period: str) -> str:
    """Give the last day of a month, quarter or half-year."""
    last = period if len(period) == _MONTH_CHARS else months_of(period)[-1]
    return add_days(add_months(f"{last}-01", 1), -1)


@functools.lru_cache(maxsize=_REMEMBERED)
def due_day(period: str) -> str:
    """Give the day by which statistics of a quarter or half-year are due: two months after it."""
    return add_days(add_months(add_days(end_of(period), 1), 2), -1)


def working_days(first: str, second: str) -> int:
    """Count the days from Monday to Friday after one day up to another; no holidays are known."""
    start, days = parse_day(first), days_between(first, second)
    if days <= 0:
        return 0
    weeks, rest = divmod(days, 7)
    extra = sum(_is_working(start, ahead) for ahead in range(1, rest + 1))
    return weeks * 5 + extra


def add_working_days(day: str, count: int) -> str:
    """Give the day so many working days before (negative) or after another."""
    step, left, found = (1 if count > 0 else -1), abs(count), day
    while left:
        found = add_days(found, step)
        left -= _is_working(parse_day(found), 0)
    return found


def _is_working(start: date, ahead: int) -> bool:
    return (start.weekday() + ahead) % 7 < _SATURDAY
