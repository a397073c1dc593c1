"""What people and programs see: the one module that prints.

Answers go to stdout, as tables for people or as one JSON object; troubles and progress go to
stderr. Text that comes from the ledger or from a node was written by strangers: all of it is made
harmless here (:mod:`kpledger.base.text`).
"""

import json
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text
from rich.tree import Tree

from kpclient.errors import UsageError
from kpclient.output.layout import lay_out_blocks, lay_out_fields, lay_out_table
from kpclient.output.tables import format_decimal
from kpledger.base.text import clean, clean_lines, escape_json
from kpledger.base.units import format_time
from kpledger.books.query import encode_answer, readable
from kpledger.command import end_on_error, open_console

_DECIMALS: Final = {"ct": 3, "US$": 2}
_INSTANTS: Final = ("_at", "_from", "_until", "time_ms")
"""How the names of Unix milliseconds end."""


Advance = Callable[[int], None]
"""Moves a progress bar on by some steps."""


def print_json(answer: msgspec.Struct | Mapping[str, object]) -> None:
    """Print an answer for programs: one JSON object on one line, bytes as hexadecimal."""
    try:
        text = encode_answer(answer).decode()
    except UnicodeEncodeError:  # names of files may be any bytes
        text = json.dumps(readable(answer), ensure_ascii=False)
        text = re.sub(r"[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)
    print_text(f"{escape_json(text)}\n")


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    spare: Collection[str] = (),
    more: str = "",
) -> None:
    """Print a table, or a block of lines for each row where a terminal is too narrow for it.

    The last line says how many rows there are.

    Args:
        columns: the titles.
        rows: the cells.
        spare: titles of columns that can be done without, if there is no room for them.
        more: how to see further rows, if there are any.
    """
    columns = [clean(title) for title in columns]  # one may be named after a participant
    cells = [[clean(cell) for cell in row] for row in rows]
    width = open_console(sys.stdout).width
    laid_out = lay_out_table(columns, cells, width, spare)
    count = f"{len(cells)} shown; {more}" if more else f"{len(cells)} in all"
    if laid_out is None:
        _write("".join(f"{line}\n" for line in lay_out_blocks(columns, cells, width)))
        print_line(count)
        return
    table, hidden = laid_out
    if hidden:
        count += f" (no room for {', '.join(hidden)}; a wider terminal shows more)"
    _print(table, Text(clean(count)))


def print_rows(
    rows: Iterable[object],
    columns: Mapping[str, str],
    *,
    spare: Collection[str] = (),
    more: str = "",
) -> None:
    """Print a table of fields of rows, by their titles.

    A title that begins with ``ct`` or ``US$`` says the unit; under an empty one a field that is
    true is named. A column may hold several fields, as in ``issuer/authority``.
    """
    print_table(
        list(columns.values()),
        [[_cell(row, names, title) for names, title in columns.items()] for row in rows],
        spare=spare,
        more=more,
    )


def _cell(row: object, names: str, title: str) -> str:
    if not title:
        return names.replace("_", " ") if getattr(row, names) else ""
    unit = title.partition(" ")[0]

    def write(name: re.Match[str]) -> str:
        return write_value(name[0], getattr(row, name[0]), unit=unit)

    return re.sub(r"\w+", write, names).removesuffix(", ")


def write_value(name: str, value: object, *, unit: str = "") -> str:
    """Write the value of a field for people; an amount only where ``ct`` or ``US$`` is the unit.

    The instant 0, or height 0, is that of what the genesis file says.
    """
    match value:
        case None:
            return "-"
        case list() | tuple():
            return ", ".join(write_value(name, one) for one in value)
        case bool():
            return "yes" if value else "no"
        case int() if unit in _DECIMALS:
            return format_decimal(value, _DECIMALS[unit])
        case int() if name.endswith((*_INSTANTS, "height")):
            return _write_beginning(name, value)
    return str(value)


def _write_beginning(name: str, value: int) -> str:
    if value:
        return str(value) if name.endswith("height") else format_time(value)
    # A key without a day of its own is good from when it stands on the ledger.
    return "its record" if name.endswith("valid_from") else "the founding"


def grow_tree(label: str, branches: Iterable[Tree] = ()) -> Tree:
    """Make a tree that has a label and branches."""
    tree = Tree(Text(clean(label)))
    tree.children.extend(branches)
    return tree


def print_tree(tree: Tree) -> None:
    """Print a tree."""
    _print(tree)


def print_fields(fields: Mapping[str, str]) -> None:
    """Print names, their words apart, and values, one on a line."""
    named = ((name.replace("_", " "), value) for name, value in fields.items())
    for line in lay_out_fields(named, _width()):
        print_line(line)


def print_answer(
    answer: msgspec.Struct | Mapping[str, object], fields: Mapping[str, str], *, as_json: bool
) -> None:
    """Print an answer for programs, or names and values for people."""
    if as_json:
        print_json(answer)
    else:
        print_fields(fields)


def print_line(text: str) -> None:
    """Print a line of an answer."""
    _write(clean(text) + "\n")


def print_text(text: str) -> None:
    """Print an answer for programs that has lines of its own."""
    _write(clean_lines(text))


def print_bytes(content: bytes) -> None:
    """Print an answer for programs that is no text; on a terminal it is a UsageError."""
    if sys.stdout.isatty():
        raise UsageError("--out", "this is not for a terminal", "--out FILE, or a pipe behind it")
    _write(content)


def warn_of_suspect(subject: str) -> None:
    """Say to whoever states something that what it rests on may be a thief's."""
    print_trouble(
        f"warning: a key that was stolen has signed on {subject}; kpledger show tells more"
    )


def print_trouble(text: str) -> None:
    """Print a line about something that went wrong or needs care, on stderr."""
    sys.stderr.write(clean(text) + "\n")


@contextmanager
def show_progress(what: str, total: int | None) -> Iterator[Advance]:
    """Show a progress bar on stderr, on a terminal only; the total may be unknown."""
    console = open_console(sys.stderr)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        yield partial(progress.advance, progress.add_task(what, total=total))


def _print(*parts: RenderableType) -> None:
    console = open_console(sys.stdout)
    # The console would end the program by itself if nobody read what it prints.
    with console.capture() as printed:
        for part in parts:
            console.print(part)
    _write(printed.get())


def _write(text: str | bytes) -> None:
    """Print to somebody who may stop reading, as in ``| head``: then there is nothing to say."""
    try:
        if isinstance(text, bytes):
            sys.stdout.buffer.write(text)
        else:
            sys.stdout.write(text)
        # Now and not when the interpreter ends, where nobody could see it fail.
        sys.stdout.flush()
    except OSError as error:
        end_on_error(error, "standard output: ")


def _width() -> int | None:
    """Give how wide the terminal is; None where there is none."""
    console = open_console(sys.stdout)
    return console.width if console.is_terminal else None
