"""Documents: JSON, TOML and tables (CSV) as people write them.

Decimals are kept as text on their way, so that 0.1 carat is 0.1 carat. What the values mean is read
in :mod:`kpclient.input.forms`. A table has a line of names, as spreadsheets write it: the fields of
the Struct that a row becomes, by the names that people give them, such as ``carats``.
"""

import csv
import io
import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import inspect

from kpclient.errors import UsageError
from kpclient.files import read_text_bounded
from kpclient.input.forms import read_struct
from kpclient.input.wording import parts_of
from kpclient.output.tables import write_name
from kpledger.base.errors import MalformedError
from kpledger.reading import explain_toml

S = TypeVar("S", bound=msgspec.Struct)

MAX_DOCUMENT_BYTES: Final = 1024 * 1024
_WHOLE: Final = re.compile(r"[0-9]{1,18}")


def load_document(path: Path) -> dict[str, object]:
    """Read a file: TOML if its name ends so, otherwise JSON.

    Raises:
        MalformedError: it is neither.
        UnreadableError: it cannot be read.
    """
    content = read_text_bounded(path, max_bytes=MAX_DOCUMENT_BYTES).encode()
    with naming(path):
        return parse_toml(content) if path.suffix == ".toml" else parse_json(content)


@contextmanager
def naming(file: Path | None) -> Iterator[None]:
    """Name the file, if any, that something was written in which cannot be understood.

    Raises:
        MalformedError: it cannot.
    """
    try:
        yield
    except MalformedError as error:
        if file is None:
            raise
        raise MalformedError(str(file), error.problem, field=error.field) from None


def parse_toml(content: bytes) -> dict[str, object]:
    """Read a document written in TOML; its dates may be TOML's own.

    Raises:
        MalformedError: it is not TOML.
    """
    try:
        found = tomllib.loads(content.decode(), parse_float=lambda text: text.replace("_", ""))
        _check_values(found)
    except (ValueError, RecursionError) as error:
        raise MalformedError("draft", _explain(error)) from None
    return found


def parse_json(content: bytes, *, what: str = "draft") -> dict[str, object]:
    """Read a document written in JSON.

    Raises:
        MalformedError: it is not JSON, not an object, or has a name twice.
    """
    try:
        found = json.loads(content, parse_float=str, object_pairs_hook=_unique)
        _check_values(found)
    except (ValueError, RecursionError) as error:
        raise MalformedError(what, _explain(error)) from None
    if not isinstance(found, dict):
        raise MalformedError(what, "it is not a JSON object")
    return found


def _check_values(found: object) -> None:
    """See that all of it can be written again: halves of characters and endless integers cannot."""
    json.dumps(found, ensure_ascii=False, default=str).encode()


def _explain(error: ValueError | RecursionError) -> str:
    match error:
        case UnicodeEncodeError():
            return "it holds half of a surrogate pair, which is no character"
        case json.JSONDecodeError() | tomllib.TOMLDecodeError() | UnicodeDecodeError():
            return explain_toml(error)
        case RecursionError():
            return "it is nested too deeply"
    return "it holds an integer of too many digits"


def _unique(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise MalformedError("draft", "this name is given twice", field=name)
        found[name] = value
    return found


def read_table(file: Path, kind: type[S]) -> list[S]:
    """Read a table whose rows are of one kind.

    Raises:
        UsageError: it is no table, a column is missing, or there are others; or a row is not of the
            kind.
        UnreadableError: the file cannot be read.
    """
    try:
        return _read_rows(file, kind)
    except csv.Error as error:
        accepted = f"a table with at most {csv.field_size_limit()} characters in a field"
        raise UsageError("--file", f"{file} is not a table: {error}", accepted) from None


def _read_rows(file: Path, kind: type[S]) -> list[S]:
    types = {write_name(one.name): one.type for one in parts_of(kind)}
    columns = ", ".join(types)
    text = read_text_bounded(file, max_bytes=MAX_DOCUMENT_BYTES)
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
