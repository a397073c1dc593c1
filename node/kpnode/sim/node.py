"""One simulated node: a core under the pump, a disk, and a machine that hashes what it gets."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from kpnode.pump import Pumped, pump
from kpnode.raft import (
    Configuration,
    Entry,
    EntryKind,
    Index,
    Input,
    LogReader,
    NodeId,
    Persisted,
    RaftConfig,
    RaftCore,
    Recovered,
    decode_configuration,
)
from kpnode.sim.disk import SimDisk

Chance = Callable[[int], bool]
"""Draws whether something with this rate per thousand happens now."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What the state machine was after an entry."""

    entry: Entry
    digest: bytes
    configuration: Configuration


class SimCore(RaftCore):
    """The core, with a driver that may be slow to tell it what is durable; which is legal."""

    def __init__(self, config: RaftConfig, recovered: Recovered, log: LogReader) -> None:
        super().__init__(config, recovered, log)
        self.late: Callable[[], bool] = lambda: False
        self._reports: deque[Persisted] = deque()

    def handle(self, item: Input) -> None:
        """Take an input; reports of durability may queue, but never overtake one another.

        They come at the worst moment as well: when another leader has just written to the log.
        """
        term = self._state.log.last_term
        if isinstance(item, Persisted):
            self._reports.append(item)
        else:
            super().handle(item)
        if term == self._state.log.last_term and self.late():
            return
        while self._reports:
            super().handle(self._reports.popleft())


class SimMachine:
    """A chain of digests over the applied entries."""

    def __init__(self, start: Applied, persist: Callable[[Applied], None]) -> None:
        self._now = start
        self._persist = persist

    def stage(self, entries: tuple[Entry, ...]) -> None:
        """Speculate on nothing."""

    def apply(self, entry: Entry) -> Applied:
        """Take the entry into the digest."""
        configuration = self._now.configuration
        if entry.kind is EntryKind.CONFIG:
            configuration = decode_configuration(entry.payload)
        digest = sha256(self._now.digest + entry.payload).digest()
        self._now = Applied(entry, digest, configuration)
        self._persist(self._now)
        return self._now


class SimNode:
    """What survives a crash, and what runs between two of them."""

    def __init__(
        self,
        config: RaftConfig,
        genesis: Applied,
        disk: SimDisk,
        core_class: type[SimCore],
    ) -> None:
        self.config = config
        self.disk = disk
        self.genesis = genesis
        self.stored = genesis
        """Where the state machine will stand after a crash."""
        self.inbox: list[Input] = []
        self.core: SimCore | None = None
        self._core_class = core_class
        self._machine = SimMachine(genesis, self._store)
        self._lazy: Callable[[], bool] = lambda: False

    @property
    def name(self) -> NodeId:
        """Name of the node."""
        return self.config.node

    def start(self, *, late: Callable[[], bool], lazy: Callable[[], bool], scan: bool) -> None:
        """Start from the disk; `scan` the whole log for configurations or trust the machine's."""
        configuration, at = (
            (self.genesis.configuration, Index(0))
            if scan
            else (self.stored.configuration, self.stored.entry.index)
        )
        recovered = Recovered(self.disk.hard_state, configuration, self.stored.entry.index, at)
        self.core = self._core_class(self.config, recovered, self.disk)
        self.core.late = late
        self._lazy = lazy
        self._machine = SimMachine(self.stored, self._store)
        self.inbox = []

    def stop(self) -> None:
        """Lose everything that is not on the disk."""
        self.core = None
        self.inbox = []
        self.disk.power_off()

    def step(self) -> Pumped[Applied]:
        """Handle what waits, and do all that follows from it."""
        if self.core is None:
            raise RuntimeError(f"{self.name} does not run")
        inbox, self.inbox = self.inbox, []
        for item in inbox:
            self.core.handle(item)
        return pump(self.core, self.disk, self._machine)

    def _store(self, applied: Applied) -> None:
        if not self._lazy():
            self.stored = applied
