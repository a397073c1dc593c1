"""Lives one seed of one kind of lie, to its verdict."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from types import MappingProxyType

from lab.invariants import ViolationError
from lab.liars.climate import Climate
from lab.liars.kinds import KINDS
from lab.liars.liar import Liar
from lab.liars.planted import SIGNED_BUGS
from lab.liars.roll import Roll
from lab.liars.world import World

_AS_DRAWN: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a seed."""

    kind: str
    voters: int
    seed: int
    violation: str | None
    forks: int
    """Heights at which two honest voters committed different blocks."""
    lost: int
    """Heights of blocks that were final and of which an honest leader did not know."""
    lived_at: int | None
    """So many ticks of calm until every honest voter had applied a new event."""
    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Kinds of evidence that honest voters found, and against whom."""
    shown: Counter[tuple[str, str]] = field(default_factory=Counter)
    """The same, of who heard everything."""
    refusals: Counter[str] = field(default_factory=Counter)
    lies: int = 0
    """How often liars did what their kind does."""
    is_noticed: bool = False
    """Whether an honest voter found that there are two histories."""
    prevents: bool = True
    """Whether so few lied, or had forgotten something, that honest voters can agree."""


def live(
    kind: str,
    voters: int,
    liars: int,
    seed: int,
    *,
    trace: Callable[[str], None] | None = None,
    changes: Mapping[str, int] = _AS_DRAWN,
) -> Verdict:
    """Live one life to its end, or to the first violation; ``changes`` are of its climate."""
    roll = Roll(voters)
    climate = Climate.from_prng(Random(f"climate {seed}"))
    climate = replace(climate, **{**KINDS[kind].climate, **changes})

    def draw(world: World, prng: Random) -> Sequence[Liar]:
        chosen = sorted(prng.sample(roll.names, liars))
        found = [KINDS[kind].liar(world.voters[name], world, prng) for name in chosen]
        for one in found:
            one.accomplices = frozenset(chosen) - {one.name}
            if one.leads:
                one.voter.hurry()
        return found

    world = World(seed, roll, climate, draw, trace)
    violation = None
    try:
        world.run()
    except Exception as error:  # noqa: BLE001 - whatever it is, the seed is to be named
        what = error if isinstance(error, ViolationError) else repr(error)
        violation = f"{what} (tick {world.now})"
    watch = world.watch
    return Verdict(
        kind,
        voters,
        seed,
        violation,
        len(watch.forks),
        len(watch.lost),
        watch.lived_at,
        watch.found,
        watch.shown,
        watch.refusals,
        sum(liar.lies for liar in world.liars.values()),
        any(voter.is_frozen for voter in world.honest),
        watch.prevents,
    )


def catch(name: str, seeds: range) -> Verdict | None:
    """Look for a planted bug in these seeds; give the first verdict that shows it."""
    bug = SIGNED_BUGS[name]
    with bug.planted():
        verdicts = (
            live(bug.kind, bug.voters, bug.liars, seed, changes=bug.climate) for seed in seeds
        )
        return next((one for one in verdicts if one.violation is not None), None)
