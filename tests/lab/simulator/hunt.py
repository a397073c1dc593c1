"""The hunt: does the simulator catch each of the bugs that were planted for it?"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

from lab.planted import PLANTED
from lab.simulator.life import run_seed

MAX_SEEDS: Final = 40
"""Seeds that each bug is looked for in."""
TICKS: Final = 600
"""Length of the safety phase; each bug has a climate in which it shows soon."""
_COMPARED_TICKS: Final = 100
_HASH_SEEDS: Final = ("1", "2")


@dataclass(frozen=True, slots=True)
class Catch:
    """How a bug was caught, or that it was not."""

    bug: str
    seed: int | None
    """The first seed in which it was caught, None if it was in none."""
    violation: str
    """What the checker said."""

    @property
    def checker(self) -> str:
        """Name of the checker that caught it."""
        return self.violation.partition(":")[0]


def hunt(names: Sequence[str], *, jobs: int) -> Iterator[Catch]:
    """Look for bugs by name, in that order."""
    if jobs == 1:
        yield from map(catch, names)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(catch, names)


def catch(name: str, *, seeds: Sequence[int] = range(MAX_SEEDS)) -> Catch:
    """Look for one bug in these seeds, in order."""
    look = _compare_runs if PLANTED[name].by_hash_seed else _live
    for seed in seeds:
        violation = look(name, seed)
        if violation is not None:
            return Catch(name, seed, violation)
    return Catch(name, None, f"not caught by {len(seeds)} seeds")


def _live(name: str, seed: int) -> str | None:
    return run_seed(seed, ticks=TICKS, planted=name).violation


def _compare_runs(name: str, seed: int) -> str | None:
    """Run a seed under two hash seeds; a set anywhere on the way to a message shows."""
    first, second = (_digest(name, seed, hash_seed) for hash_seed in _HASH_SEEDS)
    if first == second:
        return None
    return f"Digest: seed {seed} gives {first[:16]} or {second[:16]}, as the hash seed wills"


def _digest(name: str, seed: int, hash_seed: str) -> str:
    run = [sys.executable, "-m", "lab.simulator", "--seeds", str(seed), "--planted", name]
    run += ["--ticks", str(_COMPARED_TICKS)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    found = subprocess.run(run, capture_output=True, text=True, check=True, env=environment)
    return found.stdout.partition("digest ")[2].partition("\n")[0]
