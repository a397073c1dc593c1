"""One simulated node: a core under the pump, a disk, a clock, and those who wait for answers.

What the driver does in production is done here in a few lines: events are admitted after the log
was pumped, a block of them is proposed, and whoever waits hears when it is applied.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lab.simulator.clock import SimClock
from lab.simulator.disk import SimDisk
from lab.simulator.machine import Applied, SimMachine, encode_block

from kpnode.pump import Pumped, pump
from kpnode.raft import (
    Dropped,
    Index,
    Input,
    LogReader,
    Message,
    NodeId,
    Persisted,
    Proposed,
    RaftConfig,
    RaftCore,
    ReadGrant,
    Recovered,
    Role,
    RoleChange,
    Status,
    Tick,
    TransferRequested,
)

__all__ = ["Answer", "Applied", "Moods", "SimCore", "SimMachine", "SimNode", "Stepped"]

_SILENCE: Pumped[Applied] = Pumped((), (), (), (), ())


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node says about an event that somebody sent to it."""

    event: bytes
    index: Index | None
    """Where it was applied; None: not here, not now."""
    duplicate: bool = False
    refused: bool = False
    """A rule refuses it, now and for ever."""


@dataclass(frozen=True, slots=True)
class Stepped:
    """Everything that came out of one step of a node."""

    outgoing: tuple[Message, ...]
    reads: tuple[ReadGrant, ...]
    dropped: tuple[Dropped, ...]
    roles: tuple[RoleChange, ...]
    answers: tuple[Answer, ...]
    values: tuple[tuple[int, Index], ...]
    """Tickets of reads, and the state they were answered from."""


QUIET = Stepped((), (), (), (), (), ())
"""What comes out of most steps."""


@dataclass(frozen=True, slots=True)
class Moods:
    """What a node draws from the seed while it runs; each call is a draw."""

    late: Callable[[], bool] = lambda: False
    """Whether a report of durability comes later."""
    lazy: Callable[[], bool] = lambda: False
    """Whether the state machine's own position is not stored yet."""
    padding: Callable[[], int] = lambda: 0
    """How many bytes a block is longer than it needs to be."""


class SimCore(RaftCore):
    """The core, with a driver that may be slow to tell it what is durable; which is legal."""

    def __init__(self, config: RaftConfig, recovered: Recovered, log: LogReader) -> None:
        super().__init__(config, recovered, log)
        self.late: Callable[[], bool] = lambda: False
        self._reports: deque[Persisted] = deque()
        self.transfers: list[TransferRequested] = []
        """What the driver, or the engine by itself, has asked for and nobody was shown yet."""

    def handle(self, item: Input) -> None:
        """Take an input; reports of durability may queue, but never overtake one another.

        They come at the worst moment as well: when another leader has just written to the log.
        """
        if isinstance(item, TransferRequested):
            self.transfers.append(item)
        if isinstance(item, Persisted):
            self._reports.append(item)
        elif not self._reports:
            super().handle(item)
            return
        term = self._state.log.last_term
        if not isinstance(item, Persisted):
            super().handle(item)
        if term == self._state.log.last_term and self.late():
            return
        while self._reports:
            super().handle(self._reports.popleft())


class SimNode:
    """What survives a crash, and what runs between two of them."""

    def __init__(
        self,
        config: RaftConfig,
        genesis: Applied,
        disk: SimDisk,
        *,
        core_class: type[SimCore] = SimCore,
        machine_class: type[SimMachine] = SimMachine,
        tickets: Iterator[int],
    ) -> None:
        self.config = config
        self.name = config.node
        self.disk = disk
        self.clock = SimClock()
        self.genesis = genesis
        self.stored = genesis
        """Where the state machine will stand after a crash."""
        self.applied: list[Applied] = []
        """What it has applied and nobody has looked at yet; a crash does not undo it."""
        self.inbox: list[Input] = []
        self.submitted: list[bytes] = []
        """Events that wait to be admitted."""
        self.core: SimCore | None = None
        self.status: Status | None = None
        """As of the last step in which anything happened."""
        self.ticks = 0
        """How many ticks it has handled, over all its starts."""
        self.wakes_at = 0
        """Until then it stands still, or waits for its disk."""
        self.frozen: list[Input] = []
        """What the step that waits for its disk is about."""
        self._core_class = core_class
        self._machine_class = machine_class
        self._book: dict[bytes, Index] = {}
        self._tickets = tickets
        self._moods = Moods()
        self._machine = self._build_machine()
        self._proposed: dict[int, tuple[bytes, ...]] = {}
        self._waiting: dict[bytes, None] = {}
        self._granted: list[ReadGrant] = []

    @property
    def ahead_ticks(self) -> int:
        """How long it takes until a right clock is past the newest block in the log."""
        return 0

    @property
    def leads(self) -> bool:
        """Tell whether the node runs and believes that it leads."""
        return self.status is not None and self.status.role is Role.LEADER

    def start(self, moods: Moods, *, scan: bool) -> None:
        """Start from the disk; `scan` the whole log for configurations or trust the machine's."""
        self._moods = moods
        self.core = self._build_core(scan=scan)
        self.core.late = moods.late
        self._machine = self._build_machine()
        self._machine.recover(self.disk)
        self.status = self.core.status()

    def stop(self) -> None:
        """Lose everything that is not on the disk."""
        self.core = None
        self.status = None
        self.inbox = []
        self.submitted = []
        self.frozen = []
        self.wakes_at = 0
        self._proposed = {}
        self._waiting = {}
        self._granted = []
        self.disk.power_off()

    def lose(self, keep: Index, stored: Applied, *, votes: bool) -> None:
        """While it is stopped, lose the log after `keep`, where the machine was at `stored`."""
        self.disk.lose(keep, votes=votes)
        self.stored = stored

    def step(self, items: list[Input], events: list[bytes]) -> Stepped:
        """Handle inputs, then try to order events, and do all that follows from both.

        Raises:
            RuntimeError: The node does not run.
        """
        core = self.core
        if core is None:
            raise RuntimeError(f"{self.name} does not run")
        for item in items:
            core.handle(item)
        pumped = [pump(core, self.disk, self._machine)]
        answers: list[Answer] = []
        if events:
            answers += self._order(core, events)
            pumped.append(pump(core, self.disk, self._machine))
        if not events and pumped[0] == _SILENCE and not self._granted:
            # Time that passed in silence changes nothing that a status shows.
            if not all(isinstance(item, Tick) for item in items):
                self.status = core.status()
            return QUIET
        self.status = core.status()
        return self._finish(pumped, answers)

    def _finish(self, pumped: list[Pumped[Applied]], answers: list[Answer]) -> Stepped:
        applied = tuple(one for each in pumped for one in each.applied)
        dropped = tuple(one for each in pumped for one in each.dropped)
        self._granted += (grant for each in pumped for grant in each.reads)
        answers += self._answer_applied(applied)
        for one in dropped:
            answers += (Answer(event, None) for event in self._proposed.pop(one.ticket, ()))
        return Stepped(
            outgoing=tuple(one for each in pumped for one in each.outgoing),
            reads=tuple(grant for each in pumped for grant in each.reads),
            dropped=dropped,
            roles=tuple(one for each in pumped for one in each.roles),
            answers=tuple(answers),
            values=self._answer_reads(),
        )

    def _order(self, core: SimCore, events: list[bytes]) -> list[Answer]:
        """Admit events and propose what passes as one block, as the engine does it."""
        status = core.status()
        if status.role is not Role.LEADER or status.last_index != self._machine.top:
            return [Answer(event, None) for event in events]
        answers, block = [], []
        for event in dict.fromkeys(events):
            applied = self._machine.find_applied(event)
            if applied is not None:
                answers.append(Answer(event, applied, duplicate=True))
                continue
            self._waiting[event] = None
            if not self._machine.is_staged(event):
                block.append(event)
        if block:
            ticket = next(self._tickets)
            self._proposed[ticket] = tuple(block)
            core.handle(Proposed(ticket, encode_block(ticket, tuple(block), self._moods.padding())))
        return answers

    def _answer_applied(self, applied: tuple[Applied, ...]) -> Iterator[Answer]:
        for one in applied:
            self._proposed.pop(one.ticket, None)
            for event in one.events:
                if event in self._waiting:
                    del self._waiting[event]
                    yield Answer(event, one.entry.index)

    def _answer_reads(self) -> tuple[tuple[int, Index], ...]:
        """Answer the granted reads whose index is applied."""
        if not self._granted:
            return ()
        here = self._machine.now.entry.index
        values = tuple((grant.ticket, here) for grant in self._granted if grant.index <= here)
        self._granted = [grant for grant in self._granted if grant.index > here]
        return values

    def _build_core(self, *, scan: bool) -> SimCore:
        configuration, at = (
            (self.genesis.configuration, Index(0))
            if scan
            else (self.stored.configuration, self.stored.entry.index)
        )
        recovered = Recovered(self.disk.hard_state, configuration, self.stored.entry.index, at)
        return self._core_class(self.config, recovered, self.disk)

    def _build_machine(self) -> SimMachine:
        return self._machine_class(
            self.stored, book=self._book, persist=self._store, now_ms=self.clock.now_ms
        )

    def _store(self, applied: Applied) -> None:
        self.applied.append(applied)
        if not self._moods.lazy():
            self.stored = applied


def name_nodes(count: int) -> tuple[NodeId, ...]:
    """Return the names of so many nodes, ascending."""
    return tuple(NodeId(f"n{number}") for number in range(1, count + 1))
