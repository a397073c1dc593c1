"""The database: opening and creating the books, and reading them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from importlib.resources import files
from typing import Annotated, Final, TypeVar
from urllib.parse import quote

import msgspec

from kpledger.base.codec import decode_trusted
from kpledger.base.errors import LedgerError
from kpledger.base.ids import HexDigest
from kpledger.base.state import Record
from kpledger.scheme.v1.territories import TERRITORIES

R = TypeVar("R", bound=Record)

_TABLES: Final = "schema.sql"
_INDEXES: Final = "indexes.sql"

_REVISION: Final = 4
"""Of what the writer derives from the events, and how; raised with every change of it."""

_CACHE_KIB: Final = 64 * 1024
_LOG_PAGES: Final = 4_000
"""So many pages stand in the write-ahead log, of 16 MiB, before they are copied into the file."""


def _read_sql(name: str) -> str:
    return files("kpledger.books").joinpath(name).read_text(encoding="utf-8")


DERIVATION: Final = (
    f"{_REVISION}-{sha256((_read_sql(_TABLES) + _read_sql(_INDEXES)).encode()).hexdigest()[:16]}"
)
"""What books are made by: the revision of the writer, and the tables and indexes to the letter.
Books of another derivation are built anew."""


class NoBooksError(LedgerError):
    """A database holds no books, or not those of this derivation, whole."""


_Count = Annotated[int, msgspec.Meta(ge=0)]


class BooksMeta(msgspec.Struct, frozen=True, kw_only=True):
    """How far books are: the table ``meta``, which says what each of its keys is."""

    derivation: str
    chain: HexDigest
    height: _Count
    head: HexDigest
    time_ms: _Count
    events: _Count
    first_issued_on: str
    indexed: Annotated[int, msgspec.Meta(ge=0, le=1)]


def open_books(
    path: str, *, read_only: bool = False, cache_kib: int = _CACHE_KIB
) -> sqlite3.Connection:
    """Open a database file, which is created unless it is only to be read.

    ``cache_kib`` is how much of the file is kept in memory, and how much one sorts in memory.

    Raises:
        sqlite3.Error: it cannot be opened, or is none.
    """
    where = f"{_write_uri(path)}?mode=ro" if read_only else path
    connection = sqlite3.connect(
        where, uri=read_only, isolation_level=None, check_same_thread=False
    )
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    connection.execute("PRAGMA mmap_size = 0")
    if not read_only:
        # Readers go on while one writes; a crash loses at most what is derived again.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        # Most blocks change the same pages, which are then copied into the file only once.
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
    return connection


def _write_uri(path: str) -> str:
    """Write a path as a URI; none of its characters means anything there."""
    # With an empty host in front, for in //here/there the first name would be the host's.
    host = "//" if path.startswith("/") else ""
    return f"file:{host}{quote(path, errors='surrogateescape')}"


def create_tables(connection: sqlite3.Connection) -> None:
    """Create tables, views and the indexes that the writer needs, in an empty database."""
    _execute(connection, _TABLES)
    connection.executemany("INSERT INTO territories VALUES (?, ?)", TERRITORIES.items())


def create_indexes(connection: sqlite3.Connection) -> None:
    """Create the indexes that questions need, after the rows."""
    _execute(connection, _INDEXES)


def _execute(connection: sqlite3.Connection, name: str) -> None:
    """Execute the statements of a file; unlike ``executescript``, in the transaction there is."""
    statement = ""
    for line in _read_sql(name).splitlines():
        statement += f"{line}\n"
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""


def has_tables(connection: sqlite3.Connection) -> bool:
    """Tell whether a database holds books, of whatever derivation, or is empty."""
    found = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(found[0])


class Books:
    """The books as of one block, for the questions asked within one :meth:`reading`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.height = 0
        """The newest block in the books."""
        self.time_ms = 0
        """Its time, Unix milliseconds: what questions call now."""

    @contextmanager
    def reading(self) -> Iterator["Books"]:
        """Begin to read: whatever is asked within sees the same block, though others write.

        Raises:
            NoBooksError: there are none, or of another derivation.
        """
        self.connection.execute("BEGIN")
        try:
            meta = read_meta(self.connection)
            self.height, self.time_ms = meta.height, meta.time_ms
            yield self
        finally:
            self.connection.execute("ROLLBACK")

    def record(self, key: bytes, kind: type[R]) -> R | None:
        """Read the record under a key of :mod:`kpledger.scheme.v1.records`, or None.

        Events are rows of the table ``events`` and have no record here.
        """
        row = self.connection.execute("SELECT value FROM records WHERE key = ?", (key,)).fetchone()
        return None if row is None else decode_trusted(row[0], kind)

    def records(self, prefix: bytes, kind: type[R]) -> Iterator[tuple[bytes, R]]:
        """Read the records whose keys begin with a prefix, in key order."""
        # No key holds a byte above ASCII, so that this one is behind all that begin so.
        rows = self.connection.execute(
            "SELECT key, value FROM records WHERE key >= ? AND key < ? ORDER BY key",
            (prefix, prefix + b"\xff"),
        )
        for key, value in rows:
            yield key, decode_trusted(value, kind)


def verify_tables(connection: sqlite3.Connection) -> None:
    """Check that books have the tables and indexes of this derivation, and no others.

    Raises:
        NoBooksError: they do not.
    """
    is_indexed = read_meta(connection).indexed
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as expected:
        create_tables(expected)
        if is_indexed:
            create_indexes(expected)
        if _read_statements(connection) != _read_statements(expected):
            raise NoBooksError("these books have other tables or indexes than were made")


def _read_statements(connection: sqlite3.Connection) -> set[tuple[str, str | None]]:
    return set(connection.execute("SELECT name, sql FROM sqlite_master"))


def read_meta(connection: sqlite3.Connection) -> BooksMeta:
    """Read how far books are.

    Raises:
        NoBooksError: there are none, or damaged ones, or of another derivation.
    """
    try:
        meta = dict(connection.execute("SELECT key, value FROM meta"))
    except sqlite3.OperationalError as error:
        raise NoBooksError(f"there are no books here: {error}") from None
    if meta.get("derivation") != DERIVATION:
        raise NoBooksError(
            f"these books are of derivation {meta.get('derivation')}, not {DERIVATION}"
        )
    try:
        return msgspec.convert(meta, BooksMeta)
    except msgspec.ValidationError as error:
        raise NoBooksError(f"these books are damaged: {error}") from None
