"""Days that events name: each is a day of the calendar, and fits those around it."""

from kpledger.base.errors import MalformedError
from kpledger.base.units import DAY_MS, parse_day, start_of_day_ms
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse

_FIRST_MONTHS = {"": "01", "Q1": "01", "Q2": "04", "Q3": "07", "Q4": "10", "H1": "01", "H2": "07"}
"""The month in which each part of a year begins, and a year."""


def check_past_day(
    context: Context, rule: Rule, field: str, day: str, earliest: str | None = None
) -> Refusal | None:
    """Refuse a day that is none, lies in the future, or before another."""
    refusal = check_span(rule, field, day, earliest)
    if refusal is not None:
        return refusal
    # A day begins up to 14 hours earlier in the east than in UTC.
    latest = context.at.now_ms + context.policy().clock_skew_ms + DAY_MS
    if start_of_day_ms(day) > latest:
        return refuse(rule, field, f"{day} lies in the future", "a day up to today")
    return None


def check_span(
    rule: Rule, field: str, day: str, earliest: str | None, latest: str | None = None
) -> Refusal | None:
    """Refuse a day that is none, or lies outside a span; both its ends belong to it."""
    try:
        parse_day(day)
    except MalformedError as error:
        return refuse(rule, field, error.problem, "a day of the calendar")
    if earliest is not None and day < earliest:
        return refuse(rule, field, f"{day} is before {earliest}", f"a day from {earliest} on")
    if latest is not None and day > latest:
        return refuse(rule, field, f"{day} is after {latest}", f"a day up to {latest}")
    return None


def check_begun(context: Context, field: str, period: str) -> Refusal | None:
    """E5: a quarter, half-year or year has begun.

    That it is over is not asked for, so that nobody is kept from telling early.
    """
    first = f"{period[:4]}-{_FIRST_MONTHS[period[4:]]}-01"
    if check_past_day(context, Rule.E5, field, first) is None:
        return None
    accepted = "a period of the calendar that has begun"
    return refuse(Rule.E5, field, f"{period} has not begun", accepted)
