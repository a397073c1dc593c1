"""The simulator as a program: many lives of a cluster, each decided by one number.

It exits with 0 if all is well. It exits with 1 if a seed breaks a rule; if a planted bug is not
caught; or if something that the climate promises never happened, though there were seeds enough for
it. It exits with 2 if it was called wrongly.
"""

import argparse
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from textwrap import fill, indent

from lab.liars.kinds import KINDS
from lab.liars.table import tabulate
from lab.planted import PLANTED
from lab.simulator.coverage import never_happened
from lab.simulator.hunt import MAX_SEEDS, TICKS, hunt
from lab.simulator.life import DEFAULT_TICKS, Outcome, run_seed
from lab.simulator.output import exit_with, write_line

_ALL = "all"
_SEEDS_PER_TASK = 4
_ENOUGH_SEEDS = 150
_SHOWN_SEEDS = 10
_DEFAULT_SEEDS = range(150)
_EXAMPLES = """\
examples:
  scripts/sim --seeds 0-149          what every change has to pass
  scripts/sim --seeds 0-999          more of it
  scripts/sim --seeds 7 --trace      one life, every step of it
  scripts/sim --planted-bugs         does it catch what it is there for?
  scripts/sim --planted no-log-match --seeds 0-9
                                              the lives of a cluster with a known bug
  scripts/sim --liars all --seeds 0-99
                                              voters that lie, each in its way
"""
_LEGEND = """\
how to read a trace, whose lines are in the order in which things happened:
  8 n3 > n2 X    at tick 8, n3 sends X to n2; that X arrives or is lost is not shown, but what
                 n2 does about it is, at a later tick
  8 n3 X         at tick 8, X happens at n3: it starts, stops or pauses, takes another role, or
                 answers a request, which is known by its ticket
  8 cut ...      at tick 8, these links (from whom, to whom) carry nothing until the next heal
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the seeds and report; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.planted_bugs:
        if options.seeds or options.ticks or options.planted or options.trace:
            parser.error("--planted-bugs draws its own lives: it goes with --jobs alone")
        return _hunt(options.jobs)
    options.seeds = options.seeds or _DEFAULT_SEEDS
    if options.liars:
        if options.ticks or options.planted:
            parser.error("--liars goes with --seeds, --jobs and --trace")
        return _lie(options)
    options.ticks = options.ticks or DEFAULT_TICKS
    if options.trace:
        for line in _LEGEND.splitlines():
            write_line(f"# {line}")
    run = partial(
        run_seed,
        ticks=options.ticks,
        planted=options.planted,
        kept=len(options.seeds) == 1,
        trace=write_line if options.trace else None,
    )
    return _report(_live(run, options), options)


def _lie(options: argparse.Namespace) -> int:
    """Live the seeds with liars, and say what became of them."""
    kinds = tuple(KINDS) if options.liars == _ALL else (options.liars,)
    trace = write_line if options.trace else None
    broken = tabulate(kinds, options.seeds, jobs=options.jobs, write=write_line, trace=trace)
    return 1 if broken else 0


def _live(run: Callable[[int], Outcome], options: argparse.Namespace) -> Iterator[Outcome]:
    """Yield what becomes of the seeds, in their order."""
    if options.jobs == 1 or len(options.seeds) == 1 or options.trace:
        yield from map(run, options.seeds)
        return
    with ProcessPoolExecutor(options.jobs) as pool:
        yield from pool.map(run, options.seeds, chunksize=_SEEDS_PER_TASK)


def _report(outcomes: Iterable[Outcome], options: argparse.Namespace) -> int:
    counts: Counter[str] = Counter()
    broken: list[int] = []
    for outcome in outcomes:
        counts += outcome.counts
        if outcome.violation is not None:
            broken.append(outcome.seed)
            replay = f"scripts/sim --seeds {outcome.seed} --ticks {options.ticks}"
            replay += f" --planted {options.planted}" if options.planted else ""
            write_line(f"VIOLATION seed {outcome.seed}: {outcome.violation}")
            write_line(f"  replay: {replay} --trace")
        if outcome.digest is not None:
            write_line(f"digest {outcome.digest}")
    write_line(f"{len(options.seeds)} seeds, {len(broken)} with a violation")
    for name, count in sorted(counts.items()):
        write_line(f"{count:>12,} {name}")
    gaps = _report_gaps(counts, options)
    if broken:
        # Once more where a person looks first; the lines above the counts say what and how.
        shown = ", ".join(map(str, broken[:_SHOWN_SEEDS]))
        more = ", ..." if len(broken) > _SHOWN_SEEDS else ""
        write_line(f"VIOLATION in {len(broken)} of {len(options.seeds)} seeds: {shown}{more}")
    return 1 if broken or gaps else 0


def _report_gaps(counts: Counter[str], options: argparse.Namespace) -> bool:
    """Say what never happened, if there was time enough for it; tell whether there is anything."""
    short = len(options.seeds) < _ENOUGH_SEEDS or options.ticks < DEFAULT_TICKS
    missing = [] if short or options.planted else never_happened(counts)
    for name in missing:
        write_line(f"never happened: {name}")
    return bool(missing)


def _hunt(jobs: int) -> int:
    escaped = 0
    for catch in hunt(tuple(PLANTED), jobs=jobs):
        escaped += catch.seed is None
        seed = "ESCAPED" if catch.seed is None else f"seed {catch.seed}"
        write_line(f"{catch.bug:<28} {seed:<8} {catch.violation}")
    write_line(f"{len(PLANTED)} planted bugs, {escaped} not caught by {MAX_SEEDS} seeds")
    return 1 if escaped else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/sim",
        description=__doc__,
        epilog=f"{_EXAMPLES}\n{_LEGEND}\n{_describe_planted()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    first, last = _DEFAULT_SEEDS[0], _DEFAULT_SEEDS[-1]
    parser.add_argument(
        "--seeds", type=_parse_seeds, help=f"one seed, or FIRST-LAST (default: {first}-{last})"
    )
    parser.add_argument(
        "--ticks",
        type=_parse_count,
        help=f"length of the safety phase (default: {DEFAULT_TICKS})",
    )
    jobs = os.cpu_count() or 1
    parser.add_argument(
        "--jobs",
        type=_parse_count,
        default=jobs,
        help=f"processes (default: one a processor, here {jobs})",
    )
    parser.add_argument(
        "--planted",
        choices=sorted(PLANTED),
        metavar="NAME",
        help="run with a known bug, one of those below (default: none)",
    )
    parser.add_argument(
        "--planted-bugs",
        action="store_true",
        help=f"look for every known bug in up to {MAX_SEEDS} lives of {TICKS} ticks, and say which"
        " rule found it; goes with --jobs alone",
    )
    parser.add_argument(
        "--liars",
        choices=(*KINDS, _ALL),
        metavar="KIND",
        help="voters that lie: one kind of those below, or all; prints a table of verdicts",
    )
    parser.add_argument(
        "--trace",
        action="store_true",
        help="print everything that happens, in one process; how to read it is said below",
    )
    return parser


def _describe_planted() -> str:
    names = fill(", ".join(sorted(PLANTED)), 90, break_on_hyphens=False)
    pairs = ", ".join(sorted(name for name, bug in PLANTED.items() if bug.by_hash_seed))
    lies = fill(", ".join((*KINDS, _ALL)), 90, break_on_hyphens=False)
    return f"""\
kinds of lies, for --liars:
{indent(lies, "  ")}

known bugs, for --planted:
{indent(names, "  ")}

found by --planted-bugs only, which compares one life in two processes: {pairs}
"""


def _parse_seeds(text: str) -> range:
    found = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", text)
    seeds = range(int(found[1]), int(found[2] or found[1]) + 1) if found else range(0)
    if not seeds:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed and no range FIRST-LAST")
    return seeds


def _parse_count(text: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


if __name__ == "__main__":
    exit_with(main)
