"""The state that the books' writer applies events to: read from the books, kept decoded.

Records that events of one time name are few, and each is read and written several times, so they
are kept decoded, and encoded once for each transaction.
"""

from typing import Final, TypeVar

from kpledger.base.codec import decode_trusted, encode
from kpledger.base.state import ChangeSet, MemoryState, Record
from kpledger.books.projections.rows import Rows
from kpledger.scheme.v1.records import EventRecord

R = TypeVar("R", bound=Record)
K = TypeVar("K")
V = TypeVar("V")

_EVENT: Final = b"event/"
_KEPT: Final = 20_000
_WRITE: Final = (
    "INSERT INTO records (key, value) VALUES (?, ?)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


class Recent(dict[K, V]):
    """Values used lately: two generations, the older of which is let go in one piece."""

    def __init__(self, kept: int = _KEPT) -> None:
        """Keep about so many values, twice as many at most."""
        super().__init__()
        self._kept = kept
        self._older: dict[K, V] = {}

    def find(self, key: K) -> V | None:
        """Give a value that was used lately, or None."""
        value = self.get(key)
        if value is None:
            value = self._older.pop(key, None)
            if value is not None:
                self[key] = value
        return value

    def forget(self) -> None:
        """Let go of what was not used for long; whatever has to be written must be by now."""
        if len(self) > self._kept:
            self._older = dict(self)
            self.clear()


class BooksState(ChangeSet):
    """The state in the books, and what the events since the last transaction have changed."""

    __slots__ = ("_absent", "_connection", "_dirty", "_events", "_known", "_written", "changed")

    def __init__(self, rows: Rows) -> None:
        super().__init__(MemoryState())
        self._connection = rows.connection
        self._written = rows.of(_WRITE)
        self._known: Recent[bytes, Record] = Recent()
        self._absent: set[bytes] = set()
        """Keys that were asked for and hold nothing: most participants settle no policy."""
        self._dirty: dict[bytes, Record] = {}
        self._events: dict[bytes, EventRecord] = {}
        self.changed: dict[bytes, Record] = {}
        """What the present event has written, but for its own record."""

    def begin(self) -> None:
        """Begin with the next event."""
        self.changed = {}

    def get(self, key: bytes) -> bytes | None:
        """Give the encoded record under a key, or None."""
        if key.startswith(_EVENT):
            event = self._read_event(key)
            return None if event is None else encode(event)
        record = self._known.find(key)
        return self._fetch(key) if record is None else encode(record)

    def put(self, key: bytes, record: Record) -> None:
        """Write a record."""
        if isinstance(record, EventRecord):
            self._events[key] = record
            return
        self._absent.discard(key)
        self.changed[key] = self._known[key] = self._dirty[key] = record

    def read(self, key: bytes, kind: type[R]) -> R | None:
        """Give the record under a key, or None."""
        record = self._known.get(key)
        if record is None:
            record = self._look_up(key, kind)
        return record if isinstance(record, kind) else None

    def flush(self) -> None:
        """Give what has changed to be written; of events only their rows are, by somebody else."""
        self._written += [(key, encode(self._dirty[key])) for key in sorted(self._dirty)]
        self._dirty.clear()
        self._events.clear()
        self._known.forget()
        if len(self._absent) > _KEPT:
            self._absent.clear()

    def _look_up(self, key: bytes, kind: type[Record]) -> Record | None:
        if key.startswith(_EVENT):
            return self._read_event(key)
        record = self._known.find(key)
        if record is None and key not in self._absent:
            value = self._fetch(key)
            if value is None:
                self._absent.add(key)
            else:
                record = self._known[key] = decode_trusted(value, kind)
        return record

    def _fetch(self, key: bytes) -> bytes | None:
        found = self._connection.execute("SELECT value FROM records WHERE key = ?", (key,))
        row: tuple[bytes] | None = found.fetchone()
        return None if row is None else row[0]

    def _read_event(self, key: bytes) -> EventRecord | None:
        record = self._events.get(key)
        if record is not None:
            return record
        row = self._connection.execute(
            "SELECT event_index, height, type, participant, authority, subject FROM events"
            " WHERE event_id = ?",
            (bytes.fromhex(key[len(_EVENT) :].decode()),),
        ).fetchone()
        if row is None:
            return None
        return EventRecord(**dict(zip(EventRecord.__struct_fields__, row, strict=True)))
