"""What must be true in every state of a small world."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from lab.branches.blocks import ROOT, Tree
from lab.branches.moves import Moves
from lab.branches.state import Election, State, Voter
from lab.branches.voting import Seen


@dataclass(slots=True)
class Rules:
    """Judges states."""

    moves: Moves
    forks: int = 0
    """States with two histories that convict their liars, where they cannot be prevented."""

    def broken(self, state: State) -> str | None:
        """Say what is wrong in a state, None if nothing is."""
        return next(self._problems(state), None)

    def _problems(self, state: State) -> Iterator[str]:
        space = self.moves.space
        tree, voters = space.tree, space.voters(state)
        final = self.moves.knowledge.of(state).final
        fork = next((two for two in combinations(final, 2) if tree.excludes(*two)), None)
        for name, voter in enumerate(voters):
            if not tree.holds(voter.log, voter.pin):
                yield f"PinKept: h{name + 1} lacks {tree.describe(voter.pin)}"
            if fork is None and voter.heard == name and space.world.prevents:
                yield from self._lacking(name, voter, final)
        term = space.era(state).term
        if space.world.prevents:
            yield from self._misleading(state)
        elections = space.era(state).elections
        for _, log, given in self.moves.candidacies(state):
            for name in given:
                yield from self._amnesia(name, voters[name], (term, elections), log, final)
                yield from self._undoing(name, voters[name], log, final)
        if fork is not None:
            words = " and ".join(map(tree.describe, fork))
            if space.world.prevents:
                yield f"OneHistory: {words} are both final"
            elif not self._convicts_liars(state, fork):
                yield f"ForkConvicts: {words} are both final, and nobody has to answer for it"
            self.forks += 1

    def _lacking(self, name: int, leader: Voter, finals: tuple[int, ...]) -> Iterator[str]:
        tree = self.moves.space.tree
        for final in finals:
            term = tree.blocks[leader.log].term
            if tree.blocks[final].term < term and not tree.holds(leader.log, final):
                words = f"h{name + 1} leads with {tree.describe(leader.log)}"
                yield f"LeaderCompleteness: {words}, and {tree.describe(final)} is final"

    def _amnesia(
        self,
        name: int,
        voter: Voter,
        era: tuple[int, tuple[Election, ...]],
        log: int,
        final: tuple[int, ...],
    ) -> Iterator[str]:
        """Find a vote in the next term, or against what is final, that breaks a promise (E4).

        Who was released since somebody was elected without it clears itself by that election.
        """
        tree, (term, elections) = self.moves.space.tree, era
        for said_in, said in enumerate(voter.acknowledged):
            ends = (
                [said] if said_in == term - 1 else [one for one in final if tree.holds(said, one)]
            )
            for end in ends:
                is_cleared = said_in < term - 1 and any(
                    said_in < one.term and tree.place(one.base) < tree.place(end)
                    for one in elections
                )
                is_before = tree.place(log) < tree.place(end)
                if end != ROOT and said_in < term and is_before and not is_cleared:
                    words = f"h{name + 1} votes in term {term} for {tree.describe(log)}"
                    yield f"HonestAccused: {words}, and has acknowledged {tree.describe(end)}"

    def _misleading(self, state: State) -> Iterator[str]:
        """Find a voter that shows a log without what it acknowledged, though that may be final.

        Whoever hears of it in a later term takes it for one that never acknowledged it.
        """
        space, voting = self.moves.space, self.moves.voting
        tree, seen = space.tree, Seen(space.era(state), tuple(space.voters(state)))
        for name, voter in enumerate(seen.voters):
            if voting.missing(voter, seen) != ROOT:
                continue
            for term, said in enumerate(voter.acknowledged):
                lacked = tree.parting(said, voter.log)
                of_term = (
                    one
                    for one in tree.chains[said]
                    if tree.height(one) >= tree.height(lacked) and tree.blocks[one].term == term
                )
                lowest = next(of_term, ROOT)
                is_past = tree.blocks[voter.log].term <= term < seen.era.term
                if lacked and is_past and lowest and not voting.is_void(lowest, seen):
                    words = f"h{name + 1} shows {tree.describe(voter.log)}"
                    yield f"ClaimTells: {words}, and has acknowledged {tree.describe(lowest)}"

    def _undoing(self, name: int, voter: Voter, log: int, final: tuple[int, ...]) -> Iterator[str]:
        """Find a vote against what the voter knows to be final, where nothing later is shown."""
        tree, pin = self.moves.space.tree, voter.pin
        later = (one for one in final if tree.holds(log, one) and _covers(tree, one, pin))
        if not tree.holds(log, pin) and not any(later):
            words = f"h{name + 1} votes for {tree.describe(log)}"
            yield f"PinDemanded: {words}, and knows that {tree.describe(pin)} is final"

    def _convicts_liars(self, state: State, fork: tuple[int, int]) -> bool:
        """Tell whether what a liar must have signed for a fork contradicts itself."""
        space = self.moves.space
        tree = space.tree
        first, second = sorted(fork, key=lambda one: tree.blocks[one].term)
        if tree.blocks[first].term == tree.blocks[second].term:
            return True  # E2: neither is certified without it
        for term, _, base in space.era(state).elections:
            if term > tree.blocks[first].term and not tree.holds(base, first):
                # E4, or E1 and E3 if the log goes on in the same term on another branch
                return tree.blocks[base].term <= tree.blocks[first].term
        return False


def _covers(tree: Tree, one: int, other: int) -> bool:
    (term, height), (least, lowest) = tree.place(one), tree.place(other)
    return term >= least and height >= lowest
