"""What a notary keeps: the knowledge that admission and release share."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from kpledger.log.block import BlockKind
from kpledger.log.certificates import decode_opening
from kpledger.log.evidence import Evidence, read_header
from kpledger.log.statements import (
    Acknowledgement,
    LogEnd,
    Nomination,
    SignatureCheck,
    StatementSigner,
    Vote,
)
from kpnode.notary.commits import Commits
from kpnode.notary.ports import OwnChain
from kpnode.notary.promises import Promises
from kpnode.notary.terms import Terms
from kpnode.raft import Index, NodeId, RaftCore, Term


@dataclass(frozen=True, slots=True)
class Unproven:
    """A message that was not let in, or not as it was, and why."""

    sender: NodeId
    term: Term
    problem: str | None
    """What is wrong with it; None if it only lacks what would prove it."""


@dataclass(slots=True)
class Records:
    """The records of one node's notary."""

    core: RaftCore
    signer: StatementSigner
    chain: OwnChain
    check: SignatureCheck
    terms: Terms
    commits: Commits
    promises: Promises
    voteless_up_to: int
    """Up to this height an earlier version has made the ledger, which signed no votes."""
    election_ticks: int
    """The shortest election timeout."""
    ticks: int = 0
    """Since the start."""
    barred: frozenset[str] = frozenset()
    """Voters that are not followed, voted for or counted any more."""
    paused: dict[NodeId, int] = field(default_factory=dict)
    """Until which tick a voter is neither followed nor voted for, since it led in vain."""
    unproven: list[Unproven] = field(default_factory=list)
    """What was not let in since it was drained."""
    found: list[Evidence] = field(default_factory=list)
    """Evidence that was found since it was drained."""
    ends: dict[tuple[Term, NodeId], LogEnd] = field(default_factory=dict)
    """Where a candidate's log ends, as it has shown, by term."""
    begun: dict[tuple[Term, NodeId], bytes | None] = field(default_factory=dict)
    """By what a candidate has shown that its term could begin, when it asked first."""
    supported: tuple[Term, int] | None = None
    """The newest term that a pre-vote was given for, and at which tick it was first."""
    said: dict[NodeId, Acknowledgement | Vote | Nomination] = field(default_factory=dict)
    """The newest statement of each peer, of those that it makes in its current term."""
    acknowledged: dict[NodeId, Acknowledgement] = field(default_factory=dict)
    """The newest acknowledgement of each peer to this node, as leader of the current term."""
    doubled: Counter[NodeId] = field(default_factory=Counter)
    """How often each peer has acknowledged to it what is not on its branch."""
    strays: dict[NodeId, LogEnd] = field(default_factory=dict)
    """Of each voter: a block of this log that it never acknowledged, as its own log has shown."""
    losses: dict[NodeId, LogEnd] = field(default_factory=dict)
    """The same, of what this log has lost (:attr:`kpnode.notary.promises.Promise.lost`)."""
    behind: set[NodeId] = field(default_factory=set)
    """Peers that spoke as leaders of an earlier term."""

    @property
    def is_unproven(self) -> bool:
        """Whether all that this node knows was made by an earlier version, its term included."""
        return self.voteless_up_to > 0 and self.commits.newest is None

    def pause(self, leader: NodeId, ticks: int) -> None:
        """Neither follow a leader nor vote for it for a while: let others elect another one."""
        self.paused[leader] = self.ticks + ticks

    def is_paused(self, leader: NodeId) -> bool:
        """Tell whether this goes on."""
        return self.ticks < self.paused.get(leader, 0)

    @property
    def promise(self) -> LogEnd | None:
        """What this node votes by beside its log: what that has lost, and what may be final."""
        missing = self.promises.missing
        if missing is None:
            return None
        lost = missing.lost
        return None if lost is not None and self._is_void(lost, missing.end.term) else missing.end

    def _is_void(self, lost: LogEnd, term: int) -> bool:
        """Tell whether nothing can be final of what this log has lost up to an end of a term.

        Either a majority has elected somebody later whose log ended before all of it; or it is all
        of that one term, and too few can have acknowledged it.
        """
        if any(
            one.term > term and one.base.place < lost.place for one in self.terms.openings.values()
        ):
            return True
        lacking = (voter for voter, block in self.losses.items() if block == lost)
        return lost.term == term and bool(self.barred) and self._are_too_many(lacking)

    def may_be_final(self, block: LogEnd) -> bool:
        """Tell whether a majority may have acknowledged a block of the term that the log ends with.

        If the leader of that term is convicted, and more of the others have shown that they never
        acknowledged it than a majority can do without, there is no commit certificate of the block,
        nor of any that follows it, and there will be none.
        """
        lacking = (
            voter
            for voter, stray in self.strays.items()
            if (stray.term, stray.head) == (block.term, self.chain.head_at(stray.index))
            and stray.index <= block.index
        )
        return self.find_leader(block) not in self.barred or not self._are_too_many(lacking)

    def _are_too_many(self, lacking: Iterable[NodeId]) -> bool:
        electorate = self.signer.electorate
        others = set(lacking) - self.barred
        return len(others) > len(electorate.keys) - electorate.majority

    def find_first(self, term: int, above: LogEnd) -> LogEnd:
        """Give the lowest block of this log's last term from another block of the log on."""
        heights = range(above.index, self.chain.end.index)
        first = bisect_left(heights, term, key=lambda one: self.core.term_at(Index(one)) or 0)
        return self.place_at(above.index + first) or above

    def find_leader(self, block: LogEnd) -> str | None:
        """Give who made a block of this log, or was elected to open its term with it."""
        (shown,) = self.chain.shown(block.index, block.index)
        header = read_header(shown)
        if header.kind is not BlockKind.NOOP:
            return header.leader
        return decode_opening(shown.seal).candidate if shown.seal else None

    def place_at(self, index: int) -> LogEnd | None:
        """Give a block of the log by its height, None beyond its end."""
        head, term = self.chain.head_at(index), self.core.term_at(Index(index))
        return None if head is None or term is None else LogEnd(term=term, index=index, head=head)

    def refuse(self, sender: NodeId, term: Term, problem: str | None = None) -> None:
        """Note that a message was not let in, or not as it was."""
        self.unproven.append(Unproven(sender, term, problem))

    def accuse(self, *found: Evidence | None) -> None:
        """Keep the evidence among what was looked for."""
        self.found += (one for one in found if one is not None)

    def enter_term(self) -> None:
        """Forget what belonged to an earlier term."""
        self.acknowledged.clear()
        self.doubled.clear()
        self.commits.begin_term()
        self.ends = {key: end for key, end in self.ends.items() if key[0] >= self.core.term}
        self.begun = {key: proof for key, proof in self.begun.items() if key[0] >= self.core.term}
