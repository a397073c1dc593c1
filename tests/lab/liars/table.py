"""The verdicts of many seeds, one line for each kind of lie and each number of voters."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from lab.liars.kinds import KINDS
from lab.liars.life import Verdict, live

_SEEDS_PER_TASK: Final = 8
_COLUMNS: Final = (
    "lie",
    "voters",
    "liars",
    "seeds",
    "evidence that voters found",
    "liar named",
    "by who hears all",
    "forks",
    "live again",
    "ticks, longest",
)


@dataclass(slots=True)
class Row:
    """What became of the seeds of one kind, with one number of voters."""

    kind: str
    voters: int
    liars: int
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def violations(self) -> list[Verdict]:
        """Those in which a rule was broken."""
        return [one for one in self.verdicts if one.violation is not None]

    @property
    def cells(self) -> tuple[str, ...]:
        """The row in words."""
        count = len(self.verdicts)
        kinds = Counter(kind for one in self.verdicts for kind in {kind for kind, _ in one.found})
        lived = [one.lived_at for one in self.verdicts if one.lived_at is not None]
        return (
            f"`{self.kind}`",
            str(self.voters),
            str(self.liars),
            f"{count:,}",
            ", ".join(f"{kind} {_share(kinds[kind], count)}" for kind in sorted(kinds)) or "none",
            _share(sum(bool(one.found) for one in self.verdicts), count),
            _share(sum(bool(one.shown) for one in self.verdicts), count),
            _share(sum(one.forks > 0 for one in self.verdicts), count),
            _share(len(lived), count),
            str(max(lived, default=0)),
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
    broken: list[Verdict] = []
    for row in _live_all(kinds, seeds, jobs, trace):
        write(_line(row.cells))
        broken += row.violations
    for one in broken:
        write(f"VIOLATION {one.kind} of {one.voters} voters, seed {one.seed}: {one.violation}")
    write(f"{len(broken)} seeds with a violation")
    return bool(broken)


def _live_all(
    kinds: Sequence[str], seeds: range, jobs: int, trace: Callable[[str], None] | None
) -> Iterator[Row]:
    todo = [(kind, *one) for kind in kinds for one in KINDS[kind].configurations]
    if jobs == 1 or len(seeds) == 1 or trace is not None:
        for kind, voters, liars in todo:
            verdicts = [live(kind, voters, liars, seed, trace=trace) for seed in seeds]
            yield Row(kind, voters, liars, verdicts)
        return
    with ProcessPoolExecutor(jobs) as pool:
        for kind, voters, liars in todo:
            run = partial(live, kind, voters, liars)
            yield Row(kind, voters, liars, [*pool.map(run, seeds, chunksize=_SEEDS_PER_TASK)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _share(part: int, count: int) -> str:
    return "0" if not part else f"{100 * part / count:.0f} %" if part < count else "all"
