"""This machine's clock: what is stamped on what a person signs."""

import time


def now_ms() -> int:
    """Give the time by this machine's clock, Unix milliseconds."""
    return time.time_ns() // 1_000_000
