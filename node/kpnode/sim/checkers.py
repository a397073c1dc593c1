"""What must never be seen, in messages, on disks and in what is applied.

Outcomes alone find little: a forgotten vote rarely leads to two leaders within a run, but it is
visible at once in two vote messages of one term. So promises are checked where they are made. Each
checker knows one rule; all of them see everything.
"""

from collections.abc import Callable

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Configuration,
    Dropped,
    EntryKind,
    Envelope,
    HardState,
    HeartbeatRequest,
    Index,
    NodeId,
    ReadGrant,
    Role,
    RoleChange,
    Term,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from kpnode.sim.disk import SimDisk
from kpnode.sim.node import Applied


class ViolationError(Exception):
    """A rule was broken; the message says by whom and how."""

    def __init__(self, checker: str, what: str) -> None:
        super().__init__(f"{checker}: {what}")
        self.checker = checker


class Checker:
    """Sees everything and says nothing; each rule overrides what it needs."""

    def violation(self, what: str) -> ViolationError:
        """Return the error that says that this rule was broken."""
        return ViolationError(type(self).__name__, what)

    def on_start(self, node: NodeId, disk: SimDisk, stored: Applied) -> None:
        """See a node start."""

    def on_save(self, node: NodeId, disk: SimDisk) -> None:
        """See a disk after each step that may have changed it."""

    def on_message(self, envelope: Envelope, disk: SimDisk) -> None:
        """See a message leave, with the disk of its sender at that moment."""

    def on_role(self, node: NodeId, role: RoleChange, disk: SimDisk) -> None:
        """See a node change its role."""

    def on_applied(self, node: NodeId, term: Term, applied: Applied) -> None:
        """See a node in `term` apply an entry."""

    def on_request(self, ticket: int) -> None:
        """See a client ask for something."""

    def on_read(self, node: NodeId, grant: ReadGrant) -> None:
        """See a read granted."""

    def on_dropped(self, dropped: Dropped) -> None:
        """See a request refused."""


class VoteOnce(Checker):
    """A node gives one vote per term, its own included, and has it on disk before it says so."""

    def __init__(self) -> None:
        self._votes: dict[tuple[NodeId, Term], NodeId] = {}

    def on_message(self, envelope: Envelope, disk: SimDisk) -> None:
        """Look at every vote that leaves."""
        voter, message = envelope.sender, envelope.message
        if isinstance(message, VoteRequest):
            candidate = voter
        elif isinstance(message, VoteReply) and message.granted:
            candidate = envelope.recipient
        else:
            return
        known = self._votes.setdefault((voter, message.term), candidate)
        if known != candidate:
            raise self.violation(f"{voter} votes for {known} and {candidate} in {message.term}")
        if disk.hard_state != HardState(message.term, candidate):
            raise self.violation(f"{voter} votes for {candidate} with {disk.hard_state} on disk")


class HardStateForward(Checker):
    """On disk a term never falls, and a vote changes only with the term."""

    def __init__(self) -> None:
        self._seen: dict[NodeId, HardState] = {}

    def on_save(self, node: NodeId, disk: SimDisk) -> None:
        """Compare with what was there before."""
        new = disk.hard_state
        old = self._seen.get(node, HardState(Term(0), None))
        if new.term < old.term:
            raise self.violation(f"{node} falls back from term {old.term} to {new.term}")
        if new.term == old.term and old.voted_for not in (None, new.voted_for):
            raise self.violation(f"{node} replaces vote {old} by {new}")
        self._seen[node] = new

    def on_start(self, node: NodeId, disk: SimDisk, stored: Applied) -> None:
        """A crash is no excuse."""
        del stored
        self.on_save(node, disk)

    def on_message(self, envelope: Envelope, disk: SimDisk) -> None:
        """No message is ahead of the disk."""
        message = envelope.message
        if isinstance(message, VoteReply | AppendReply | AppendRequest | HeartbeatRequest) and (
            message.term > disk.hard_state.term
        ):
            raise self.violation(f"{envelope} leaves with {disk.hard_state} on disk")


class AckOnDisk(Checker):
    """An acknowledged entry is on that disk, is the leader's, and is there after a crash."""

    def __init__(self, leader_disk: Callable[[NodeId, Term], SimDisk | None]) -> None:
        self._leader_disk = leader_disk
        self._acks: dict[NodeId, tuple[Term, Index, bytes]] = {}

    def on_message(self, envelope: Envelope, disk: SimDisk) -> None:
        """Look for the entry at the moment its acknowledgement leaves."""
        message, node = envelope.message, envelope.sender
        if not isinstance(message, AppendReply) or not message.accepted:
            return
        held = disk.link_at(message.index)
        if held is None:
            raise self.violation(f"{node} acknowledges {message.index}, not on its disk")
        leader = self._leader_disk(envelope.recipient, message.term)
        if leader is not None and leader.link_at(message.index) != held:
            raise self.violation(f"{node} acknowledges {message.index}, not the leader's entry")
        known = self._acks.get(node)
        if known is None or (known[0], known[1]) < (message.term, message.index):
            self._acks[node] = (message.term, message.index, held)

    def on_save(self, node: NodeId, disk: SimDisk) -> None:
        """Within the term of an acknowledgement nothing may take the entry away."""
        if node not in self._acks:
            return
        term, index, held = self._acks[node]
        if disk.hard_state.term <= term and disk.link_at(index) != held:
            raise self.violation(f"{node} lost entry {index}, acknowledged in term {term}")

    def on_start(self, node: NodeId, disk: SimDisk, stored: Applied) -> None:
        """A crash is no excuse."""
        del stored
        self.on_save(node, disk)


class OneLeader(Checker):
    """A term has one leader."""

    def __init__(self) -> None:
        self._leaders: dict[Term, NodeId] = {}

    def on_message(self, envelope: Envelope, disk: SimDisk) -> None:
        """Look at who speaks as a leader."""
        del disk
        if isinstance(envelope.message, AppendRequest | HeartbeatRequest | TimeoutNow):
            self._note(envelope.message.term, envelope.sender)

    def on_role(self, node: NodeId, role: RoleChange, disk: SimDisk) -> None:
        """Look at who takes the seat."""
        del disk
        if role.role is Role.LEADER:
            self._note(role.term, node)

    def _note(self, term: Term, node: NodeId) -> None:
        known = self._leaders.setdefault(term, node)
        if known != node:
            raise self.violation(f"{known} and {node} both lead term {term}")


class CommitByOwnTerm(Checker):
    """A leader that counted replicas did so for an entry of its own term (thesis 3.6.2)."""

    def __init__(self) -> None:
        self._inherited: dict[Term, Index] = {}

    def on_message(self, envelope: Envelope, disk: SimDisk) -> None:
        """Look at what a leader says is committed, beyond what it knew when it was elected."""
        message = envelope.message
        if not isinstance(message, AppendRequest):
            return
        known = self._inherited.setdefault(message.term, message.commit)
        if message.commit > known and disk.term_at(message.commit) != message.term:
            raise self.violation(f"{envelope.sender} commits {message.commit} in {message.term}")


class LogMatching(Checker):
    """If two logs hold an entry of one index and term, they are equal up to it."""

    def __init__(self) -> None:
        self._links: dict[tuple[Index, Term], bytes] = {}
        self._checked: dict[NodeId, list[bytes]] = {}

    def on_save(self, node: NodeId, disk: SimDisk) -> None:
        """Look at every entry that is new on the disk."""
        seen = self._checked.setdefault(node, [b""])
        same = min(len(seen), len(disk.links))
        while seen[same - 1] != disk.links[same - 1]:
            same -= 1
        del seen[same:]
        for entry in disk.log[same - 1 :]:
            held = disk.links[entry.index]
            known = self._links.setdefault((entry.index, entry.term), held)
            if known != held:
                raise self.violation(f"{node} holds another log up to {entry.index}")
            seen.append(held)


class CommitForever(Checker):
    """What is committed is durable at a quorum, in the log of every later leader, and never else.

    Applied entries stand for committed ones. Also here: every node applies all of them, in order,
    with equal results at equal heights.
    """

    def __init__(self, genesis: Applied, disks: dict[NodeId, SimDisk]) -> None:
        self._disks = disks
        self._history = [genesis]
        self._links: list[bytes | None] = [b""]
        self._terms = [Term(0)]
        """The term of whoever applied first; at least the term of the commit."""
        self._next: dict[NodeId, int] = {}

    @property
    def height(self) -> Index:
        """Index of the last entry known to be committed."""
        return Index(len(self._history) - 1)

    def applied_by(self, node: NodeId) -> Index:
        """Return how far the node has applied."""
        return Index(self._next[node] - 1)

    def payloads(self, first: Index, last: Index) -> frozenset[bytes]:
        """Return what was committed from `first` to `last`, without padding."""
        found = self._history[first : last + 1]
        return frozenset(applied.entry.payload.rstrip() for applied in found)

    @property
    def configuration(self) -> Configuration:
        """The newest committed configuration."""
        return self._history[-1].configuration

    def on_start(self, node: NodeId, disk: SimDisk, stored: Applied) -> None:
        """Note where the state machine resumes."""
        del disk
        self._next[node] = stored.entry.index + 1

    def on_applied(self, node: NodeId, term: Term, applied: Applied) -> None:
        """Compare with what others applied."""
        index = applied.entry.index
        if index != self._next[node]:
            raise self.violation(f"{node} applies {index} instead of {self._next[node]}")
        self._next[node] = index + 1
        if index <= self.height:
            if self._history[index] != applied:
                raise self.violation(f"{node} applies another entry, or result, at {index}")
            return
        self._history.append(applied)
        self._links.append(self._disks[node].link_at(index))
        self._terms.append(term)
        self._require_quorum(index)

    def on_role(self, node: NodeId, role: RoleChange, disk: SimDisk) -> None:
        """Look whether a new leader holds all that was committed before its term."""
        if role.role is not Role.LEADER:
            return
        for index in range(self.height, 0, -1):
            if self._terms[index] < role.term:
                if disk.link_at(Index(index)) != self._links[index]:
                    raise self.violation(f"{node} leads term {role.term} without entry {index}")
                return

    def _require_quorum(self, index: Index) -> None:
        """Count the disks: a configuration commits itself jointly with the one before it."""
        for applied in (self._history[index - 1], self._history[index]):
            voters = applied.configuration.voters
            held = [v for v in voters if self._disks[v].link_at(index) == self._links[index]]
            if 2 * len(held) <= len(voters):
                raise self.violation(f"{index} is committed on {held} of {voters}")


class Answers(Checker):
    """A read sees all that was committed before it; a dropped proposal never happens."""

    def __init__(self, commits: CommitForever) -> None:
        self._commits = commits
        self._floor: dict[int, Index] = {}
        self._dropped: set[bytes] = set()
        self._happened: set[bytes] = set()

    def on_request(self, ticket: int) -> None:
        """Note what is committed at this moment."""
        self._floor[ticket] = self._commits.height

    def on_read(self, node: NodeId, grant: ReadGrant) -> None:
        """Compare with what was committed when it was asked for."""
        if grant.index < self._floor[grant.ticket]:
            raise self.violation(
                f"{node} reads at {grant.index}, but {self._floor[grant.ticket]} was committed"
            )

    def on_dropped(self, dropped: Dropped) -> None:
        """Remember what will not happen, and look whether it has."""
        self._dropped.add(b"%d" % dropped.ticket)
        self._require_disjoint(b"%d" % dropped.ticket)

    def on_applied(self, node: NodeId, term: Term, applied: Applied) -> None:
        """Look whether it happens all the same."""
        del node, term
        if applied.entry.kind is EntryKind.BLOCK:
            self._happened.add(applied.entry.payload.rstrip())
            self._require_disjoint(applied.entry.payload.rstrip())

    def _require_disjoint(self, payload: bytes) -> None:
        if payload in self._dropped and payload in self._happened:
            raise self.violation(f"dropped proposal {payload!r} is committed")
