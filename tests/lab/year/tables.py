"""The published tables that the synthetic trade is fitted to: who takes part, mines and exports.

Not the ledger's registry of participants: that one grows from governance events.
"""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from kpledger.base.errors import MalformedError
from kpledger.base.ids import parse_participant

PUBLISHED: Final = Path(__file__).parents[3] / "config" / "data"
"""Where the published tables are."""

OTHERS: Final = "OTHERS"
"""The row of the production table for all producers that have no row of their own."""

ROWS_MAX: Final = 500
"""More than all countries there are; a longer file is not one of these tables."""

_THOUSANDTHS: Final = 1_000
_CENTS: Final = 100

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Participant:
    """A participant of the scheme."""

    name: str
    listed_since: int | None
    """The year of the oldest list that has it; ``None`` where no list was found."""
    is_producer: bool
    """Whether it has mined diamonds at some time since 2003."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A weight and what it is worth."""

    carat_thousandths: int
    value_usd_cents: int


@dataclass(frozen=True, slots=True)
class Tables:
    """What was published about one year."""

    participants: Mapping[str, Participant]
    production: Mapping[str, Amount]
    """By country of origin, with :data:`OTHERS` at most once."""
    exports_carat_thousandths: Mapping[str, int]
    """By exporter; own production and re-exports together."""


def load_tables(directory: Path = PUBLISHED) -> Tables:
    """Read ``participants.csv``, ``production_2022.csv`` and ``exports_2022.csv``.

    Codes stay text: ``NA`` is Namibia and ``NO`` is Norway.

    Raises:
        MalformedError: a file lacks a column, has a row twice, too long or too short, too many
            rows or none, a number that is not positive, or a country that is not a participant.
        OSError: a file cannot be read.
    """
    participants = _load(directory / "participants.csv", "code", _parse_row_of_participant)
    production = _load(directory / "production_2022.csv", "origin", _parse_row_of_production)
    exports = _load(directory / "exports_2022.csv", "exporter", _parse_row_of_exports)
    known = set(participants)
    for file, strangers in (
        ("production_2022.csv", set(production) - known - {OTHERS}),
        ("exports_2022.csv", set(exports) - known),
    ):
        if strangers:
            raise MalformedError(file, f"not in participants.csv: {', '.join(sorted(strangers))}")
    return Tables(participants, production, exports)


def _parse_row_of_participant(row: Mapping[str, str]) -> Participant:
    parse_participant(row["code"])
    since = row["listed_since"]
    return Participant(row["name"], _parse_positive(since) if since else None, _is_yes(row))


def _is_yes(row: Mapping[str, str]) -> bool:
    if row["producer"] not in {"yes", "no"}:
        raise MalformedError("producer", f"{row['producer']!r} is neither yes nor no")
    return row["producer"] == "yes"


def _parse_row_of_production(row: Mapping[str, str]) -> Amount:
    return Amount(
        _parse_positive(row["carats"]) * _THOUSANDTHS, _parse_positive(row["value_usd"]) * _CENTS
    )


def _parse_row_of_exports(row: Mapping[str, str]) -> int:
    return _parse_positive(row["carats"]) * _THOUSANDTHS


def _parse_positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise MalformedError("number", f"{text!r} is not a positive integer")
    return int(text)


def _load(
    path: Path, key: str, parse: Callable[[Mapping[str, str]], _Value]
) -> Mapping[str, _Value]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        parsed: dict[str, _Value] = {}
        for number, cells in enumerate(rows, start=1):
            field = f"row {number}"
            if number > ROWS_MAX:
                raise MalformedError(path.name, f"more than {ROWS_MAX} rows", field=field)
            try:
                row = dict(zip(header, cells, strict=True))
                code, value = row[key], parse(row)
            except (KeyError, ValueError, MalformedError) as error:
                raise MalformedError(path.name, str(error), field=field) from error
            if code in parsed:
                raise MalformedError(path.name, f"{code} is listed twice", field=field)
            parsed[code] = value
    if not parsed:
        raise MalformedError(path.name, "no rows")
    return parsed
