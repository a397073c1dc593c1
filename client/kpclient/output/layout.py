"""How rows and fields are laid out in a width: no word is ever broken.

Numbers and ids are looked at digit by digit and copied. So a column is never narrower than its
longest word; where not all columns fit, those that can be done without are left out, and where that
is not enough each row becomes a block of lines.
"""

import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

_GAPS: Final = {1: 3, 0: 1}
"""What a column takes besides its text, by its padding: a blank between it and the next."""
_EDGE: Final = 1
_BETWEEN: Final = 2
"""Blanks between a name and its value."""


def lay_out_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, spare: Collection[str] = ()
) -> tuple[Table, list[str]] | None:
    """Make a table of that width; gives it and the titles that were left out, or None if it fails.

    Columns are left out if they are spare and there is no room for them, the last one first.
    """
    wanted = [max(map(cell_len, texts)) for texts in _by_column(columns, rows)]
    least = [
        max(cell_len(word) for text in texts for word in (*text.split(), ""))
        for texts in _by_column(columns, rows)
    ]
    shown = list(range(len(columns)))
    dispensable = [place for place in shown if columns[place] in spare]
    while True:
        for padding, gap in _GAPS.items():
            room = width - _EDGE - gap * len(shown)
            # Titles and sentences are folded at blanks only where nothing else helps.
            if sum(least[place] for place in shown) <= room:
                widths = _share(room, [wanted[n] for n in shown], [least[n] for n in shown])
                table = _build(columns, rows, dict(zip(shown, widths, strict=True)), padding)
                hidden = [one for place, one in enumerate(columns) if place not in shown]
                return table, hidden
        if not dispensable:
            return None
        shown.remove(dispensable.pop())


def lay_out_blocks(
    columns: Sequence[str], rows: Iterable[Sequence[str]], width: int
) -> Iterator[str]:
    """Give the lines of a block for each row, and empty ones around them."""
    yield ""
    for row in rows:
        filled = [(name, cell) for name, cell in zip(columns, row, strict=True) if cell]
        yield from lay_out_fields(filled, width)
        yield ""


def lay_out_fields(fields: Iterable[tuple[str, str]], width: int | None) -> Iterator[str]:
    """Give the lines of names and values; a value that has no room goes below its name.

    Without a width each has a line, however long.
    """
    named = list(fields)
    longest = max((len(name) for name, _ in named), default=0)
    for name, value in named:
        line = f"{name:<{longest + _BETWEEN}}{value}".rstrip()
        if width is None or cell_len(line) <= width:
            yield line
            continue
        room = width - longest - _BETWEEN
        start = f"{name:<{longest + _BETWEEN}}"
        if max(map(cell_len, value.split())) > room:
            yield name
            start, room = " " * _BETWEEN, width - _BETWEEN
        for part in textwrap.wrap(value, room, break_long_words=False, break_on_hyphens=False):
            yield start + part
            start = " " * len(start)


def _by_column(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Sequence[str]]:
    return zip(columns, *rows, strict=True)


def _share(room: int, wanted: Sequence[int], least: Sequence[int]) -> list[int]:
    """Narrow the widest columns until all fit."""
    widths = list(wanted)
    while sum(widths) > room:
        narrowable = [place for place, one in enumerate(widths) if one > least[place]]
        widths[max(narrowable, key=widths.__getitem__)] -= 1
    return widths


def _build(
    columns: Sequence[str], rows: Iterable[Sequence[str]], widths: dict[int, int], padding: int
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, padding))
    for place, width in widths.items():
        table.add_column(Text(columns[place]), width=width, overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[place]) for place in widths))
    return table
