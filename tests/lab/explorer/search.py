"""The search: breadth first, round by round, over as many processes as there are shares."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final, ParamSpec, Self, TypeVar

from lab.explorer.share import Parcel, Round, Share, Tally, Task, World, digest_of
from lab.explorer.space import BadMoveError, Move, State
from lab.invariants.catalogue import Invariant, ViolationError

P = ParamSpec("P")
T = TypeVar("T")

_shares: Final[dict[int, Share]] = {}
"""In a process: the share it works on, by number."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule, and the shortest way to it."""

    invariant: Invariant
    what: str
    moves: tuple[Move, ...]


@dataclass(slots=True)
class Result:
    """What the search has seen so far."""

    states: int = 0
    moves: int = 0
    depth: int = 0
    """All states that take this many moves or fewer were seen."""
    exhausted: bool = False
    """There is no state beyond."""
    nodes: int = 0
    runs: int = 0
    cpu: float = 0.0
    """Seconds of processor time in other processes."""
    checks: Counter[Invariant] = field(default_factory=Counter)
    finding: Finding | None = None


class Search:
    """A search under way; a context, since it holds processes."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._stack = ExitStack()
        self._pools: list[Executor] = []

    def __enter__(self) -> Self:
        for number in range(self._task.shares):
            pool: Executor = _Here() if self._task.shares == 1 else ProcessPoolExecutor(1)
            self._pools.append(self._stack.enter_context(pool))
            pool.submit(_open, self._task, number).result()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, depth: int | None, progress: Callable[[Result], None]) -> Result:
        """Explore every state that takes at most `depth` moves (None: every state).

        The states of the last depth are taken in and counted, and not gone beyond.
        """
        result = Result()
        parcels: list[tuple[Parcel, ...]] = [() for _ in self._pools]
        while True:
            rounds = self._round(parcels, further=result.depth != depth)
            culprit = next((r.culprit for r in rounds if r.culprit is not None), None)
            result.states += sum(round_.states for round_ in rounds)
            result.moves += sum(round_.moves for round_ in rounds)
            progress(result)
            if culprit is not None:
                result.finding = self._explain(culprit)
                break
            if not any(round_.states for round_ in rounds):
                result.exhausted = True
                break
            if result.depth == depth:
                break
            result.depth += 1
            parcels = [
                tuple(round_.parcels[number] for round_ in rounds)
                for number in range(len(self._pools))
            ]
        return self._with_tally(result)

    def _round(self, parcels: list[tuple[Parcel, ...]], *, further: bool) -> list[Round]:
        waiting = [
            pool.submit(_explore, number, parcels[number], further)
            for number, pool in enumerate(self._pools)
        ]
        return [future.result() for future in waiting]

    def _with_tally(self, result: Result) -> Result:
        for number, pool in enumerate(self._pools):
            tally = pool.submit(_tally, number).result()
            result.nodes = max(result.nodes, tally.nodes)
            result.runs += tally.runs
            result.cpu += tally.cpu if len(self._pools) > 1 else 0.0
            result.checks.update(tally.checks)
        return result

    def _explain(self, culprit: int) -> Finding:
        """Walk to the state again and look for the move that breaks a rule."""
        digests = [culprit]
        while (
            parent := self._pools[digests[-1] % len(self._pools)]
            .submit(_parent, digests[-1] % len(self._pools), digests[-1])
            .result()
        ):
            digests.append(parent)
        world = World(self._task)
        state, moves = world.root, []
        for digest in reversed(digests[:-1]):
            move, state = _step(world, state, digest)
            moves.append(move)
        bad = _bad_move(world, state)
        return Finding(bad.violation.invariant, str(bad.violation), (*moves, bad.move))


def _step(world: World, state: State, digest: int) -> tuple[Move, State]:
    """Return the move that leads to the state with this digest, under any names."""
    for move, after in world.space.moves(state):
        if digest_of(world.space.canonical(after)) == digest:
            return move, after
    raise RuntimeError(f"no move leads to {digest:016x}")


def _bad_move(world: World, state: State) -> BadMoveError:
    try:
        for move, after in world.space.moves(state):
            try:
                world.space.judge(after)
            except ViolationError as violation:
                return BadMoveError(move, violation)
    except BadMoveError as error:
        return error
    raise RuntimeError("no move breaks a rule any more")


class _Here(Executor):
    """Runs everything at once, in this process."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _open(task: Task, number: int) -> None:
    _shares[number] = Share(task, number)


def _explore(number: int, parcels: tuple[Parcel, ...], further: bool) -> Round:  # noqa: FBT001 - sent to a process
    return _shares[number].explore(parcels, further=further)


def _parent(number: int, digest: int) -> int:
    return _shares[number].parent(digest)


def _tally(number: int) -> Tally:
    return _shares[number].tally()
