"""Whether an honest voter votes: the real rule, or one with a bug planted in it."""

from dataclasses import dataclass, field
from typing import Final

from lab.branches.blocks import NOBODY, ROOT, Tree
from lab.branches.state import Election, Voter

from kpnode.notary.claims import find_objection

BUGS: Final = {
    "plain-raft": "a voter compares terms and heights alone",
    "own-end-not-demanded": "a voter does not ask for what it has acknowledged",
    "pin-not-demanded": "a voter does not ask for what it knows to be final",
    "promise-forgotten": "a promise is forgotten when the log loses its block",
    "promise-voted-down": "a promise is forgotten when a log is elected that ends before it",
    "promise-replaced": "a promise is replaced by what the log took in without acknowledging it",
    "older-term-acknowledged": "blocks of an earlier term are acknowledged and counted",
    "signer-counted-twice": "a liar's two signatures count as two voters",
}
"""What can be planted, in words."""


@dataclass(slots=True)
class Voting:
    """Decides votes, each question once."""

    tree: Tree
    planted: str | None = None
    _known: dict[tuple[int, int, int, int, int], bool] = field(default_factory=dict)

    def grants(self, voter: Voter, log: int, final: int) -> bool:
        """Tell whether a voter may vote for a log that is shown with a certificate."""
        question = voter.log, self.missing(voter), voter.pin, log, final
        known = self._known.get(question)
        if known is None:
            known = self._known[question] = self._ask(*question)
        return known

    def missing(self, voter: Voter) -> int:
        """Give what is promised and the log lacks, the root for nothing."""
        tree, promise = self.tree, voter.promise
        is_later = tree.blocks[voter.log].term > tree.blocks[promise].term
        return ROOT if is_later or tree.holds(voter.log, promise) else promise

    def leave(self, voter: Voter, elections: tuple[Election, ...], term: int) -> Voter:
        """Give a voter as it leaves a term."""
        tree, promise, end = self.tree, voter.promise, self.tree.blocks[voter.log].term
        if self.planted == "promise-voted-down" and any(
            one.term > tree.blocks[promise].term and tree.place(one.base) < tree.place(promise)
            for one in elections
        ):
            promise = ROOT
        is_newest = end > tree.blocks[promise].term or end == term
        if is_newest or self.planted == "promise-replaced":
            promise = voter.log
        if self.planted == "promise-forgotten":
            promise = ROOT
        return voter._replace(heard=NOBODY, promise=promise)

    def _ask(self, end: int, missing: int, pin: int, log: int, final: int) -> bool:
        tree, planted = self.tree, self.planted
        if tree.place(log) < tree.place(end):
            return False
        if planted == "plain-raft":
            return True
        claim, own = tree.claim(log, final), tree.end(end)
        pinned = tree.certificate(pin)
        if planted == "own-end-not-demanded":
            own, missing = claim.end, ROOT
        elif planted == "pin-not-demanded":
            pinned = None
        if find_objection(claim, own, pinned) is not None:
            return False
        return missing == ROOT or find_objection(claim, tree.end(missing), None) is None
