"""Totals with their past: what a cell of a table held on each day on which it changed.

A history is a run of fixed-size entries, one for each day of recording that changed the total, each
with the total as of the end of that day. Cumulative, so that *as known at a day* is a search for
one entry and no sum; packed, because a cell is written for every certificate and read by the
thousand.
"""

import bisect
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kpledger.base.units import DAY_MS, start_of_day_ms

# Weights and values are kept in 128 bits: every single one fits 53, and no number of certificates
# that a ledger can hold makes a sum overflow, so that counting cannot fail.
_ENTRY: Final = struct.Struct(">IqQqQq")
_LOW_BITS: Final = 64
_LOW_MASK: Final = (1 << _LOW_BITS) - 1


@dataclass(frozen=True, slots=True)
class Total:
    """A weight, what it is worth, and how many certificates it is spread over."""

    carat_thousandths: int = 0
    value_usd_cents: int = 0
    certificates: int = 0

    def __add__(self, other: "Total") -> "Total":
        return Total(
            self.carat_thousandths + other.carat_thousandths,
            self.value_usd_cents + other.value_usd_cents,
            self.certificates + other.certificates,
        )

    def __neg__(self) -> "Total":
        return Total(-self.carat_thousandths, -self.value_usd_cents, -self.certificates)

    def __sub__(self, other: "Total") -> "Total":
        return self + -other


NOTHING: Final = Total()


def day_number(time_ms: int) -> int:
    """Give the day of an instant, UTC, as a number of days since 1970."""
    return time_ms // DAY_MS


def parse_known_at(day: str) -> int | None:
    """Give the number of a day that somebody typed; None where all that is known counts.

    Raises:
        MalformedError: the text is not a day of the calendar.
    """
    return day_number(start_of_day_ms(day)) if day else None


def add_to_history(history: bytes | None, change: Total, recorded: int) -> bytes:
    """Change a total on a day that is not before any of its history."""
    carats, value = change.carat_thousandths, change.value_usd_cents
    certificates = change.certificates
    if history:
        # Some ten million times in a replay: plain numbers, no totals in between.
        last = len(history) - _ENTRY.size
        day, *halves, before = _ENTRY.unpack_from(history, last)
        carats += halves[0] << _LOW_BITS | halves[1]
        value += halves[2] << _LOW_BITS | halves[3]
        certificates += before
        if day >= recorded:
            history, recorded = history[:last], day
    entry = _ENTRY.pack(
        recorded,
        carats >> _LOW_BITS,
        carats & _LOW_MASK,
        value >> _LOW_BITS,
        value & _LOW_MASK,
        certificates,
    )
    return history + entry if history else entry


def total_at(history: bytes | None, known_at: int | None) -> Total:
    """Give a total as it was known at the end of a day; None: as it is known now."""
    if not history:
        return NOTHING
    count = len(history) // _ENTRY.size
    if known_at is not None:
        days = range(count)
        count = bisect.bisect_right(days, known_at, key=lambda one: _day(history, one))
    return _unpack(history, (count - 1) * _ENTRY.size)[1] if count else NOTHING


def read_history(history: bytes | None) -> Iterator[tuple[int, Total]]:
    """Yield the days on which a total changed, and the total at the end of each."""
    for start in range(0, len(history or b""), _ENTRY.size):
        yield _unpack(history or b"", start)


def _day(history: bytes, position: int) -> int:
    start = position * _ENTRY.size
    return int.from_bytes(history[start : start + 4], "big")


def _unpack(history: bytes, start: int) -> tuple[int, Total]:
    day, *halves, certificates = _ENTRY.unpack_from(history, start)
    carats_high, carats_low, value_high, value_low = halves
    carats, value = (
        carats_high << _LOW_BITS | carats_low,
        value_high << _LOW_BITS | value_low,
    )
    return day, Total(carats, value, certificates)
