"""Units: carats in thousandths, US dollars in cents, times in Unix milliseconds UTC, days as dates.

Integers only. The types are narrow on purpose: what does not fit is refused at the door.
"""

import calendar
import functools
import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from msgspec import Meta

from kpledger.base.errors import MalformedError

MAX_AMOUNT = 2**53 - 1
"""The largest amount: what JSON readers in every language still hold exactly."""

MAX_TIME_MS = 253_402_300_799_999
"""The last millisecond of the year 9999: beyond it a refusal could not write the time."""

TimeMs = Annotated[int, Meta(ge=0, le=MAX_TIME_MS)]
"""An instant, in milliseconds since 1970-01-01T00:00:00Z."""

DAY_MS = 86_400_000
_PARSED_DAYS = 4096
"""How many days are remembered: events of one time name the same few."""
_EPOCH = date(1970, 1, 1)


def bound_amount(amount: int) -> int:
    """Bound a sum to what is still encoded everywhere, and what JSON readers hold exactly.

    A sum that is cut off here is beyond all diamonds there are: only somebody who declares the
    largest possible weights again and again gets so far, and what counts them must not fail then.
    """
    if -MAX_AMOUNT <= amount <= MAX_AMOUNT:
        return amount
    return MAX_AMOUNT if amount > 0 else -MAX_AMOUNT


@functools.lru_cache(maxsize=_PARSED_DAYS)
def parse_day(text: str) -> date:
    """Read a ``YYYY-MM-DD`` day.

    Raises:
        MalformedError: the text is not a day of the calendar.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise MalformedError("day", f"{text[:80]!r} is not a calendar day") from None
    if day.isoformat() != text:
        raise MalformedError("day", f"{text[:80]!r} is not written YYYY-MM-DD")
    return day


@functools.lru_cache(maxsize=_PARSED_DAYS)
def start_of_day_ms(day: str) -> int:
    """Give the first millisecond of a day, UTC.

    Raises:
        MalformedError: the text is not a day of the calendar.
    """
    return (parse_day(day) - _EPOCH).days * DAY_MS


def end_of_day_ms(day: str) -> int:
    """Give the last millisecond of a day, UTC: the instant a certificate expires.

    Raises:
        MalformedError: the text is not a day of the calendar.
    """
    return start_of_day_ms(day) + DAY_MS - 1


@functools.lru_cache(maxsize=_PARSED_DAYS)
def add_days(day: str, count: int) -> str:
    """Give the day ``count`` days later.

    Raises:
        MalformedError: the text is not a day, or the result leaves the calendar.
    """
    try:
        return (parse_day(day) + timedelta(days=count)).isoformat()
    except OverflowError:
        raise MalformedError("day", f"{day} plus {count} days leaves the calendar") from None


@functools.lru_cache(maxsize=_PARSED_DAYS)
def add_months(day: str, count: int) -> str:
    """Give the same day ``count`` calendar months later, or the last day of that month.

    Raises:
        MalformedError: the text is not a day, or the result leaves the calendar.
    """
    start = parse_day(day)
    year, month = divmod(start.year * 12 + start.month - 1 + count, 12)
    try:
        last = calendar.monthrange(year, month + 1)[1]
        return date(year, month + 1, min(start.day, last)).isoformat()
    except (ValueError, IndexError, OverflowError):
        raise MalformedError("day", f"{day} plus {count} months leaves the calendar") from None


def day_of(time_ms: int) -> str:
    """Give the calendar day, UTC, that an instant lies in."""
    return (_EPOCH + timedelta(days=time_ms // DAY_MS)).isoformat()


@functools.lru_cache(maxsize=_PARSED_DAYS)
def quarter_of(day: str) -> str:
    """Give the quarter, ``2022Q1``, that a day lies in."""
    return f"{day[:4]}Q{(int(day[5:7]) + 2) // 3}"


def format_time(time_ms: int) -> str:
    """Write an instant as ISO 8601 UTC with milliseconds; beyond the calendar as a number."""
    if time_ms > MAX_TIME_MS:
        return f"{time_ms} ms"
    seconds, millis = divmod(time_ms, 1000)
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{millis:03d}Z"


def parse_time(text: str) -> int:
    """Read an instant in ISO 8601 UTC, ``2004-07-09T12:00:00Z``, milliseconds or none.

    Raises:
        MalformedError: not such an instant.
    """
    match = re.match(r"^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{3}))?Z\Z", text, re.ASCII)
    if match is None:
        raise MalformedError("time", f"{text[:80]!r} is not a time such as 2004-07-09T12:00:00Z")
    day, *clock, millis = match.groups()
    hours, minutes, seconds = (int(one) for one in clock)
    if hours >= 24 or minutes >= 60 or seconds >= 60:  # noqa: PLR2004 (a clock)
        raise MalformedError("time", f"{text!r} is not a time of day")
    since_midnight = (hours * 60 + minutes) * 60 + seconds
    return start_of_day_ms(day) + since_midnight * 1000 + int(millis or 0)


def _parse_amount(text: str, what: str, *, decimals: int) -> int:
    # Integers from the first digit on: decimal arithmetic would round a long text in silence.
    match = re.match(rf"^([0-9]{{1,16}})(?:\.([0-9]{{1,{decimals}}}))?\Z", text)
    if match is None:
        form = f"a decimal number with up to {decimals} decimals"
        raise MalformedError(
            what, f"{text[:80]!r} is not {form}, such as {'12.345'[: 3 + decimals]}"
        )
    whole, fraction = match.groups(default="")
    amount = int(whole + fraction.ljust(decimals, "0"))
    if not 0 < amount <= MAX_AMOUNT:
        least = f"0.{'1':0>{decimals}}"
        most = f"{MAX_AMOUNT // 10**decimals}.{MAX_AMOUNT % 10**decimals:0{decimals}d}"
        raise MalformedError(what, f"{text!r} is not from {least} to {most}")
    return amount


def parse_carats(text: str) -> int:
    """Read carats with up to three decimals, as thousandths.

    Raises:
        MalformedError: not a positive decimal, or finer than a thousandth.
    """
    return _parse_amount(text, "carat weight", decimals=3)


def format_carats(thousandths: int) -> str:
    """Write thousandths of a carat as carats, always with three decimals."""
    return f"{thousandths // 1000}.{thousandths % 1000:03d}"


def parse_usd(text: str) -> int:
    """Read US dollars with up to two decimals, as cents.

    Raises:
        MalformedError: not a positive decimal, or finer than a cent.
    """
    return _parse_amount(text, "value in US$", decimals=2)


def parse_percent(text: str) -> int:
    """Read a percentage with up to two decimals, as ten-thousandths.

    Raises:
        MalformedError: not a positive decimal, or finer than a hundredth.
    """
    return _parse_amount(text, "percentage", decimals=2)


def format_usd(cents: int) -> str:
    """Write US cents as dollars, always with two decimals."""
    return f"{cents // 100}.{cents % 100:02d}"
