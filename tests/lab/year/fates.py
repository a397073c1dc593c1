"""Fates: what becomes of a certificate, and how often."""

from collections.abc import Iterator
from enum import Enum, auto
from random import Random
from typing import Final


class Fate(Enum):
    """What becomes of a certificate."""

    VOIDED = auto()
    REPLACED = auto()
    UNUSED = auto()
    AMENDED = auto()
    LOST_AND_FOUND = auto()
    LOST_AND_REPLACED = auto()
    DIVERTED = auto()
    DISCREPANT = auto()
    DETAINED = auto()
    REFUSED = auto()
    SEIZED = auto()
    LATE = auto()
    UNCONFIRMED = auto()
    ORDINARY = auto()


_TEN_THOUSAND: Final = 10_000
_RARE: Final = {
    Fate.VOIDED: 40,
    Fate.REPLACED: 25,
    Fate.UNUSED: 15,
    Fate.AMENDED: 40,
    Fate.LOST_AND_FOUND: 12,
    Fate.LOST_AND_REPLACED: 8,
    Fate.DIVERTED: 4,
    Fate.DISCREPANT: 80,
    Fate.DETAINED: 20,
    Fate.REFUSED: 8,
    Fate.SEIZED: 3,
    Fate.LATE: 8,
}
"""How often each happens, in ten thousand."""
_ONCE_IN: Final = 25

_DEALT: Final = {
    Fate.VOIDED: 30,
    Fate.REPLACED: 30,
    Fate.DISCREPANT: 80,
    Fate.SEIZED: 5,
    Fate.UNCONFIRMED: 300,
    Fate.AMENDED: 40,
    Fate.LOST_AND_FOUND: 12,
    Fate.DETAINED: 20,
    Fate.LATE: 8,
}
"""Likewise, where a whole year is dealt: nothing that would leave goods at home."""
_FEWEST: Final = (Fate.VOIDED, Fate.REPLACED, Fate.DISCREPANT, Fate.SEIZED)
"""What happens once in any year that is dealt, however small."""
_REISSUED: Final = (Fate.VOIDED, Fate.REPLACED)
"""What takes a second certificate."""


def draw_fates(chance: Random) -> Iterator[Fate]:
    """Draw without end; what is rare happens once in the first few hundred all the same."""
    often = {**_RARE, Fate.ORDINARY: _TEN_THOUSAND - sum(_RARE.values())}
    fates, weights = list(often), list(often.values())
    shipped = 0
    while True:
        shipped += 1
        turn, rest = divmod(shipped, _ONCE_IN)
        if rest == 0 and turn <= len(_RARE):
            yield list(_RARE)[turn - 1]
        else:
            yield chance.choices(fates, weights)[0]


def deal_fates(chance: Random, certificates: int) -> list[Fate]:
    """Deal one fate to each shipment, of so many that there are just as many certificates."""
    counts = {
        fate: max(int(fate in _FEWEST), certificates * often // _TEN_THOUSAND)
        for fate, often in _DEALT.items()
    }
    shipments = certificates - sum(counts[fate] for fate in _REISSUED)
    fates = [fate for fate, count in counts.items() for _ in range(count)]
    fates += [Fate.ORDINARY] * (shipments - len(fates))
    chance.shuffle(fates)
    return fates
