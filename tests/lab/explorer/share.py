"""One process's share of the states, and the rounds in which it explores them.

A state belongs to one share, by its digest. A round takes in what the other shares have found,
then goes one move further from every state of the last round. So all shares are always at the same
depth, and the first violation is one of the shortest.
"""

from dataclasses import dataclass, field
from hashlib import blake2b
from time import process_time

from lab.explorer.bounds import Bounds
from lab.explorer.bugs import BUGS, SOUND
from lab.explorer.pieces import KEY_BYTES, Pieces
from lab.explorer.root import root
from lab.explorer.rules import Rules
from lab.explorer.space import BadMoveError, Space, State
from lab.explorer.steps import Steps
from lab.invariants.catalogue import Invariant, ViolationError


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be explored; enough to begin in another process."""

    bounds: Bounds
    planted: str | None = None
    shares: int = 1


@dataclass(slots=True)
class Parcel:
    """What one share has found that belongs to another."""

    pieces: list[bytes] = field(default_factory=list)
    states: list[tuple[bytes, int]] = field(default_factory=list)
    """Each with the digest of the state it was reached from."""


@dataclass(frozen=True, slots=True)
class Round:
    """What a round brought."""

    states: int
    """How many states of this depth belong to the share."""
    moves: int
    """Tried from them."""
    parcels: tuple[Parcel, ...]
    """By share."""
    culprit: int | None = None
    """Digest of a state with a move that breaks a rule."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The work of one share."""

    nodes: int
    """Different nodes met, up to renaming."""
    runs: int
    """Of the real core."""
    cpu: float
    """Seconds of processor time of its process."""
    checks: dict[Invariant, int]


class World:
    """Everything that is needed to find the moves of a state."""

    def __init__(self, task: Task) -> None:
        bug = BUGS[task.planted] if task.planted else SOUND
        self.rules = Rules()
        self.pieces = Pieces(task.bounds)
        self.steps = Steps(task.bounds, self.pieces, self.rules)
        self.space = Space(task.bounds, self.steps, self.pieces, self.rules)
        self.root = root(task.bounds, self.pieces, self.rules, bug.core, bug.disk)


class Share:
    """The states that belong to one process."""

    def __init__(self, task: Task, number: int) -> None:
        self._world = World(task)
        self._number = number
        self._count = task.shares
        self._parents: dict[int, int] = {}
        """By digest, of every state met, the digest of the state it was first reached from."""
        self._told: list[set[bytes]] = [set() for _ in range(task.shares)]
        first = self._world.space.canonical(self._world.root)
        self._frontier = [first] if self._owner(digest_of(first)) == number else []
        self._parents[digest_of(first)] = 0

    def parent(self, digest: int) -> int:
        """Return the digest of the state from which this one was reached, 0 for the first."""
        return self._parents[digest]

    def tally(self) -> Tally:
        """Return what was done so far."""
        world = self._world
        shapes = {node.shape for node in world.pieces.nodes.values()}
        return Tally(len(shapes), world.steps.runs, process_time(), dict(world.rules.checks))

    def explore(self, parcels: tuple[Parcel, ...], *, further: bool) -> Round:
        """Take in what others found, then go one move further if wanted."""
        for parcel in parcels:
            culprit = self._take_in(parcel)
            if culprit is not None:
                return Round(0, 0, (), culprit)
        frontier, self._frontier = self._frontier, []
        if not further:
            return Round(len(frontier), 0, ())
        found = tuple(Parcel() for _ in range(self._count))
        moves = 0
        for packed in frontier:
            digest = digest_of(packed)
            try:
                moves += self._expand(packed, digest, found)
            except (BadMoveError, ViolationError):
                return Round(len(frontier), moves, (), digest)
        return Round(len(frontier), moves, found)

    def _take_in(self, parcel: Parcel) -> int | None:
        for piece in parcel.pieces:
            self._world.pieces.learn(piece)
        for packed, parent in parcel.states:
            digest = digest_of(packed)
            if digest not in self._parents:
                self._parents[digest] = parent
                try:
                    self._world.space.judge(self._world.space.unpack(packed))
                except ViolationError:
                    return parent
                self._frontier.append(packed)
        return None

    def _expand(self, packed: bytes, digest: int, found: tuple[Parcel, ...]) -> int:
        space, parents = self._world.space, self._parents
        moves = 0
        for _, after in space.moves(space.unpack(packed)):
            moves += 1
            canonical = space.canonical(after)
            reached = digest_of(canonical)
            if reached in parents:
                continue
            parents[reached] = digest
            owner = self._owner(reached)
            state = space.unpack(canonical)
            if owner == self._number:
                space.judge(state)
                self._frontier.append(canonical)
            else:
                found[owner].states.append((canonical, digest))
                self._pack(state, self._told[owner], found[owner])
        return moves

    def _pack(self, state: State, told: set[bytes], parcel: Parcel) -> None:
        for key in (*state.nodes, state.history, *state.flying):
            if key not in told:
                told.add(key)
                parcel.pieces.append(self._world.pieces.packed(key))

    def _owner(self, digest: int) -> int:
        return digest % self._count


def digest_of(packed: bytes) -> int:
    """Return 64 bits that stand for a state."""
    return int.from_bytes(blake2b(packed, digest_size=KEY_BYTES).digest())
