"""This machine's clock: what is stamped on what a person signs, and what "today" means here."""

import time

from kpledger.base.units import day_of


def now_ms() -> int:
    """Give the time by this machine's clock, Unix milliseconds."""
    return time.time_ns() // 1_000_000


def today() -> str:
    """Give the day by this machine's clock, UTC."""
    return day_of(now_ms())
