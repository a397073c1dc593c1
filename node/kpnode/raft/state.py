"""What one core knows, and the few changes that every part of the protocol needs.

A node follows, campaigns or leads; what it needs for the latter two lives in its `role_state` and
is gone with it. So a stale vote count, an old match index or a forgotten transfer cannot outlive
its term.
Not here: when to change; see `election` and `replication`.
"""

from collections import deque
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from kpnode.raft.interface import Dropped, DropReason, ReadGrant, Role
from kpnode.raft.log import RaftLog
from kpnode.raft.membership import Membership
from kpnode.raft.messages import Message, MessageBody
from kpnode.raft.progress import Progress
from kpnode.raft.reads import ReadQueue
from kpnode.raft.types import NO_INDEX, NO_TERM, Entry, HardState, Index, NodeId, RaftConfig, Term

MAX_LOST_ENTRIES: Final = 1 << 40
"""No ledger is that long: 300 years of 100 blocks a second."""


@dataclass(slots=True)
class Campaign:
    """What a (pre-)candidate keeps."""

    pre: bool
    granted: dict[NodeId, bytes] = field(default_factory=dict)
    """Who granted it, and what was attached to a vote."""


@dataclass(slots=True)
class Transfer:
    """Leadership on its way to a successor."""

    ticket: int
    target: NodeId
    elapsed_ticks: int = 0
    asked: bool = False
    """The successor was told; cleared with every heartbeat, so that a loss is made good."""


@dataclass(slots=True)
class Leadership:
    """What a leader keeps."""

    opened_at: Index
    """Index of the NOOP that opens the term."""
    peers: dict[NodeId, Progress]
    """Ascending by name, so that iteration is the same everywhere."""
    reads: ReadQueue = field(default_factory=ReadQueue)
    transfer: Transfer | None = None
    uncommitted: deque[tuple[Index, int]] = field(default_factory=deque)
    """Index and payload size of what this leadership appended and has not committed."""
    uncommitted_bytes: int = 0
    heartbeat_elapsed_ticks: int = 0


class RaftState:
    """One node's state; the modules of the protocol read and change it."""

    def __init__(
        self, config: RaftConfig, hard_state: HardState, log: RaftLog, membership: Membership
    ) -> None:
        self.config = config
        self.node = config.node
        self.log = log
        self.membership = membership
        self.term = hard_state.term
        self.voted_for = hard_state.voted_for
        self.leader: NodeId | None = None
        self.role_state: Campaign | Leadership | None = None
        self.elapsed_ticks = 0
        self.verified = min(hard_state.acknowledged, log.last_index)
        """The log is known to equal that of this term's leader up to here."""
        self.acknowledged = hard_state.acknowledged
        """The same, of what was signed: the log may have lost some of it since (0 if unsigned)."""
        self.first_led: Term | None = None
        """The first term since the start in which this node heard a leader, or led."""
        self.last_led = hard_state.term if hard_state.acknowledged else NO_TERM
        """The newest such term: it has its leader, who may be forgotten, and needs no vote."""
        self.least_end: tuple[Term, Index] = (NO_TERM, NO_INDEX)
        """No log that ends before this, term before index, holds all this node acknowledged."""
        self.tickets: deque[tuple[Index, int]] = deque()
        """Proposals that are in the log and not committed, ascending by index."""
        self.overwritten: list[tuple[Index, Term, int]] = []
        """Proposals whose entry was replaced, with its term. A node that kept it may still be
        elected and commit it; the commit of another one in its place decides."""
        self.outbox: list[Message] = []
        self.reads: list[ReadGrant] = []
        self.dropped: list[Dropped] = []

    @property
    def role(self) -> Role:
        """The node's part in its term."""
        match self.role_state:
            case Leadership():
                return Role.LEADER
            case Campaign(pre=True):
                return Role.PRE_CANDIDATE
            case Campaign():
                return Role.CANDIDATE
            case _:
                return Role.FOLLOWER

    @property
    def peers(self) -> tuple[NodeId, ...]:
        """Every other voter of an active configuration, ascending."""
        return tuple(voter for voter in self.membership.members if voter != self.node)

    @property
    def election_timeout_ticks(self) -> int:
        """How long this node waits in this term, in [election_ticks, 2 * election_ticks).

        Drawn from a hash: every node waits differently, every term anew, every run alike.
        """
        # Randomness keeps votes from being split again and again (thesis 3.4).
        text = f"{self.config.seed}:{self.node}:{self.term}"
        draw = int.from_bytes(sha256(text.encode()).digest()[:8])
        return self.config.election_ticks + draw % self.config.election_ticks

    @property
    def log_end(self) -> tuple[Term, Index]:
        """End of the raw log, committed or not, in the order in which logs are compared."""
        return self.log.last_term, self.log.last_index

    @property
    def lost_up_to(self) -> Index:
        """Index up to which the log is known to have lost entries, 0 if it is not."""
        return NO_INDEX if self.log_end >= self.least_end else self.least_end[1]

    def may_have_acknowledged(self, index: Index) -> bool:
        """Tell whether this node can have acknowledged an entry beyond its log to its leader.

        What it has acknowledged since its start it knows. Before that it may have had another disk;
        but then the leader it acknowledged to was in office already when it started, and is the
        first one that it heard. A commit of which any other speaks, or one that no ledger reaches,
        is a claim of that leader and nothing else.
        """
        return self.term == self.first_led and index - self.log.last_index <= MAX_LOST_ENTRIES

    def note_loss(self, index: Index) -> None:
        """Note that the disk lost entries up to `index` of a log of the current term.

        Until the own log reaches as far again this node does not campaign, and it measures
        candidates by the log it had: with its vote for less, a majority could be one copy short of
        what is committed. A log that ends in a later term always reaches that far, since whoever
        led that term held everything committed before it (thesis 3.6.3).

        What a lying leader can do with this: if it is the first that a node hears after its start,
        it can keep that node from voting until it stores an entry of a later term, or restarts,
        since nothing of this is saved. A node that has heard an earlier leader knows better
        (`may_have_acknowledged`). To forget sooner would lose committed entries whenever the leader
        fails before it has brought an honest node up to date.
        """
        self.least_end = max(self.least_end, (self.term, index))

    def send(self, recipient: NodeId, body: MessageBody) -> None:
        """Put a message into the next `Ready`."""
        self.outbox.append(Message(self.node, recipient, body))

    def drop(self, ticket: int, reason: DropReason) -> None:
        """Tell the driver that what it asked for will not happen."""
        self.dropped.append(Dropped(ticket, reason, self.leader))

    def follow(self, term: Term, leader: NodeId | None) -> None:
        """Neither campaign nor lead in `term`, which may be the current one; then the vote stays.

        Forgetting the vote when stepping down within a term lets two leaders into it (CCF #5891).
        """
        role_state, self.role_state = self.role_state, None
        if term > self.term:
            self.term = term
            self.voted_for = None
            # A vote or an acknowledgement that was superseded before it could be saved never gets
            # to the disk. It would do no harm, but what leaves a node is to be found on its disk.
            self.outbox.clear()
            self.verified = self.acknowledged = NO_INDEX
        if leader is not None or role_state is not None:
            self.elapsed_ticks = 0
        self.set_leader(leader)
        if isinstance(role_state, Leadership):
            for ticket in role_state.reads.tickets():
                self.drop(ticket, DropReason.NOT_LEADER)

    def set_leader(self, leader: NodeId | None) -> None:
        """Take note of who leads the current term."""
        self.leader = leader
        if leader is not None:
            self.last_led = self.term
            self.first_led = self.term if self.first_led is None else self.first_led

    def verify(self, index: Index) -> None:
        """Note that the log equals that of this term's leader up to `index`."""
        self.verified = max(self.verified, index)
        if self.config.signed:
            self.acknowledged = max(self.acknowledged, index)

    def append(self, entries: tuple[Entry, ...]) -> None:
        """Put entries into the log, with all that follows from their presence."""
        first = entries[0].index
        while self.tickets and self.tickets[-1][0] >= first:
            index, ticket = self.tickets.pop()
            self.overwritten.append((index, self.log.require_term(index), ticket))
        self.log.append(entries)
        self.membership.truncate(first)
        for entry in entries:
            self.membership.append(entry)

    def advance_commit(self, index: Index) -> bool:
        """Commit up to `index` if that is news; tell whether a configuration was replaced."""
        if index <= self.log.commit:
            return False
        self.log.commit = index
        while self.tickets and self.tickets[0][0] <= index:
            self.tickets.popleft()
        self._settle_overwritten()
        return self.membership.commit(index)

    def _settle_overwritten(self) -> None:
        """Say which replaced proposals will not happen, now that more is decided.

        Terms never fall along a log, so nothing of an earlier term follows what is committed.
        """
        waiting, self.overwritten = self.overwritten, []
        for index, term, ticket in waiting:
            place = min(index, self.log.commit)
            found = self.log.require_term(place)
            if found > term or (place == index and found != term):
                self.drop(ticket, DropReason.OVERWRITTEN)
            elif index > place:
                self.overwritten.append((index, term, ticket))
