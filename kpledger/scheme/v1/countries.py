"""Countries, frozen: what ISO 3166-1 calls or once called a country, by its two letters.

``countries.txt`` is generated from babel by scripts/countries.py. Codes that ISO withdrew (ZR, YU,
SU, ...) stay: stones were mined under them. EU is no country of origin; TW is.
"""

from importlib.resources import files
from typing import Final

_CODES: Final = files("kpledger.scheme.v1").joinpath("countries.txt").read_text(encoding="ascii")

COUNTRIES: Final = frozenset(_CODES.split())
"""Every code."""
