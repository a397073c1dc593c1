"""Writes kpledger/scheme/v1/countries.txt: the countries that diamonds can come from, from babel.

A rule may not change with a library's version, so what the library knows is frozen into a table.
Run after babel was brought up to date and a new version of the rules is made; with ``--check`` it
compares instead, and fails where the table is not what the library says.
"""

from pathlib import Path
from typing import Final

from babel.core import Locale, get_global
from generated import deliver

TABLE: Final = Path(__file__).parents[1] / "kpledger" / "scheme" / "v1" / "countries.txt"

NO_COUNTRIES: Final = {
    *("AC", "CP", "CQ", "DG", "EA", "IC", "TA"),  # reserved for parts of countries
    *("EU", "EZ", "UN"),  # reserved for organisations
    *("QO", "QU", "XA", "XB", "XK", "ZZ"),  # of private use
    *("FX", "UK"),  # reserved for what has another code
}
"""Two letters that the library knows and that name no country in ISO 3166-1."""

_PER_LINE: Final = 24


def list_countries() -> list[str]:
    """Give the codes in force and those withdrawn, in order."""
    known = {*Locale("en").territories, *get_global("territory_aliases")}
    codes = {code for code in known if len(code) == len("TW") and code.isalpha()}
    return sorted(codes - NO_COUNTRIES)


def write_table() -> str:
    """Give the table."""
    codes = list_countries()
    rows = (codes[n : n + _PER_LINE] for n in range(0, len(codes), _PER_LINE))
    return "".join(f"{' '.join(row)}\n" for row in rows)


if __name__ == "__main__":
    raise SystemExit(deliver(TABLE, write_table(), command="scripts/countries.py"))
