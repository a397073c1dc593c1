"""What befalls a network of voters besides lies; drawn from the seed."""

from dataclasses import dataclass, replace
from random import Random
from typing import Final, Self

STORM_TICKS: Final = 220
"""So long everything fails as the climate wills."""
CALM_TICKS: Final = 300
"""So long nothing fails any more but the liars."""
MAX_VOTERS: Final = 7
"""In any life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Climate:
    """Rates are per thousand, and per tick unless said otherwise."""

    election_ticks: int
    delay_ticks: int
    loss: int
    """Per message."""
    copies: int
    """Per message."""
    straggle: int
    """Per message: it takes many times longer."""
    partition: int
    heal: int
    crash: int
    """Per node."""
    crash_in_save: int
    """Per save."""
    restart: int
    """Per stopped node."""
    restore: int
    """Per restart of a forgetful node: an old image of the disk comes back."""
    forgetful: int
    """How many of those that do not lie are, at most."""
    stall: int
    """Per node: its clock misses the tick."""
    propose: int
    transfer: int

    @classmethod
    def from_prng(cls, prng: Random) -> Self:
        """Draw one."""
        return cls(
            election_ticks=prng.choice((6, 10)),
            delay_ticks=prng.choice((1, 1, 2)),
            loss=prng.choice((0, 10, 50)),
            copies=prng.choice((0, 20, 200)),
            straggle=prng.choice((0, 10, 50)),
            partition=prng.choice((0, 10, 30)),
            heal=prng.choice((30, 100)),
            crash=prng.choice((0, 2, 10)),
            crash_in_save=prng.choice((0, 5, 20)),
            restart=prng.choice((50, 200)),
            stall=prng.choice((0, 0, 100)),
            propose=prng.choice((100, 300)),
            transfer=prng.choice((0, 0, 10)),
            restore=300,
            forgetful=prng.choice((0, 0, 0, 1, 1, MAX_VOTERS)),
        )

    def healed(self) -> Self:
        """Give the same without faults; clients go on."""
        return replace(
            self,
            delay_ticks=1,
            loss=0,
            copies=0,
            straggle=0,
            partition=0,
            heal=1000,
            crash=0,
            crash_in_save=0,
            restart=1000,
            restore=0,
            stall=0,
            propose=300,
            transfer=0,
        )
