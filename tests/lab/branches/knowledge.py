"""What follows from all that was signed: which logs can be shown, and what is final."""

from dataclasses import dataclass, field
from typing import NamedTuple

from lab.branches.blocks import ROOT, Block
from lab.branches.state import Election, Space, State, Voter


class Known(NamedTuple):
    """Of one state; a liar has all of it."""

    logs: tuple[int, ...]
    """Every log that can be shown, by its last block."""
    final: tuple[int, ...]
    """Blocks with a commit certificate."""


@dataclass(slots=True)
class Knowledge:
    """Derives it, once for what is alike."""

    space: Space
    _known: dict[tuple[object, ...], Known] = field(default_factory=dict)

    def of(self, state: State) -> Known:
        """Give what is known in a state."""
        era, voters = self.space.era(state), self.space.voters(state)
        said = era.elections, *(voter.acknowledged for voter in voters)
        known = self._known.get(said)
        if known is None:
            known = Known(self._shown(era.elections, voters), self._certified(voters))
            self._known[said] = known
        return known

    def _shown(self, elections: tuple[Election, ...], voters: list[Voter]) -> tuple[int, ...]:
        """Give the blocks that were made, or that a lying leader may make."""
        world, tree = self.space.world, self.space.tree
        logs = {ROOT}
        for term, leader, base in elections:
            if leader >= world.honest:
                logs |= self._grow(tree.open(term, base), leader)
            else:
                chain = tree.chains[voters[leader].acknowledged[term]]
                logs |= {one for one in chain if tree.blocks[one].term == term}
        return tuple(sorted(logs))

    def _grow(self, opening: int, leader: int) -> set[int]:
        world, tree = self.space.world, self.space.tree
        found, edge = {opening}, [opening]
        while edge:
            last = edge.pop()
            if tree.height(last) < world.heights:
                term = tree.blocks[last].term
                new = [Block(term, last, leader, branch) for branch in range(world.branches)]
                edge += map(tree.number, new)
                found.update(edge)
        return found

    def _certified(self, voters: list[Voter]) -> tuple[int, ...]:
        """Give the blocks that enough honest voters acknowledged, the liars always with them."""
        world, tree = self.space.world, self.space.tree
        needed = world.needed
        if world.planted == "signer-counted-twice":
            needed -= world.liars
        held: dict[int, int] = {}
        for voter in voters:
            for term, end in enumerate(voter.acknowledged):
                for one in tree.chains[end]:
                    if one and tree.blocks[one].term == term:
                        held[one] = held.get(one, 0) + 1
        return tuple(sorted(one for one, count in held.items() if count >= needed))
