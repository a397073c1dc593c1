"""The search: breadth first, so that the first broken rule is found on a shortest way."""

from dataclasses import dataclass, field

from lab.branches.moves import Move, Moves
from lab.branches.rules import Rules
from lab.branches.state import Space, State
from lab.branches.world import World


@dataclass(slots=True)
class Result:
    """What a search has seen."""

    states: int = 1
    moves: int = 0
    depth: int = 0
    """All states that take this many moves or fewer were seen."""
    exhausted: bool = False
    forks: int = 0
    broken: str | None = None
    way: list[str] = field(default_factory=list)


class Search:
    """A search of one world."""

    def __init__(self, world: World) -> None:
        self._space = Space(world)
        self._moves = Moves(self._space)
        self._rules = Rules(self._moves)
        self._before: dict[State, State | None] = {}

    def run(self, depth: int | None) -> Result:
        """See every state that takes at most so many moves (None: every state)."""
        result, edge = Result(), [self._space.root]
        self._before[edge[0]] = None
        while edge and result.depth != depth:
            result.depth += 1
            found: list[State] = []
            for state in edge:
                for _, after in self._moves.of(state):
                    result.moves += 1
                    canonical = self._space.canonical(after)
                    if canonical in self._before:
                        continue
                    self._before[canonical] = state
                    found.append(canonical)
                    result.broken = self._rules.broken(canonical)
                    if result.broken is not None:
                        return self._finish(result, canonical)
            edge = found
        result.exhausted = not edge
        return self._finish(result, None)

    def _finish(self, result: Result, culprit: State | None) -> Result:
        result.states, result.forks = len(self._before), self._rules.forks
        if culprit is not None:
            result.way, last = self._walk(culprit)
            result.broken = self._rules.broken(last)
        return result

    def _walk(self, culprit: State) -> tuple[list[str], State]:
        """Walk to a state again, with the names that voters have from the start."""
        states: list[State] = []
        at: State | None = culprit
        while at is not None:
            states.append(at)
            at = self._before[at]
        state, way = states.pop(), []
        for wanted in reversed(states):
            for move, after in self._moves.of(state):
                if self._space.canonical(after) == wanted:
                    way.append(self._describe(move))
                    state = after
                    break
        return way, state

    def _describe(self, move: Move) -> str:
        return move.what.format(
            actors=" and ".join(map(self._name, move.actors)),
            other=self._name(move.other),
            term=move.term,
            log=self._space.tree.describe(move.log),
        )

    def _name(self, number: int) -> str:
        honest = self._space.world.honest
        return f"h{number + 1}" if number < honest else "the liar" + "'" * (number - honest)
