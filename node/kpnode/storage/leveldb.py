"""The durable storage of one node: log, hard state and derived records in one LevelDB.

The keys and the bytes under them are those of `kpledger.log.layout`; what survives a crash, and
why, is told in `kpnode.storage.database`. One thread writes (`save`, `apply`). Any thread may read
derived records, and entries that are committed: those are never discarded under the reader.
"""

import time
from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

from kpledger.base.errors import LedgerError
from kpledger.log import layout
from kpledger.log.layout import StoredEntry, StoredHardState
from kpnode.raft import Entry, EntryKind, HardState, Index, InvariantError, NodeId, Term, take_bytes
from kpnode.storage.errors import StorageCorruptError, StorageError
from kpnode.storage.records import LedgerDatabase

TAIL_ENTRIES: Final = 256
"""Entries at the end of the log that are kept in memory, and all verified at start. Up to twice as
many are kept, so that not every save has to drop one."""
TAIL_BYTES: Final = 32 << 20
"""Payload bytes of the entries kept in memory."""
_LATEST_GENERATION: Final = 2**32 - 2**16
"""In the year 2106. A clock that is beyond it by mistake leaves room for so many starts more."""
PROBES: Final = 256
"""Entries, evenly spread over the log, that are read at start to find large losses."""


class LevelStorage(LedgerDatabase):
    """Implements `kpnode.ports.Storage`, and a map of bytes for what is derived from the log.

    Attributes:
        hard_state: as last saved; term 0 and no vote in a new ledger.
        generation: of this start, higher than that of every start before it. It is stored before
            anything else is written.
    """

    def __init__(self, directory: Path, *, chain: bytes, create: bool) -> None:
        """Open the database of a chain and verify what can be verified quickly.

        That is: the format, the chain, the hard state, the first entry, every entry of the tail,
        and entries spread over the rest. A batch that a crash cut off at the end is dropped by
        LevelDB, as it must be: nobody was told that it was stored. Damage elsewhere is an error.

        Args:
            directory: the database's own directory.
            chain: hash of the genesis file.
            create: found a ledger if there is none. For `kpnode init` alone: a node that founds its
                ledger anew where it has lost one forgets its votes.

        Raises:
            StorageCorruptError: stored bytes are damaged.
            StorageError: no ledger there, and `create` is not set; another process is using it; it
                holds another chain, or one but no hard state, so that this node might vote twice;
                it was written by an earlier version, and is to be migrated, or by another program;
                or what else hinders its opening.
        """
        super().__init__(directory, create=create)
        self._tail: list[Entry] = []
        self._tail_bytes = 0
        try:
            is_new = self._verify_founding(chain, create=create)
            last = self._find_last()
            stored = self._load_hard_state(last)
            name = None if stored.voted_for is None else NodeId(stored.voted_for)
            self.hard_state = HardState(Term(stored.term), name, Index(stored.acknowledged))
            self.generation = stored.generation
            self._load_tail(last)
            if not is_new:
                # One that comes back from a backup must not speak with the number of another start.
                self.generation = max(self.generation + 1, first_generation())
                self._write([self._encode_hard_state(self.hard_state)])
        except BaseException:
            self.close()
            raise

    def last_index(self) -> Index:
        """Return the index of the last entry, 0 if there is none."""
        return self._tail[-1].index if self._tail else Index(0)

    def term_at(self, index: Index) -> Term | None:
        """Return the term of an entry; 0 for index 0, None beyond the end.

        Raises:
            StorageCorruptError: the entry cannot be read.
        """
        if index == 0:
            return Term(0)
        return next((entry.term for entry in self._read(index, index)), None)

    def entries(self, first: Index, last: Index, max_bytes: int) -> tuple[Entry, ...]:
        """Return entries from `first` to `last`, as many as fit `max_bytes` and at least one.

        Raises:
            StorageCorruptError: an entry cannot be read.
        """
        taken: list[Entry] = []
        size = 0
        with closing(self._read(first, last)) as found:
            for entry in found:
                size += len(entry.payload)
                if taken and size > max_bytes:
                    break
                taken.append(entry)
        return tuple(taken)

    def save(self, hard_state: HardState | None, entries: tuple[Entry, ...]) -> None:
        """Replace the hard state, and everything from the first of the entries on.

        One synced batch: at return all of it is durable.

        Raises:
            StorageFailedError: this or an earlier write failed; the node must stop.
            InvariantError: the entries are not contiguous, or would leave a gap.
            OversizedError: an entry is larger than the layout allows; nothing is written.
        """
        if hard_state is None and not entries:
            return
        puts = [(layout.block_key(entry.index), _encode_entry(entry)) for entry in entries]
        if hard_state is not None:
            puts.append(self._encode_hard_state(hard_state))
        discarded = range(0)
        if entries:
            self._verify_contiguous(entries)
            discarded = range(entries[-1].index + 1, self.last_index() + 1)
        self._write(puts, map(layout.block_key, discarded))
        # Readers see the entries only now that they are durable.
        if entries:
            self._remember(entries)
        if hard_state is not None:
            self.hard_state = hard_state

    def apply(self, puts: Iterable[tuple[bytes, bytes]], deletes: Iterable[bytes] = ()) -> None:
        """Change derived records in one atomic step: first the deletes, then the puts.

        Puts become durable with the next `save`, in its own batch: what is derived can be built
        again from the log, and how far it got (`layout.APPLIED_KEY`) belongs into the same step.
        Deletes are rare and written at once.

        Raises:
            StorageFailedError: this or an earlier write failed; the node must stop.
            InvariantError: a key is one of those that only `save` may touch.
        """
        changed, removed = tuple(puts), tuple(deletes)
        for key in (*(key for key, _ in changed), *removed):
            if layout.is_memory_key(key):
                raise InvariantError(f"{key!r} is not the key of a derived record")
        if removed:
            self._write(changed, removed)
        else:
            self._defer(changed)

    def _load_tail(self, last: int) -> None:
        """Read the tail, and entries spread over the rest of the log, to see that they are there.

        Reading all of a large log would take minutes; every later read verifies what it reads.
        """
        first = max(1, last - TAIL_ENTRIES + 1)
        for height in range(1, first, max(1, first // PROBES)):
            for _ in self._read_from_disk(height, height):
                pass
        for entry in self._read_from_disk(first, last):
            self._remember((entry,))

    def _read(self, first: int, last: int) -> Generator[Entry]:
        """Yield the entries from `first` to `last` or to the end, without a gap."""
        tail = self._tail
        last = min(last, tail[-1].index if tail else 0)
        if first > last:
            return
        offset = first - tail[0].index
        if offset >= 0:
            yield from tail[offset : offset + last - first + 1]
        else:
            yield from self._read_from_disk(first, last)

    def _read_from_disk(self, first: int, last: int) -> Generator[Entry]:
        expected = first
        try:
            with closing(self._scan(layout.block_key(first))) as found:
                while expected <= last:
                    key, stored = next(found, (b"", b""))
                    if key != layout.block_key(expected):
                        raise self._corrupt(expected, "there is no such entry")
                    yield self._decode(expected, stored)
                    expected += 1
        except StorageCorruptError as error:
            if error.height is not None:
                raise
            raise self._corrupt(expected, error.finding) from error

    def _decode(self, height: int, stored: bytes) -> Entry:
        try:
            entry = layout.decode_stored_entry(stored)
        except LedgerError as error:
            raise self._corrupt(height, str(error)) from error
        return Entry(Index(height), Term(entry.term), EntryKind(entry.kind), entry.payload)

    def _remember(self, entries: tuple[Entry, ...]) -> None:
        tail = self._tail
        self._tail_bytes += sum(len(entry.payload) for entry in entries)
        follows = not tail or entries[0].index == tail[-1].index + 1
        if follows and len(tail) < 2 * TAIL_ENTRIES and self._tail_bytes <= TAIL_BYTES:
            tail.extend(entries)
            return
        kept = tail[: max(0, entries[0].index - tail[0].index)] if tail else []
        newest_first = (*kept, *entries)[: -TAIL_ENTRIES - 1 : -1]
        # One assignment: a reader in another thread has the old tail or the new one, and what has
        # been committed is in both at the same place.
        self._tail = list(take_bytes(newest_first, TAIL_BYTES)[::-1])
        self._tail_bytes = sum(len(entry.payload) for entry in self._tail)

    def _verify_contiguous(self, entries: tuple[Entry, ...]) -> None:
        first = entries[0].index
        if not 1 <= first <= self.last_index() + 1:
            raise InvariantError(f"entry {first} after a log of {self.last_index()}")
        for expected, entry in enumerate(entries, first):
            if entry.index != expected:
                raise InvariantError(f"entry {entry.index} in the place of entry {expected}")

    def _verify_founding(self, chain: bytes, *, create: bool) -> bool:
        """See that the database is of this chain; found the chain in one that is empty, and say."""
        found_format = self.get(layout.FORMAT_KEY)
        if found_format is None and self._is_empty():
            if not create:
                why = "an empty database; kpnode init founds a ledger"
                raise StorageError(self.directory, why)
            state = StoredHardState(0, None, acknowledged=0, generation=first_generation())
            self._write(
                (
                    (layout.FORMAT_KEY, layout.STORE_FORMAT),
                    (layout.CHAIN_KEY, chain),
                    (layout.HARD_STATE_KEY, layout.encode_hard_state(state)),
                )
            )
            return True
        if found_format == layout.UNSIGNED_FORMAT:
            why = "made by an earlier version; kpnode migrate --config FILE makes it one of this"
            raise StorageError(self.directory, why)
        if found_format != layout.STORE_FORMAT:
            said = "no format record" if found_format is None else f"format {found_format.hex()}"
            why = f"{said}, where this program knows format {layout.STORE_FORMAT.hex()}"
            raise StorageError(self.directory, why)
        self._verify_chain(chain)
        return False

    def _is_empty(self) -> bool:
        with closing(self._scan(b"")) as found:
            return next(found, None) is None

    def _load_hard_state(self, last: int) -> StoredHardState:
        try:
            return layout.decode_hard_state(self._read_hard_state(last))
        except LedgerError as error:
            raise self._corrupt(None, str(error)) from error

    def _encode_hard_state(self, state: HardState) -> tuple[bytes, bytes]:
        stored = StoredHardState(state.term, state.voted_for, state.acknowledged, self.generation)
        return layout.HARD_STATE_KEY, layout.encode_hard_state(stored)


def first_generation() -> int:
    """Return the least generation of a start now, in seconds: higher than any that was before.

    A counter alone would give two starts one number if a backup is put back after the first.
    """
    return min(int(time.time()), _LATEST_GENERATION)


def _encode_entry(entry: Entry) -> bytes:
    stored = StoredEntry(kind=entry.kind.value, term=entry.term, payload=entry.payload)
    return layout.encode_stored_entry(stored)
