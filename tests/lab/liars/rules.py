"""What honest voters may never do, whatever liars say; and whom evidence may convict."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from lab.invariants import Invariant, ViolationError
from lab.invariants.catalogue import check_vote
from lab.liars.blocks import Block
from lab.liars.node import Stepped, Voter
from lab.liars.roll import Roll

from kpledger.base.errors import LedgerError
from kpledger.log.conviction import Conviction, Guilt
from kpledger.log.evidence import Evidence
from kpledger.log.judging import judge
from kpnode.raft import InvariantError, NodeId

_BY_BLOCKS: Final = ("E1", "E5", "E8")
"""Blocks do not name the start of a storage: by these a leader whose disk came back from before its
term stands there like one that lies (docs/evidence.md)."""


class Watch:
    """Sees what honest voters do, and remembers what they called final.

    Attributes:
        now: the time, in ticks.
        faulty: who does not keep what it has promised, liars and those whose disk came back.
        forks: heights at which two honest voters have committed different blocks.
        lost: heights of blocks that were final, and are gone from an honest leader's log.
        lived_at: how long after the calm began every honest voter had applied a new event.
        refusals: how many messages were not let in, by what was wrong.
        found: what honest voters convicted of a lie, by kind and voter.
        shown: the same, of who heard everything.
    """

    def __init__(self, roll: Roll, liars: frozenset[NodeId]) -> None:
        self._roll = roll
        self._liars = liars
        self.faulty: set[str] = set(liars)
        self.now = 0
        self.forks: set[int] = set()
        self.lost: set[int] = set()
        self.lived_at: int | None = None
        self.refusals: Counter[str] = Counter()
        self.found: Counter[tuple[str, str]] = Counter()
        self.shown: Counter[tuple[str, str]] = Counter()
        self._final: dict[int, bytes] = {}
        self._told: dict[int, bytes] = {}
        self._applied_at: dict[NodeId, int] = {}
        """When each has last applied an event."""
        self._led: dict[NodeId, int] = {}
        """In which term each was seen to lead last."""
        self._is_shown = False
        """Whether anybody has evidence of two histories."""
        self._is_named = False
        """Whether any evidence names a liar, and be it as a suspicion."""

    @property
    def prevents(self) -> bool:
        """Tell whether so few are faulty that honest voters can agree at all.

        Two majorities have a voter in common that keeps its promises: else each of two blocks can
        have its own.
        """
        return len(self.faulty) < self._roll.overlap

    def _demand(self, invariant: Invariant, what: str) -> None:
        """Say that a rule is broken, if few enough are faulty for it to hold.

        Raises:
            ViolationError: they are.
        """
        if self.prevents:
            raise ViolationError(invariant, what)

    def restored(self, name: NodeId) -> None:
        """See that an old disk came back: what it has promised since is forgotten."""
        self.faulty.add(name)

    def break_down(self, name: NodeId, error: InvariantError | LedgerError) -> None:
        """See a voter stop on an error of its own.

        Raises:
            ViolationError: no number of liars is an excuse for it.
        """
        if name in self._liars:
            return
        if isinstance(error, LedgerError):
            what = f"{name} has saved what it had not verified: {error}"
            raise ViolationError(Invariant.NoInternalError, what)
        self._demand(Invariant.NoInternalError, f"{name}: {error}")

    def see(self, voter: Voter, stepped: Stepped, voters: Iterable[Voter]) -> None:
        """See a step of any voter, among all of them.

        Raises:
            ViolationError: it breaks a rule.
        """
        if voter.name in self._liars:
            return
        if voter.core.term > self.now:
            what = f"{voter.name} is in term {voter.core.term} after {self.now} ticks"
            raise ViolationError(Invariant.TermsProven, what)
        for message in stepped.outgoing:
            check_vote(message, voter.disk.hard_state)
        for block in stepped.applied:
            self._see_applied(voter, block, voters)
        self._told |= {block.header.height: block.head for block in stepped.told}
        if voter.leads and self._led.get(voter.name) != voter.core.term:
            self._led[voter.name] = voter.core.term
            self._see_leader(voter)
        for exhibit in stepped.exhibits:
            self.found += self._see_conviction(exhibit.conviction, voter.name)
        self.refusals.update(one.problem or "nothing worth telling" for one in stepped.refused)

    def _see_applied(self, voter: Voter, block: Block, voters: Iterable[Voter]) -> None:
        height = block.header.height
        if height not in self._final:
            self._final[height] = block.head
            self._see_final(voter, block, voters)
        if self._final[height] != block.head:
            self.forks.add(height)
            self._demand(Invariant.StateMachineSafety, f"two blocks at {block.end.place}")
        if block.events:
            self._applied_at[voter.name] = self.now

    def _see_final(self, voter: Voter, block: Block, voters: Iterable[Voter]) -> None:
        """See the first that calls a block final: a majority holds it, or says so and lies."""
        holders = sum(one.name in self.faulty or _holds(one, block) for one in voters)
        if holders < self._roll.electorate.majority:
            what = f"{voter.name} commits {block.end.place}, which {holders} voters hold"
            self._demand(Invariant.CommittedIsDurable, what)

    def _see_leader(self, voter: Voter) -> None:
        """See an honest voter elected: it holds all that honest voters have called final."""
        for height, head in self._final.items():
            if voter.machine.head_at(height) != head:
                self.lost.add(height)
                what = f"{voter.name} leads term {voter.core.term} without block {height}"
                self._demand(Invariant.LeaderCompleteness, what)

    def _see_conviction(self, conviction: Conviction, by: str) -> Counter[tuple[str, str]]:
        """See somebody convicted; give what counts of it.

        Raises:
            ViolationError: it does not deserve it.
        """
        self._is_shown |= conviction.kind == "E8"
        self._is_named |= not self._liars.isdisjoint(conviction.culprits)
        if not conviction.guilt.convicts:
            return Counter()
        is_fault = conviction.guilt is Guilt.FAULT or conviction.kind in _BY_BLOCKS
        guilty = self.faulty if is_fault else self._liars
        innocent = sorted(set(conviction.culprits) - guilty)
        if innocent:
            what = f"{by} accuses {', '.join(innocent)}: {conviction.kind}: {conviction.words}"
            raise ViolationError(Invariant.RightlyAccused, what)
        return Counter((conviction.kind, name) for name in conviction.culprits)

    def lives(self, honest: Iterable[Voter], *, since: int) -> bool:
        """Tell whether every honest voter has applied events since a time."""
        lives = all(self._applied_at.get(one.name, 0) > since + 1 for one in honest)
        if lives and self.lived_at is None:
            self.lived_at = self.now - since
        return lives

    def finish(self, honest: Iterable[Voter], evidence: Iterable[Evidence]) -> None:
        """Look at what is left at the end, and at all the evidence that there is.

        Raises:
            ViolationError: something that a client was told is nowhere; somebody is accused who
                does not deserve it; or nobody is for a fork.
        """
        for height, head in self._told.items():
            chains = (one.machine for one in honest if one.runs)
            if not any(chain.head_at(height) == head for chain in chains):
                self.lost.add(height)
                self._demand(Invariant.History, f"block {height} was told to a client, and is gone")
        for one in evidence:
            conviction = judge(one, self._roll.electorate, self._roll.check)
            self.shown += self._see_conviction(conviction, "who heard everything")
        is_named = self._is_named or self.faulty > self._liars
        if self.forks and not (self._is_shown and is_named):
            lack = "no liar is named" if self._is_shown else "no evidence"
            what = f"two blocks at {sorted(self.forks)}, and {lack}"
            raise ViolationError(Invariant.ForkShown, what)


def _holds(voter: Voter, block: Block) -> bool:
    """Tell whether a block is on a disk; which votes open a term makes no other block of it."""
    found = voter.disk.log[block.header.height - 1 : block.header.height]
    return any(
        one == block.entry or (not block.events and one.term == block.header.term) for one in found
    )
