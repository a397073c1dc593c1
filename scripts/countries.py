"""Writes what the program knows of countries, from babel.

kpledger/scheme/v1/countries.txt holds those that diamonds can come from: a rule may not change with
a library's version, so what the library knows is frozen into a table. Run after babel was brought
up to date and a new version of the rules is made. client/kpclient/outside/countries.csv holds how
tables from outside call countries. With ``--check`` both are compared instead, and it fails where
one is not what the library says.
"""

from pathlib import Path
from typing import Final

from babel.core import Locale, get_global
from generated import deliver

NAMES: Final = Path(__file__).parents[1] / "client" / "kpclient" / "outside" / "countries.csv"
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


def write_names() -> str:
    """Give codes of two and three letters, numbers of ISO 3166-1, and names in English."""
    names = Locale("en").territories
    further: dict[str, dict[str, str]] = {}
    for alias, codes in get_global("territory_aliases").items():
        kind = "numeric" if alias.isdigit() else "alpha3"
        if len(codes) == 1 and len(alias) == len("BWA"):
            further.setdefault(codes[0], {}).setdefault(kind, alias)
    lines = ["code,alpha3,numeric,name"]
    for code in list_countries():
        if code in names:
            known = further.get(code, {})
            name = f'"{names[code]}"' if "," in names[code] else names[code]
            lines.append(f"{code},{known.get('alpha3', '')},{known.get('numeric', '')},{name}")
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    raise SystemExit(
        deliver(TABLE, write_table(), command="scripts/countries.py")
        or deliver(NAMES, write_names(), command="scripts/countries.py")
    )
