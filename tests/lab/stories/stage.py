"""The actors of a scenario, the wire between them, and everything that is known of their talk."""

from collections.abc import Callable, Collection
from dataclasses import replace

from lab.planted import PlantedBug
from lab.simulator.machine import Applied
from lab.stories.actor import Actor
from lab.stories.watch import Watch
from lab.stories.words import (
    Selection,
    UnexpectedError,
    UsageError,
    format_message,
)

from kpnode.pump import Pumped
from kpnode.raft import (
    Configuration,
    Dropped,
    Entry,
    EntryKind,
    Index,
    Input,
    Message,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    RaftConfig,
    ReadGrant,
    Received,
    Role,
    Term,
    Tick,
    VoteReply,
    VoteRequest,
)

_ELECTION = (PreVoteRequest, PreVoteReply, VoteRequest, VoteReply)
_CAMPAIGNS = 3
"""The first may only tell the node in which term the others are."""
_MAX_ROUNDS = 500


class Stage:
    """A cluster in which nothing happens by chance."""

    def __init__(self, bug: PlantedBug, note: Callable[[str], None]) -> None:
        self.actors: dict[str, Actor] = {}
        self.wire: list[Message] = []
        self.held: list[Message] = []
        self.sent: list[Message] = []
        """Every message since the last mark, lost ones too."""
        self.granted: dict[int, ReadGrant] = {}
        self.dropped: dict[int, Dropped] = {}
        self.rounds = 0
        """How often the wire had to be emptied until all was quiet, the last time it was tried."""
        self._bug = bug
        self._note = note
        self._cut: list[tuple[str, str]] = []
        self._watch: Watch | None = None

    def build(self, names: tuple[str, ...], voters: tuple[str, ...], settings: RaftConfig) -> None:
        """Put up the nodes, with empty disks, and start them."""
        genesis = Applied(
            Entry(Index(0), Term(0), EntryKind.NOOP, b""),
            b"",
            Configuration(tuple(NodeId(name) for name in sorted(voters))),
        )
        for name in names:
            self.actors[name] = Actor(replace(settings, node=NodeId(name)), genesis, self._bug)
        self._watch = Watch(self.actors, genesis)
        for name in names:
            self.start(name)

    @property
    def watch(self) -> Watch:
        """The rules that are checked all the time.

        Raises:
            UsageError: There are no nodes yet.
        """
        if self._watch is None:
            raise UsageError("a scenario begins with the command nodes")
        return self._watch

    def actor(self, name: str) -> Actor:
        """Return a node.

        Raises:
            UsageError: There is no such node.
        """
        if name not in self.actors:
            known = ", ".join(self.actors) or "(a scenario begins with the command nodes)"
            raise UsageError(f"{name!r} is none of the nodes {known}")
        return self.actors[name]

    def start(self, name: str) -> None:
        """Start a node from its disk."""
        actor = self.actor(name)
        actor.start()
        self.watch.on_start(actor)

    def give(self, name: str, item: Input) -> tuple[Message, ...]:
        """Give an input to a node; what it says goes onto the wire.

        Raises:
            UnexpectedError: The node does not run.
        """
        actor = self.actor(name)
        if actor.core is None:
            raise UnexpectedError(f"{name} does not run")
        return self.take(actor, actor.give(item))

    def take(self, actor: Actor, pumped: Pumped[Applied]) -> tuple[Message, ...]:
        """Take what came out of a node; return its messages."""
        for role in pumped.roles:
            self._note(f"  {actor.name} {role.role.value} term={role.term} leader={role.leader}")
        self.granted.update((grant.ticket, grant) for grant in pumped.reads)
        self.dropped.update((dropped.ticket, dropped) for dropped in pumped.dropped)
        self.sent += pumped.outgoing
        for message in pumped.outgoing:
            lost = (message.sender, message.recipient) in self._cut
            self._note(f"  {format_message(message)}{' (lost)' if lost else ''}")
            if not lost:
                self.wire.append(message)
        self.watch.on_work(actor, pumped)
        return pumped.outgoing

    def remove(self, selection: Selection) -> list[Message]:
        """Take messages off the wire."""
        chosen = selection.pick(self.wire)
        # By identity: copies of a message are equal.
        taken = [id(message) for message in chosen]
        self.wire = [message for message in self.wire if id(message) not in taken]
        return chosen

    def deliver(self, selection: Selection) -> int:
        """Deliver what is on the wire and chosen, in order; return how much it was."""
        chosen = self.remove(selection)
        for message in chosen:
            self.receive(message)
        return len(chosen)

    def receive(self, message: Message) -> None:
        """Let a message arrive; a node that does not run hears nothing."""
        actor = self.actors.get(message.recipient)
        if actor is not None and actor.core is not None:
            self._note(f"  * {format_message(message)}")
            self.give(message.recipient, Received(message))

    def settle(self, without: Collection[str] = ()) -> None:
        """Deliver until nobody has anything to say; what touches the nodes left out is lost.

        Raises:
            UnexpectedError: They never stop talking.
        """
        self.rounds = 0
        while self.rounds < _MAX_ROUNDS:
            self.wire = [
                e for e in self.wire if e.sender not in without and e.recipient not in without
            ]
            if not self.deliver(Selection()):
                return
            self.rounds += 1
        raise UnexpectedError("the nodes never stop talking")

    def cut(self, side: Collection[str], other: Collection[str], *, one_way: bool) -> None:
        """Lose what is on these links and what will be sent over them, until they are healed."""
        pairs = [(left, right) for left in side for right in other]
        if not one_way:
            pairs += [(right, left) for left, right in pairs]
        self._cut += pairs
        self.wire = [e for e in self.wire if (e.sender, e.recipient) not in pairs]

    def heal(self) -> None:
        """Restore every link."""
        self._cut.clear()

    def time_out(self, name: str) -> None:
        """Let time pass at one node until it campaigns.

        Raises:
            UnexpectedError: It does not.
        """
        # Below twice as many each: a leader steps down first, and campaigns later.
        ticks = 4 * self.actor(name).config.election_ticks
        before = self._role(name)
        for _ in range(ticks):
            said = self.give(name, Tick())
            if any(isinstance(e.body, PreVoteRequest | VoteRequest) for e in said):
                return
            # Who votes alone has nobody to ask, and a slow disk holds the question back.
            if self._role(name) not in (before, Role.FOLLOWER):
                return
        raise UnexpectedError(f"{name} does not campaign within {ticks} ticks")

    def lull(self, names: Collection[str]) -> None:
        """Let an election timeout pass at some nodes; nothing they say meanwhile is heard."""
        before = list(self.wire)
        for name in names:
            for _ in range(self.actor(name).config.election_ticks):
                self.give(name, Tick())
        self.wire = before

    def elect(self, name: str, without: Collection[str] = ()) -> None:
        """Make a node the leader, the others having slept for an election timeout.

        Raises:
            UnexpectedError: It does not become the leader.
        """
        self.win(name, without)
        self.settle(without)
        if self._role(name) is not Role.LEADER:
            raise UnexpectedError(f"{name} does not stay the leader")

    def win(self, name: str, without: Collection[str] = ()) -> None:
        """Make a node the leader likewise, and stop before anybody hears it lead.

        Raises:
            UnexpectedError: It does not become the leader.
        """
        self.settle(without)
        others = [other for other in self.actors if other not in (name, *without)]
        self.lull([other for other in others if self.actor(other).core is not None])
        electors = tuple(node for node in self.actors if node not in without)
        talk = Selection(electors, electors, _ELECTION)
        for _ in range(_CAMPAIGNS):
            self.time_out(name)
            while self.deliver(talk):
                if self._role(name) is Role.LEADER:
                    return
        if self._role(name) is not Role.LEADER:
            raise UnexpectedError(f"{name} does not become the leader")

    def _role(self, name: str) -> Role | None:
        core = self.actor(name).core
        return core.status().role if core is not None else None
