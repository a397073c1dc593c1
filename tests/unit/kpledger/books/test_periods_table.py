"""The table of periods, and the filings that fall due by it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from kpledger.base.units import end_of_day_ms, start_of_day_ms
from kpledger.books.database import create_indexes, create_tables
from kpledger.books.periods import Period

FOUNDED = start_of_day_ms("2006-01-01")


@pytest.fixture
def books() -> Iterator[sqlite3.Connection]:
    """Books in which trade began in the middle of a quarter."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        create_tables(connection)
        create_indexes(connection)
        connection.executemany(
            "INSERT INTO meta VALUES (?, ?)",
            [("first_issued_on", "2006-02-05"), ("time_ms", start_of_day_ms("2007-06-01"))],
        )
        yield connection


def give_standing(
    books: sqlite3.Connection,
    position: int,
    status: str,
    effective_from: int = 0,
    lapses_at: int | None = None,
) -> None:
    books.execute(
        "INSERT INTO standings (participant, position, status, effective_from, lapses_at,"
        " decision, known_from) VALUES ('BW', ?, ?, ?, ?, 'D-1', ?)",
        (position, status, effective_from, lapses_at, FOUNDED),
    )


def due(books: sqlite3.Connection, series: str) -> list[tuple[str, str]]:
    return books.execute(
        "SELECT period, due_on FROM filings_due WHERE series = ? AND due_on < '2007-06-01'"
        " ORDER BY due_on",
        (series,),
    ).fetchall()


DUE = {
    "2022Q1": "2022-05-31",
    "2022Q2": "2022-08-31",
    "2022Q3": "2022-11-30",
    "2022Q4": "2023-02-28",
    "2023Q4": "2024-02-29",
    "2022H1": "2022-08-31",
    "2022H2": "2023-02-28",
    "2022": "2023-03-31",
}
"""KPCS Annex III: within two months of the period; annual reports by 31 March."""


def test_the_table_agrees_with_the_periods_of_the_library(books: sqlite3.Connection) -> None:
    rows = books.execute("SELECT * FROM periods").fetchall()
    assert len(rows) == 121 * (4 + 2 + 1)
    for period, first_day, last_day, due_on in rows:
        named = Period(period)
        assert (first_day, last_day) == (named.first_day, named.last_day)
        assert period not in DUE or due_on == DUE[period]


def test_filings_are_due_for_periods_that_began_after_the_trade(
    books: sqlite3.Connection,
) -> None:
    give_standing(books, 0, "ACTIVE")
    quarters = [("2006Q2", "2006-08-31"), ("2006Q3", "2006-11-30"), ("2006Q4", "2007-02-28")]
    assert due(books, "TRADE") == due(books, "COUNTS") == [*quarters, ("2007Q1", "2007-05-31")]
    assert due(books, "REPORT") == [("2006", "2007-03-31")]
    assert due(books, "PRODUCTION") == []


def test_production_is_due_from_whoever_ever_reported_any(books: sqlite3.Connection) -> None:
    give_standing(books, 0, "ACTIVE")
    names = [name for (name,) in books.execute("SELECT name FROM pragma_table_info('editions')")]
    zeros = dict.fromkeys(names, 0) | {"participant": "BW", "series": "PRODUCTION"}
    places = ", ".join("?" * len(zeros))
    books.execute(f"INSERT INTO editions VALUES ({places})", tuple(zeros.values()))  # noqa: S608
    assert due(books, "PRODUCTION") == [("2006H2", "2007-02-28")]


def test_nothing_is_due_before_somebody_joins_or_from_whoever_was_removed(
    books: sqlite3.Connection,
) -> None:
    give_standing(books, 0, "ACTIVE", start_of_day_ms("2006-04-02"))
    give_standing(books, 1, "REMOVED", end_of_day_ms("2006-12-31") + 1)
    assert [period for period, _ in due(books, "TRADE")] == ["2006Q3", "2006Q4"]
    give_standing(books, 2, "REMOVED", end_of_day_ms("2006-12-31"))
    assert [period for period, _ in due(books, "TRADE")] == ["2006Q3"]
    give_standing(books, 3, "ACTIVE", 0, end_of_day_ms("2006-12-31"))
    assert [period for period, _ in due(books, "TRADE")] == ["2006Q3"]
    give_standing(books, 4, "ACTIVE", 0, end_of_day_ms("2006-12-31") + 1)
    assert [period for period, _ in due(books, "TRADE")] == ["2006Q3", "2006Q4"]


def test_reports_are_due_before_any_trade_but_statistics_are_not(
    books: sqlite3.Connection,
) -> None:
    give_standing(books, 0, "ACTIVE")
    books.execute("UPDATE meta SET value = '' WHERE key = 'first_issued_on'")
    everything = books.execute("SELECT DISTINCT series FROM filings_due").fetchall()
    assert everything == [("REPORT",)]
    (first,) = books.execute("SELECT min(period) FROM filings_due").fetchone()
    assert first == "2007"
