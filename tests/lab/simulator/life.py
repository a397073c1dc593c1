"""Living one seed from beginning to end, and what became of it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from lab.invariants import ViolationError
from lab.planted import PLANTED, PlantedBug
from lab.simulator.world import World

DEFAULT_TICKS = 1500
LEDGER_SHARE = 3
"""A life with the whole ledger in it is so many times shorter."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one seed."""

    seed: int
    digest: str | None
    """Hash of all that happened, if it was kept."""
    counts: Counter[str]
    violation: str | None


def run_seed(
    seed: int,
    *,
    ticks: int = DEFAULT_TICKS,
    planted: str | None = None,
    kept: bool = False,
    trace: Callable[[str], None] | None = None,
) -> Outcome:
    """Live one life to its end, or to the first violation."""
    bug = PLANTED[planted] if planted else PlantedBug()
    world = World(seed, bug=bug, kept=kept, trace=trace)
    violation = None
    try:
        world.run_safety(max(1, ticks // LEDGER_SHARE) if world.options.ledger else ticks)
        world.run_liveness()
    except ViolationError as error:
        violation = f"{error} (tick {world.now})"
    world.counts["ticks"] = world.now
    world.counts["lives with the whole ledger"] = world.options.ledger
    return Outcome(seed, world.digest() if world.journal.kept else None, world.counts, violation)
