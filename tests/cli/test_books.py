"""``kpledger books`` of a running network: its chain is read, verified and written down."""

import sqlite3
from contextlib import closing
from pathlib import Path

from office import Ledger


def test_books_hold_what_the_network_has_recorded(ledger: Ledger, tmp_path: Path) -> None:
    number = ledger.issue()
    out = tmp_path / "books.sqlite"
    told = ledger.ask("books", "-o", str(out))
    with closing(sqlite3.connect(out)) as books:
        meta = dict(books.execute("SELECT key, value FROM meta"))
        found = books.execute("SELECT state FROM certificates WHERE number = ?", (number,))
        assert found.fetchall() == [("VALIDATED",)]
    assert (told["height"], told["head"]) == (meta["height"], meta["head"])
