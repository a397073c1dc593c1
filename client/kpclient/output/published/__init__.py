"""What was published about a year of the trade, as far as this package has it.

Public aggregates, to compare a ledger's summary with; no rule reads them. Where the figures come
from, and how they are rounded, is told in ``config/data/README.md``.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

OTHERS: Final = "OTHERS"
"""The row of the production table for all producers that have no row of their own."""

_THOUSANDTHS: Final = 1_000
_CENTS: Final = 100


@dataclass(frozen=True, slots=True)
class Production:
    """What a country mined in the year."""

    carat_thousandths: int
    value_usd_cents: int


@dataclass(frozen=True, slots=True)
class Published:
    """The tables of one year."""

    production: Mapping[str, Production]
    """By country, with :data:`OTHERS`."""
    exports_carat_thousandths: Mapping[str, int]
    """By exporter; not of all."""


def load_published(year: str) -> Published | None:
    """Give what was published about a year; None if the package has nothing."""
    folder = resources.files(__name__)
    if not (folder / f"production_{year}.csv").is_file():
        return None
    production = {
        row["origin"]: Production(int(row["carats"]) * _THOUSANDTHS, int(row["value_usd"]) * _CENTS)
        for row in _read(folder / f"production_{year}.csv")
    }
    exports = {
        row["exporter"]: int(row["carats"]) * _THOUSANDTHS
        for row in _read(folder / f"exports_{year}.csv")
    }
    return Published(production, exports)


def _read(table: Traversable) -> Iterator[dict[str, str]]:
    return csv.DictReader(table.read_text(encoding="utf-8").splitlines())
