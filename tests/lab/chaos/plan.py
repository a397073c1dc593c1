"""What happens when, drawn from a seed alone: the same seed, the same plan, on any machine.

Whom a fault hits is drawn when it begins, because who leads by then is not for the seed to say.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_SHORTEST_S: Final = 2.0
_LONGEST_S: Final = 6.0
_LEADERLESS_S: Final = 5.0
"""How long a leader stays away: long enough for the others to elect, also at the second attempt."""
_MOST_AT_ONCE: Final = 3
_SPREAD_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault of an episode."""

    fault: str
    after_s: float
    """When it begins, from the beginning of the episode."""
    lasts_s: float
    seed: int
    """For what it draws itself."""


@dataclass(frozen=True, slots=True)
class Episode:
    """Faults that may overlap, and a pause behind them."""

    faults: tuple[Planned, ...]
    is_measured: bool
    """A leader is lost and nothing else happens; begun when the network is calm."""
    pause_s: float


def draw_plan(seed: int, leader_losses: Sequence[str], others: Sequence[str]) -> Iterator[Episode]:
    """Draw episodes without end: a lost leader, then up to three other faults, and so on.

    Kinds come out of a bag that is filled again when it is empty, so that each has its turn.
    Without kinds on one of the two sides, the episodes are all of the other.
    """
    chance = random.Random(seed)
    losses, kinds = _draw_bag(chance, leader_losses), _draw_bag(chance, others)
    while leader_losses or others:
        if leader_losses:
            alone = Planned(next(losses), 0.0, _LEADERLESS_S, chance.getrandbits(32))
            yield Episode((alone,), is_measured=True, pause_s=chance.uniform(0.5, 1.5))
        if others:
            yield _draw_overlapping(chance, kinds)


def _draw_overlapping(chance: random.Random, kinds: Iterator[str]) -> Episode:
    count = chance.randint(1, _MOST_AT_ONCE)
    # No kind twice at once: a minority of wrong clocks is borne, a majority of them is not.
    chosen = dict.fromkeys(next(kinds) for _ in range(count))
    faults = tuple(
        Planned(
            kind,
            chance.uniform(0, _SPREAD_S) if count > 1 else 0.0,
            chance.uniform(_SHORTEST_S, _LONGEST_S),
            chance.getrandbits(32),
        )
        for kind in chosen
    )
    return Episode(faults, is_measured=False, pause_s=chance.uniform(0.5, 3.0))


def _draw_bag(chance: random.Random, kinds: Sequence[str]) -> Iterator[str]:
    while True:
        yield from chance.sample(kinds, len(kinds))
