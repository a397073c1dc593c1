"""A few real cores on a wire that moves only when told to: for tests that tell a story.

Unlike a `World` nothing here happens by chance. Each node saves to memory under the real pump; what
it says waits on `wire` until it is delivered or dropped by name.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from memory_storage import MemoryStorage

from kpnode.pump import Pumped, pump
from kpnode.raft import (
    Configuration,
    Dropped,
    Entry,
    EntryKind,
    HardState,
    Index,
    Input,
    Message,
    MessageBody,
    NodeId,
    RaftConfig,
    RaftCore,
    ReadGrant,
    Received,
    Recovered,
    Role,
    Status,
    Term,
    Tick,
)

_MAX_DELIVERIES = 10_000

Selector = Callable[[Message], bool]
"""Picks messages on the wire."""


def every(message: Message) -> bool:
    """Pick every message."""
    del message
    return True


def between(sender: str, recipient: str) -> Selector:
    """Pick the messages of one link, in one direction."""
    return lambda message: (message.sender, message.recipient) == (sender, recipient)


def touching(node: str) -> Selector:
    """Pick the messages from or to a node."""
    return lambda message: node in (message.sender, message.recipient)


@dataclass(slots=True)
class Member:
    """One node and everything that ever came out of it."""

    core: RaftCore
    storage: MemoryStorage
    config: RaftConfig
    applied: list[Entry] = field(default_factory=list)
    reads: list[ReadGrant] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)

    def stage(self, entries: tuple[Entry, ...]) -> None:
        """Speculate on nothing."""

    def apply(self, entry: Entry) -> Entry:
        """Remember the entry."""
        self.applied.append(entry)
        return entry


class Cluster:
    """Cores by name, and the wire between them."""

    def __init__(
        self,
        names: str,
        *,
        voters: str | None = None,
        logs: dict[str, list[int]] | None = None,
        settings: RaftConfig | None = None,
    ) -> None:
        """Build one node per letter of `names`.

        Args:
            names: The nodes.
            voters: Those of the genesis configuration; by default all.
            logs: Terms of the entries a node starts with; its own term is the last of them.
            settings: Everything but the node's name.
        """
        self.wire: list[Message] = []
        self.genesis = Configuration(tuple(NodeId(name) for name in sorted(voters or names)))
        self.members: dict[str, Member] = {}
        template = settings or RaftConfig(NodeId("any"))
        for name in names:
            storage = MemoryStorage()
            terms = (logs or {}).get(name, [])
            storage.save(
                HardState(Term(terms[-1] if terms else 0), None),
                tuple(
                    Entry(Index(index), Term(term), EntryKind.BLOCK, b"%d.%d" % (term, index))
                    for index, term in enumerate(terms, 1)
                ),
            )
            config = replace(template, node=NodeId(name))
            self.members[name] = Member(self._core(config, storage), storage, config)

    def status(self, name: str) -> Status:
        """Return the status of a node."""
        return self.members[name].core.status()

    def terms(self, name: str) -> list[int]:
        """Return the terms of the entries on a node's disk."""
        return [entry.term for entry in self.members[name].storage.log]

    def give(self, name: str, *items: Input) -> Pumped[Entry]:
        """Give inputs to a node and put what it says on the wire."""
        member = self.members[name]
        for item in items:
            member.core.handle(item)
        pumped = pump(member.core, member.storage, member)
        member.reads += pumped.reads
        member.dropped += pumped.dropped
        self.wire += pumped.outgoing
        return pumped

    def tell(self, name: str, sender: str, *bodies: MessageBody) -> tuple[MessageBody, ...]:
        """Give messages to a node as if from `sender`; return its replies, off the wire."""
        messages = [Message(NodeId(sender), NodeId(name), body) for body in bodies]
        before = len(self.wire)
        self.give(name, *(Received(message) for message in messages))
        replies = self.wire[before:]
        del self.wire[before:]
        return tuple(reply.body for reply in replies)

    def tick(self, name: str, count: int = 1) -> None:
        """Let time pass for one node."""
        for _ in range(count):
            self.give(name, Tick())

    def deliver(self, chosen: Selector = every) -> int:
        """Deliver what is on the wire and chosen, in order; return how much it was."""
        taken = self.drop(chosen)
        for message in taken:
            if message.recipient in self.members:
                self.give(message.recipient, Received(message))
        return len(taken)

    def drop(self, chosen: Selector = every) -> list[Message]:
        """Take off the wire what is chosen; return it."""
        taken = [message for message in self.wire if chosen(message)]
        self.wire = [message for message in self.wire if not chosen(message)]
        return taken

    def settle(self, *, without: Iterable[str] = ()) -> None:
        """Deliver until nobody has anything to say; drop what touches the nodes left out.

        Raises:
            RuntimeError: They never stop talking.
        """
        for _ in range(_MAX_DELIVERIES):
            for name in without:
                self.drop(touching(name))
            if not self.deliver():
                return
        raise RuntimeError("the cores do not come to rest")

    def elect(self, name: str, *, without: Iterable[str] = ()) -> None:
        """Make a node the leader, as if all others had slept for an election timeout.

        Raises:
            RuntimeError: It does not become the leader.
        """
        self.settle(without=without)
        for other in self.members:
            if other != name:
                self.tick(other, 2 * self.members[other].config.election_ticks)
        self.drop()
        for _ in range(2 * self.members[name].config.election_ticks):
            self.tick(name)
            self.settle(without=without)
            if self.status(name).role is Role.LEADER:
                return
        raise RuntimeError(f"{name} does not become the leader: {self.status(name)}")

    def restart(self, name: str, *, applied: int = 0) -> None:
        """Lose everything a node has in memory."""
        member = self.members[name]
        member.core = self._core(member.config, member.storage, applied)
        member.applied = member.storage.log[:applied]

    def _core(self, config: RaftConfig, storage: MemoryStorage, applied: int = 0) -> RaftCore:
        recovered = Recovered(storage.hard_state, self.genesis, Index(applied))
        return RaftCore(config, recovered, storage)
