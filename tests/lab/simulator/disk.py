"""A simulated disk: it survives crashes, and it is where crashes like to happen.

A save is one synced batch, as in LevelDB: when the power fails in the middle, the batch that is
being written is lost as a whole ("torn") or is there as a whole. Nothing that was synced is lost,
unless the disk itself is bad: then it comes back with an older, shorter log, or empty.
"""

from collections.abc import Callable
from enum import Enum
from hashlib import sha256

from memory_storage import MemoryStorage

from kpnode.raft import (
    Configuration,
    Entry,
    EntryKind,
    HardState,
    Index,
    Term,
    decode_configuration,
)

_NOBODY = Configuration(voters=("?",))  # type: ignore[arg-type]


class SimCrashError(Exception):
    """The node lost power inside a save."""


class SimFullError(OSError):
    """There is no space left for a save; nothing of it was written."""


class CrashPoint(Enum):
    """Where the power fails; a save is atomic, so there is no third place."""

    BEFORE = "before"
    AFTER = "after"


def link(previous: bytes, entry: Entry) -> bytes:
    """Return a digest of the log up to and including the entry."""
    text = b"%d %d %d " % (entry.index, entry.term, entry.kind.value)
    return sha256(previous + text + entry.payload).digest()


class SimDisk(MemoryStorage):
    """A log that a save either reaches or does not."""

    def __init__(
        self, crash_point: Callable[[], CrashPoint | None], genesis: Configuration = _NOBODY
    ) -> None:
        super().__init__()
        self._crash_point = crash_point
        self.full = False
        self.links: list[bytes] = [b""]
        """Digest of the log up to each index."""
        self.configurations: list[tuple[Index, Configuration]] = [(Index(0), genesis)]
        """Every configuration in the log, ascending; the first one is that of the genesis."""
        self._active: tuple[int, tuple[Configuration, ...]] | None = None
        self.writes = 0
        self.truncated: list[Entry] = []
        """What writes took away since somebody looked."""
        self.on_sync: Callable[[], None] = lambda: None
        """What else becomes durable with a save."""

    def link_at(self, index: Index) -> bytes | None:
        """Return the digest of the log up to `index`, None beyond its end."""
        return self.links[index] if index < len(self.links) else None

    def active(self, commit: Index) -> tuple[Configuration, ...]:
        """Return the configuration in force at `commit`, and every later one in the log."""
        at = self.in_force(commit)
        if self._active is None or self._active[0] != at:
            self._active = at, tuple(one for _, one in self.configurations[at:])
        return self._active[1]

    def in_force(self, commit: Index) -> int:
        """Return which of `configurations` is in force at `commit`."""
        at = len(self.configurations) - 1
        while self.configurations[at][0] > commit:
            at -= 1
        return at

    def save(self, hard_state: HardState | None, entries: tuple[Entry, ...]) -> None:
        """Store both, unless the power fails first; it may also fail right after.

        Raises:
            SimCrashError: It failed.
            SimFullError: There is no space.
        """
        if self.full:
            raise SimFullError
        point = self._crash_point()
        if point is CrashPoint.BEFORE:
            raise SimCrashError
        self.write(hard_state, entries)
        if point is CrashPoint.AFTER:
            raise SimCrashError

    def write(self, hard_state: HardState | None, entries: tuple[Entry, ...]) -> None:
        """Store both."""
        self.writes += 1
        if entries:
            self._cut(Index(entries[0].index - 1))
        super().save(hard_state, entries)
        for entry in entries:
            self.links.append(link(self.links[-1], entry))
            if entry.kind is EntryKind.CONFIG:
                self.configurations.append((entry.index, decode_configuration(entry.payload)))
                self._active = None
        self.on_sync()

    def power_off(self) -> None:
        """Lose what is not synced: nothing, since every save is."""

    def lose(self, keep: Index, *, votes: bool) -> None:
        """Come back with the log up to `keep` only, and without a hard state if `votes`."""
        self.writes += 1
        self._cut(keep)
        del self.log[keep:]
        if votes:
            self.hard_state = HardState(Term(0), None)

    def _cut(self, keep: Index) -> None:
        self.truncated += self.log[keep:]
        del self.links[keep + 1 :]
        while self.configurations[-1][0] > keep:
            self.configurations.pop()
            self._active = None
