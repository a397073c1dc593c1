"""Writes kpledger/base/unassigned.txt: the code points that Unicode 14 assigns to no character.

Whether text is normal may not change with the interpreter, and Unicode promises that only for
characters it has assigned. So text on the ledger is made of those of one version, frozen here. Run
it with Python 3.11, which has the tables of Unicode 14; with ``--check`` it compares instead.
"""

import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from generated import deliver

TABLE: Final = Path(__file__).parents[1] / "kpledger" / "base" / "unassigned.txt"
UNICODE: Final = "14.0.0"

_PER_LINE: Final = 7


def find_ranges() -> Iterator[str]:
    """Give the runs of unassigned code points, six hexadecimal digits each end."""
    first: int | None = None
    for point in range(sys.maxunicode + 2):
        free = point <= sys.maxunicode and unicodedata.category(chr(point)) == "Cn"
        if free and first is None:
            first = point
        elif not free and first is not None:
            yield f"{first:06x}-{point - 1:06x}"
            first = None


def write_table() -> str:
    """Give the table, a few ranges a line."""
    ranges = list(find_ranges())
    rows = (ranges[n : n + _PER_LINE] for n in range(0, len(ranges), _PER_LINE))
    return "".join(f"{' '.join(row)}\n" for row in rows)


def main() -> int:
    """Write the table, or compare it."""
    if unicodedata.unidata_version != UNICODE:
        sys.stderr.write(f"this Python has Unicode {unicodedata.unidata_version}, not {UNICODE}\n")
        return 2
    return deliver(TABLE, write_table(), command="scripts/unicode_table.py")


if __name__ == "__main__":
    raise SystemExit(main())
