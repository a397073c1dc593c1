"""The simulated state machine: a chain of digests, and the events in it, each of them once.

A block's payload is a proposal's ticket and the ids of its events, in plain text. Like the real
machine this one looks before it orders: a leader knows what is committed and what its own log still
holds, and lets no event in twice.
"""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from hashlib import sha256

from kpnode.raft import (
    Configuration,
    Entry,
    EntryKind,
    Index,
    LogReader,
    decode_configuration,
)

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Applied:
    """What the state machine was after an entry."""

    entry: Entry
    digest: bytes
    configuration: Configuration
    ticket: int = 0
    """The proposal that the entry came from, 0 if none is known."""
    events: tuple[bytes, ...] = ()


def encode_block(ticket: int, events: tuple[bytes, ...], padding: int = 0) -> bytes:
    """Return the payload of a block."""
    return b" ".join((b"%d" % ticket, *events)) + b" " * padding


class SimMachine:
    """The state after the last applied entry, and what the log holds beyond it."""

    def __init__(
        self,
        start: Applied,
        *,
        book: MutableMapping[bytes, Index],
        persist: Callable[[Applied], None],
        now_ms: Callable[[], int],
    ) -> None:
        """Start from a stored state.

        Args:
            start: The stored state.
            book: Where each event was applied; survives crashes, so it may be ahead of `start`.
            persist: Stores a state, or does not get to it.
            now_ms: The node's wall clock. Nothing may come of it; see `lab.planted`.
        """
        self.now = start
        self.now_ms = now_ms
        self._book = book
        self._persist = persist
        self._staged: list[tuple[Index, tuple[bytes, ...]]] = []

    @property
    def top(self) -> Index:
        """Where the log ends, as far as it was staged."""
        return self._staged[-1][0] if self._staged else self.now.entry.index

    def recover(self, log: LogReader) -> None:
        """Stage what the log holds beyond the stored state."""
        first = Index(self.now.entry.index + 1)
        while page := log.entries(first, log.last_index(), _READ_BYTES):
            self.stage(page)
            first = Index(page[-1].index + 1)

    def stage(self, entries: tuple[Entry, ...]) -> None:
        """Note which events the log ends with now."""
        while self._staged and self._staged[-1][0] >= entries[0].index:
            self._staged.pop()
        self._staged += ((entry.index, _read_block(entry)[1]) for entry in entries)

    def apply(self, entry: Entry) -> Applied:
        """Take the entry into the digest."""
        if self._staged:
            self._staged.pop(0)
        configuration = self.now.configuration
        ticket, events = _read_block(entry)
        if entry.kind is EntryKind.CONFIG:
            configuration = decode_configuration(entry.payload)
            ticket = int(configuration.attachment or 0)
        self._book.update(dict.fromkeys(events, entry.index))
        self.now = Applied(entry, self.digest(entry), configuration, ticket, events)
        self._persist(self.now)
        return self.now

    def digest(self, entry: Entry) -> bytes:
        """Return the digest after the entry."""
        return sha256(self.now.digest + entry.payload).digest()

    def find_applied(self, event: bytes) -> Index | None:
        """Return where the event was applied."""
        index = self._book.get(event)
        return index if index is not None and index <= self.now.entry.index else None

    def is_staged(self, event: bytes) -> bool:
        """Tell whether the log holds the event beyond what is applied."""
        return any(event in events for _, events in self._staged)


def _read_block(entry: Entry) -> tuple[int, tuple[bytes, ...]]:
    if entry.kind is not EntryKind.BLOCK:
        return 0, ()
    ticket, *events = entry.payload.split()
    return int(ticket), tuple(events)
