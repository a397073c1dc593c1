"""Tables for other programs: CSV for anything, Parquet for larger engines.

In tables of statistics the name of a column says what its values are, so that weights and values
come out as decimals in both formats and never as binary fractions. Text stays text: ``NA`` is
Namibia and ``NO`` is Norway. In CSV, which people open in spreadsheets, text that a spreadsheet
would run as a formula is defused; in Parquet it stands as it is. Of the books every table is
written but ``records``, which holds the state as the rules encode it.
"""

import csv
import io
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import BinaryIO, Final

from kpclient.errors import ClientError
from kpledger.base.text import clean

TableCell = str | int | bool | None


class CellKind(Enum):
    """What the values of a column are."""

    TEXT = "text"
    WHOLE = "whole number"
    CARATS = "thousandths of a carat"
    USD = "US cents"
    TRUTH = "true or false"


_AMOUNTS: Final = {
    "carat_thousandths": "carats",
    "value_usd_cents": "value_usd",
    "usd_cents_per_carat": "usd_per_carat",
}
"""What people call the units of the ledger."""
_FORMULA: Final = re.compile(r"(^|;)(\s*[=+\-@\uff1d\uff0b\uff0d\uff20])")
_ENCODED: Final = "records"
_ROWS_AT_ONCE: Final = 50_000
_IN_HEX: Final = {"BLOB": "lower(hex({}))"}
_AS_TEXT: Final = {"": "CAST({} AS TEXT)"}
"""How values of a declared type are read, where it is not as they are."""
TypedName = tuple[str, str]
"""Name and declared type."""
DECIMALS: Final = {CellKind.CARATS: 3, CellKind.USD: 2}


def kind_of(name: str) -> CellKind:
    """Tell what the values of a column are: the end of its name says so."""
    last = name.rpartition("_")[2]
    if last in {"carats", "usd"} or name.endswith("usd_per_carat"):
        return CellKind.CARATS if last == "carats" else CellKind.USD
    if name == "late":
        return CellKind.TRUTH
    counts = {"issued", "received", "edition", "submitted"}
    return CellKind.WHOLE if last in counts else CellKind.TEXT


@dataclass(frozen=True, slots=True)
class Table:
    """The names of columns, and rows with values for some of them."""

    columns: Sequence[str]
    rows: Sequence[Mapping[str, TableCell]]


def write_name(name: str) -> str:
    """Give what people call a field of the ledger: an amount has the name of their unit."""
    for unit, called in _AMOUNTS.items():
        if name.endswith(unit):
            return name.removesuffix(unit) + called
    return name


def read_name(name: str) -> str:
    """Give the field of the ledger that people call so; the reverse of :func:`write_name`."""
    for unit, called in _AMOUNTS.items():
        if name.endswith(called):
            return name.removesuffix(called) + unit
    return name


def format_value(value: TableCell, kind: CellKind) -> str:
    """Write a value; an empty text where there is none."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return format_decimal(value, DECIMALS.get(kind, 0))
        case str():
            return value


def format_decimal(amount: int, decimals: int) -> str:
    """Write a whole number of small units as a decimal, with its sign."""
    if not decimals:
        return str(amount)
    whole, part = divmod(abs(amount), 10**decimals)
    return f"{'-' if amount < 0 else ''}{whole}.{part:0{decimals}d}"


def format_csv(table: Table) -> str:
    """Write a table as CSV (RFC 4180, lines ended by a line feed), with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.rows:
        cells = ((row.get(name), kind_of(name)) for name in table.columns)
        writer.writerow(
            defuse(value) if isinstance(value, str) else format_value(value, kind)
            for value, kind in cells
        )
    return text.getvalue()


def defuse(cell: str) -> str:
    """Write text for a cell of a spreadsheet, which shows it and does not run it.

    What begins with a sign that a formula can begin with gets an apostrophe before it, which a
    spreadsheet takes for *this is text* (OWASP, CSV Injection); also behind a semicolon, at which
    some of them part cells. What is not printable is replaced.
    """
    return _FORMULA.sub(r"\1'\2", clean(cell))


def write_parquet(table: Table, file: Path | BinaryIO) -> None:
    """Write a table as Parquet; weights and values are decimals.

    Raises:
        ClientError: pyarrow is not installed.
    """
    pa = _load_pyarrow()
    types = {
        CellKind.TEXT: pa.string(),
        CellKind.WHOLE: pa.int64(),
        CellKind.TRUTH: pa.bool_(),
        **{kind: pa.decimal128(38, decimals) for kind, decimals in DECIMALS.items()},
    }
    columns = {}
    for name in table.columns:
        kind = kind_of(name)
        columns[name] = pa.array(
            [_as_decimal(row.get(name), kind) for row in table.rows], types[kind]
        )
    pa.parquet.write_table(pa.table(columns), file)


def _as_decimal(value: TableCell, kind: CellKind) -> TableCell | Decimal:
    if isinstance(value, int) and kind in DECIMALS:
        return Decimal(value).scaleb(-DECIMALS[kind])
    return value


def _load_pyarrow() -> ModuleType:
    """Import the library only where it is used: it costs half a second."""
    try:
        import_module("pyarrow.parquet")
        return import_module("pyarrow")
    except ImportError:
        lacking = "Parquet needs pyarrow: pip install '.[client]' in a clone of the project"
        raise ClientError(lacking) from None


def write_csv_files(books: sqlite3.Connection, directory: Path) -> None:
    """Write each table as a CSV file with a line of names; bytes are hexadecimal, NULL is empty."""
    directory.mkdir(parents=True)
    for table, columns in _tables(books):
        with (directory / f"{table}.csv").open("x", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([name for name, _ in columns])
            for rows in _read(books, table, columns, _IN_HEX):
                writer.writerows(
                    [defuse(cell) if isinstance(cell, str) else cell for cell in row]
                    for row in rows
                )


def write_parquet_files(books: sqlite3.Connection, directory: Path) -> None:
    """Write each table as a Parquet file, with the types of its columns; one without is text.

    Raises:
        ClientError: pyarrow is not installed.
    """
    pa = _load_pyarrow()
    types = {"INTEGER": pa.int64(), "TEXT": pa.string(), "BLOB": pa.binary(), "": pa.string()}
    directory.mkdir(parents=True)
    for table, columns in _tables(books):
        schema = pa.schema([(name, types[kind]) for name, kind in columns])
        with pa.parquet.ParquetWriter(directory / f"{table}.parquet", schema) as writer:
            for rows in _read(books, table, columns, _AS_TEXT):
                values = [list(column) for column in zip(*rows, strict=True)]
                writer.write_table(pa.table(values, schema=schema))


def _tables(books: sqlite3.Connection) -> Iterator[tuple[str, Sequence[TypedName]]]:
    names = books.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    for (table,) in names.fetchall():
        if table != _ENCODED:
            described = books.execute("SELECT name, type FROM pragma_table_info(?)", (table,))
            yield table, described.fetchall()


def _read(
    books: sqlite3.Connection, table: str, columns: Sequence[TypedName], written: Mapping[str, str]
) -> Iterator[list[tuple[object, ...]]]:
    values = ", ".join(written.get(kind, "{}").format(f'"{name}"') for name, kind in columns)
    cursor = books.execute(f'SELECT {values} FROM "{table}"')  # noqa: S608 (names of the schema)
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        yield rows
