"""E5, E14: values in events. Lists are in order, texts say something, days and times fit."""

import itertools
from collections.abc import Sequence
from typing import Final

from kpledger.base.errors import MalformedError
from kpledger.base.units import DAY_MS, format_time, parse_day, start_of_day_ms
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.territories import tell_home

MAX_NOTICE_MS: Final = 366 * DAY_MS
"""How far ahead a measure may be decided. Standings follow each other in time, so one set by
mistake for a distant year would stand in the way of all others until then."""

_SPACE: Final = " \t\r\n"
_FIRST_MONTHS: Final = {
    "": "01",
    "Q1": "01",
    "Q2": "04",
    "Q3": "07",
    "Q4": "10",
    "H1": "01",
    "H2": "07",
}
"""The month in which each part of a year begins, and a year."""


def check_ascending(values: Sequence[str] | Sequence[bytes], field: str) -> Refusals:
    """E5: in ascending order, each once."""
    # Bytes are in the order of their hexadecimal form, which is what a refusal shows.
    shown = [value.hex() if isinstance(value, bytes) else str(value) for value in values]
    for before, after in itertools.pairwise(shown):
        if before >= after:
            twice, unordered = f"{after} is named twice", f"{after} comes after {before}"
            problem = twice if before == after else unordered
            yield Refusal(Rule.E5, field, problem, "ascending order, each once")


def check_known(context: Context, codes: Sequence[str], field: str) -> Refusals:
    """E5: codes of participants on the ledger, in alphabetical order, each once."""
    yield from check_ascending(codes, field)
    for code in codes:
        if context.participant(code) is None:
            problem = f"{code} is not a participant{tell_home(code)}"
            yield Refusal(Rule.E5, field, problem, "codes of participants")


def check_words(field: str, text: str, *papers: object, instead: str = "") -> Refusals:
    """E5: there are words, or something is named that stands for them."""
    if not text.strip(_SPACE) and not any(papers):
        accepted = f"words, or {instead}" if instead else "words"
        yield Refusal(Rule.E5, field, f"{text!r} says nothing", accepted)


def check_span(
    rule: Rule, field: str, day: str, earliest: str | None = None, latest: str | None = None
) -> Refusals:
    """Refuse a day that is none, or lies outside a span; both its ends belong to it."""
    try:
        parse_day(day)
    except MalformedError as error:
        yield Refusal(rule, field, error.problem, "a day of the calendar")
    if earliest is not None and day < earliest:
        yield Refusal(rule, field, f"{day} is before {earliest}", f"a day from {earliest} on")
    if latest is not None and day > latest:
        yield Refusal(rule, field, f"{day} is after {latest}", f"a day up to {latest}")


def check_past_day(
    context: Context, rule: Rule, field: str, day: str, earliest: str | None = None
) -> Refusals:
    """Refuse a day that is none, lies in the future, or before another."""
    yield from check_span(rule, field, day, earliest)
    # A day begins up to 14 hours earlier in the east than in UTC.
    if start_of_day_ms(day) > context.latest_ms + DAY_MS:
        yield Refusal(rule, field, f"{day} lies in the future", "a day up to today")


def check_begun(context: Context, field: str, period: str) -> Refusals:
    """E5: a quarter, half-year or year has begun.

    That it is over is not asked for, so that nobody is kept from telling early.
    """
    first = f"{period[:4]}-{_FIRST_MONTHS[period[4:]]}-01"
    if any(check_past_day(context, Rule.E5, field, first)):
        accepted = "a period of the calendar that has begun"
        yield Refusal(Rule.E5, field, f"{period} has not begun", accepted)


def check_past_time(context: Context, rule: Rule, field: str, time_ms: int) -> Refusals:
    """Refuse an instant in the future."""
    if time_ms > context.latest_ms:
        problem = f"{format_time(time_ms)} lies in the future"
        yield Refusal(rule, field, problem, f"a time up to {format_time(context.latest_ms)}")


def check_notice_period(context: Context, effective_from: int) -> Refusals:
    """E14: what is decided takes effect within a year."""
    latest = context.at.now_ms + MAX_NOTICE_MS
    if effective_from > latest:
        problem = f"{format_time(effective_from)} is too far ahead"
        yield Refusal(
            Rule.E14, "body.effective_from", problem, f"a time up to {format_time(latest)}"
        )


def tell_unseen(prev: bytes | None, subject: str) -> str:
    """Say what is wrong with an event whose author has not seen the newest on its subject."""
    if prev is None:
        return f"it follows nothing, and there are events on {subject}"
    return f"{prev.hex()} is not the newest event on {subject}"
