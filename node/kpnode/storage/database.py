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

import fcntl
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Final

import plyvel

from kpledger.reading import say_trouble
from kpnode.process import sync_names
from kpnode.storage.errors import StorageCorruptError, StorageError, StorageFailedError
from kpnode.storage.torn import find_damage

_WRITE_BUFFER_BYTES: Final = 16 << 20
"""Fewer flushes than with LevelDB's 4 MiB; reading so much log at start takes under a second."""
_TABLE_BYTES: Final = 16 << 20
"""Ten gigabytes are then hundreds of files instead of thousands."""
OPEN_FILES_MAX: Final = 256
"""LevelDB has no more files open than that; the rest of the process's are for connections."""
_CACHE_BYTES: Final = 32 << 20
_BLOOM_FILTER_BITS: Final = 10
"""Most lookups of event ids are for events never seen: one in a hundred of them reads the disk."""

_DEFERRED_BYTES_MAX: Final = 4 << 20
"""More than that is written at once: memory is bounded, and so is what a start has to repeat."""
_LOCK_FILE: Final = "kpnode.lock"
_PID_DIGITS_MAX: Final = 20


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
            StorageCorruptError: its records of itself, or its write-ahead log, are damaged.
            StorageError: there is no database, and `create` is not set; another process is using
                it; or it cannot be opened for another reason, which is named.
        """
        if not (directory / "CURRENT").exists():
            _verify_empty(directory)
            if not create:
                raise StorageError(directory, "no ledger here; kpnode init founds one")
        if create:
            _make_directory(directory)
        self.directory = directory
        self.failed: StorageFailedError | None = None
        self._deferred: dict[bytes, bytes] = {}
        self._deferred_bytes = 0
        self._lock = lock_directory(directory)
        try:
            self._verify_ends()
            self._database = self._open(create=create)
            if create:
                sync_names(directory)
        except BaseException:
            self._lock.close()
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
            raise StorageError(self.directory, f"cannot be read: {say_trouble(error)}") from error

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
                max_open_files=OPEN_FILES_MAX,
                lru_cache_size=_CACHE_BYTES,
                bloom_filter_bits=_BLOOM_FILTER_BITS,
            )

    def close(self) -> None:
        """Write what is deferred, close the database and let other processes in."""
        if self._deferred and self.failed is None:
            # What cannot be written can be derived again.
            with suppress(StorageFailedError):
                self._write()
        self._database.close()
        self._lock.close()

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

    def _scan(self, low: bytes) -> Generator[tuple[bytes, bytes]]:
        """Yield the stored keys from `low` on and their values, as of one moment in time.

        Raises:
            StorageCorruptError: a record is damaged.
            StorageError: a record cannot be read for another reason.
        """
        # Not plyvel's own iterators: they end without a word where a damaged block is the last of
        # the range (1.5.1). What passes is read once, and pushes nothing else out of the cache.
        raw = self._database.raw_iterator(verify_checksums=True, fill_cache=False)
        with self._reading(), closing(raw) as found:
            found.seek(low)
            while found.valid():
                yield found.item()
                found.next()

    def _find_below(self, high: bytes) -> bytes | None:
        """Return the last stored key below another, None if there is none.

        Raises:
            StorageCorruptError: it is damaged.
            StorageError: it cannot be read for another reason.
        """
        key: bytes | None = None
        with self._reading(), closing(self._database.raw_iterator(verify_checksums=True)) as found:
            found.seek(high)
            if found.valid():
                found.prev()
            else:
                found.seek_to_last()
            if found.valid():
                key = found.key()
        return key

    def _defer(self, puts: Iterable[tuple[bytes, bytes]]) -> None:
        """Change what is read from now on; the next write stores it.

        Raises:
            StorageFailedError: a write failed; the node must stop.
        """
        self._check_failed()
        changed = dict(puts)
        # One update: a reader in another thread sees all of it or nothing.
        self._deferred.update(changed)
        self._deferred_bytes += sum(len(key) + len(value) for key, value in changed.items())
        if self._deferred_bytes > _DEFERRED_BYTES_MAX:
            self._write()

    def _write(
        self, puts: Iterable[tuple[bytes, bytes]] = (), deletes: Iterable[bytes] = ()
    ) -> None:
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
            why = f"storage has failed and takes no more writes: {_explain(error)}"
            self.failed = StorageFailedError(self.directory, why)
            raise self.failed from error
        if self._deferred:
            # Another object, not an emptied one: a reader may hold the old one.
            self._deferred = {}
            self._deferred_bytes = 0

    def _check_failed(self) -> None:
        if self.failed is not None:
            raise StorageFailedError(self.directory, self.failed.why)

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


def lock_directory(directory: Path) -> IO[str]:
    """Keep other nodes out of a directory until the file is closed, or this process ends.

    LevelDB takes a lock of its own, but of the POSIX kind, which the kernel drops as soon as the
    owner closes *any* descriptor of the file; a second, refused attempt to open the database inside
    one process does that. `flock` belongs to the open file and has no such trap.

    Raises:
        StorageError: another process, or another part of this one, holds it; or no file can be
            made there.
    """
    try:
        file = (directory / _LOCK_FILE).open("a+")
    except OSError as error:
        raise StorageError(directory, f"cannot be locked: {say_trouble(error)}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read(_PID_DIGITS_MAX)
        file.close()
        process = f" (process {holder})" if holder.isdigit() else ""
        why = f"another kpnode is running on {directory}{process}"
        raise StorageError(directory, why) from None
    # For the message that others will see.
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


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
        sync_names(directory.parent)
