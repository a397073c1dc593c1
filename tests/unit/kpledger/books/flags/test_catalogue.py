"""Every flag is complete, every statement runs, and none reads a large table from end to end."""

import re
import sqlite3

import pytest

from kpledger.books.database import Books, create_indexes, create_tables
from kpledger.books.flags.catalogue import Flag, Way, describe_flags, read_flags
from kpledger.books.flags.search import Search, find_flags
from kpledger.books.flags.sentence import Value, columns_in
from kpledger.books.flags.settings import FlagSettings

FLAGS = read_flags()
WAYS = [
    pytest.param(flag, way, id=f"{flag.flag}.{way.kind}")
    for flag in FLAGS.values()
    for way in flag.finding
]
OF_A_FINDING = {"subject", "participant", "partner", "day", "measure", "evidence"}
LARGE = {
    "certificate_lines",
    "certificate_origins",
    "certificate_sources",
    "certificates",
    "edition_rows",
    "editions",
    "event_subjects",
    "events",
    "flows",
    "marks",
    "movements",
    "pairs",
    "signatures",
    "trade",
    "trade_totals",
}


@pytest.fixture(scope="module")
def search() -> Search:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(connection)
    create_indexes(connection)
    books = Books(connection)
    return Search(books, FlagSettings(), "2026-01-01", "2026-12-31", "2026-12-31")


def statement(search: Search, flag: Flag, way: Way) -> tuple[str, dict[str, Value]]:
    return f"{flag.common}{way.sql}LIMIT :limit", search.parameters(flag) | {"limit": 100}


def test_every_flag_is_described() -> None:
    described = describe_flags()
    assert [one.flag for one in described] == [f"F{number}" for number in range(1, 20)]
    for one in described:
        assert all((one.title, one.looks_for, one.why, one.evidence, one.benign, one.reading))
        assert one.settings
        assert all(setting.meaning for setting in one.settings)


def test_every_default_lies_within_its_bounds() -> None:
    for flag in FLAGS.values():
        for one in flag.settings.values():
            assert isinstance(one.default, bool) or one.least <= one.default <= one.most


def test_every_threshold_is_used() -> None:
    for flag in FLAGS.values():
        used = flag.common + "".join(way.sql for way in flag.finding)
        assert [
            name for name in flag.settings if not re.search(rf":({flag.flag}_)?{name}\b", used)
        ] == []


@pytest.mark.parametrize(("flag", "way"), WAYS)
def test_a_sentence_has_the_columns_it_names(search: Search, flag: Flag, way: Way) -> None:
    cursor = search.books.connection.execute(*statement(search, flag, way))
    columns = {name for name, *_ in cursor.description}
    assert columns >= OF_A_FINDING | columns_in(way.text)


@pytest.mark.parametrize("participant", ["", "BW"])
@pytest.mark.parametrize(("flag", "way"), WAYS)
def test_a_statement_finds_what_it_reads_by_an_index(
    search: Search, flag: Flag, way: Way, participant: str
) -> None:
    sql, parameters = statement(search, flag, way)
    asked = parameters | {"participant": participant}
    plan = search.books.connection.execute(f"EXPLAIN QUERY PLAN {sql}", asked).fetchall()
    tables: dict[str, set[str]] = {}
    for table, alias in re.findall(r"(?:FROM|JOIN)\s+(\w+)(?:\s+AS\s+(\w+))?", sql):
        tables.setdefault(alias or table, set()).add(table)
    scanned = re.findall(r"^SCAN (\w+)", "\n".join(step for *_, step in plan), re.MULTILINE)
    assert [one for one in scanned if tables.get(one, set()) & LARGE] == []


def test_nothing_is_found_in_empty_books(search: Search) -> None:
    assert list(find_flags(search)) == []
