"""What can happen next in a state of a small world.

Terms come one after the other, and in a term its election is one move. That loses no history: what
a voter does in a term rests on terms up to that one alone, of its own and of others; so of every
history there is one with the same signatures in which all that is of a lower term comes first. A
vote that elects nobody changes only that its voter votes no more, and is judged where it could be
given.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

from lab.branches.blocks import NOBODY, ROOT, Block
from lab.branches.knowledge import Knowledge, Known
from lab.branches.state import VOTED, Election, Era, Space, State, Voter
from lab.branches.voting import Seen, Voting


class Move(NamedTuple):
    """One thing that happens."""

    what: str
    """With places for the names of those who do it, another one, term and log."""
    actors: tuple[int, ...]
    other: int
    term: int
    log: int


class Candidacy(NamedTuple):
    """Who may vote for whom."""

    candidate: int
    log: int
    voters: tuple[int, ...]


@dataclass(slots=True)
class Moves:
    """Gives every turn that a state can take."""

    space: Space
    knowledge: Knowledge = field(init=False)
    voting: Voting = field(init=False)

    def __post_init__(self) -> None:
        self.knowledge = Knowledge(self.space)
        self.voting = Voting(self.space.tree, self.space.world)

    def of(self, state: State) -> Iterator[tuple[Move, State]]:
        """Give each move with the state that it leads to."""
        era, voters, known = self._read(state)
        learning = list(self._learn(state, era, voters, known))
        if era.is_over:
            yield from learning
        if era.term < self.space.world.terms:
            leave = self.voting.leave
            new = [leave(voter, era.term) for voter in voters]
            after = era._replace(term=era.term + 1, is_over=False)
            yield Move("term {term} is over", (), 0, era.term, 0), self.space.join(after, new)
        if era.is_over:
            return
        for candidacy in self.candidacies(state):
            yield from self._elect(era, voters, candidacy)
        for name, voter in enumerate(voters):
            if voter.heard == name:
                yield from self._make(state, era, name, voter)
            else:
                yield from self._follow(state, name, known)
        if learning:
            over = era._replace(is_over=True)
            yield (
                Move("no more is sent in term {term}", (), 0, era.term, 0),
                self.space.join(over, voters),
            )

    def _read(self, state: State) -> tuple[Era, list[Voter], Known]:
        return self.space.era(state), self.space.voters(state), self.knowledge.of(state)

    def candidacies(self, state: State) -> Iterator[Candidacy]:
        """Give all who can campaign in the term of a state, and who would vote for them."""
        era, voters, known = self._read(state)
        if era.is_over:
            return
        tree = self.space.tree
        seen = Seen(era, tuple(voters))
        free = [name for name, voter in enumerate(voters) if voter.heard == NOBODY]
        for name in free:
            own = voters[name]
            if self.voting.missing(own, seen) == ROOT:
                given = (
                    one
                    for one in free
                    if one == name or self._grants(voters[one], own.log, (own.pin,), seen)
                )
                yield Candidacy(name, own.log, tuple(given))
        for log in known.logs if self.space.world.liars else ():
            if tree.blocks[log].term < era.term:
                finals = (ROOT, *(one for one in known.final if tree.holds(log, one)))
                given = (one for one in free if self._grants(voters[one], log, finals, seen))
                yield Candidacy(self.space.world.honest, log, tuple(given))

    def _grants(self, voter: Voter, log: int, finals: tuple[int, ...], seen: Seen) -> bool:
        return any(self.voting.grants(voter, log, one, seen) for one in finals)

    def _elect(
        self, era: Era, voters: list[Voter], candidacy: Candidacy
    ) -> Iterator[tuple[Move, State]]:
        """Elect somebody by no more voters than are needed; an honest one opens its term."""
        world, tree = self.space.world, self.space.tree
        candidate, log, willing = candidacy
        if tree.height(log) == world.heights:
            return
        elections = tuple(sorted({*era.elections, Election(era.term, candidate, log)}))
        if elections == era.elections:
            return
        for chosen in combinations(willing, world.needed):
            after = list(voters)
            for name in chosen:
                after[name] = voters[name]._replace(heard=VOTED)
            if candidate < world.honest:
                if candidate not in chosen:
                    continue
                opening = tree.open(era.term, log)
                opened = voters[candidate]._replace(heard=candidate, log=opening)
                after[candidate] = self._acknowledge(opened, opening)
            what = "{actors} elect {other} in term {term} with {log}"
            move = Move(what, chosen, candidate, era.term, log)
            yield move, self.space.join(era._replace(elections=elections), after)

    def _make(
        self, state: State, era: Era, name: int, voter: Voter
    ) -> Iterator[tuple[Move, State]]:
        """A leader makes its next block."""
        tree = self.space.tree
        if tree.height(voter.log) < self.space.world.heights:
            made = tree.number(Block(era.term, voter.log, name, 0))
            after = self._acknowledge(voter._replace(log=made), made)
            move = Move("{actors} makes a block: {log}", (name,), 0, era.term, made)
            yield move, self.space.put(state, name, after)

    def _follow(self, state: State, name: int, known: Known) -> Iterator[tuple[Move, State]]:
        """A voter takes in what a leader sends: a liar sends whatever there is."""
        tree, (era, voters, _) = self.space.tree, self._read(state)
        for term, leader, _ in era.elections:
            if term != era.term or voters[name].heard not in (NOBODY, VOTED, leader):
                continue
            is_honest = leader < self.space.world.honest
            logs = tree.chains[voters[leader].log] if is_honest else known.logs
            for log in logs:
                if log == ROOT:
                    continue
                after = self._take(voters[name]._replace(heard=leader), term, log)
                if after is not None and after != voters[name]:
                    what = "leader {other} sends {actors} {log}"
                    move = Move(what, (name,), leader, term, log)
                    yield move, self.space.put(state, name, after)

    def _take(self, voter: Voter, term: int, log: int) -> Voter | None:
        """Give a voter that follows a leader; None if it refuses what is sent."""
        tree = self.space.tree
        kept = voter.log if tree.holds(voter.log, log) else log
        if not tree.holds(kept, voter.pin) or not tree.holds(kept, voter.acknowledged[term]):
            return None
        after = self.voting.overwrite(voter, kept)
        if tree.blocks[log].term == term or self.space.world.planted == "older-term-acknowledged":
            after = self._acknowledge(after, log)
        return after

    def _learn(
        self, state: State, era: Era, voters: list[Voter], known: Known
    ) -> Iterator[tuple[Move, State]]:
        """A voter learns that a block of its log is final."""
        tree = self.space.tree
        for name, voter in enumerate(voters):
            for final in known.final:
                if tree.holds(voter.log, final) and tree.height(final) > tree.height(voter.pin):
                    move = Move("{actors} learns that {log} is final", (name,), 0, era.term, final)
                    yield move, self.space.put(state, name, voter._replace(pin=final))

    def _acknowledge(self, voter: Voter, block: int) -> Voter:
        tree, term = self.space.tree, self.space.tree.blocks[block].term
        if not tree.holds(block, voter.acknowledged[term]):
            return voter
        said = voter.acknowledged
        return voter._replace(acknowledged=(*said[:term], block, *said[term + 1 :]))
