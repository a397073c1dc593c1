"""The committed ledger of one node: state and tip, derived from the log block by block.

Everything here can be built again from the blocks; it is kept so that a start and a question take
no replay. One thread writes (whoever runs the pump); any thread may read, and sees the ledger as it
was after some block, never in the middle of one.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

from kpledger.base.state import ChangeSet, MemoryState, RecentState, read_record
from kpledger.log import layout
from kpledger.log.block import decode_block, decode_block_header
from kpledger.log.certificates import CommitCertificate, decode_commit_certificate
from kpledger.log.chain import ExecutedBlock, Tip, genesis_tip
from kpledger.log.evidence_file import evidence_id
from kpledger.log.genesis import Genesis
from kpledger.log.tip import decode_tip, encode_tip
from kpledger.scheme.v1.records import EventRecord
from kpnode.tree import StoredTree, TreeStore

_FORGOTTEN_AT_ONCE: Final = 1000
_RECENT_RECORDS: Final = 5_000
"""Several times as many as sixty participants have offices, keys and ranges."""

_log = logging.getLogger(__name__)


class KeyValueStore(TreeStore, Protocol):
    """Where derived records are kept (:class:`kpnode.storage.leveldb.LevelStorage`)."""

    def scan(self, prefix: bytes, *, limit: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys with the prefix and their values, in byte order."""

    def browse(self, prefix: bytes, first: bytes) -> Iterator[bytes]:
        """Yield the stored values under keys with the prefix from a key on; for any thread."""

    def newest(self, prefix: bytes) -> bytes | None:
        """Return the value under the last stored key with the prefix; for any thread."""

    def apply(self, puts: Iterable[tuple[bytes, bytes]], deletes: Iterable[bytes] = ()) -> None:
        """Change derived records in one atomic step."""


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
        self._store = store

    def get(self, key: bytes) -> bytes | None:
        """Give the encoded record under a key, or None."""
        return self._store.get(layout.state_key(key))


class Ledger:
    """The ledger after its newest committed block.

    Attributes:
        genesis: what it was founded on.
        state: the committed state, for any thread.
        recent: the same, faster, for the thread that commits.
        tree: the hashes of all events, for any thread.
        tip: the end of the committed chain.
    """

    def __init__(self, genesis: Genesis, store: KeyValueStore) -> None:
        """Load the tip, or found the state of a new ledger; store the tree if a version did not.

        Raises:
            LedgerError: the stored tip is damaged.
        """
        self.genesis = genesis
        self.state = StoredState(store)
        self.recent = RecentState(self.state, _RECENT_RECORDS)
        self.tree = StoredTree(store)
        self._store = store
        self._newest_commit: tuple[bytes, CommitCertificate | None] = b"", None
        applied = store.get(layout.APPLIED_KEY)
        self.tip = self._found() if applied is None else decode_tip(applied)
        self.tree.fill(self.tip.tree.size, self.tip.height)

    def _found(self) -> Tip:
        changes = self.genesis.seed_state(MemoryState())
        tip = genesis_tip(self.genesis, changes)
        self._write(changes, tip)
        return tip

    def reset(self) -> None:
        """Forget everything that was derived, and stand before the first block again.

        Where the ledger stood is overwritten last. Until then it is beyond a log that has become
        shorter, so that a start after a crash in between begins this anew.
        """
        if self._first_keys():
            _log.warning("deleting the state, to derive it anew; it may take minutes")
        while keys := self._first_keys():
            self._store.apply((), keys)
        self.recent.clear()
        self.tip = self._found()

    def _first_keys(self) -> list[bytes]:
        found = self._store.scan(layout.STATE_PREFIX, limit=_FORGOTTEN_AT_ONCE)
        return [key for key, _ in found]

    def commit(self, executed: ExecutedBlock) -> None:
        """Write what a committed block changes; it must be the next one."""
        header = executed.header
        added = self.tree.records(header.first_event, executed.leaves, header.height)
        self._write(executed.changes, executed.tip, added)
        self.recent.apply(executed.changes)
        self.tip = executed.tip

    def _write(
        self, changes: ChangeSet, tip: Tip, added: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        puts = [(layout.state_key(key), value) for key, value in changes.written.items()]
        self._store.apply([*puts, *added, (layout.APPLIED_KEY, encode_tip(tip))])

    def event(self, event_id: bytes) -> StoredEvent | None:
        """Find a committed event by its id."""
        record = read_record(self.state, EventRecord.key_for(event_id), EventRecord)
        if record is None:
            return None
        stored = self.block(record.height)
        if stored is None:
            return None
        block = decode_block(layout.decode_stored_entry(stored).payload)
        header = decode_block_header(block.header)
        encoded = block.events[record.index - header.first_event]
        return StoredEvent(record, header.time_ms, encoded)

    @property
    def newest_commit(self) -> CommitCertificate | None:
        """The newest commit certificate; None if there is none."""
        encoded = self._store.newest(layout.CERTIFICATE_PREFIX)
        if encoded is None:
            return None
        known, newest = self._newest_commit
        if encoded != known:
            newest = decode_commit_certificate(encoded)
            self._newest_commit = encoded, newest
        return newest

    @property
    def final_height(self) -> int:
        """The height of the newest commit certificate; 0 if there is none."""
        newest = self.newest_commit
        return 0 if newest is None else newest.index

    def commits(self, first_term: int, limit: int) -> tuple[CommitCertificate, ...]:
        """Give the newest commit certificate of each term from one on, so many at most."""
        first = layout.certificate_key(first_term)
        found = islice(self._store.browse(layout.CERTIFICATE_PREFIX, first), limit)
        return tuple(map(decode_commit_certificate, found))

    def evidence(self, first: bytes, most_bytes: int) -> tuple[tuple[bytes, ...], bytes | None]:
        """Give evidence against voters, encoded, from an id on; and the id to go on from, if any.

        As much as fits, and at least one.
        """
        found: list[bytes] = []
        size = 0
        for encoded in self._store.browse(layout.EVIDENCE_PREFIX, layout.evidence_key(first)):
            size += len(encoded)
            if found and size > most_bytes:
                return tuple(found), evidence_id(encoded)
            found.append(encoded)
        return tuple(found), None

    def block(self, height: int) -> bytes | None:
        """Give the stored bytes of a committed block, or None."""
        if not 1 <= height <= self.tip.height:
            return None
        return self._store.get(layout.block_key(height))
