"""One node of a scenario: a core, its disk, its machine, and a say in when the disk does its work.

A disk is `prompt` (the real pump saves, sends and reports in one go), `late` (it saves at once and
what depends on it leaves, but the report of durability waits for a flush) or `manual` (nothing is
saved, and so nothing leaves, before a flush). The latter two are what an asynchronous disk does.
"""

from collections import deque
from collections.abc import Iterable
from enum import Enum
from hashlib import sha256
from typing import Final

from lab.planted import PlantedBug
from lab.simulator.disk import CrashPoint, SimCrashError, SimDisk
from lab.simulator.machine import Applied
from lab.stories.words import UnexpectedError

from kpnode.pump import Pumped, pump
from kpnode.raft import (
    Entry,
    EntryKind,
    HardState,
    Input,
    NodeId,
    Persisted,
    RaftConfig,
    RaftCore,
    Ready,
    Recovered,
    decode_configuration,
)

_ALL: Final = 1 << 30


class DiskMode(Enum):
    """When a disk does its work."""

    PROMPT = "prompt"
    LATE = "late"
    MANUAL = "manual"


class Machine:
    """A chain of digests over the applied entries, kept at every height."""

    def __init__(self, genesis: Applied) -> None:
        self._history = [genesis]

    @property
    def now(self) -> Applied:
        """What it is after the last applied entry; a crash takes nothing from it."""
        return self._history[-1]

    @property
    def genesis(self) -> Applied:
        """What it was at the start."""
        return self._history[0]

    def stage(self, entries: tuple[Entry, ...]) -> None:
        """Speculate on nothing."""

    def apply(self, entry: Entry) -> Applied:
        """Take the entry into the digest."""
        configuration = self.now.configuration
        if entry.kind is EntryKind.CONFIG:
            configuration = decode_configuration(entry.payload)
        digest = sha256(self.now.digest + entry.payload).digest()
        ticket = int(entry.payload) if entry.payload.strip().isdigit() else 0
        self._history.append(Applied(entry, digest, configuration, ticket))
        return self.now

    def go_back(self, height: int) -> None:
        """Forget everything above a height."""
        del self._history[height + 1 :]


class Actor:
    """What survives a crash of one node, and what runs between two of them."""

    def __init__(self, config: RaftConfig, genesis: Applied, bug: PlantedBug) -> None:
        self.config = config
        self.core: RaftCore | None = None
        self.mode = DiskMode.PROMPT
        self.crash_point: CrashPoint | None = None
        """Where the power fails in the next save."""
        self._bug = bug
        self._unsaved: deque[Ready] = deque()
        self._unreported: deque[Persisted] = deque()
        self._machine = Machine(genesis)
        self.disk = self._new_disk()

    @property
    def name(self) -> NodeId:
        """Name of the node."""
        return self.config.node

    @property
    def stored(self) -> Applied:
        """Where the machine stands after a crash."""
        return self._machine.now

    def start(self) -> None:
        """Start from the disk, and search its whole log for configurations."""
        genesis = self._machine.genesis.configuration
        recovered = Recovered(self.disk.hard_state, genesis, self.stored.entry.index)
        self.core = self._bug.core(self.config, recovered, self.disk)

    def stop(self) -> None:
        """Lose everything that is not on the disk."""
        self.core = None
        self._unsaved.clear()
        self._unreported.clear()
        self.disk.power_off()

    def replace_disk(
        self, hard_state: HardState, log: Iterable[Entry], applied: int | None = None
    ) -> None:
        """Put in another disk, and set the machine back to where it can stand."""
        self.stop()
        self.disk = self._new_disk()
        self.disk.write(hard_state, tuple(log))
        self._machine.go_back(self.disk.last_index() if applied is None else applied)

    def give(self, item: Input) -> Pumped[Applied]:
        """Let the core handle an input, and do what the disk lets follow from it."""
        core = self._running()
        core.handle(item)
        if self.mode is not DiskMode.PROMPT:
            return self._work(saves=_ALL if self.mode is DiskMode.LATE else 0, reports=0)
        try:
            return pump(core, self.disk, self._machine)
        except SimCrashError:
            self.stop()
            return Pumped((), (), (), (), ())

    def flush(self, batches: int = _ALL) -> Pumped[Applied]:
        """Let the disk do the work of the oldest batches, by default of all there are."""
        saves = batches if self.mode is DiskMode.MANUAL else _ALL
        return self._work(saves=saves, reports=batches)

    def _work(self, *, saves: int, reports: int) -> Pumped[Applied]:
        """Do what `pump` does, in its order, but no more of it than asked for."""
        core, done = self._running(), list[Ready]()
        applied: list[Applied] = []
        try:
            while True:
                if ready := core.take_ready():
                    self._unsaved.append(ready)
                if self._unreported and reports > 0:
                    core.handle(self._unreported.popleft())
                    reports -= 1
                elif self._unsaved and (saves > 0 or not _has_to_be_saved(self._unsaved[0])):
                    ready = self._unsaved.popleft()
                    if _has_to_be_saved(ready):
                        self.disk.save(ready.hard_state, ready.entries)
                        saves -= 1
                    if ready.entries:
                        last = ready.entries[-1]
                        self._unreported.append(Persisted(last.index, last.term))
                    applied += [self._machine.apply(entry) for entry in ready.committed]
                    done.append(ready)
                else:
                    break
        except SimCrashError:
            self.stop()
        return _join(done, applied)

    def _running(self) -> RaftCore:
        if self.core is None:
            raise UnexpectedError(f"{self.name} does not run")
        return self.core

    def _new_disk(self) -> SimDisk:
        return self._bug.disk(self._take_crash_point)

    def _take_crash_point(self) -> CrashPoint | None:
        point, self.crash_point = self.crash_point, None
        return point


def _has_to_be_saved(ready: Ready) -> bool:
    return ready.hard_state is not None or bool(ready.entries)


def _join(done: list[Ready], applied: list[Applied]) -> Pumped[Applied]:
    return Pumped(
        tuple(body for ready in done for body in ready.messages),
        tuple(applied),
        tuple(grant for ready in done for grant in ready.reads),
        tuple(dropped for ready in done for dropped in ready.dropped),
        tuple(ready.role for ready in done if ready.role),
    )
