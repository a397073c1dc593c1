"""Rules as clients see them: what was acknowledged, in which order, and what a read must show."""

from collections.abc import Iterator

from lab.invariants.base import Checker
from lab.invariants.catalogue import Invariant, is_quorum
from lab.invariants.logs import StateMachineSafety
from lab.simulator.disk import SimDisk
from lab.simulator.machine import Applied
from lab.simulator.node import Answer

from kpnode.raft import (
    Configuration,
    Dropped,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Message,
    NodeId,
    ReadGrant,
    Role,
    Status,
    Term,
)


class Answers(Checker):
    """A read sees all that was committed before it; a dropped proposal never happens."""

    def __init__(self, commits: StateMachineSafety) -> None:
        self._commits = commits
        self._floor: dict[int, Index] = {}
        self._dropped: set[int] = set()
        self._happened: set[int] = set()

    def on_request(self, ticket: int) -> None:
        """Note what is committed at this moment."""
        self._floor[ticket] = self._commits.height

    def on_read(self, node: NodeId, grant: ReadGrant) -> None:
        """Compare with what was committed when it was asked for."""
        if grant.index < self._floor[grant.ticket]:
            what = f"{node} reads at {grant.index}, but {self._floor[grant.ticket]} was committed"
            raise self.violation(what, Invariant.ReadIsLinearizable)

    def on_dropped(self, dropped: Dropped) -> None:
        """Remember what will not happen, and look whether it has."""
        self._dropped.add(dropped.ticket)
        self._require_disjoint(dropped.ticket)

    def on_applied(self, node: NodeId, term: Term, applied: Applied) -> None:
        """Look whether it happens all the same."""
        del node, term
        if applied.ticket:
            self._happened.add(applied.ticket)
            self._require_disjoint(applied.ticket)

    def _require_disjoint(self, ticket: int) -> None:
        if ticket in self._dropped and ticket in self._happened:
            raise self.violation(f"dropped proposal {ticket} is committed")


class ReadConfirmed(Checker):
    """A read is granted after a quorum confirmed the leader in a round begun after the question."""

    def __init__(self) -> None:
        self._now = 0
        """Counts everything that is seen."""
        self._asked: dict[int, int] = {}
        self._begun: dict[tuple[NodeId, Term, int], int] = {}
        self._answered: dict[tuple[NodeId, Term], dict[NodeId, int]] = {}
        self._spans: dict[NodeId, tuple[tuple[int, int], tuple[int, int]]] = {}
        """The first and last active one of a disk's configurations, before and after a step."""
        self._disks: dict[NodeId, SimDisk] = {}
        self._led: dict[NodeId, Term] = {}

    def on_request(self, ticket: int) -> None:
        """Note when a read was asked for."""
        self._now += 1
        self._asked[ticket] = self._now

    def on_status(self, node: NodeId, ticks: int, status: Status, disk: SimDisk) -> None:
        """Note who is to be asked; within a step that may change, so keep what held before it."""
        del ticks
        span = disk.in_force(status.commit), len(disk.configurations) - 1
        self._spans[node] = self._spans.get(node, (span, span))[1], span
        self._disks[node] = disk
        if status.role is Role.LEADER:
            self._led[node] = status.term

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """Note when each round begins, and who answers it."""
        del disk
        self._now += 1
        body = message.body
        if isinstance(body, HeartbeatRequest):
            self._begun.setdefault((message.sender, body.term, body.round), self._now)
        elif isinstance(body, HeartbeatReply):
            answered = self._answered.setdefault((message.recipient, body.term), {})
            answered[message.sender] = max(body.round, answered.get(message.sender, 0))

    def on_read(self, node: NodeId, grant: ReadGrant) -> None:
        """Count who answered since the question."""
        term, asked = self._led[node], self._asked[grant.ticket]
        answered = self._answered.get((node, term), {})
        confirmed = {node} | {
            peer
            for peer, number in answered.items()
            if self._begun.get((node, term, number), 0) > asked
        }
        if not any(is_quorum(active, confirmed) for active in self._active(node)):
            raise self.violation(
                f"{node} grants read {grant.ticket} in term {term}, confirmed by"
                f" {sorted(confirmed)} alone"
            )

    def _active(self, node: NodeId) -> Iterator[tuple[Configuration, ...]]:
        """Yield every set of configurations that may have been active within the step."""
        (first, last), (new_first, new_last) = self._spans[node]
        configurations = [one for _, one in self._disks[node].configurations]
        for start in range(min(first, new_first), new_first + 1):
            for end in range(max(start, min(last, new_last)), new_last + 1):
                yield tuple(configurations[start : end + 1])


class History(Checker):
    """What clients were told fits one order of events, which is also the order in real time.

    An acknowledged event is where it was said to be, and nothing that was begun later comes before
    it. Each event is applied once. A read shows at least what was acknowledged or read before.
    """

    def __init__(self) -> None:
        self._at: dict[bytes, Index] = {}
        """Where each event was applied first."""
        self._acked = Index(0)
        """No event or read that begins now may end before this."""
        self._floor: dict[bytes, Index] = {}
        self._reads: dict[int, Index] = {}

    def on_invoke(self, event: bytes) -> None:
        """Note what was known to be there when an event was first sent."""
        self._floor[event] = self._acked

    def on_request(self, ticket: int) -> None:
        """Note what was known to be there when a read began."""
        self._reads[ticket] = self._acked

    def on_applied(self, node: NodeId, term: Term, applied: Applied) -> None:
        """Look at the place of every event."""
        del node, term
        index = applied.entry.index
        for event in applied.events:
            first = self._at.setdefault(event, index)
            if first != index:
                raise self.violation(f"{event!r} is applied at {first} and at {index}")
            if index <= self._floor.get(event, 0):
                raise self.violation(
                    f"{event!r} is at {index}, {self._floor[event]} was acknowledged before"
                )

    def on_answer(self, node: NodeId, answer: Answer) -> None:
        """Look whether an acknowledged event is there."""
        if answer.index is not None:
            if self._at.get(answer.event) != answer.index:
                raise self.violation(
                    f"{node} says {answer.event!r} is at {answer.index},"
                    f" it is at {self._at.get(answer.event)}"
                )
            self._acked = max(self._acked, answer.index)
        elif answer.refused and answer.event in self._at:
            raise self.violation(f"{node} refuses {answer.event!r}, which is applied")

    def on_value(self, node: NodeId, ticket: int, index: Index) -> None:
        """Compare what a read shows with what was known before it."""
        if index < self._reads[ticket]:
            raise self.violation(
                f"{node} answers a read from {index}, {self._reads[ticket]} was known before"
            )
        self._acked = max(self._acked, index)
