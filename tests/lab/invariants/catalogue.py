"""The catalogue: what must never be broken, each under one name.

The simulator looks for it in messages, saves and roles as they happen (the checkers of this
package), the explorer in every state of a small world (:mod:`lab.explorer.rules`), the stories
after every line (:mod:`lab.stories.watch`). Four names are those of the Raft paper.
"""

from collections.abc import Iterable
from enum import Enum

from kpnode.raft import (
    Configuration,
    HardState,
    Message,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    VoteReply,
    VoteRequest,
)


class Invariant(Enum):
    """What must always hold; the name is printed when it does not."""

    # Terms and votes.
    VoteOnce = "a node gives one vote a term, and has it on disk before it says so"
    HardStateForward = (
        "on disk a term never falls, a vote changes only with the term,"
        " and no message is ahead of them"
    )
    TermByCampaign = "a term begins with a node that campaigns in it"
    ElectionSafety = "a term has one leader"
    ElectionQuorum = "a leader has the votes of a majority of each configuration in its log"
    Sticky = "who hears a leader helps nobody else to lead, unless that leader asked for it"
    # Logs and commits.
    AckOnDisk = "an acknowledged entry is on that disk, is the leader's, and stays for the term"
    RefusalTrue = "who refuses an append does not hold what it was to follow"
    MatchByAck = "a leader believes of a peer only what that one holds, and acknowledged to it"
    LogMatching = "two logs with one entry of equal index and term are equal up to it"
    CommitByOwnTerm = "a leader commits by counting only entries of its own term"
    CommitByQuorum = "a leader commits what a quorum of each configuration has told it"
    CommitTrue = "what a message calls committed is committed, and in the log of the sender"
    CommitMonotone = "what a node knows to be committed grows, and never beyond its log"
    CommittedIsDurable = "what is committed is on the disks of a majority of each configuration"
    LeaderCompleteness = "a leader holds all that was committed before its term"
    StateMachineSafety = "what is committed at a height is the same at every node, for ever"
    AppliedInOrder = "entries are applied in order, each once"
    NothingLost = "no sound disk is taken for one that lost something"
    QuietAfterLoss = "who knows that its disk lost entries does not campaign"
    # Liars.
    RightlyAccused = (
        "evidence convicts of a lie only who lies, and of a fault only whose disk came back"
    )
    ForkShown = "where two blocks are final in one place, evidence names a liar"
    TermsProven = "no term begins without a majority, which takes its time"
    # Changes of voters.
    ActiveConfigurations = "the configurations that a node counts are those in its log"
    OneChangeAtATime = "voters change in an open term only, and never beside another change"
    HandOver = "a successor is named when asked for or when removed, and holds the whole log"
    # Time.
    QuorumChecked = "a leader without a quorum for two election timeouts leads no more"
    Restless = "a voter that hears nobody campaigns within two election timeouts"
    TransferEnds = "a transfer ends within an election timeout, and with the leadership"
    # Clients.
    Answers = "a dropped proposal never happens"
    ReadIsLinearizable = "a read sees all that was committed before it was asked for"
    ReadConfirmed = "a read is granted after a quorum answered a round begun after the question"
    History = (
        "acknowledged events stay where they are, each once, and reads show all that was known"
    )
    # Evidence.
    NobodyAccused = "no evidence convicts an honest voter of a lie"
    # All together.
    Liveness = "in fair weather what is asked for happens"
    NoInternalError = "no node stops on an invariant of its own"


class ViolationError(Exception):
    """An invariant was broken; the message says by whom and how."""

    def __init__(self, invariant: Invariant, what: str) -> None:
        super().__init__(invariant, what)
        self.invariant = invariant
        self._what = what

    def __str__(self) -> str:
        return f"{self.invariant.name}: {self._what}"


def is_quorum(configurations: Iterable[Configuration], nodes: Iterable[NodeId]) -> bool:
    """Tell whether some nodes are a majority of each configuration.

    Counted here anew: a mistake in the core's own count must not hide itself.
    """
    chosen = frozenset(nodes)
    return all(
        2 * sum(voter in chosen for voter in configuration.voters) > len(configuration.voters)
        for configuration in configurations
    )


def candidate_of(message: Message) -> NodeId | None:
    """Give the candidate that a message votes for, if it does."""
    body = message.body
    if isinstance(body, VoteRequest):
        return message.sender
    return message.recipient if isinstance(body, VoteReply) and body.granted else None


def check_vote(message: Message, durable: HardState) -> None:
    """Look at a message that leaves over a disk.

    Raises:
        ViolationError: its vote or its term is not durable.
    """
    candidate = candidate_of(message)
    vote = durable.term, durable.voted_for
    if candidate is not None and vote != (message.body.term, candidate):
        what = f"{message.sender} votes for {candidate} with {durable} on disk"
        raise ViolationError(Invariant.VoteOnce, what)
    # The term of a pre-vote is one that may begin.
    is_ahead = message.body.term > durable.term
    if is_ahead and not isinstance(message.body, PreVoteRequest | PreVoteReply):
        what = f"{message} leaves with {durable} on disk"
        raise ViolationError(Invariant.HardStateForward, what)


def check_forward(node: NodeId, before: HardState, after: HardState) -> None:
    """Look at what a disk says before and after a step, or a crash.

    Raises:
        ViolationError: a term falls, or a vote or an acknowledgement is taken back within a term.
    """
    if after.term < before.term:
        what = f"{node} falls back from term {before.term} to {after.term}"
        raise ViolationError(Invariant.HardStateForward, what)
    if after.term == before.term and before.voted_for not in (None, after.voted_for):
        raise ViolationError(
            Invariant.HardStateForward, f"{node} replaces vote {before} by {after}"
        )
    if after.term == before.term and after.acknowledged < before.acknowledged:
        what = f"{node} takes back what it acknowledged, {before} by {after}"
        raise ViolationError(Invariant.HardStateForward, what)
