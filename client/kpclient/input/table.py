"""Tables: the rows of a CSV file with a line of names, as spreadsheets write it.

The columns are the fields of the Struct that a row becomes, by the names that people give them:
weights in ``carats``, values in ``value_usd``.
"""

import csv
import io
import re
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import inspect

from kpclient.errors import UsageError
from kpclient.files import read_bounded
from kpclient.input.forms import read_struct
from kpclient.input.wording import parts_of
from kpclient.output.tables import write_name
from kpledger.base.errors import MalformedError

S = TypeVar("S", bound=msgspec.Struct)

MAX_TABLE_BYTES: Final = 1024 * 1024
_WHOLE: Final = re.compile(r"[0-9]{1,18}")


def read_table(file: Path, kind: type[S]) -> list[S]:
    """Read a table whose rows are of one kind.

    Raises:
        UsageError: a column is missing, or there are others; or a row is not of the kind.
        UnreadableError: the file cannot be read.
    """
    types = {write_name(one.name): one.type for one in parts_of(kind)}
    columns = ", ".join(types)
    text = read_bounded(file, max_bytes=MAX_TABLE_BYTES).decode("utf-8-sig", "replace")
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="")
    if sorted(reader.fieldnames or ()) != sorted(types):
        found = ", ".join(reader.fieldnames or ())
        raise UsageError("--file", f"its columns are {found or 'none'}", columns)
    rows: list[S] = []
    for row in reader:
        at = f"line {reader.line_num}"
        if None in row:
            raise UsageError("--file", f"{at} has too many values", columns)
        plain = {name: _read_cell(value.strip(), types[name]) for name, value in row.items()}
        try:
            rows.append(read_struct(kind, plain))
        except MalformedError as error:
            raise UsageError("--file", f"{at}, {error.field}: {error.problem}", columns) from None
    return rows


def _read_cell(text: str, kind: inspect.Type) -> object:
    """Give a choice whatever its case, and a whole number as such; the rest is read as a form."""
    match kind:
        case inspect.EnumType():
            return text.upper()
        case inspect.IntType() if _WHOLE.fullmatch(text):
            return int(text)
    return text
