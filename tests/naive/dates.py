"""Days, months and instants, counted once more."""

import datetime as dt

DAY = 24 * 60 * 60 * 1000
EPOCH = dt.date(1970, 1, 1)
LAST_YEAR = 9999


def parse(text: str) -> dt.date | None:
    """Read a day; None if the calendar has no such day."""
    year, month, day = (int(part) for part in text.split("-"))
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def starts(text: str) -> int | None:
    """Give the first millisecond of a day."""
    day = parse(text)
    return None if day is None else (day - EPOCH).days * DAY


def ends(text: str) -> int | None:
    """Give the last millisecond of a day."""
    start = starts(text)
    return None if start is None else start + DAY - 1


def day_at(instant: int) -> str:
    return str(EPOCH + dt.timedelta(days=instant // DAY))


def days_later(text: str, count: int) -> str:
    day = parse(text)
    assert day is not None
    return str(day + dt.timedelta(days=count))


def months_later(text: str, count: int) -> str:
    """Give the same day of a later month, or its last day."""
    day = parse(text)
    assert day is not None
    months = day.year * 12 + day.month - 1 + count
    for last in range(day.day, 0, -1):
        found = parse(f"{months // 12:04d}-{months % 12 + 1:02d}-{last:02d}")
        if found is not None:
            return str(found)
    raise AssertionError
