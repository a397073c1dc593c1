"""States of a small world: what honest voters have on their disks, and all they ever signed.

Of a liar nothing is kept: it can say whatever was not taken for granted by then.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import permutations
from typing import Final, NamedTuple

from lab.branches.blocks import NOBODY, ROOT, Tree
from lab.branches.world import World

VOTED: Final = -2
"""Stands for the leader of whoever has voted in the term and heard no leader yet."""

State = tuple[int, ...]
"""The number of the era, then by name that of each honest voter's state."""


class Election(NamedTuple):
    """Enough voted for a candidate with a log."""

    term: int
    leader: int
    base: int


class Era(NamedTuple):
    """How far the world is."""

    term: int
    is_over: bool
    """Only what became final is still learnt in the term."""
    elections: tuple[Election, ...]


class Voter(NamedTuple):
    """One honest voter."""

    heard: int
    """Leader of the term, `VOTED`, or `NOBODY`: then it may vote in it."""
    log: int
    pin: int
    """The highest block that it knows to be final; the root if it knows none."""
    acknowledged: tuple[int, ...]
    """By term: the highest block of that term, which stands for those below it; or the root."""

    promise: int
    """What it keeps beside its log when it leaves a term (`kpnode.notary.promises`)."""
    lost: int
    """The lowest block of what it promised that its log has not held since; the root if it has."""


@dataclass(slots=True)
class Space:
    """Voters by number, and the one state for all that differ in names alone."""

    world: World
    tree: Tree = field(default_factory=Tree)
    parts: list[Era | Voter] = field(default_factory=list)
    _numbers: dict[Era | Voter, int] = field(default_factory=dict)
    _renamed: list[dict[int, int]] = field(default_factory=list)
    _orders: list[tuple[int, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        honest = self.world.honest
        liars = tuple(range(honest, self.world.voters))
        self._orders = [(*order, *liars) for order in permutations(range(honest))]
        self._renamed = [{} for _ in self._orders]

    @property
    def root(self) -> State:
        """Nothing has happened."""
        first = Voter(NOBODY, ROOT, ROOT, (ROOT,) * (self.world.terms + 1), ROOT, ROOT)
        era = Era(term=1, is_over=False, elections=())
        return self.join(era, [first] * self.world.honest)

    def join(self, era: Era, voters: list[Voter]) -> State:
        """Give a state."""
        return (self._number(era), *map(self._number, voters))

    def era(self, state: State) -> Era:
        """Give how far the world is."""
        era = self.parts[state[0]]
        if isinstance(era, Voter):
            raise TypeError(era)
        return era

    def voters(self, state: State) -> list[Voter]:
        """Give the voters by name."""
        return [one for one in map(self.parts.__getitem__, state[1:]) if isinstance(one, Voter)]

    def put(self, state: State, name: int, voter: Voter) -> State:
        """Give the state in which one voter is changed."""
        return (*state[: name + 1], self._number(voter), *state[name + 2 :])

    def canonical(self, state: State) -> State:
        """Give the first of all states that differ in the names of honest voters alone."""
        return min(self._renamings(state))

    def _renamings(self, state: State) -> Iterator[State]:
        for names, renamed in zip(self._orders, self._renamed, strict=True):
            after = list(state)
            for place, number in enumerate(state):
                known = renamed.get(number)
                if known is None:
                    known = renamed[number] = self._number(self._rename(self.parts[number], names))
                after[names[place - 1] + 1 if place else 0] = known
            yield tuple(after)

    def _number(self, part: Era | Voter) -> int:
        known = self._numbers.get(part)
        if known is None:
            known = self._numbers[part] = len(self.parts)
            self.parts.append(part)
        return known

    def _rename(self, part: Era | Voter, names: tuple[int, ...]) -> Era | Voter:
        rename = self.tree.rename
        if isinstance(part, Era):
            elections = (
                Election(term, names[leader], rename(base, names))
                for term, leader, base in part.elections
            )
            return part._replace(elections=tuple(sorted(elections)))
        return Voter(
            names[part.heard] if part.heard >= 0 else part.heard,
            rename(part.log, names),
            rename(part.pin, names),
            tuple(rename(one, names) for one in part.acknowledged),
            rename(part.promise, names),
            rename(part.lost, names),
        )
