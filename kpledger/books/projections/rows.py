"""Rows: gathered while events are taken in, and written at the end of a transaction."""

import functools
import sqlite3
from collections import defaultdict
from typing import Final

from kpledger.base.units import MAX_AMOUNT, bound_amount

_BOUNDED: Final = f"{{0}} = max(-{MAX_AMOUNT}, min({MAX_AMOUNT}, {{0}} + excluded.{{0}}))"

SqlValue = str | int | bytes | None
SqlRow = tuple[SqlValue, ...]


class Rows:
    """The rows of a transaction, by the statement that each is written with.

    Attributes:
        connection: to read what earlier transactions have written.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._gathered: dict[str, list[SqlRow]] = {}

    def of(self, statement: str) -> list[SqlRow]:
        """Give the list of what a statement is executed with, to be added to.

        ``INSERT INTO trade`` means all columns of the table. Statements are executed in the order
        in which they were first named.
        """
        return self._gathered.setdefault(statement, [])

    def write(self) -> None:
        """Write them all."""
        for statement, rows in self._gathered.items():
            if rows:
                self.connection.executemany(_with_values(statement, len(rows[0])), rows)
                rows.clear()


class SumTable:
    """A table of sums under a key of some words: what a transaction adds to them."""

    def __init__(self, rows: Rows, name: str, columns: int) -> None:
        """Add to a table whose last so many columns are sums."""
        self._rows, self._name = rows, name
        self._added: defaultdict[tuple[str, ...], list[int]] = defaultdict(lambda: [0] * columns)

    def change(self, key: tuple[str, ...]) -> list[int]:
        """Give what is added to the sums under a key, to be changed in place."""
        return self._added[key]

    def flush(self) -> None:
        """Give what was added to be written."""
        rows = self._rows.of(self._add)
        rows += [(*key, *map(bound_amount, sums)) for key, sums in sorted(self._added.items())]
        self._added.clear()

    @functools.cached_property
    def _add(self) -> str:
        found = self._rows.connection.execute(
            "SELECT name, pk FROM pragma_table_info(?)", (self._name,)
        ).fetchall()
        sums = ", ".join(_BOUNDED.format(name) for name, is_key in found if not is_key)
        marks = ", ".join("?" * len(found))
        return f"INSERT INTO {self._name} VALUES ({marks}) ON CONFLICT DO UPDATE SET {sums}"


@functools.cache
def _with_values(statement: str, columns: int) -> str:
    return statement if "?" in statement else f"{statement} VALUES ({', '.join('?' * columns)})"
