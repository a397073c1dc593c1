"""Rules about changes of voters, and about handing leadership over."""

from lab.invariants.base import Checker
from lab.simulator.disk import SimDisk

from kpnode.raft import (
    AppendReply,
    Index,
    Input,
    Message,
    NodeId,
    Role,
    Status,
    Term,
    TimeoutNow,
    TransferRequested,
)


class ActiveConfigurations(Checker):
    """What a node takes for active is what its log says: no more, no less, no earlier, no later."""

    def on_status(self, node: NodeId, ticks: int, status: Status, disk: SimDisk) -> None:
        """Read them off the disk."""
        del ticks
        active = disk.active(status.commit)
        if status.configurations != active:
            found = [configuration.voters for configuration in status.configurations]
            right = [configuration.voters for configuration in active]
            raise self.violation(f"{node} takes {found} for active, its log says {right}")


class OneChangeAtATime(Checker):
    """A leader changes voters only after an entry of its term, and every earlier change, committed.

    That is, once it certainly knows of every change there was (Ongaro, raft-dev, 2015-07-10).
    """

    def __init__(self) -> None:
        self._seen: dict[NodeId, tuple[Index, Term]] = {}

    def on_status(self, node: NodeId, ticks: int, status: Status, disk: SimDisk) -> None:
        """Look at every change that a leader made."""
        del ticks
        index, _ = disk.configurations[-1]
        if disk.term_at(index) != status.term or self._seen.get(node) == (index, status.term):
            return
        self._seen[node] = index, status.term
        if status.role is not Role.LEADER:
            return
        if disk.term_at(status.commit) != status.term:
            raise self.violation(f"{node} changes voters at {index}, its term is not open")
        previous, _ = disk.configurations[-2]
        if previous > status.commit:
            raise self.violation(f"{node} changes voters at {index}, {previous} is pending")


class HandOver(Checker):
    """A successor is named by a leader that was asked for it or is removed, and not too early."""

    def __init__(self) -> None:
        self._asked: dict[NodeId, set[NodeId]] = {}
        self._acked: dict[tuple[NodeId, Term, NodeId], Index] = {}
        self._commit: dict[NodeId, Index] = {}

    def on_wish(self, node: NodeId, wish: Input) -> None:
        """Note what it is asked for."""
        if isinstance(wish, TransferRequested):
            self._asked.setdefault(node, set()).add(wish.target)

    def on_status(self, node: NodeId, ticks: int, status: Status, disk: SimDisk) -> None:
        """Note what it knows to be committed."""
        del ticks, disk
        self._commit[node] = status.commit

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """Look at every successor that is named."""
        leader, target, body = message.sender, message.recipient, message.body
        if isinstance(body, AppendReply) and body.accepted:
            key = target, body.term, leader
            self._acked[key] = max(body.index, self._acked.get(key, Index(0)))
        if not isinstance(body, TimeoutNow):
            return
        if leader not in disk.active(self._commit.get(leader, Index(0)))[0].voters:
            return
        if target not in self._asked.get(leader, ()):
            raise self.violation(f"{leader} hands over to {target}, unasked, while it is a voter")
        acked = self._acked.get((leader, body.term, target), Index(0))
        if acked < disk.last_index():
            raise self.violation(
                f"{leader} hands over to {target}, which acknowledged {acked}"
                f" of {disk.last_index()}"
            )
