"""The simulator as a program: `python -m kpnode.sim --seeds 0-149`.

It exits with 0 if no seed breaks a rule, 1 if one does, 2 if it was called wrongly.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from kpnode.sim.checkers import ViolationError
from kpnode.sim.planted import PLANTED, PlantedBug
from kpnode.sim.world import World

_TICKS = 1500
_SEEDS_PER_TASK = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one seed."""

    seed: int
    digest: str
    counts: Counter[str]
    violation: str | None


def run_seed(seed: int, *, ticks: int, planted: str | None, trace: bool = False) -> Outcome:
    """Live one life to its end, or to the first violation."""
    bug = PLANTED[planted] if planted else PlantedBug()
    world = World(seed, bug=bug, trace=_write if trace else None)
    violation = None
    try:
        world.run_safety(ticks)
        world.run_liveness()
    except ViolationError as error:
        violation = f"{error} (tick {world.now})"
    world.counts["ticks"] = world.now
    return Outcome(seed, world.digest(), world.counts, violation)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the seeds and report; return the exit code."""
    options = _parser().parse_args(arguments)
    run = partial(run_seed, ticks=options.ticks, planted=options.planted, trace=options.trace)
    if options.jobs == 1 or len(options.seeds) == 1 or options.trace:
        return _report(map(run, options.seeds), options)
    with ProcessPoolExecutor(options.jobs) as pool:
        return _report(pool.map(run, options.seeds, chunksize=_SEEDS_PER_TASK), options)


def _report(outcomes: Iterable[Outcome], options: argparse.Namespace) -> int:
    counts: Counter[str] = Counter()
    violations = 0
    for outcome in outcomes:
        counts += outcome.counts
        if outcome.violation is not None:
            violations += 1
            replay = f"python -m kpnode.sim --seeds {outcome.seed} --ticks {options.ticks}"
            replay += f" --planted {options.planted}" if options.planted else ""
            _write(f"VIOLATION seed {outcome.seed}: {outcome.violation}")
            _write(f"  replay: {replay} --trace")
        elif len(options.seeds) == 1:
            _write(f"digest {outcome.digest}")
    _write(f"{len(options.seeds)} seeds, {violations} with a violation")
    for name, count in sorted(counts.items()):
        _write(f"{count:>12,} {name}")
    return 1 if violations else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m kpnode.sim", description=__doc__)
    parser.add_argument(
        "--seeds", type=_parse_seeds, default=range(150), help="one seed, or FIRST-LAST"
    )
    parser.add_argument(
        "--ticks", type=_parse_count, default=_TICKS, help="length of the safety phase"
    )
    parser.add_argument("--jobs", type=_parse_count, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--planted", choices=sorted(PLANTED), help="run with a known bug")
    parser.add_argument("--trace", action="store_true", help="print everything that happens")
    return parser


def _parse_seeds(text: str) -> range:
    first, _, last = text.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    if not seeds:
        raise argparse.ArgumentTypeError(f"{text} is no range of seeds")
    return seeds


def _parse_count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return count


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
