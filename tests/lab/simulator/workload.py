"""What clients and operators ask of the simulated cluster.

A client sends an event until it hears what became of it: the same event, through whichever node,
also when an earlier attempt may still be under way. Operators hand leadership over and change the
voters, arbitrarily and at any moment.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

from lab.simulator.fleet import Fleet
from lab.simulator.node import Answer, SimNode

from kpnode.raft import ConfigProposed, Configuration, NodeId, ReadRequested, TransferRequested

_MAX_OPEN = 30
_MAX_VOTERS = 5
_RETRY_TICKS = 5
_SWITCH = 100
"""Per thousand attempts: how many go to any node, not to one that seems to lead."""


@dataclass(slots=True)
class _Attempt:
    """An event that nobody knows the fate of."""

    at: NodeId | None = None
    """The node that took it in last."""
    due: int = 0
    """When it is sent again."""


class Clients:
    """Those who have events to record and questions to ask."""

    def __init__(
        self, prng: Random, fleet: Fleet, tickets: Iterator[int], draw: Callable[[int], bytes]
    ) -> None:
        """Begin without anything to ask; `draw` makes the event of a number."""
        self.open: dict[bytes, _Attempt] = {}
        self.reading: dict[int, None] = {}
        """Tickets of reads that are not answered."""
        self._prng = prng
        self._fleet = fleet
        self._tickets = tickets
        self._draw = draw
        self._numbers = count(1)
        fleet.on_answer = self._hear
        fleet.on_value = self._read
        self.newest: bytes = b""
        """The event that was sent first last."""
        self.settled: dict[bytes, int] = {}
        """Where the events are that were acknowledged since this was last emptied."""
        self.answered = 0
        """How many reads were answered, or refused."""

    def act(self, now: int) -> None:
        """Do what clients do in one tick."""
        fleet = self._fleet
        if fleet.chance(fleet.options.propose) and len(self.open) < _MAX_OPEN:
            self.begin(now)
        if fleet.chance(fleet.options.read):
            self.read()
        for event, attempt in list(self.open.items()):
            if attempt.due <= now:
                self._retry(event, attempt, now)

    def begin(self, now: int) -> None:
        """Send a new event."""
        event = self.newest = self._draw(next(self._numbers))
        self._fleet.invoke(event)
        self.open[event] = attempt = _Attempt()
        self._send(event, attempt, now)

    def read(self) -> None:
        """Ask for a linearizable read."""
        node = self._choose()
        if node.core is not None:
            ticket = next(self._tickets)
            self.reading[ticket] = None
            self._fleet.ask(node, ReadRequested(ticket))

    def _retry(self, event: bytes, attempt: _Attempt, now: int) -> None:
        if self._fleet.chance(self._fleet.options.give_up):
            self._fleet.counts["clients that gave up"] += 1
            del self.open[event]
            return
        self._send(event, attempt, now)

    def _send(self, event: bytes, attempt: _Attempt, now: int) -> None:
        """Send an event to some node, which may not even run; who does not lead says so at once."""
        node = self._choose()
        if not node.leads:
            attempt.due = now + _RETRY_TICKS
            return
        counts = self._fleet.counts
        counts["retries"] += attempt.at is not None
        counts["retries through another node"] += attempt.at not in (None, node.name)
        node.submitted.append(event)
        attempt.at, attempt.due = node.name, now + self._patience()

    def _choose(self) -> SimNode:
        """Choose a node that believes it leads, also if it leads nobody any more; or any other."""
        leaders = self._fleet.leaders()
        if not leaders or self._fleet.chance(_SWITCH):
            return self._prng.choice(list(self._fleet.nodes.values()))
        return leaders[0] if len(leaders) == 1 else self._prng.choice(leaders)

    def _patience(self) -> int:
        return _RETRY_TICKS + int(self._prng.random() * 3 * self._fleet.options.election_ticks)

    def _hear(self, answer: Answer) -> None:
        attempt = self.open.get(answer.event)
        if attempt is None:
            return
        if answer.index is None and not answer.refused:
            attempt.due = min(attempt.due, self._fleet.journal.now + _RETRY_TICKS)
            return
        self._fleet.counts["retries answered as duplicate"] += answer.duplicate
        del self.open[answer.event]
        if answer.index is not None:
            self.settled[answer.event] = answer.index

    def _read(self, ticket: int) -> None:
        if ticket in self.reading:
            del self.reading[ticket]
            self.answered += 1


class Operators:
    """Those who move leadership and voters around."""

    def __init__(self, prng: Random, fleet: Fleet, tickets: Iterator[int]) -> None:
        self._prng = prng
        self._fleet = fleet
        self._tickets = tickets

    def act(self) -> None:
        """Do what operators do in one tick."""
        options, names = self._fleet.options, list(self._fleet.nodes)
        if self._fleet.chance(options.transfer):
            target = self._prng.choice(names)
            self._ask(lambda ticket: TransferRequested(ticket, target))
        if self._fleet.chance(options.reconfigure):
            size = self._prng.randint(1, min(_MAX_VOTERS, len(names)))
            voters = tuple(sorted(self._prng.sample(names, size)))
            self._ask(lambda t: ConfigProposed(t, Configuration(voters, b"%d" % t)))

    def _ask(self, wish: Callable[[int], TransferRequested | ConfigProposed]) -> None:
        leaders = self._fleet.leaders() or list(self._fleet.nodes.values())
        node = self._prng.choice(leaders)
        if node.core is not None:
            self._fleet.ask(node, wish(next(self._tickets)))
