"""Events that this node has relayed to a leader, and of which it has heard nothing yet."""

from typing import Final

from kpledger.scheme.event import Author, SignedEvent
from kpnode.fairness import LaneShares
from kpnode.ports import Links
from kpnode.raft import NodeId

MAX_RELAYED: Final = 2048
"""Events that a node has on their way to the leader at once, more of one author than of another."""


class Relays:
    """Those of one node."""

    def __init__(self) -> None:
        """Start with none."""
        self._under_way: dict[bytes, tuple[NodeId, Author]] = {}
        self._shares = LaneShares(MAX_RELAYED)

    def begin(
        self, links: Links | None, leader: NodeId | None, event: SignedEvent, lane: Author
    ) -> str | None:
        """Relay an event; what stands in the way if that cannot be done now."""
        if leader is None or links is None:
            return "there is no leader"
        if not self._shares.has_room(lane):
            return f"too many events of {lane} are on their way to the leader"
        if not links.relay(leader, event, lane):
            return f"there is no link to the leader {leader}"
        self.forget(event.event_id)
        self._under_way[event.event_id] = leader, lane
        self._shares.add(lane, 1)
        return None

    def forget(self, event_id: bytes) -> None:
        """Note that nobody waits for an event any more."""
        if (found := self._under_way.pop(event_id, None)) is not None:
            self._shares.add(found[1], -1)

    def sent_to(self, peer: NodeId) -> list[bytes]:
        """Give the ids of those that are with a peer."""
        return [event_id for event_id, (to, _) in self._under_way.items() if to == peer]

    def not_sent_to(self, leader: NodeId | None) -> list[bytes]:
        """Give the ids of those that are with anybody else."""
        return [event_id for event_id, (to, _) in self._under_way.items() if to != leader]
