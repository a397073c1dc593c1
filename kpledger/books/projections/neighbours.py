"""Neighbours: participants with a land border to a country that mines diamonds.

A frozen table, since an index may not change with a library's version. It lists countries of
alluvial mining, where stones cross borders on foot; large industrial producers are left out.
"""

from typing import Final

NEIGHBOURS: Final[dict[str, tuple[str, ...]]] = {
    "AO": ("CD", "CG", "NA"),
    "BR": ("GY", "VE"),
    "CD": ("AO", "CF", "CG", "TZ"),
    "CF": ("CD", "CG", "CM"),
    "CG": ("AO", "CD", "CF", "CM", "GA"),
    "CI": ("GH", "GN", "LR", "ML"),
    "CM": ("CF", "CG", "GA"),
    "GH": ("CI", "TG"),
    "GN": ("CI", "LR", "ML", "SL"),
    "GY": ("BR", "VE"),
    "LR": ("CI", "GN", "SL"),
    "ML": ("CI", "GN"),
    "MZ": ("SZ", "TZ", "ZA", "ZW"),
    "SL": ("GN", "LR"),
    "TG": ("GH",),
    "TZ": ("CD", "MZ"),
    "VE": ("BR", "GY"),
    "ZW": ("BW", "MZ", "ZA"),
}
"""Country of origin, and the participants beside it."""
