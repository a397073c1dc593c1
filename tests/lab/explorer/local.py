"""One node of the explored world: a real core under the real pump, and its disk.

Time is abstract. A node that waits for an election timeout, a heartbeat, a quorum check or the
deadline of a transfer is put right before it and gets one `Tick`; whether it has heard from its
leader recently is a free choice wherever the core asks. Clocks may run as they like, so every such
choice is possible in life, and after each step the counters of ticks can be forgotten.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Self, cast

from lab.explorer.acts import (
    Act,
    Beat,
    Deliver,
    Expire,
    Lapse,
    Manner,
    Report,
    Restart,
    Timeout,
)
from lab.explorer.snapshot import Plain, freeze, thaw
from memory_storage import MemoryStorage

from kpnode.pump import Pumped, pump
from kpnode.raft import (
    ConfigProposed,
    Configuration,
    Entry,
    EntryKind,
    HardState,
    Index,
    Input,
    InvariantError,
    Persisted,
    Proposed,
    RaftConfig,
    RaftCore,
    ReadRequested,
    Ready,
    Received,
    Recovered,
    Tick,
    TransferRequested,
    decode_configuration,
)
from kpnode.raft.state import Leadership


class Disk(MemoryStorage):
    """A log and a hard state that survive; whatever was saved is there after a crash."""

    def after_crash(self) -> tuple[HardState, tuple[Entry, ...]]:
        """Return what would be found if the power failed now."""
        return self.hard_state, tuple(self.log)

    def crash(self) -> None:
        """Lose what is not durable."""
        self.hard_state, log = self.after_crash()
        self.log = list(log)


class _Machine:
    def stage(self, entries: tuple[Entry, ...]) -> None:
        """Speculate on nothing."""

    def apply(self, entry: Entry) -> Entry:
        """Return the entry itself."""
        return entry


class _SlowReports(RaftCore):
    """Stands between pump and core, and keeps reports of durability; none overtakes another."""

    def __init__(self, core: RaftCore, kept: deque[Persisted], *, late: bool) -> None:
        # It is a core to the pump alone, and has no state of one.
        self._core, self._kept, self._late = core, kept, late
        self._saves = 0

    def handle(self, item: Input) -> None:
        if isinstance(item, Persisted) and (self._late or self._kept):
            self._kept.append(item)
        else:
            self._core.handle(item)

    def take_ready(self) -> Ready:
        ready = self._core.take_ready()
        self._saves += bool(ready.hard_state or ready.entries)
        # A crash before the only save of a step is one without the step, after it one that loses
        # what was sent. A crash between two saves would be something else.
        if self._saves > 1:
            raise InvariantError("a step saves twice, and no crash in between was explored")
        return ready


@dataclass(slots=True)
class Local:
    """What one node is between two steps."""

    settings: RaftConfig
    disk: Disk
    core: RaftCore
    kept: deque[Persisted] = field(default_factory=deque)
    """Saves the core has not been told about."""
    held: bool = False
    """The core has handled something that was not pumped."""

    @classmethod
    def first(
        cls, settings: RaftConfig, genesis: Configuration, core: type[RaftCore], disk: type[Disk]
    ) -> Self:
        """Return a node that has never run."""
        empty = disk()
        recovered = Recovered(empty.hard_state, genesis, Index(0))
        return cls(settings, empty, core(settings, recovered, empty))

    @classmethod
    def thaw(cls, plain: Plain) -> Self:
        """Return the node a plain form stands for."""
        settings, disk, core, kept, held = cast("tuple[Plain, ...]", plain)
        place = cast("Disk", thaw(disk))
        return cls(
            cast("RaftConfig", thaw(settings)),
            place,
            cast("RaftCore", thaw(core, place)),
            cast("deque[Persisted]", thaw(kept)),
            bool(held),
        )

    def freeze(self) -> Plain:
        """Return the plain form, without anything that measures time."""
        state = self.core._state
        state.elapsed_ticks = 0
        if isinstance(state.role_state, Leadership):
            state.role_state.heartbeat_elapsed_ticks = 0
            if state.role_state.transfer is not None:
                state.role_state.transfer.elapsed_ticks = 0
            # Only a quorum check looks at this, and `Lapse` begins by forgetting it.
            for progress in state.role_state.peers.values():
                progress.recently_active = False
        core = freeze(self.core, self.disk)
        return freeze(self.settings), freeze(self.disk), core, freeze(self.kept), self.held

    def step(self, act: Act, manner: Manner) -> Pumped[Entry]:
        """Let something happen, and do all that follows from it, unless it is only handled."""
        if isinstance(act, Restart):
            self._restart(act)
            return Pumped((), (), (), (), ())
        self._take(act, manner)
        self.held = manner.held
        if manner.held:
            return Pumped((), (), (), (), ())
        slow = _SlowReports(self.core, self.kept, late=manner.late)
        return pump(slow, self.disk, _Machine())

    def _take(self, act: Act, manner: Manner) -> None:
        state, settings = self.core._state, self.settings
        lead = state.role_state if isinstance(state.role_state, Leadership) else None
        match act:
            case Timeout():
                state.elapsed_ticks = state.election_timeout_ticks - 1
                self.core.handle(Tick())
            case Beat() if lead:
                lead.heartbeat_elapsed_ticks = settings.heartbeat_ticks - 1
                self.core.handle(Tick())
            case Lapse() if lead:
                state.elapsed_ticks = settings.election_ticks - 1
                self.core.handle(Tick())
            case Expire() if lead and lead.transfer:
                lead.transfer.elapsed_ticks = settings.election_ticks - 1
                self.core.handle(Tick())
            case Report() if self.kept:
                self.core.handle(self.kept.popleft())
            case Deliver():
                state.elapsed_ticks = settings.election_ticks if manner.silent else 0
                self.core.handle(Received(act.message))
            case Proposed() | ConfigProposed() | ReadRequested() | TransferRequested():
                self.core.handle(act)
            case _:
                pass

    def _restart(self, act: Restart) -> None:
        self.disk.crash()
        applied, configuration, at = Index(0), act.genesis, Index(0)
        if act.machine_kept:
            applied = self.core.status().applied
            for entry in self.disk.log[:applied]:
                if entry.kind is EntryKind.CONFIG:
                    configuration, at = decode_configuration(entry.payload), entry.index
        recovered = Recovered(self.disk.hard_state, configuration, applied, at)
        self.core = type(self.core)(self.settings, recovered, self.disk)
        self.kept.clear()
        self.held = False
