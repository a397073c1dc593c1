"""Rows: gathered while events are taken in, and written at the end of a transaction."""

import functools
import sqlite3

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


@functools.cache
def _with_values(statement: str, columns: int) -> str:
    return statement if "?" in statement else f"{statement} VALUES ({', '.join('?' * columns)})"
