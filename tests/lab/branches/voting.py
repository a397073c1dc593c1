"""Whether an honest voter votes: the real rule, or one with a bug planted in it."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from lab.branches.blocks import NOBODY, ROOT, Tree
from lab.branches.state import Era, Voter
from lab.branches.world import World

from kpnode.notary.claims import find_objection

BUGS: Final = {
    "plain-raft": "a voter compares terms and heights alone",
    "own-end-not-demanded": "a voter does not ask for what it has acknowledged",
    "pin-not-demanded": "a voter does not ask for what it knows to be final",
    "promise-forgotten": "a promise is forgotten when the log loses its block",
    "promise-voted-down": "a promise is forgotten when a log is elected that ends before it",
    "released-by-too-few": "so many have shown another log as a majority can do without",
    "released-from-its-end": "a promise that was overwritten is void if its last block is",
    "next-term-voted-short": "a voter that is released votes for a shorter log at once",
    "promise-replaced": "a promise is replaced by what the log took in without acknowledging it",
    "older-term-acknowledged": "blocks of an earlier term are acknowledged and counted",
    "signer-counted-twice": "a liar's two signatures count as two voters",
}
"""What can be planted, in words."""


class Seen(NamedTuple):
    """What a voter can have learnt of others at most."""

    era: Era
    voters: tuple[Voter, ...]


class Asked(NamedTuple):
    """What a vote is decided by."""

    end: int
    missing: int
    pin: int
    log: int
    final: int
    is_void: bool
    """Whether what the voter's log holds, and that one lacks, can never be final."""


@dataclass(slots=True)
class Voting:
    """Decides votes, each question once."""

    tree: Tree
    world: World
    _known: dict[Asked, bool] = field(default_factory=dict)

    @property
    def planted(self) -> str | None:
        """The bug."""
        return self.world.planted

    def grants(self, voter: Voter, log: int, final: int, seen: Seen) -> bool:
        """Tell whether a voter may vote for a log that is shown with a certificate."""
        is_void = self._is_released(voter, log, seen)
        asked = Asked(voter.log, self.missing(voter, seen), voter.pin, log, final, is_void)
        known = self._known.get(asked)
        if known is None:
            known = self._known[asked] = self._ask(asked)
        return known

    def missing(self, voter: Voter, seen: Seen) -> int:
        """Give what is promised and the log lacks, the root for nothing."""
        tree, promise, lost = self.tree, voter.promise, voter.lost
        term = tree.blocks[promise].term
        if tree.blocks[voter.log].term > term or tree.holds(voter.log, promise):
            return ROOT
        if tree.blocks[lost].term == term and self.is_void(lost, seen):
            return ROOT
        limit = promise if self.planted == "promise-voted-down" else lost
        for one in seen.era.elections:
            if one.term > term and tree.place(one.base) < tree.place(limit):
                return ROOT
        return promise

    def _is_released(self, voter: Voter, log: int, seen: Seen) -> bool:
        """Tell whether what a log lacks of a voter's, within its last term, can never be final."""
        tree, own = self.tree, self.tree.blocks[voter.log].term
        stray = tree.parting(voter.log, log)
        if tree.blocks[log].term > own or tree.blocks[stray].term != own:
            return False
        is_shorter = tree.place(log) < tree.place(voter.log)
        if is_shorter and seen.era.term <= own + 1 and self.planted != "next-term-voted-short":
            return False
        return self.is_void(stray, seen)

    def is_void(self, block: int, seen: Seen) -> bool:
        """Tell whether too few have acknowledged a block of an earlier term."""
        tree, term = self.tree, self.tree.blocks[block].term
        if block == ROOT or term >= seen.era.term:
            return False
        held = sum(tree.holds(one.acknowledged[term], block) for one in seen.voters)
        return held < self.world.needed + (self.planted == "released-by-too-few")

    def overwrite(self, voter: Voter, log: int) -> Voter:
        """Give a voter with another log."""
        tree, parting = self.tree, self.tree.parting(voter.promise, log)
        lost = voter.lost
        if parting != ROOT and self.planted == "released-from-its-end":
            return voter._replace(log=log, lost=voter.promise)
        if ROOT in {parting, lost} or tree.height(parting) < tree.height(lost):
            lost = parting
        return voter._replace(log=log, lost=lost)

    def leave(self, voter: Voter, term: int) -> Voter:
        """Give a voter as it leaves a term."""
        tree, promise, end = self.tree, voter.promise, self.tree.blocks[voter.log].term
        is_newest = end > tree.blocks[promise].term or end == term
        if is_newest or self.planted == "promise-replaced":
            promise = voter.log
        if self.planted == "promise-forgotten":
            promise = ROOT
        lost = tree.parting(promise, voter.log) if promise != voter.promise else voter.lost
        return voter._replace(heard=NOBODY, promise=promise, lost=lost)

    def _ask(self, asked: Asked) -> bool:
        tree, planted = self.tree, self.planted
        end, missing, pin, log, final, is_void = asked
        if tree.place(log) < tree.place(end) and not is_void:
            return False
        if planted == "plain-raft":
            return True
        claim, own = tree.claim(log, final), tree.end(end)
        pinned = tree.certificate(pin)
        if planted == "own-end-not-demanded":
            own, missing = claim.end, ROOT
        elif planted == "pin-not-demanded":
            pinned = None
        if find_objection(claim, own, pinned, is_void=is_void) is not None:
            return False
        return missing == ROOT or find_objection(claim, tree.end(missing), None) is None
