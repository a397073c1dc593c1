"""What a notary keeps: the knowledge that admission and release share."""

from dataclasses import dataclass, field

from kpledger.log.evidence import Evidence
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
from kpnode.notary.terms import Terms
from kpnode.raft import NodeId, RaftCore, Term


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
    voteless_up_to: int
    """Up to this height an earlier version has made the ledger, which signed no votes."""
    election_ticks: int
    """The shortest election timeout."""
    ticks: int = 0
    """Since the start."""
    barred: frozenset[str] = frozenset()
    """Voters that are not followed, voted for or counted any more."""
    unproven: list[Unproven] = field(default_factory=list)
    """What was not let in since it was drained."""
    found: list[Evidence] = field(default_factory=list)
    """Evidence that was found since it was drained."""
    ends: dict[tuple[Term, NodeId], LogEnd] = field(default_factory=dict)
    """Where a candidate's log ends, as it has shown, by term."""
    supported: tuple[Term, NodeId, int] | None = None
    """The newest term that a pre-vote was given for, to whom, and at which tick."""
    said: dict[NodeId, Acknowledgement | Vote | Nomination] = field(default_factory=dict)
    """The newest statement of each peer, of those that it makes in its current term."""
    acknowledged: dict[NodeId, Acknowledgement] = field(default_factory=dict)
    """The newest acknowledgement of each peer to this node, as leader of the current term."""
    behind: set[NodeId] = field(default_factory=set)
    """Peers that spoke as leaders of an earlier term."""

    @property
    def is_unproven(self) -> bool:
        """Whether all that this node knows was made by an earlier version, its term included."""
        return self.voteless_up_to > 0 and self.commits.newest is None

    def refuse(self, sender: NodeId, term: Term, problem: str | None = None) -> None:
        """Note that a message was not let in, or not as it was."""
        self.unproven.append(Unproven(sender, term, problem))

    def accuse(self, *found: Evidence | None) -> None:
        """Keep the evidence among what was looked for."""
        self.found += (one for one in found if one is not None)

    def enter_term(self) -> None:
        """Forget what belonged to an earlier term."""
        self.acknowledged.clear()
        self.commits.begin_term()
        self.ends = {key: end for key, end in self.ends.items() if key[0] >= self.core.term}
