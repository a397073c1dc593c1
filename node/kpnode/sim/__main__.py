"""The simulator as a program: many lives of a cluster, each decided by one number.

It exits with 0 if all is well. It exits with 1 if a seed breaks a rule; if a planted bug is not
caught; or if something that the climate promises never happened, though there were seeds enough for
it. It exits with 2 if it was called wrongly.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from kpnode.sim.coverage import never_happened
from kpnode.sim.hunt import MAX_SEEDS, hunt
from kpnode.sim.life import DEFAULT_TICKS, Outcome, run_seed
from kpnode.sim.planted import PLANTED

_SEEDS_PER_TASK = 4
_ENOUGH_SEEDS = 150
_EXAMPLES = """\
examples:
  python -m kpnode.sim --seeds 0-149          what every change has to pass
  python -m kpnode.sim --seeds 0-999          more of it
  python -m kpnode.sim --seeds 7 --trace      one life, every step of it
  python -m kpnode.sim --planted-bugs         does it catch what it is there for?
  python -m kpnode.sim --planted no-log-match --seeds 0-9
                                              the lives of a cluster with a known bug
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the seeds and report; return the exit code."""
    options = _parser().parse_args(arguments)
    if options.planted_bugs:
        return _hunt(options.jobs)
    one = len(options.seeds) == 1
    run = partial(
        run_seed,
        ticks=options.ticks,
        planted=options.planted,
        kept=one,
        trace=_write if options.trace else None,
    )
    if options.jobs == 1 or one or options.trace:
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
        if outcome.digest is not None:
            _write(f"digest {outcome.digest}")
    _write(f"{len(options.seeds)} seeds, {violations} with a violation")
    for name, count in sorted(counts.items()):
        _write(f"{count:>12,} {name}")
    return 1 if violations or _report_gaps(counts, options) else 0


def _report_gaps(counts: Counter[str], options: argparse.Namespace) -> bool:
    """Say what never happened, if there was time enough for it; tell whether there is anything."""
    short = len(options.seeds) < _ENOUGH_SEEDS or options.ticks < DEFAULT_TICKS
    missing = [] if short or options.planted else never_happened(counts)
    for name in missing:
        _write(f"never happened: {name}")
    return bool(missing)


def _hunt(jobs: int) -> int:
    escaped = 0
    for catch in hunt(tuple(PLANTED), jobs=jobs):
        escaped += catch.seed is None
        seed = "ESCAPED" if catch.seed is None else f"seed {catch.seed}"
        _write(f"{catch.bug:<28} {seed:<8} {catch.violation}")
    _write(f"{len(PLANTED)} planted bugs, {escaped} not caught by {MAX_SEEDS} seeds")
    return 1 if escaped else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kpnode.sim",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--seeds", type=_parse_seeds, default=range(150), help="one seed, or FIRST-LAST"
    )
    parser.add_argument(
        "--ticks", type=_parse_count, default=DEFAULT_TICKS, help="length of the safety phase"
    )
    parser.add_argument("--jobs", type=_parse_count, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--planted", choices=sorted(PLANTED), help="run with a known bug")
    parser.add_argument(
        "--planted-bugs", action="store_true", help="look for every known bug, and say who found it"
    )
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
