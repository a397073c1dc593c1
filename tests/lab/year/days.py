"""Days and hours of the synthetic year."""

from datetime import date
from random import Random
from typing import Final

from kpledger.base.units import add_days, day_of, start_of_day_ms

YEAR: Final = 2022

HOUR_MS: Final = 3_600_000
YEAR_START_MS: Final = start_of_day_ms(f"{YEAR}-01-01")
YEAR_END_MS: Final = start_of_day_ms(f"{YEAR + 1}-01-01")

FOUNDED_ON: Final = f"{YEAR - 1}-10-04"
"""The day of the genesis file."""

QUARTERS: Final = tuple(f"{YEAR}Q{number}" for number in range(1, 5))
HALF_YEARS: Final = (f"{YEAR}H1", f"{YEAR}H2")

_OPENING_MS: Final = 8 * HOUR_MS
_CLOSING_MS: Final = 16 * HOUR_MS
_MONDAY_TO_FRIDAY: Final = 5


def at(day: str, hour: int = 9, minute: int = 0) -> int:
    """Give an instant of a day."""
    return start_of_day_ms(day) + hour * HOUR_MS + minute * 60_000


def draw_working_ms(chance: Random, first_ms: int, last_ms: int) -> int:
    """Choose an instant in the office hours of a working day between two instants."""
    day = day_of(chance.randrange(first_ms, last_ms))
    return next_working_ms(chance, start_of_day_ms(day))


def next_working_ms(chance: Random, time_ms: int) -> int:
    """Choose an instant in office hours on the first working day that begins at an instant or on.

    A weekend's work is done on a later working day, spread over the week as it comes.
    """
    day = day_of(time_ms)
    while date.fromisoformat(day).weekday() >= _MONDAY_TO_FRIDAY:
        day = add_days(day, 1)
    return start_of_day_ms(day) + chance.randrange(_OPENING_MS, _CLOSING_MS)
