"""The state: keys and encoded records, and change-sets on top of it.

A change-set is a layer over a base that can be read through, applied or dropped. Speculative
state is the committed base plus one change-set for each block that is not committed yet, so
taking back a block is dropping its layer; no rule knows how to undo.
"""

import functools
from dataclasses import dataclass, field
from typing import ClassVar, Final, Protocol, TypeVar

import msgspec

from kpledger.base.codec import decode_trusted, encode
from kpledger.base.multiset import MultisetHash

R = TypeVar("R", bound="Record")

_KEPT: Final = 4096
"""How many decoded records are kept: enough for every participant, office and key."""
_KEYS: Final = 4096
"""How many keys are kept."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record of the state. Its kind is the first part of its key, on every ledger.

    ``CaseCountRecord`` is of the kind ``casecount``: renaming a record renames what is stored.
    """

    KIND: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        """Take the kind from the name of the class."""
        cls.KIND = cls.__name__.removesuffix("Record").lower()

    @classmethod
    def key_for(cls, *parts: str | int | bytes) -> bytes:
        """Give the key of a record: its kind, then its parts; bytes in hexadecimal."""
        return _join(cls.KIND, parts)


@functools.lru_cache(maxsize=_KEYS)
def _join(kind: str, parts: tuple[str | int | bytes, ...]) -> bytes:
    # Rules name the same participants, offices and keys some twenty times an event.
    texts = (part.hex() if isinstance(part, bytes) else str(part) for part in parts)
    return "/".join((kind, *texts)).encode()


class StateReader(Protocol):
    """Something that holds encoded records."""

    def get(self, key: bytes) -> bytes | None:
        """Give the encoded record under a key, or None."""


@dataclass(slots=True)
class MemoryState:
    """The whole state in a dictionary; for replay and tests."""

    pairs: dict[bytes, bytes] = field(default_factory=dict)

    def get(self, key: bytes) -> bytes | None:
        """Give the encoded record under a key, or None."""
        return self.pairs.get(key)

    def apply(self, changes: "ChangeSet") -> None:
        """Take over what a change-set says."""
        self.pairs.update(changes.written)


@dataclass(slots=True, eq=False)
class ChangeSet:
    """What a block, or one event of it, writes over a base. Records are replaced, never removed."""

    base: StateReader
    written: dict[bytes, bytes] = field(default_factory=dict, init=False)
    _records: dict[bytes, Record | None] = field(default_factory=dict, init=False)

    def get(self, key: bytes) -> bytes | None:
        """Give the encoded record under a key as this layer sees it, or None."""
        value = self.written.get(key)
        return self.base.get(key) if value is None else value

    def put(self, key: bytes, record: Record) -> None:
        """Write a record."""
        self.written[key] = encode(record)
        self._records.pop(key, None)

    def read(self, key: bytes, kind: type[R]) -> R | None:
        """Decode the record under a key as this layer sees it, or give None.

        Rules ask for the same few records again and again, there or not; each is looked for and
        decoded once while the base stays as it is, which it must for as long as a layer on it is
        in use.
        """
        records = self._records
        if key in records:
            record = records[key]
            if record is None or isinstance(record, kind):
                return record
        found = records[key] = read_record(self, key, kind)
        return found

    def digest_over(self, digest: MultisetHash) -> MultisetHash:
        """Give the multiset hash of the state after these changes, from the one before.

        Only the difference between before and after counts, not the way between: a record that
        was written twice is hashed once.
        """
        removed, added = [], []
        for key, value in self.written.items():
            before = self.base.get(key)
            if before == value:
                continue
            if before is not None:
                removed.append((key, before))
            added.append((key, value))
        return digest.exchange(removed=removed, added=added)


class RecentState:
    """A state that is stored elsewhere, with what was read or written lately kept in memory.

    Rules ask for the same participants, offices, keys and ranges at every event, and for records
    that are not there; a read of a database costs ten times as much as a rule. Only the thread
    that changes the state may use it: a value that another thread read before a change must not be
    kept after it.
    """

    __slots__ = ("_limit", "_older", "_recent", "_stored")

    def __init__(self, stored: StateReader, limit: int) -> None:
        """Start with nothing in memory; at most twice ``limit`` records will be."""
        self._stored = stored
        self._limit = limit
        self._recent: dict[bytes, bytes | None] = {}
        self._older: dict[bytes, bytes | None] = {}

    def get(self, key: bytes) -> bytes | None:
        """Give the encoded record under a key, or None."""
        recent = self._recent
        if key in recent:
            return recent[key]
        older = self._older
        value = older[key] if key in older else self._stored.get(key)
        self._keep(key, value)
        return value

    def apply(self, changes: ChangeSet) -> None:
        """Take over what a change-set says, which is stored as well."""
        for key, value in changes.written.items():
            self._keep(key, value)

    def clear(self) -> None:
        """Keep nothing: the state begins anew."""
        self._recent, self._older = {}, {}

    def _keep(self, key: bytes, value: bytes | None) -> None:
        # Two generations instead of an order of use: what is asked for again moves up.
        if len(self._recent) >= self._limit:
            self._recent, self._older = {}, self._recent
        self._recent[key] = value


@dataclass(frozen=True, slots=True)
class Layers:
    """What change-sets of one block after another say over a base, as one state that can be read.

    Neighbours of one size are merged, as in a log-structured merge tree: however many blocks there
    are, a look-up sees as many dictionaries as their number has binary digits, and what a block
    wrote is copied as often. Nothing is changed in place, so that two chains may part at any block.
    """

    base: StateReader
    written: tuple[dict[bytes, bytes], ...]
    """The newest first."""
    sizes: tuple[int, ...]
    """How many change-sets are in each."""

    def get(self, key: bytes) -> bytes | None:
        """Give the encoded record under a key after the newest block, or None."""
        for written in self.written:
            value = written.get(key)
            if value is not None:
                return value
        return self.base.get(key)


def lay_over(base: StateReader, changes: ChangeSet) -> Layers:
    """Give the state after changes of the state ``base``; they must not grow any more."""
    older: tuple[dict[bytes, bytes], ...] = ()
    sizes: tuple[int, ...] = ()
    if isinstance(base, Layers):
        older, sizes, base = base.written, base.sizes, base.base
    written, size = changes.written, 1
    while sizes and sizes[0] <= size:
        written, size = {**older[0], **written}, size + sizes[0]
        older, sizes = older[1:], sizes[1:]
    return Layers(base, (written, *older), (size, *sizes))


def read_record(state: StateReader, key: bytes, kind: type[R]) -> R | None:
    """Read and decode a record, or give None."""
    value = state.get(key)
    return None if value is None else _decode_record(value, kind)


@functools.lru_cache(maxsize=_KEPT)
def _decode_record(value: bytes, kind: type[R]) -> R:
    # Records are immutable, and the same few (participants, offices, keys) are read for every
    # event: keyed by their bytes, a stale one cannot be served.
    record: R = decode_trusted(value, kind)
    return record
