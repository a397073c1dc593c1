"""Tables for other programs: one layout, as CSV and as Parquet.

A column says what its values are, so that weights and values come out as decimals in both formats
and never as binary fractions. Text stays text: ``NA`` is Namibia and ``NO`` is Norway.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Final

from kpclient.errors import ClientError

TableCell = str | int | bool | None


class CellKind(Enum):
    """What the values of a column are."""

    TEXT = "text"
    WHOLE = "whole number"
    CARATS = "thousandths of a carat"
    USD = "US cents"
    TRUTH = "true or false"


DECIMALS: Final = {CellKind.CARATS: 3, CellKind.USD: 2}


@dataclass(frozen=True, slots=True)
class Column:
    """A column."""

    name: str
    kind: CellKind


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, and rows with a value for each of them; None: there is none."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[TableCell]]


class NoParquetError(ClientError):
    """Parquet was asked for, and the library that writes it is not installed."""

    def __init__(self) -> None:
        """Say what to install."""
        super().__init__("Parquet needs pyarrow: pip install 'kpledger[client]'")


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
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        cells = zip(row, table.columns, strict=True)
        writer.writerow([format_value(value, column.kind) for value, column in cells])
    return text.getvalue()


def write_parquet(table: Table, path: Path) -> None:
    """Write a table as Parquet; weights and values are decimals.

    Raises:
        NoParquetError: pyarrow is not installed.
    """
    try:
        # Half a second that only this format should cost.
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError:
        raise NoParquetError from None
    types = {
        CellKind.TEXT: pa.string(),
        CellKind.WHOLE: pa.int64(),
        CellKind.TRUTH: pa.bool_(),
        **{kind: pa.decimal128(38, decimals) for kind, decimals in DECIMALS.items()},
    }
    arrays = [
        pa.array([_as_decimal(row[place], column.kind) for row in table.rows], types[column.kind])
        for place, column in enumerate(table.columns)
    ]
    pq.write_table(pa.table(arrays, names=[column.name for column in table.columns]), path)


def _as_decimal(value: TableCell, kind: CellKind) -> TableCell | Decimal:
    if isinstance(value, int) and kind in DECIMALS:
        return Decimal(value).scaleb(-DECIMALS[kind])
    return value
