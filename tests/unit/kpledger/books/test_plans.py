"""No question reads a whole table that grows with the trade."""

import importlib
import pkgutil
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kpledger import books
from kpledger.books.database import create_indexes, create_tables

GROWING = (
    "events",
    "event_subjects",
    "signatures",
    "records",
    "certificates",
    "certificate_lines",
    "certificate_origins",
    "certificate_sources",
    "movements",
    "marks",
    "trade",
    "trade_totals",
    "pairs",
    "flows",
    "editions",
    "edition_rows",
    "number_intervals",
)


def find_statements() -> Iterator[tuple[str, str]]:
    """Give every statement of the questions, by file, or by module and name."""
    for file in sorted(Path(*books.__path__).glob("*.sql")):
        if file.name not in {"schema.sql", "indexes.sql"}:
            yield file.name, file.read_text(encoding="utf-8")
    for found in pkgutil.walk_packages(books.__path__, f"{books.__name__}."):
        if "projections" in found.name:
            continue
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            texts = value.values() if isinstance(value, dict) else [value]
            for text in texts:
                if isinstance(text, str) and re.match(r"(\s*--.*\n)*\s*(SELECT|WITH)\b", text):
                    yield f"{found.name}.{name}", text


STATEMENTS = [
    pytest.param(text, id=f"{name} {number}")
    for number, (name, text) in enumerate(find_statements())
    if "{" not in text
]


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    """Empty books."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as opened:
        create_tables(opened)
        create_indexes(opened)
        yield opened


def explain(connection: sqlite3.Connection, statement: str) -> list[str]:
    names = set(re.findall(r":([a-z_]+)", statement))
    count = 1 if "?1" in statement else statement.count("?")
    values = dict.fromkeys(names) if names else (None,) * count
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    return [row[3] for row in rows]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_finds_its_rows_by_an_index(
    connection: sqlite3.Connection, statement: str
) -> None:
    views = connection.execute("SELECT sql FROM sqlite_schema WHERE type = 'view'")
    text = " ".join((statement, *(view for (view,) in views)))
    aliases = set(re.findall(rf"\b(?:{'|'.join(GROWING)})\s+AS\s+(\w+)", text))
    read = [step for step in explain(connection, statement) if step.startswith("SCAN ")]
    assert [step for step in read if step.split()[1] in {*GROWING, *aliases}] == []


def test_a_statement_that_reads_everything_is_seen(connection: sqlite3.Connection) -> None:
    assert explain(connection, "SELECT * FROM trade WHERE partner = ?") == ["SCAN trade"]
    assert len(STATEMENTS) > 20
