"""Countries as tables from outside call them: codes of two and three letters, numbers, names."""

import csv
import functools
import re
import unicodedata
from importlib import resources
from typing import Final

from kpledger.scheme.v1.territories import TERRITORIES

_WORDS: Final = re.compile(r"[^a-z0-9]+")
_ABBREVIATIONS: Final = {"dem": "democratic", "rep": "republic", "st": "saint", "isds": "islands"}
_LEFT_OUT: Final = frozenset({"and", "of", "the", "people", "peoples", "s", "plurinational"})
_OTHER_NAMES: Final = {
    "bolivarian republic venezuela": "VE",
    "bolivia state": "BO",
    "brunei darussalam": "BN",
    "burma": "MM",
    "china hong kong sar": "HK",
    "china macao sar": "MO",
    "chinese taipei": "TW",
    "congo": "CG",
    "congo brazzaville": "CG",
    "congo democratic republic": "CD",
    "congo kinshasa": "CD",
    "cote d ivoire": "CI",
    "czech republic": "CZ",
    "democratic republic congo": "CD",
    "drc": "CD",
    "eu": "EU",
    "eu 27": "EU",
    "eu27": "EU",
    "eur": "EU",
    "european union": "EU",
    "ivory coast": "CI",
    "korea republic": "KR",
    "lao democratic republic": "LA",
    "lao pdr": "LA",
    "macedonia": "MK",
    "other asia nes": "TW",
    "republic congo": "CG",
    "republic korea": "KR",
    "republic moldova": "MD",
    "russian federation": "RU",
    "swaziland": "SZ",
    "turkiye": "TR",
    "uae": "AE",
    "uk": "GB",
    "united republic tanzania": "TZ",
    "united states america": "US",
    "usa": "US",
    "viet nam": "VN",
}
"""Names that the table has not, in the form of :func:`_normalise`."""
# UN Comtrade counts some customs territories under numbers of its own.
_OTHER_NUMBERS: Final = {
    "97": "EU", "251": "FR", "490": "TW", "579": "NO", "699": "IN", "757": "CH", "842": "US"
}  # fmt: skip
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
    if name.isdigit():
        return _OTHER_NUMBERS.get(name.lstrip("0")) or _codes().get(name.zfill(3))
    known = _codes().get(name.upper()) if name.isascii() else None
    return known or _OTHER_NAMES.get(_normalise(name)) or _names().get(_normalise(name))


def _normalise(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.strip().lower())
    words = _WORDS.split("".join(one for one in plain if not unicodedata.combining(one)))
    kept = (_ABBREVIATIONS.get(one, one) for one in words if one and one not in _LEFT_OUT)
    return " ".join(kept)


@functools.cache
def _codes() -> dict[str, str]:
    codes = {"EU": "EU"}
    for row in _read():
        codes |= {row[name]: row["code"] for name in ("code", "alpha3", "numeric") if row[name]}
    return codes


@functools.cache
def _names() -> dict[str, str]:
    return {_normalise(row["name"]): row["code"] for row in _read()}


def _read() -> list[dict[str, str]]:
    text = resources.files(__package__).joinpath("countries.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
