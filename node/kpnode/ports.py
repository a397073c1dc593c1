"""What the node needs from the outside, as the core's surroundings see it.

Ports only: no implementation lives here. The port of the log, `LogReader`, is the core's.
"""

from typing import Protocol, TypeVar

from kpledger.scheme.event import Author, SignedEvent
from kpnode.raft import Entry, HardState, LogReader, Message, NodeId

AppliedT_co = TypeVar("AppliedT_co", covariant=True)
"""What applying one entry yields."""


class Storage(LogReader, Protocol):
    """The durable log and hard state of one node."""

    def save(self, hard_state: HardState | None, entries: tuple[Entry, ...]) -> None:
        """Store both in one atomic and synced step, or raise and leave the node to stop.

        None keeps the stored hard state. If there are entries, every stored entry at or after
        `entries[0].index` is discarded in the same step. A failed sync is final: a second try may
        report success for data that is lost, so the caller must not go on.
        """


class StateMachine(Protocol[AppliedT_co]):
    """What the entries mean; the one place where consensus meets the ledger."""

    def stage(self, entries: tuple[Entry, ...]) -> None:
        """Take note that the log now ends with these entries; called right after they are saved.

        As in `Storage.save`, whatever was staged at or after `entries[0].index` is void.
        """

    def apply(self, entry: Entry) -> AppliedT_co:
        """Apply the next committed entry: never twice, never out of order, never refused."""


class Links(Protocol):
    """The links to the other nodes: messages of the core, and events on their way to the leader."""

    def send(self, messages: tuple[Message, ...]) -> None:
        """Send what can be sent and forget the rest; never block, never raise for a lost peer."""

    def relay(self, peer: NodeId, event: SignedEvent, lane: Author) -> bool:
        """Pass a submitted event on to a peer; False if there is no link to it now.

        ``lane`` is who answers for the length of the request that it came in.
        """

    def ask_index(self, peer: NodeId, ticket: int) -> bool:
        """Ask a leader for a read index under a ticket; False if there is no link to it now."""

    def show(self, peer: NodeId, evidence: bytes) -> None:
        """Show a peer evidence that this node has; best effort."""

    def connected(self) -> tuple[str, ...]:
        """Return the peers with a live link, ascending."""

    def unreachable(self) -> tuple[str, ...]:
        """Say of the others where they should be and why there is no link, each in a few words."""

    def doubled(self) -> tuple[str, ...]:
        """Say which of the others seem to run twice, each with where it is."""
