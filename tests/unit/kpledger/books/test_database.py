"""Books as they are read: records in the order of their keys, as of the newest block."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from booked import open_booked_trade
from founding import PARTICIPANTS, issue, make_certificate, number_of

from kpledger.books.database import Books, NoBooksError, create_tables, has_tables, open_books
from kpledger.scheme.v1.records import CertificateRecord, ParticipantRecord


def test_records_are_read_in_the_order_of_their_keys() -> None:
    ledger = open_booked_trade()
    for serial in (3, 1, 2):
        issue(ledger, make_certificate(number_of("BW", serial)))

    found = ledger.books.records(b"certificate/", CertificateRecord)
    assert [record.number for _, record in found] == ["BW000001", "BW000002", "BW000003"]


def test_they_stand_where_the_ledger_stands() -> None:
    ledger = open_booked_trade()
    books = ledger.books
    assert (books.height, books.time_ms) == (ledger.tip.height, ledger.tip.time_ms)
    rows = books.connection.execute("SELECT key, value FROM records")
    left_out = (b"event/", b"quota/")
    records = {
        key: value for key, value in ledger.state.pairs.items() if not key.startswith(left_out)
    }
    assert dict(rows) == records
    found = books.records(b"participant/", ParticipantRecord)
    assert [record.code for _, record in found] == sorted(PARTICIPANTS)


def test_there_are_no_books_in_an_empty_database_or_of_another_derivation() -> None:
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as empty,
        pytest.raises(NoBooksError, match="there are no books here"),
        Books(empty).reading(),
    ):
        pass
    books = open_booked_trade().books
    books.connection.execute("UPDATE meta SET value = 0 WHERE key = 'derivation'")
    with pytest.raises(NoBooksError, match="of derivation 0"), books.reading():
        pass


@pytest.mark.parametrize("name", ["a#1", "a?mode=rw", "a%41", "a \udcff"])
def test_books_are_read_whatever_their_file_is_called(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / f"{name}.sqlite"
    path.parent.mkdir()
    with closing(open_books(str(path))) as books:
        create_tables(books)
    for written in (str(path), f"/{path}", os.path.relpath(path)):
        with closing(open_books(written, read_only=True)) as books:
            assert has_tables(books)
    assert [one.name for one in tmp_path.iterdir()] == [name]
