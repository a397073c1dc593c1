"""Books that a replay builds from a verified chain: those of a node must equal them."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import msgspec

from kpclient.replay.copied_chain import StoredBlock, UnreadableBlock
from kpledger.api.routes import route_of
from kpledger.books.database import Books, open_books
from kpledger.books.queries import QUERIES
from kpledger.books.query import AnyQuery
from kpledger.books.writer import BooksWriter
from kpledger.log.audit import Auditor
from kpledger.log.genesis import Genesis


class RebuiltBooks:
    """Books in memory of the first blocks of a chain."""

    def __init__(
        self, genesis: Genesis, chain: Iterable[StoredBlock | UnreadableBlock], height: int
    ) -> None:
        """Verify the chain up to a height, and build its books."""
        self._connection = open_books(":memory:")
        writer = BooksWriter(self._connection, genesis)
        auditor = Auditor(genesis, observe=lambda block: writer.append(block.header, block.events))
        for found in chain:
            if auditor.progress.tip.height == height:
                break
            assert isinstance(found, StoredBlock)
            assert auditor.feed(found.height, found.stored) is None
        writer.complete()
        assert writer.height == height

    def answer(self, target: str) -> bytes:
        """Answer what is asked of a node at this path and query."""
        query, given = find_query(target)
        question = msgspec.convert(given, query.question, strict=False)
        with Books(self._connection).reading() as books:
            return query.reply(books, question)

    def tables(self) -> dict[str, list[str]]:
        """Give all rows of all tables."""
        return _dump(self._connection)


def find_query(target: str) -> tuple[AnyQuery, dict[str, str]]:
    """Find the query that is asked at a path, and what it is asked."""
    parts = urlsplit(target)
    asked = parts.path.split("/")
    # What has no name in its path comes first: /v1/keys/... is longer than /v1/keys.
    for query in QUERIES:
        places = route_of(query).path.split("/")
        named = {
            place[1:-1]: value
            for place, value in zip(places, asked, strict=False)
            if place[:1] == "{"
        }
        filled = [named.get(place[1:-1], place) for place in places]
        if filled == asked:
            return query, {**named, **dict(parse_qsl(parts.query))}
    raise AssertionError(f"nothing is asked at {target}")


def tables_in(file: Path) -> tuple[int, dict[str, list[str]]]:
    """Give the height of the books of a node that has stopped, and all rows of all their tables."""
    with closing(open_books(str(file), read_only=True)) as connection:
        with Books(connection).reading() as books:
            height = books.height
        return height, _dump(connection)


def _dump(connection: sqlite3.Connection) -> dict[str, list[str]]:
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return {
        name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"')))  # noqa: S608
        for (name,) in names.fetchall()
    }
