"""The nodes of one life, what happens to them, and who watches.

Whatever can happen to a node happens through here, so that every checker sees it. When it happens
is the business of `weather` and `workload`.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from random import Random

from lab.invariants import Invariant, Panel, ViolationError
from lab.simulator.disk import CrashPoint, SimCrashError, SimDisk, SimFullError
from lab.simulator.journal import Journal
from lab.simulator.machine import Applied
from lab.simulator.network import SimNetwork
from lab.simulator.node import QUIET, Answer, Moods, SimNode, Stepped
from lab.simulator.options import SimOptions

from kpledger.base.errors import LedgerError
from kpnode.raft import (
    ConfigProposed,
    Index,
    Input,
    InvariantError,
    Message,
    NodeId,
    ReadRequested,
    Received,
    Role,
    Status,
    Term,
    Tick,
    TransferRequested,
)

Wish = ReadRequested | TransferRequested | ConfigProposed

_STATUS_EVERY = 4
"""A node that nothing happens to is looked at only in one of so many of its ticks."""


class Fleet:
    """All nodes, by name; the network between them."""

    def __init__(self, prng: Random, options: SimOptions, journal: Journal) -> None:
        self.nodes: dict[NodeId, SimNode] = {}
        self.network = SimNetwork(prng, delay_ticks=options.delay_ticks)
        self.panel = Panel(())
        self.counts: Counter[str] = Counter()
        self.options = options
        self.journal = journal
        self.on_answer: Callable[[Answer], None] = lambda _: None
        """Where answers go."""
        self.on_value: Callable[[int], None] = lambda _: None
        """Where the answers to reads go."""
        self._prng = prng
        self._moods = Moods(
            late=lambda: self.chance(self.options.late_report),
            lazy=lambda: self.chance(self.options.lazy_machine),
            padding=lambda: int(prng.random() * 30),
        )

    def chance(self, per_thousand: int) -> bool:
        """Draw whether something happens."""
        return per_thousand > 0 and self._prng.random() * 1000 < per_thousand

    def draw_crash_point(self) -> CrashPoint | None:
        """Draw whether the power fails in a save."""
        if not self.chance(self.options.crash_in_save):
            return None
        return CrashPoint.BEFORE if self._prng.random() < 1 / 2 else CrashPoint.AFTER

    def leaders(self) -> list[SimNode]:
        """Return every running node that believes it leads."""
        return [node for node in self.nodes.values() if node.leads]

    def leader_disk(self, name: NodeId, term: Term) -> SimDisk | None:
        """Return the disk of a node if it leads in this term at this moment."""
        node = self.nodes[name]
        if node.status is None or (node.status.role, node.status.term) != (Role.LEADER, term):
            return None
        return node.disk

    def start(self, node: SimNode) -> None:
        """Let a stopped node start."""
        if self.journal.kept:
            self.journal.note(f"{node.name} starts")
        try:
            node.start(self._moods, scan=self.chance(500))
        except (InvariantError, LedgerError) as error:
            raise ViolationError(
                Invariant.NoInternalError, f"{node.name} does not start: {error}"
            ) from error
        for hook in self.panel.on_start:
            hook(node.name, node.disk, node.stored)

    def stop(self, node: SimNode) -> None:
        """Let a node lose everything that is not on its disk."""
        if self.journal.kept:
            self.journal.note(f"{node.name} stops")
        node.stop()

    def lose(self, node: SimNode, keep: Index, stored: Applied, *, votes: bool) -> None:
        """Let a stopped node's disk come back with less than was on it."""
        if self.journal.kept:
            self.journal.note(f"{node.name} loses its log from {keep} on, votes too: {votes}")
        node.lose(keep, stored, votes=votes)
        for hook in self.panel.on_loss:
            hook(node.name)

    def ask(self, node: SimNode, wish: Wish) -> None:
        """Give a node a wish of a client or an operator."""
        for on_request in self.panel.on_request:
            on_request(wish.ticket)
        for on_wish in self.panel.on_wish:
            on_wish(node.name, wish)
        node.inbox.append(wish)

    def invoke(self, event: bytes) -> None:
        """Say that a client is about to send an event for the first time."""
        for hook in self.panel.on_invoke:
            hook(event)

    def deliver(self, now: int) -> None:
        """Let what arrives now arrive."""
        for message in self.network.due(now):
            node = self.nodes[message.recipient]
            if node.core is not None:
                node.inbox.append(Received(message))

    def step(self, node: SimNode, now: int) -> None:
        """Let a node work on what waits for it, if it can; its disk may be slow, its power fail."""
        if now < node.wakes_at:
            return
        if node.frozen:
            items, node.frozen = node.frozen, []
        else:
            items, node.inbox = node.inbox, []
            if self.chance(self.options.slow):
                self.counts["saves that took many ticks"] += 1
                node.frozen = items
                node.wakes_at = now + 1 + int(self._prng.random() * self.options.election_ticks)
                return
        if items or node.submitted:
            self._work(node, items)

    def _work(self, node: SimNode, items: list[Input]) -> None:
        writes, before = node.disk.writes, node.status
        for hook in self.panel.on_inputs:
            hook(node.name, node.ticks, items)
        events, node.submitted = node.submitted, []
        ticks = sum(isinstance(item, Tick) for item in items)
        node.ticks += ticks
        stepped = None
        try:
            stepped = node.step(items, events)
        except SimCrashError:
            lost = "the batch lost" if node.disk.writes == writes else "the batch kept"
            self.counts[f"crashes inside a save, {lost}"] += 1
            self.stop(node)
        except SimFullError:
            self.counts["stops at a full disk"] += 1
            self.stop(node)
        except (InvariantError, LedgerError) as error:
            raise ViolationError(
                Invariant.NoInternalError, f"{node.name} stops: {error}"
            ) from error
        if node.core is not None and node.core.transfers:
            _call(self.panel.on_wish, ((node.name, wish) for wish in node.core.transfers))
            node.core.transfers.clear()
        if node.disk.writes != writes:
            for on_save in self.panel.on_save:
                on_save(node.name, node.disk)
            node.disk.truncated.clear()
        applied, node.applied = node.applied, []
        status = node.status
        is_due = status is not before or node.ticks % _STATUS_EVERY < ticks
        if stepped is not None and status is not None and is_due:
            self._show_status(node, status, stepped)
        self._show_applied(node, applied)
        if stepped is not None and stepped is not QUIET:
            self._show(node, stepped)

    def _show_status(self, node: SimNode, status: Status, stepped: Stepped) -> None:
        for role in stepped.roles:
            for on_role in self.panel.on_role:
                on_role(node.name, role, node.disk)
            if self.journal.kept:
                self.journal.note(f"{node.name} {role}")
        for on_status in self.panel.on_status:
            on_status(node.name, node.ticks, status, node.disk)

    def _show_applied(self, node: SimNode, applied: list[Applied]) -> None:
        """Show the checkers what a node has applied, also if its power failed after that."""
        term = node.disk.hard_state.term
        for one in applied:
            for hook in self.panel.on_applied:
                hook(node.name, term, one)
            if self.journal.kept:
                self.journal.note(f"{node.name} {one}")

    def _show(self, node: SimNode, stepped: Stepped) -> None:
        """Show the checkers all that came out of a node, and send its messages."""
        for message in stepped.outgoing:
            for on_message in self.panel.on_message:
                on_message(message, node.disk)
        if stepped.reads or stepped.dropped or stepped.answers or stepped.values:
            self._show_answers(node.name, stepped)
        for message in stepped.outgoing:
            self._post(message)

    def _show_answers(self, name: NodeId, stepped: Stepped) -> None:
        """Show the checkers what a node answers, and then those who wait for it."""
        panel = self.panel
        _call(panel.on_read, ((name, grant) for grant in stepped.reads))
        _call(panel.on_dropped, ((dropped,) for dropped in stepped.dropped))
        _call(panel.on_answer, ((name, answer) for answer in stepped.answers))
        _call(panel.on_value, ((name, ticket, index) for ticket, index in stepped.values))
        if self.journal.kept:
            for one in (*stepped.reads, *stepped.dropped, *stepped.answers, *stepped.values):
                self.journal.note(f"{name} {one}")
        for answer in stepped.answers:
            self.on_answer(answer)
        for ticket, _ in stepped.values:
            self.on_value(ticket)
        for dropped in stepped.dropped:
            self.on_value(dropped.ticket)

    def _post(self, message: Message) -> None:
        options, now = self.options, self.journal.now
        if self.journal.kept:
            self.journal.note(f"{message.sender} > {message.recipient} {message.body}")
        self.counts["messages"] += 1
        if self.chance(options.loss):
            self.counts["messages lost"] += 1
            return
        copies = 1 + self.chance(options.copies)
        self.counts["messages copied"] += copies - 1
        for _ in range(copies):
            self.network.post(message, now=now, straggles=self.chance(options.straggle))


def _call(hooks: Iterable[Callable[..., None]], calls: Iterable[tuple[object, ...]]) -> None:
    for arguments in calls:
        for hook in hooks:
            hook(*arguments)
