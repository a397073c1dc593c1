"""Rules about time: what must happen within so many ticks of a node's own clock.

The counts are careful: something seen in a step is taken to have happened at its end, so a node is
never said to be late when it is not.
"""

from collections.abc import Sequence

from lab.invariants.base import Checker
from lab.invariants.catalogue import is_quorum
from lab.simulator.disk import SimDisk
from lab.simulator.machine import Applied

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Configuration,
    HeartbeatReply,
    HeartbeatRequest,
    Input,
    Message,
    NodeId,
    PreVoteRequest,
    Received,
    Role,
    Status,
    Term,
    Tick,
    TimeoutNow,
    TransferRequested,
    VoteReply,
    VoteRequest,
)


class QuorumChecked(Checker):
    """A leader that heard no quorum for two election timeouts leads no more (thesis 6.2)."""

    def __init__(self, election_ticks: int) -> None:
        self._limit = 2 * election_ticks
        self._heard: dict[NodeId, dict[NodeId, int]] = {}
        self._since: dict[NodeId, tuple[Term, tuple[Configuration, ...], int]] = {}

    def on_inputs(self, node: NodeId, ticks: int, items: Sequence[Input]) -> None:
        """Note who answers a leader."""
        if node not in self._since:
            return
        ticks += sum(isinstance(item, Tick) for item in items)
        for item in items:
            if isinstance(item, Received) and isinstance(
                item.message.body, AppendReply | HeartbeatReply
            ):
                self._heard[node][item.message.sender] = ticks

    def on_status(self, node: NodeId, ticks: int, status: Status, disk: SimDisk) -> None:
        """Count those that a leader has heard in time."""
        if status.role is not Role.LEADER:
            self._since.pop(node, None)
            return
        active = disk.active(status.commit)
        since = self._since.get(node)
        if since is None or since[:2] != (status.term, active):
            self._since[node] = status.term, active, ticks
            self._heard[node] = {}
            return
        if ticks - since[2] <= self._limit:
            return
        heard = self._heard[node]
        voters = {voter for configuration in active for voter in configuration.voters}
        alive = {
            voter
            for voter in voters
            if voter == node or ticks - heard.get(voter, since[2]) <= self._limit
        }
        if not is_quorum(active, alive):
            raise self.violation(f"{node} leads on after {self._limit} ticks without a quorum")


class Restless(Checker):
    """A voter that hears no leader and helps none campaigns within two election timeouts."""

    def __init__(self, election_ticks: int) -> None:
        self._limit = 2 * election_ticks
        self._since: dict[NodeId, tuple[Term, Role, int]] = {}
        self._late: dict[NodeId, int] = {}
        """Who has been silent for too long, unless a message of the same step shows otherwise."""

    def on_start(self, node: NodeId, disk: SimDisk, stored: Applied) -> None:
        """Begin to count."""
        del disk, stored
        self._restart(node)

    def on_inputs(self, node: NodeId, ticks: int, items: Sequence[Input]) -> None:
        """Note the voice of a leader, whichever."""
        del ticks
        if node in self._late:
            raise self.violation(f"{node} does not campaign after {self._late[node]} silent ticks")
        for item in items:
            if isinstance(item, Received) and isinstance(
                item.message.body, AppendRequest | HeartbeatRequest | TimeoutNow
            ):
                self._restart(node)

    def on_status(self, node: NodeId, ticks: int, status: Status, disk: SimDisk) -> None:
        """Look at those that neither lead nor learned anything."""
        del disk
        since = self._since.get(node)
        if (
            since is None
            or since[:2] != (status.term, status.role)
            or status.role is Role.LEADER
            or status.lost_up_to
            or not any(node in one.voters for one in status.configurations)
        ):
            self._since[node] = status.term, status.role, ticks
        elif ticks - since[2] > self._limit:
            self._late[node] = ticks - since[2]

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """Note campaigns, and votes for others."""
        del disk
        body = message.body
        if isinstance(body, PreVoteRequest | VoteRequest) or (
            isinstance(body, VoteReply) and body.granted
        ):
            self._restart(message.sender)

    def _restart(self, node: NodeId) -> None:
        self._since.pop(node, None)
        self._late.pop(node, None)


class TransferEnds(Checker):
    """A transfer ends within an election timeout, so that proposals are not refused for ever."""

    def __init__(self, election_ticks: int) -> None:
        self._election_ticks = election_ticks
        self._since: dict[NodeId, tuple[Term, NodeId, int]] = {}

    def on_inputs(self, node: NodeId, ticks: int, items: Sequence[Input]) -> None:
        """Count anew: the next transfer may go to the same target."""
        del ticks
        if any(isinstance(item, TransferRequested) for item in items):
            self._since.pop(node, None)

    def on_status(self, node: NodeId, ticks: int, status: Status, disk: SimDisk) -> None:
        """Look at every transfer under way."""
        del disk
        target = status.transfer_target
        if target is None:
            self._since.pop(node, None)
            return
        if status.role is not Role.LEADER:
            raise self.violation(f"{node} hands over to {target}, but does not lead")
        since = self._since.get(node)
        if since is None or since[:2] != (status.term, target):
            self._since[node] = status.term, target, ticks
        elif ticks - since[2] > self._election_ticks:
            raise self.violation(f"{node} hands over to {target} for {ticks - since[2]} ticks")
