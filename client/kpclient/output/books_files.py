"""The tables of the books as files: CSV for anything, Parquet for larger engines.

Every table is written but ``records``, which holds the state as the rules encode it.
"""

import csv
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

_ENCODED: Final = "records"
_ROWS_AT_ONCE: Final = 50_000
_TYPES: Final = {"INTEGER": pa.int64(), "TEXT": pa.string(), "BLOB": pa.binary()}

TypedName = tuple[str, str]
"""Name and declared type."""


def write_csv_files(books: sqlite3.Connection, directory: Path) -> None:
    """Write each table as a CSV file with a line of names; bytes are hexadecimal, NULL is empty."""
    directory.mkdir(parents=True)
    for table, columns in _tables(books):
        with (directory / f"{table}.csv").open("x", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([name for name, _ in columns])
            for rows in _read(books, table):
                writer.writerows(map(_plain, rows))


def write_parquet_files(books: sqlite3.Connection, directory: Path) -> None:
    """Write each table as a Parquet file, with the types of its columns."""
    directory.mkdir(parents=True)
    for table, columns in _tables(books):
        schema = pa.schema([(name, _TYPES.get(kind, pa.string())) for name, kind in columns])
        with pq.ParquetWriter(directory / f"{table}.parquet", schema) as writer:
            for rows in _read(books, table):
                values = [
                    # A column without a type is read as text.
                    [None if one is None else str(one) for one in column]
                    if kind not in _TYPES
                    else column
                    for column, (_, kind) in zip(zip(*rows, strict=True), columns, strict=True)
                ]
                writer.write_table(
                    pa.Table.from_arrays(
                        [
                            pa.array(one, type=field.type)
                            for one, field in zip(values, schema, strict=True)
                        ],
                        schema=schema,
                    )
                )


def _tables(books: sqlite3.Connection) -> Iterator[tuple[str, Sequence[TypedName]]]:
    names = books.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    for (table,) in names.fetchall():
        if table != _ENCODED:
            described = books.execute("SELECT name, type FROM pragma_table_info(?)", (table,))
            yield table, described.fetchall()


def _read(books: sqlite3.Connection, table: str) -> Iterator[list[tuple[object, ...]]]:
    cursor = books.execute(f'SELECT * FROM "{table}"')  # noqa: S608 (a name out of the schema)
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        yield rows


def _plain(row: Sequence[object]) -> list[object]:
    return [one.hex() if isinstance(one, bytes) else one for one in row]
