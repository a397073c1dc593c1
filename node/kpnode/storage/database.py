"""One LevelDB directory: opened under a lock, written in atomic batches, read with checksums.

What the keys mean is not known here. One thread writes; any thread may read.

What survives what:

* What was written survives the loss of power, whole or not at all: every write is synced.
* What was deferred survives nothing until the next write, which carries it in the same batch. It
  can be read at once. So a block costs one write, and no batch can be lost while a later one is
  kept, as an unsynced one could be: when LevelDB changes to a new write-ahead file it does not sync
  the old one (`DBImpl::MakeRoomForWrite`).
* A write or sync that failed is final. After a failed fsync the kernel may report success for pages
  it has dropped (Rebello et al., USENIX ATC 2020), so that nothing may be written, let alone
  promised, until the process has started again from what is really on the disk. Reads go on.
"""

import os
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

import plyvel

from kpnode.storage.errors import (
    StorageCorruptError,
    StorageError,
    StorageFailedError,
    StorageMissingError,
)
from kpnode.storage.lock import DirectoryLock
from kpnode.storage.torn import find_damage

_WRITE_BUFFER_BYTES: Final = 16 << 20
"""Fewer flushes than with LevelDB's 4 MiB; reading so much log at start takes under a second."""
_TABLE_BYTES: Final = 16 << 20
"""Ten gigabytes are then hundreds of files instead of thousands."""
_OPEN_FILES_MAX: Final = 256
"""Leaves most of the usual 1,024 descriptors of a process to connections."""
_CACHE_BYTES: Final = 32 << 20
_BLOOM_FILTER_BITS: Final = 10
"""Most lookups of event ids are for events never seen: one in a hundred of them reads the disk."""

Puts = tuple[tuple[bytes, bytes], ...]
Deletes = tuple[bytes, ...]

_DEFERRED_BYTES_MAX: Final = 4 << 20
"""More than that is written at once: memory is bounded, and so is what a start has to repeat."""


class Database:
    """An open directory.

    Attributes:
        directory: where the database is.
        failed: the first write that failed, None as long as all is well.
    """

    def __init__(self, directory: Path, *, create: bool) -> None:
        """Lock and open a directory.

        Args:
            directory: the database's own directory.
            create: make it if it is not there.

        Raises:
            StorageMissingError: there is no database, and `create` is not set.
            StorageLockedError: another process is using it.
            StorageCorruptError: its records of itself, or its write-ahead log, are damaged.
            StorageError: it cannot be opened for another reason, which is named.
        """
        if not (directory / "CURRENT").exists():
            _verify_empty(directory)
            if not create:
                raise StorageMissingError(directory, "no ledger here; kpnode init founds one")
        if create:
            _make_directory(directory)
        self.directory = directory
        self.failed: StorageFailedError | None = None
        self._deferred: dict[bytes, bytes] = {}
        self._deferred_bytes = 0
        self._lock = DirectoryLock(directory)
        try:
            self._verify_ends()
            self._database = self._open(create=create)
            if create:
                _sync_directory(directory)
        except BaseException:
            self._lock.release()
            raise

    def _verify_ends(self) -> None:
        """See that no file ends where LevelDB will take it to end, but goes on behind damage.

        Raises:
            StorageCorruptError: one does.
            StorageError: one cannot be read.
        """
        try:
            for file in sorted((*self.directory.glob("*.log"), *self.directory.glob("MANIFEST-*"))):
                finding = find_damage(file)
                if finding is not None:
                    raise StorageCorruptError(self.directory, height=None, finding=finding)
        except OSError as error:
            raise StorageError(self.directory, f"cannot be read: {error}") from error

    def _open(self, *, create: bool) -> plyvel.DB:
        with self._reading():
            return plyvel.DB(
                str(self.directory),
                create_if_missing=create,
                # LevelDB then stops at damage instead of silently leaving out what is damaged.
                paranoid_checks=True,
                # Blocks are mostly hashes and signatures, which do not compress; and what lies on
                # the disk as it was written can still be read when the tables are damaged.
                compression=None,
                write_buffer_size=_WRITE_BUFFER_BYTES,
                max_file_size=_TABLE_BYTES,
                max_open_files=_OPEN_FILES_MAX,
                lru_cache_size=_CACHE_BYTES,
                bloom_filter_bits=_BLOOM_FILTER_BITS,
            )

    def close(self) -> None:
        """Write what is deferred, close the database and let other processes in."""
        if self._deferred and self.failed is None:
            # What cannot be written can be derived again.
            with suppress(StorageFailedError):
                self.write()
        self._database.close()
        self._lock.release()

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key, None if there is none.

        Raises:
            StorageCorruptError: it is damaged.
            StorageError: it cannot be read for another reason.
        """
        value: bytes | None = self._deferred.get(key)
        if value is not None:
            return value
        # Not `_reading`: a context manager costs more than the read.
        try:
            value = self._database.get(key, verify_checksums=True)
        except plyvel.Error as error:
            raise self._explain_read(error) from error
        return value

    def scan(
        self, low: bytes, high: bytes | None, *, reverse: bool = False, keep_cache: bool = False
    ) -> Generator[tuple[bytes, bytes]]:
        """Yield keys and values in byte order, or against it, as of one moment in time.

        Args:
            low: first possible key.
            high: first key beyond, None for no bound.
            reverse: begin below `high`.
            keep_cache: what passes is read once and shall not push other things out of the cache.

        Raises:
            StorageCorruptError: a record is damaged.
            StorageError: a record cannot be read for another reason.
        """
        with self._reading():
            found, deferred = self._open_iterator(keep_cache=keep_cache)
            with closing(found):
                stored = (_go_down if reverse else _go_up)(found, low, high)
                yield from _merge(stored, deferred, low, high, reverse=reverse)

    def _open_iterator(self, *, keep_cache: bool) -> tuple["_Iterator", dict[bytes, bytes]]:
        """Give an iterator, and what was deferred at the very moment of which it is."""
        while True:
            deferred = self._deferred
            changes = deferred.copy()
            # Not plyvel's own iterators: going up they end without a word where a damaged block
            # is the last of the range, going down they miss the only key of a range (1.5.1).
            found = self._database.raw_iterator(verify_checksums=True, fill_cache=not keep_cache)
            if deferred is self._deferred:
                return found, changes
            found.close()

    def defer(self, puts: Puts) -> None:
        """Change what is read from now on; the next write stores it.

        Raises:
            StorageFailedError: a write failed; the node must stop.
        """
        self._check_failed()
        # One update: a reader in another thread sees all of it or nothing.
        self._deferred.update(puts)
        self._deferred_bytes += sum(len(key) + len(value) for key, value in puts)
        if self._deferred_bytes > _DEFERRED_BYTES_MAX:
            self.write()

    def write(self, puts: Puts = (), deletes: Deletes = ()) -> None:
        """Write what was deferred and this in one atomic and synced batch, deletes before puts.

        Raises:
            StorageFailedError: this or an earlier write failed; the node must stop.
        """
        self._check_failed()
        batch = self._database.write_batch(sync=True)
        for key, value in self._deferred.items():
            batch.put(key, value)
        for key in deletes:
            batch.delete(key)
        for key, value in puts:
            batch.put(key, value)
        try:
            batch.write()
        except plyvel.Error as error:
            self.failed = StorageFailedError(self.directory, _explain(error))
            raise self.failed from error
        if self._deferred:
            # Another object, not an emptied one: a reader may hold the old one.
            self._deferred = {}
            self._deferred_bytes = 0

    def _check_failed(self) -> None:
        if self.failed is not None:
            raise StorageFailedError(self.directory, self.failed.finding)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Say in our own words what LevelDB says while it reads."""
        try:
            yield
        except plyvel.Error as error:
            raise self._explain_read(error) from error

    def _explain_read(self, error: plyvel.Error) -> StorageError:
        if isinstance(error, plyvel.CorruptionError):
            return StorageCorruptError(self.directory, height=None, finding=_explain(error))
        return StorageError(self.directory, f"cannot be read: {_explain(error)}")


class _Iterator(Protocol):
    """What plyvel calls a raw iterator; every step raises if LevelDB has met an error."""

    def seek(self, key: bytes, /) -> None: ...
    def seek_to_last(self) -> None: ...
    def next(self) -> None: ...
    def prev(self) -> None: ...
    def valid(self) -> bool: ...
    def key(self) -> bytes: ...
    def item(self) -> tuple[bytes, bytes]: ...
    def close(self) -> None: ...


def _go_up(found: _Iterator, low: bytes, high: bytes | None) -> Iterator[tuple[bytes, bytes]]:
    found.seek(low)
    while found.valid():
        item = found.item()
        if high is not None and item[0] >= high:
            return
        yield item
        found.next()


def _go_down(found: _Iterator, low: bytes, high: bytes | None) -> Iterator[tuple[bytes, bytes]]:
    if high is not None:
        found.seek(high)
    if high is not None and found.valid():
        found.prev()
    else:
        found.seek_to_last()
    while found.valid() and found.key() >= low:
        yield found.item()
        found.prev()


def _merge(
    stored: Iterator[tuple[bytes, bytes]],
    deferred: dict[bytes, bytes],
    low: bytes,
    high: bytes | None,
    *,
    reverse: bool,
) -> Iterator[tuple[bytes, bytes]]:
    """Yield what is stored in a range, and what is deferred in its place."""
    ahead = [key for key in deferred if low <= key and (high is None or key < high)]
    ahead.sort(reverse=not reverse)
    for key, value in stored:
        while ahead and (ahead[-1] > key if reverse else ahead[-1] < key):
            found = ahead.pop()
            yield found, deferred[found]
        if ahead and ahead[-1] == key:
            yield key, deferred[ahead.pop()]
        else:
            yield key, value
    while ahead:
        found = ahead.pop()
        yield found, deferred[found]


def _explain(error: plyvel.Error) -> str:
    """Return LevelDB's message, which plyvel hands on as bytes."""
    return b" ".join(error.args).decode(errors="replace")


def _verify_empty(directory: Path) -> None:
    """See that a directory without an entry point is none that has lost it.

    LevelDB would take it for a new database, and delete every table.

    Raises:
        StorageCorruptError: there are files of a database.
    """
    left = sorted(
        file.name
        for pattern in ("*.ldb", "*.log", "MANIFEST-*")
        for file in directory.glob(pattern)
    )
    if left:
        finding = f"the file CURRENT is missing beside {left[0]} and {len(left) - 1} others"
        raise StorageCorruptError(directory, height=None, finding=finding)


def _make_directory(directory: Path) -> None:
    """Make a directory and those above it; a new name lasts once the one above it is synced."""
    if not directory.exists():
        _make_directory(directory.parent)
        directory.mkdir(exist_ok=True)
        _sync_directory(directory.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
