"""The state of a ledger in two files: what an auditor reads and writes who has no room in memory.

The records stand one after the other in a file that only grows; what is written anew is appended.
Where the newest record of a key stands, a hash table says that is mapped into memory: 16 bytes a
slot, at most half of which are taken. It hashes with a salt, so that nobody who chooses keys can
make them collide. Each record carries its checksum, and its key, which is compared.

Until :meth:`StateFile.sync` nothing is durable, and after a crash the table is worth nothing: who
wants to go on from an earlier state keeps a copy of the table, and the length of the records.
"""

import hashlib
import mmap
import os
import zlib
from pathlib import Path
from typing import Annotated, ClassVar, Final

import msgspec
from msgspec import Meta

from kpclient.errors import FileError
from kpclient.files import PRIVATE_FILE
from kpledger.base.state import ChangeSet, RecentState

_SALT_BYTES: Final = hashlib.blake2b.SALT_SIZE
_SLOT_BYTES: Final = 16
"""The hash of a key, and where its record stands; two words of 64 bits, as this machine has them.
"""
_LEAST_SLOTS: Final = 1 << 12
_GROWTH: Final = 4
_SIZE_BITS: Final = 24
"""Of a place; the others are the offset. No record has 16 MiB."""
_SIZE_MASK: Final = (1 << _SIZE_BITS) - 1
_HEAD: Final = b"kpledger state\0\0"
"""What the records begin with: no record stands at 0."""
_CHECKSUM_BYTES: Final = 4
_KEY_LENGTH_BYTES: Final = 2
_BUFFER_BYTES: Final = 1 << 20
_RECENT_RECORDS: Final = 10_000


class DamagedStateError(FileError):
    """What was kept of a state is not what was written."""

    TROUBLE: ClassVar[str] = " is damaged"


class GrowingFile:
    """A file that grows at its end and is read anywhere, as a ``bytearray`` is."""

    def __init__(self, path: Path, size: int = 0) -> None:
        """Open or make a file, and cut it to a size.

        Raises:
            OSError: it cannot be opened.
            DamagedStateError: it is shorter.
        """
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._handle = os.open(path, flags, PRIVATE_FILE)
        self._written, self._waiting = size, bytearray()
        if os.fstat(self._handle).st_size < size:
            os.close(self._handle)
            raise DamagedStateError(path, f"it has fewer than {size} bytes")
        os.ftruncate(self._handle, size)

    def __len__(self) -> int:
        """Give how many bytes there are."""
        return self._written + len(self._waiting)

    def extend(self, piece: bytes, /) -> None:
        """Append bytes.

        Raises:
            OSError: there is no room for them.
        """
        self._waiting += piece
        if len(self._waiting) >= _BUFFER_BYTES:
            self._flush()

    def __getitem__(self, at: slice, /) -> bytes:
        """Give the bytes from one offset to another; fewer where it ends before."""
        if at.start >= self._written:
            return bytes(self._waiting[at.start - self._written : at.stop - self._written])
        if at.stop > self._written:
            self._flush()
        return os.pread(self._handle, at.stop - at.start, at.start)

    def _flush(self) -> None:
        waiting = memoryview(bytes(self._waiting))
        while waiting:
            count = os.pwrite(self._handle, waiting, self._written)
            self._written, waiting = self._written + count, waiting[count:]
        self._waiting.clear()

    def sync(self) -> None:
        """Make all of it durable.

        Raises:
            OSError: it cannot be written.
        """
        self._flush()
        os.fsync(self._handle)

    def close(self) -> None:
        """Close the file; what is not durable may be lost."""
        os.close(self._handle)


class StateShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has to be known of a state to go on from its files."""

    salt: Annotated[bytes, Meta(min_length=_SALT_BYTES, max_length=_SALT_BYTES)]
    records_bytes: Annotated[int, Meta(ge=0)]
    slots: Annotated[int, Meta(ge=_LEAST_SLOTS, le=1 << 40)]
    """A power of two."""
    keys: Annotated[int, Meta(ge=0)]
    checksum: int
    """Over the table."""


class _Table:
    """Where the newest record of each key stands."""

    def __init__(self, path: Path, slots: int) -> None:
        """Map a file of that many slots into memory; a new one is empty.

        Raises:
            OSError: there is no room for it.
        """
        self.path, self.slots = path, slots
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        handle = os.open(path, flags, PRIVATE_FILE)
        try:
            # A hole in it would end the process once the disk is full.
            os.posix_fallocate(handle, 0, slots * _SLOT_BYTES)
            self._map = mmap.mmap(handle, slots * _SLOT_BYTES)
        finally:
            os.close(handle)
        self.words = memoryview(self._map).cast("Q")

    def grow(self) -> "_Table":
        """Give a larger one with the same in it, under the same name."""
        grown = _Table(self.path.with_name(f"{self.path.name}.grown"), self.slots * _GROWTH)
        words, others, last = self.words, grown.words, 2 * grown.slots - 1
        for at in range(0, len(words), 2):
            if place := words[at + 1]:
                free = 2 * words[at] & last
                while others[free + 1]:
                    free = free + 2 & last
                others[free], others[free + 1] = words[at], place
        self.close()
        grown.path = grown.path.replace(self.path)
        return grown

    def sync(self) -> int:
        """Make the table durable; gives a checksum over it."""
        self._map.flush()
        return zlib.crc32(self.words)

    def close(self) -> None:
        """Let go of the memory."""
        self.words.release()
        self._map.close()


class _Records:
    """The records, and the table that finds them."""

    def __init__(self, records: Path, table: Path, shape: StateShape | None) -> None:
        if shape is None:
            self.salt, self.keys, slots = os.urandom(_SALT_BYTES), 0, _LEAST_SLOTS
            self._file = GrowingFile(records)
            self._file.extend(_HEAD)
        else:
            self.salt, self.keys, slots = shape.salt, shape.keys, shape.slots
            self._file = GrowingFile(records, shape.records_bytes)
        self._table = _Table(table, slots)
        if shape is not None and self._table.sync() != shape.checksum:
            self.close()
            raise DamagedStateError(table, "its checksum is another one")

    def get(self, key: bytes) -> bytes | None:
        """Give the newest record of a key, or None."""
        return self._find(key)[2]

    def put(self, key: bytes, value: bytes) -> None:
        """Write a record."""
        at, tag, before = self._find(key)
        words = self._table.words
        keyed = len(key).to_bytes(_KEY_LENGTH_BYTES, "little") + key + value
        record = zlib.crc32(keyed).to_bytes(_CHECKSUM_BYTES, "little") + keyed
        words[at], words[at + 1] = tag, len(self._file) << _SIZE_BITS | len(record)
        self._file.extend(record)
        if before is None:
            self.keys += 1
            if 2 * self.keys > self._table.slots:
                self._table = self._table.grow()

    def _find(self, key: bytes) -> tuple[int, int, bytes | None]:
        """Give where the slot of a key is, or that which it may take; its hash, and its value."""
        hashed = hashlib.blake2b(key, digest_size=8, salt=self.salt).digest()
        tag = int.from_bytes(hashed, "little")
        words, last = self._table.words, 2 * self._table.slots - 1
        at = 2 * tag & last
        while place := words[at + 1]:
            if words[at] == tag:
                found, value = self._read(place)
                if found == key:
                    return at, tag, value
            at = at + 2 & last
        return at, tag, None

    def _read(self, place: int) -> tuple[bytes, bytes]:
        """Give the key and the value of a record."""
        offset = place >> _SIZE_BITS
        record = self._file[offset : offset + (place & _SIZE_MASK)]
        keyed = record[_CHECKSUM_BYTES:]
        if zlib.crc32(keyed) != int.from_bytes(record[:_CHECKSUM_BYTES], "little"):
            raise DamagedStateError(self._file.path, f"the record at {offset} has another checksum")
        end = _KEY_LENGTH_BYTES + int.from_bytes(keyed[:_KEY_LENGTH_BYTES], "little")
        return keyed[_KEY_LENGTH_BYTES:end], keyed[end:]

    def sync(self) -> StateShape:
        """Make everything durable, and say what it is."""
        self._file.sync()
        return StateShape(
            salt=self.salt,
            records_bytes=len(self._file),
            slots=self._table.slots,
            keys=self.keys,
            checksum=self._table.sync(),
        )

    def close(self) -> None:
        """Close both files."""
        self._table.close()
        self._file.close()


class StateFile:
    """A state that is read and written on a disk."""

    def __init__(self, records: Path, table: Path, shape: StateShape | None = None) -> None:
        """Begin without a record; or go on from a state, whose shape it was, with its files.

        Raises:
            OSError: the files cannot be made or opened.
            DamagedStateError: they are not those of that state.
        """
        self._stored = _Records(records, table, shape)
        self._recent = RecentState(self._stored, _RECENT_RECORDS)

    def get(self, key: bytes) -> bytes | None:
        """Give the encoded record under a key, or None.

        Raises:
            OSError: it cannot be read.
            DamagedStateError: what stands there is not what was written.
        """
        return self._recent.get(key)

    def apply(self, changes: ChangeSet) -> None:
        """Take over what a change-set says.

        Raises:
            OSError: it cannot be written.
            DamagedStateError: what stands there is not what was written.
        """
        for key, value in changes.written.items():
            self._stored.put(key, value)
        self._recent.apply(changes)

    def sync(self) -> StateShape:
        """Make all of it durable; gives what is needed to go on from here.

        Raises:
            OSError: it cannot be written.
        """
        return self._stored.sync()

    def close(self) -> None:
        """Close the files; what is not durable is lost."""
        self._stored.close()
