"""Rules about logs, acknowledgements, commits and what is applied."""

from collections.abc import Callable, Sequence

from lab.invariants.base import Checker
from lab.invariants.catalogue import Invariant, is_quorum
from lab.simulator.disk import SimDisk
from lab.simulator.machine import Applied

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Configuration,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Input,
    Message,
    NodeId,
    PreVoteReply,
    Role,
    RoleChange,
    Status,
    Term,
)


class AckOnDisk(Checker):
    """An acknowledged entry is on that disk, is the leader's, and is there after a crash."""

    def __init__(self, leader_disk: Callable[[NodeId, Term], SimDisk | None]) -> None:
        self._leader_disk = leader_disk
        self._acks: dict[NodeId, tuple[Term, Index, bytes]] = {}

    def on_loss(self, node: NodeId) -> None:
        """What it acknowledged no longer counts."""
        self._acks.pop(node, None)

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """Look for the entry at the moment its acknowledgement leaves."""
        body, node = message.body, message.sender
        if not isinstance(body, AppendReply) or not body.accepted:
            return
        held = disk.link_at(body.index)
        if held is None:
            raise self.violation(f"{node} acknowledges {body.index}, not on its disk")
        leader = self._leader_disk(message.recipient, body.term)
        if leader is not None and leader.link_at(body.index) != held:
            raise self.violation(f"{node} acknowledges {body.index}, not the leader's entry")
        known = self._acks.get(node)
        if known is None or (known[0], known[1]) < (body.term, body.index):
            self._acks[node] = (body.term, body.index, held)

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


class RefusalTrue(Checker):
    """Who refuses an append of its leader does not hold what the append was to follow."""

    def __init__(self, leader_disk: Callable[[NodeId, Term], SimDisk | None]) -> None:
        self._leader_disk = leader_disk
        self._written: set[NodeId] = set()

    def on_inputs(self, node: NodeId, ticks: int, items: Sequence[Input]) -> None:
        """Begin to look at a step."""
        del ticks, items
        self._written.discard(node)

    def on_save(self, node: NodeId, disk: SimDisk) -> None:
        """What was written after the refusal may be just what was missing."""
        del disk
        self._written.add(node)

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """Compare the logs at the place of a refusal; one of index 0 speaks of no log."""
        body, node = message.body, message.sender
        if not isinstance(body, AppendReply) or body.accepted or not body.index:
            return
        if node in self._written:
            return
        leader = self._leader_disk(message.recipient, body.term)
        held = disk.link_at(body.index)
        if leader is not None and held is not None and leader.link_at(body.index) == held:
            raise self.violation(f"{node} refuses what follows {body.index}, but holds that")


class MatchByAck(Checker):
    """A leader believes of a peer only what the peer acknowledged to it, in this very term."""

    def __init__(self) -> None:
        self._acked: dict[tuple[NodeId, Term, NodeId], Index] = {}

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """Note what is acknowledged; look at what a leader says a peer holds committed."""
        del disk
        body = message.body
        if isinstance(body, AppendReply) and body.accepted:
            key = message.recipient, body.term, message.sender
            self._acked[key] = max(body.index, self._acked.get(key, Index(0)))
        elif isinstance(body, HeartbeatRequest) and body.commit:
            acked = self._acked.get((message.sender, body.term, message.recipient), Index(0))
            if body.commit > acked:
                raise self.violation(f"{message}, which acknowledged {acked}")

    def on_status(self, node: NodeId, ticks: int, status: Status, disk: SimDisk) -> None:
        """Look at what a leader believes."""
        del ticks, disk
        for peer in status.peers:
            if not peer.match:
                continue
            acked = self._acked.get((node, status.term, peer.node), Index(0))
            if peer.match > acked:
                raise self.violation(
                    f"{node} takes {peer.node} for {peer.match}, it acknowledged {acked}"
                )


class CommitByQuorum(Checker):
    """A leader commits what a quorum of each configuration has told it, its own disk included."""

    def __init__(self) -> None:
        self._last: dict[NodeId, Status] = {}

    def on_status(self, node: NodeId, ticks: int, status: Status, disk: SimDisk) -> None:
        """Look at every commit of a leader that was one before, in the same configurations."""
        del ticks
        last = self._last.get(node)
        self._last[node] = status
        if (
            last is None
            or status.role is not Role.LEADER
            or (last.role, last.term) != (Role.LEADER, status.term)
            or status.commit <= last.commit
            or status.configurations != last.configurations
        ):
            return
        held: dict[NodeId, int] = {peer.node: peer.match for peer in status.peers}
        held[node] = status.persisted
        active = disk.active(status.commit)
        if not is_quorum(active, (one for one, index in held.items() if index >= status.commit)):
            voters = " and ".join(str(one.voters) for one in active)
            raise self.violation(f"{node} commits {status.commit} knowing {held} of {voters}")


class CommitByOwnTerm(Checker):
    """A leader that counted replicas did so for an entry of its own term (thesis 3.6.2)."""

    def __init__(self) -> None:
        self._inherited: dict[Term, Index] = {}

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """Look at what a leader says is committed, beyond what it knew when it was elected."""
        body = message.body
        if not isinstance(body, AppendRequest):
            return
        known = self._inherited.setdefault(body.term, body.commit)
        if body.commit > known and disk.term_at(body.commit) != body.term:
            raise self.violation(f"{message.sender} commits {body.commit} in {body.term}")


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


class StateMachineSafety(Checker):
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

    def at(self, index: Index) -> Applied:
        """Return what was committed at `index`, at most `height`."""
        return self._history[index]

    def holds(self, disk: SimDisk, index: Index) -> bool:
        """Tell whether a disk holds everything that was committed up to `index`."""
        return disk.link_at(index) == self._links[index]

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
            what = f"{node} applies {index} instead of {self._next[node]}"
            raise self.violation(what, Invariant.AppliedInOrder)
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
                    what = f"{node} leads term {role.term} without entry {index}"
                    raise self.violation(what, Invariant.LeaderCompleteness)
                return

    def _require_quorum(self, index: Index) -> None:
        """Count the disks: a configuration commits itself jointly with the one before it."""
        for applied in (self._history[index - 1], self._history[index]):
            voters = applied.configuration.voters
            held = [v for v in voters if self._disks[v].link_at(index) == self._links[index]]
            if not is_quorum((applied.configuration,), held):
                what = f"{index} is committed on {held} of {voters}"
                raise self.violation(what, Invariant.CommittedIsDurable)


class CommitTrue(Checker):
    """What a message calls committed is committed, and is in the log of the sender."""

    def __init__(self, commits: StateMachineSafety) -> None:
        self._commits = commits

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """Look at every claim; the sender has applied what it knows to be committed."""
        body = message.body
        match body:
            case AppendRequest() | HeartbeatRequest() | HeartbeatReply():
                claimed, term = body.commit, None
            case PreVoteReply():
                claimed, term = body.commit_index, body.commit_term
            case _:
                return
        if claimed > self._commits.height or not self._commits.holds(disk, claimed):
            raise self.violation(f"{message.sender} calls {claimed} committed: {body}")
        if term is not None and self._commits.at(claimed).entry.term != term:
            raise self.violation(f"{message.sender} calls {claimed} one of term {term}")
