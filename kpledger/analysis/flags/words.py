"""Words: how explanations count things, and what they call them."""

from typing import Final

REPORTS: Final = {
    "TRADE": "trade figures",
    "PRODUCTION": "production figures",
    "COUNTS": "certificate counts",
}
"""What people call a series of the statistics."""


def count_of(number: int, noun: str) -> str:
    """Write a number with its noun, ``1 day`` or ``3 days``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class Word(str):
    """A word of an observation; ``{0:day}`` in a text counts it, ``1 day`` or ``3 days``."""

    __slots__ = ()

    def __format__(self, noun: str) -> str:
        """Write it, counted where a noun is given."""
        return count_of(int(self), noun) if noun else str(self)
