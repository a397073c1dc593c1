"""The committed ledger of one node: state, indexes and tip, derived from the log block by block.

Everything here can be built again from the blocks; it is kept so that a start and a question take
no replay. One thread writes (whoever runs the pump); any thread may read, and sees the ledger as it
was after some block, never in the middle of one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import msgspec

from kpledger.analysis.history import read_history
from kpledger.analysis.index import IndexChanges
from kpledger.analysis.projection import project_block
from kpledger.base.codec import decode, encode
from kpledger.base.hashing import decode_digest
from kpledger.base.multiset import MultisetHash
from kpledger.base.state import ChangeSet, MemoryState, read_record
from kpledger.log import layout
from kpledger.log.block import BlockHeader, decode_block, decode_block_header
from kpledger.log.chain import ExecutedBlock, Tip, genesis_tip
from kpledger.log.genesis import Genesis
from kpledger.log.merkle import Frontier
from kpledger.scheme.v1.records import EventRecord, Record, event_key

R = TypeVar("R", bound=Record)

DERIVATION: Final = b"\x03"
"""Version of what is derived from the blocks beside the state. Raised when an index that is kept
for questions changes: a node that finds another one derives everything anew when it starts. (A
record of the state cannot change so: the digest in every header covers it, so that it changes with
a version of the rules.)"""

_DERIVED: Final = (layout.STATE_PREFIX, layout.INDEX_PREFIX)
_FORGOTTEN_AT_ONCE: Final = 1000
_EVERYTHING: Final = 2**62
_LONGEST_HISTORY: Final = 10_000
_MAX_APPLIED_BYTES: Final = 64 * 1024


class KeyValueStore(Protocol):
    """Where derived records are kept (:class:`kpnode.storage.leveldb.LevelStorage`)."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key, None if there is none."""
        ...

    def scan(
        self, prefix: bytes, *, limit: int, start: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys with the prefix and their values, in byte order."""
        ...

    def apply(self, puts: Iterable[tuple[bytes, bytes]], deletes: Iterable[bytes] = ()) -> None:
        """Change derived records in one atomic step."""
        ...


class _Applied(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tip, as stored beside the state it belongs to."""

    height: int
    term: int
    head: bytes
    time_ms: int
    tree: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A committed event, and where and when it was recorded."""

    record: EventRecord
    time_ms: int
    """Block time, Unix milliseconds."""
    encoded: bytes
    """The envelope."""


class StoredState:
    """The committed state, read through the store (a :class:`kpledger.base.state.StateReader`)."""

    __slots__ = ("_store",)

    def __init__(self, store: KeyValueStore) -> None:
        """Read from this store."""
        self._store = store

    def get(self, key: bytes) -> bytes | None:
        """Give the encoded record under a key, or None."""
        return self._store.get(layout.state_key(key))


class StoredIndex:
    """The indexes, read through the store (a :class:`kpledger.analysis.index.IndexReader`)."""

    __slots__ = ("_store",)

    def __init__(self, store: KeyValueStore) -> None:
        """Read from this store."""
        self._store = store

    def get(self, name: bytes, key: bytes) -> bytes | None:
        """Give the value under a key of an index, or None."""
        return self._store.get(layout.index_key(name, key))

    def scan(
        self,
        name: bytes,
        prefix: bytes = b"",
        *,
        start: bytes | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys with the prefix and their values, in byte order; ``start`` is included."""
        begin = len(layout.index_key(name))
        found = self._store.scan(
            layout.index_key(name, prefix),
            limit=_EVERYTHING if limit is None else limit,
            start=None if start is None else layout.index_key(name, start),
            reverse=reverse,
        )
        for key, value in found:
            yield key[begin:], value


class Ledger:
    """The ledger after its newest committed block (a :class:`kpledger.analysis.book.Book`).

    Attributes:
        genesis: what it was founded on.
        state: the committed state.
        index: what is kept for questions that people ask.
        tip: the end of the committed chain.
        outdated_height: how far another version of this program had derived what is to be derived
            anew; None if there is no such thing.
    """

    def __init__(self, genesis: Genesis, store: KeyValueStore) -> None:
        """Load the tip, or found the state of a new ledger.

        Raises:
            LedgerError: the stored tip is damaged.
        """
        self.genesis = genesis
        self.state = StoredState(store)
        self.index = StoredIndex(store)
        self._store = store
        self.outdated_height: int | None = None
        applied = store.get(layout.APPLIED_KEY)
        if applied is not None and store.get(layout.DERIVATION_KEY) != DERIVATION:
            self.outdated_height = _decode_tip(applied).height
        self.tip = self._found() if applied is None else _decode_tip(applied)

    def _found(self) -> Tip:
        changes = self.genesis.seed_state(MemoryState())
        tip = genesis_tip(self.genesis, changes)
        self._write(changes, tip, also=[(layout.DERIVATION_KEY, DERIVATION)])
        return tip

    def reset(self) -> None:
        """Forget everything that was derived, and stand before the first block again.

        Where the ledger stood is overwritten last. Until then it is beyond a log that has become
        shorter, so that a start after a crash in between begins this anew.
        """
        for prefix in _DERIVED:
            while keys := [key for key, _ in self._store.scan(prefix, limit=_FORGOTTEN_AT_ONCE)]:
                self._store.apply((), keys)
        self.tip = self._found()
        self.outdated_height = None

    def commit(self, execution: ExecutedBlock) -> None:
        """Write what a committed block changes; it must be the next one."""
        projected = project_block(execution, self.index)
        self._write(execution.changes, execution.tip, projected)
        self.tip = execution.tip

    def _write(
        self,
        changes: ChangeSet,
        tip: Tip,
        projected: IndexChanges | None = None,
        *,
        also: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        puts = [(layout.state_key(key), value) for key, value in changes.written.items()]
        deletes = []
        for (name, key), value in projected.written.items() if projected else ():
            if value is None:
                deletes.append(layout.index_key(name, key))
            else:
                puts.append((layout.index_key(name, key), value))
        puts += [*also, (layout.APPLIED_KEY, _encode_tip(tip))]
        self._store.apply(puts, deletes)

    def record(self, key: bytes, kind: type[R]) -> R | None:
        """Read the record under a key of :mod:`kpledger.scheme.v1.records`, or None."""
        return read_record(self.state, key, kind)

    def records(
        self, prefix: bytes, kind: type[R], *, after: bytes | None, limit: int
    ) -> Iterator[tuple[bytes, R]]:
        """Read the records whose keys begin with a prefix, in key order, from after a key on."""
        start = None if after is None else layout.state_key(after) + b"\0"
        found = self._store.scan(layout.state_key(prefix), limit=limit, start=start)
        for key, value in found:
            record = decode(value, kind, what="record", max_bytes=len(value))
            yield key[len(layout.STATE_PREFIX) :], record

    def event(self, event_id: bytes) -> StoredEvent | None:
        """Find a committed event by its id."""
        record = self.record(event_key(event_id), EventRecord)
        if record is None:
            return None
        stored = self.block(record.height)
        if stored is None:
            return None
        block = decode_block(layout.decode_stored_entry(stored).payload)
        header = decode_block_header(block.header)
        encoded = block.events[record.index - header.first_event]
        return StoredEvent(record, header.time_ms, encoded)

    def history(self, subject: str) -> tuple[bytes, ...]:
        """Give the ids of the events on a subject, oldest first."""
        return tuple(read_history(self.index, subject, limit=_LONGEST_HISTORY))

    def block(self, height: int) -> bytes | None:
        """Give the stored bytes of a committed block, or None."""
        if not 1 <= height <= self.tip.height:
            return None
        return self._store.get(layout.block_key(height))

    def header(self, height: int) -> BlockHeader | None:
        """Give the header of a committed block of events; None for others."""
        stored = self.block(height)
        entry = None if stored is None else layout.decode_stored_entry(stored)
        if entry is None or not entry.payload:
            return None
        return decode_block_header(decode_block(entry.payload).header)


def _encode_tip(tip: Tip) -> bytes:
    return encode(
        _Applied(
            height=tip.height,
            term=tip.term,
            head=tip.head,
            time_ms=tip.time_ms,
            tree=tip.tree.encode(),
            digest=tip.digest.encode(),
        )
    )


def _decode_tip(encoded: bytes) -> Tip:
    applied = decode(encoded, _Applied, what="applied record", max_bytes=_MAX_APPLIED_BYTES)
    return Tip(
        height=applied.height,
        term=applied.term,
        head=decode_digest(applied.head),
        time_ms=applied.time_ms,
        tree=Frontier.decode(applied.tree),
        digest=MultisetHash.decode(applied.digest),
    )
