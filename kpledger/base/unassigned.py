"""Unassigned code points, frozen: text on the ledger holds none of them.

Unicode keeps the normal form of assigned characters for ever, and of no others: with an interpreter
that knows more of them, the same text could be normal or not. ``unassigned.txt`` is generated from
the tables of Unicode 14 by scripts/unicode_table.py.
"""

import re
from importlib.resources import files
from typing import Final

_RANGES: Final = files("kpledger.base").joinpath("unassigned.txt").read_text(encoding="ascii")
_ENDS: Final = [one.split("-") for one in _RANGES.split()]

UNASSIGNED: Final = re.compile(
    "[" + "".join(f"{chr(int(first, 16))}-{chr(int(last, 16))}" for first, last in _ENDS) + "]"
)
"""Finds the first of them in a text."""
