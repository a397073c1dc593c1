"""The verdicts of many seeds, one line for each kind of lie and each number of voters."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

from lab.invariants.catalogue import Invariant
from lab.liars.kinds import KINDS
from lab.liars.life import Verdict, live

_SEEDS_PER_TASK: Final = 8
_TASKS_PER_JOB: Final = 4
_COLUMNS: Final = (
    "lie",
    "voters",
    "liars",
    "seeds",
    "lied",
    "evidence that voters found",
    "voters blame right",
    "who hears all does",
    "wrongly accused",
    "two histories: too few lie",
    "enough lie",
    "noticed",
    "live again",
    "ticks, longest",
    "violations",
)


@dataclass(frozen=True, slots=True)
class Row:
    """What became of the seeds of one kind, with one number of voters."""

    kind: str
    voters: int
    liars: int
    verdicts: Sequence[Verdict]

    @property
    def violations(self) -> list[Verdict]:
        """Those in which a rule was broken."""
        return [one for one in self.verdicts if one.violation is not None]

    @property
    def cells(self) -> tuple[str, ...]:
        """The row in words."""
        verdicts = self.verdicts
        count = len(verdicts)
        kinds = Counter(kind for one in verdicts for kind in {kind for kind, _ in one.found})
        agreeing = [one for one in verdicts if one.prevents]
        others = [one for one in verdicts if not one.prevents]
        forked = [one for one in verdicts if one.forks]
        lived = [one.lived_at for one in verdicts if one.lived_at is not None and not one.forks]
        accused = f"{Invariant.RightlyAccused.name}:"
        return (
            f"`{self.kind}`",
            str(self.voters),
            str(self.liars),
            f"{count:,}",
            _share(sum(one.lies > 0 for one in verdicts), count),
            ", ".join(f"{kind} {_share(kinds[kind], count)}" for kind in sorted(kinds)) or "none",
            _share(sum(bool(one.found) for one in verdicts), count),
            _share(sum(bool(one.shown) for one in verdicts), count),
            str(sum((one.violation or "").startswith(accused) for one in verdicts)),
            f"{sum(one.forks > 0 for one in agreeing)} of {len(agreeing):,}",
            f"{sum(one.forks > 0 for one in others)} of {len(others):,}",
            _share(sum(one.is_noticed for one in forked), len(forked)) if forked else "-",
            _share(len(lived), count),
            str(max(lived, default=0)),
            str(len(self.violations)),
        )


def tabulate(
    kinds: Sequence[str],
    seeds: range,
    *,
    jobs: int,
    write: Callable[[str], None],
    trace: Callable[[str], None] | None = None,
) -> bool:
    """Live all seeds of some kinds, write the table; tell whether a rule was broken.

    Args:
        kinds: names of lies.
        seeds: each is lived once for each kind and number of voters.
        jobs: processes.
        write: takes the lines.
        trace: takes everything that happens, in one process.
    """
    write(_line(_COLUMNS))
    write(_line(tuple("-" for _ in _COLUMNS)))
    todo = [(kind, *one) for kind in kinds for one in KINDS[kind].configurations]
    lives = _live_all([(*one, seed) for one in todo for seed in seeds], jobs, trace)
    broken: list[Verdict] = []
    for kind, voters, liars in todo:
        row = Row(kind, voters, liars, list(islice(lives, len(seeds))))
        write(_line(row.cells))
        broken += row.violations
    for one in broken:
        write(f"VIOLATION {one.kind} of {one.voters} voters, seed {one.seed}: {one.violation}")
    write(f"{len(broken)} seeds with a violation")
    return bool(broken)


def _live_all(
    todo: Sequence[tuple[str, int, int, int]], jobs: int, trace: Callable[[str], None] | None
) -> Iterator[Verdict]:
    """Give the verdicts on lives: kind, voters, liars among them, seed; in their order."""
    kinds, voters, liars, seeds = zip(*todo, strict=True)
    if jobs == 1 or trace is not None:
        yield from map(partial(live, trace=trace), kinds, voters, liars, seeds)
        return
    size = min(_SEEDS_PER_TASK, -(-len(todo) // (jobs * _TASKS_PER_JOB)))
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(live, kinds, voters, liars, seeds, chunksize=size)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _share(part: int, count: int) -> str:
    """Give a share in whole hundredths, which calls nothing none and only all all."""
    if part in (0, count):
        return "all" if part else "0"
    return f"{min(99, max(1, round(100 * part / count)))} %"
