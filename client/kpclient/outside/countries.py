"""Countries as tables from outside call them: codes of two and three letters, numbers, names."""

import csv
import functools
import re
import unicodedata
from collections.abc import Iterator
from importlib import resources
from typing import Final

from kpledger.scheme.v1.territories import TERRITORIES

_WORDS: Final = re.compile(r"[^a-z0-9]+")
_ABBREVIATIONS: Final = {"dem": "democratic", "rep": "republic", "st": "saint", "isds": "islands"}
_LEFT_OUT: Final = frozenset({"and", "of", "the", "people", "peoples", "s", "plurinational"})
WORLD: Final = frozenset({"0", "000", "w00", "wld", "world", "total", "global", "all"})
"""How tables call the sum over all partners."""


def is_total(text: str) -> bool:
    """Tell whether a cell that names a country stands for the sum over all."""
    words = _normalise(text)
    return words in WORLD or words.startswith(("total ", "global ", "grand total"))


def find_participant(*names: str) -> str | None:
    """Give the code of whoever trades for a country, by the first name that is known; or None.

    It need not be a participant of the scheme.
    """
    for name in names:
        code = _find_code(name.strip())
        if code is not None:
            return TERRITORIES.get(code, code)
    return None


def _find_code(name: str) -> str | None:
    code = name.lstrip("0").zfill(3) if name.isdigit() else name.upper()
    # Capitals of other letters may be plain ones, which would be another name.
    known = _codes().get(code) if name.isascii() else None
    return known or _names().get(_normalise(name))


def _normalise(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.strip().lower())
    words = _WORDS.split("".join(one for one in plain if not unicodedata.combining(one)))
    kept = (_ABBREVIATIONS.get(one, one) for one in words if one and one not in _LEFT_OUT)
    return " ".join(kept)


@functools.cache
def _codes() -> dict[str, str]:
    codes: dict[str, str] = {}
    for row in _read():
        codes |= {row[name]: row["code"] for name in ("code", "alpha3", "numeric") if row[name]}
    return codes


@functools.cache
def _names() -> dict[str, str]:
    return {_normalise(row["name"]): row["code"] for row in _read()}


def _read() -> Iterator[dict[str, str]]:
    """Give what the library babel knows, and what else tables write; its numbers are Comtrade's."""
    for name in ("countries.csv", "other_names.csv"):
        text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
        yield from csv.DictReader(text.splitlines())
