"""A rule about disks that came back with less than was on them."""

from lab.invariants.base import Checker
from lab.simulator.disk import SimDisk
from lab.simulator.machine import Applied

from kpnode.raft import Index, Message, NodeId, PreVoteRequest, Status, VoteRequest


class QuietAfterLoss(Checker):
    """Who knows that its disk lost entries does not stand for election until they are back."""

    def __init__(self) -> None:
        self._before: dict[NodeId, Index] = {}
        self._after: dict[NodeId, Index] = {}

    def on_start(self, node: NodeId, disk: SimDisk, stored: Applied) -> None:
        """A node that starts knows of no loss."""
        del disk, stored
        self._before[node] = self._after[node] = Index(0)

    def on_status(self, node: NodeId, ticks: int, status: Status, disk: SimDisk) -> None:
        """Note what it knows."""
        del ticks, disk
        self._before[node] = self._after.get(node, Index(0))
        self._after[node] = status.lost_up_to

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """Look at every campaign of those that knew before the step, and know after it."""
        del disk
        node = message.sender
        if isinstance(message.body, PreVoteRequest | VoteRequest):
            lost = min(self._before.get(node, Index(0)), self._after.get(node, Index(0)))
            if lost:
                raise self.violation(f"{node} campaigns, but lost entries up to {lost}")
