"""A simulated disk: it survives crashes, and it is where crashes like to happen."""

from collections.abc import Callable
from enum import Enum
from hashlib import sha256

from kpnode.raft import Entry, HardState, Index
from kpnode.storage.memory import MemoryStorage


class SimCrashError(Exception):
    """The node lost power inside a save."""


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

    def __init__(self, crash_point: Callable[[], CrashPoint | None]) -> None:
        super().__init__()
        self._crash_point = crash_point
        self.links: list[bytes] = [b""]
        """Digest of the log up to each index."""
        self.truncations = 0

    def link_at(self, index: Index) -> bytes | None:
        """Return the digest of the log up to `index`, None beyond its end."""
        return self.links[index] if index < len(self.links) else None

    def save(self, hard_state: HardState | None, entries: tuple[Entry, ...]) -> None:
        """Store both, unless the power fails first; it may also fail right after.

        Raises:
            SimCrashError: It failed.
        """
        point = self._crash_point()
        if point is CrashPoint.BEFORE:
            raise SimCrashError
        self.write(hard_state, entries)
        if point is CrashPoint.AFTER:
            raise SimCrashError

    def write(self, hard_state: HardState | None, entries: tuple[Entry, ...]) -> None:
        """Store both."""
        if entries:
            self.truncations += entries[0].index <= self.last_index()
            del self.links[entries[0].index :]
        super().save(hard_state, entries)
        for entry in entries:
            self.links.append(link(self.links[-1], entry))

    def power_off(self) -> None:
        """Lose what is not synced: nothing, since every save is."""
