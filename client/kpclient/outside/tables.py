"""Tables from outside: customs data of UN Comtrade, published summaries, estimates of production.

Each is a CSV file with a line of names, as its source writes it: commas, semicolons or tabs, with
decimal points or commas. What is passed over is counted by why, and a country that nobody knows is
listed.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Final

import msgspec

from kpclient.errors import UsageError
from kpclient.files import read_text_bounded
from kpclient.outside.countries import find_participant, is_total

MAX_TABLE_BYTES: Final = 64 << 20
_CARATS_PER_KG: Final = 5_000
_AMOUNT: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE]\+?[0-9]{1,2})?")
_LARGEST: Final = Decimal(10) ** 15
_SEPARATORS: Final = ",;\t"


class TableKind(StrEnum):
    """What kind of table it is."""

    COMTRADE = "comtrade"
    SUMMARY = "summary"
    ESTIMATE = "estimate"


class Measured(StrEnum):
    """What a figure is of."""

    PRODUCTION = "production"
    IMPORT = "import"
    EXPORT = "export"


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureKey:
    """Of whom, of what and of when a figure is; empty where the table does not tell."""

    year: str
    participant: str
    measured: Measured
    partner: str = ""
    hs: str = ""


@dataclass(slots=True)
class FigureAmounts:
    """How much: None as soon as a part of it is not told."""

    carat_thousandths: int | None = 0
    value_usd_cents: int | None = 0

    def add(self, carats: int | None, value: int | None) -> None:
        """Add to it."""
        self.carat_thousandths = _sum(self.carat_thousandths, carats)
        self.value_usd_cents = _sum(self.value_usd_cents, value)


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second


@dataclass(slots=True)
class OutsideTable:
    """What a table says."""

    figures: dict[FigureKey, FigureAmounts] = field(default_factory=dict)
    noted: Counter[str] = field(default_factory=Counter)
    """What is to be known of rows that were passed over or converted, with their count."""
    months: dict[str, set[str]] = field(default_factory=dict)
    """By year, the months that rows are of; empty for those of the whole year."""
    parts: Counter[tuple[FigureKey, str]] = field(default_factory=Counter)
    """Rows of parts of a flow: of whose and what year's flow, and how the part is called."""
    unknown: dict[str, str] = field(default_factory=dict)
    """Names of countries that nobody knows, and where each stands first."""

    def add(self, key: FigureKey, carats: int | None, value: int | None) -> None:
        """Add to what is said under a key; nought beside an amount is not told."""
        if carats == 0 and value:
            carats = None
        elif value == 0 and carats:
            value = None
        for amount, name, unit in ((carats, "weight", "carats"), (value, "value", "US$")):
            if amount is None:
                why = f"{key.measured} without a {name}, which has no difference in {unit}"
                self.noted[why] += 1
        self.figures.setdefault(key, FigureAmounts()).add(carats, value)

    def note_parts(self) -> None:
        """Note the rows of parts of a flow, and of which of them the table lacks the whole."""
        wholes = {(one.year, one.participant, one.measured) for one in self.figures}
        for (key, part), count in self.parts.items():
            flow = f"{key.measured}s"
            known = (key.year, key.participant, key.measured) in wholes
            why = f", which {flow} contain" if known else f" without the {flow} they are part of"
            self.noted[f"rows of {part}{why}, and so not compared"] += count


def read_outside(file: Path, kind: TableKind, *, year: str, participant: str = "") -> OutsideTable:
    """Read a table, or its rows of a participant; ``year`` is that of rows that name none.

    Raises:
        UsageError: it is no such table: names line and column.
        UnreadableError: it cannot be read, or is larger than :data:`MAX_TABLE_BYTES`.
    """
    text = read_text_bounded(file, max_bytes=MAX_TABLE_BYTES)
    first = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    found = OutsideTable()
    try:
        names = next(reader, [])
        columns = _find_columns(file, kind, names, has_year=bool(year))
        seen: dict[tuple[str, ...], int] = {}
        for cells in reader:
            if not any(map(str.strip, cells)):
                continue
            # A last cell that is empty stands at the end of every line of some sources.
            if len(cells) != len(names) and (len(cells) != len(names) + 1 or cells[-1].strip()):
                problem = f"{file}, line {reader.line_num} has {len(cells)} cells"
                raise UsageError("FILE", problem, f"{len(names)}, as the line of names")
            row = _Row(f"{file}, line {reader.line_num}", cells, columns, separator)
            if participant and find_participant(*row.texts(next(iter(columns)))) != participant:
                continue
            before = seen.setdefault(row.identity(kind), reader.line_num)
            if before != reader.line_num:
                problem = f"{row.place} says again what line {before} says"
                raise UsageError("FILE", problem, "each row once")
            _READERS[kind](row, found, year)
    except csv.Error as error:
        raise UsageError("FILE", f"{file} is not a table: {error}", "a table as CSV") from None
    for of_year, months in found.months.items():
        if "" in months and len(months) > 1:
            problem = f"{file} has rows of the whole of {of_year} and of months in it"
            raise UsageError("FILE", problem, "one of the two")
    found.note_parts()
    if all(one == FigureAmounts(None, None) for one in found.figures.values()):
        said = ", ".join(f"{why}: {count}" for why, count in found.noted.items())
        of = f" of {participant}" if participant else ""
        problem = f"{file} says nothing{of} to compare ({said or 'no rows'})"
        raise UsageError("FILE", problem, f"a table of the kind {kind}, with figures{of}")
    return found


_COLUMNS: Final = msgspec.toml.decode(
    (resources.files(__package__) / "columns.toml").read_bytes(),
    type=dict[TableKind, dict[str, str]],
)
_COLUMNS[TableKind.SUMMARY] |= {
    f"{measured} {amount}?": "|".join(
        f"{stem}{word}{unit}"
        for stem in (measured.value, f"{measured.value}s")
        for word in words.split()
        for unit in ("", "cts", "carats", "ct", "usd", "us")
    )
    for measured in Measured
    for amount, words in (("carats", "carats volume cts carat"), ("value", "value usd us"))
}


def _find_columns(
    file: Path, kind: TableKind, names: Sequence[str], *, has_year: bool
) -> dict[str, list[int]]:
    plain = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in names]
    twice = sorted({name for name in plain if name and plain.count(name) > 1})
    if twice:
        raise UsageError("FILE", f"{file} has these columns twice: {', '.join(twice)}", "one each")
    found = {
        column.removesuffix("?"): [plain.index(name) for name in called.split("|") if name in plain]
        for column, called in _COLUMNS[kind].items()
    }
    missing = [one for one in _COLUMNS[kind] if not one.endswith("?") and not found[one]]
    if kind is not TableKind.COMTRADE:
        missing += [] if found["year"] or has_year else ["year (or --year)"]
        amounts = ("carats", "value")
        if not any(found[one] for one in found if one.endswith(amounts)):
            missing.append("an amount, in carats or US$")
    if missing:
        accepted = "; ".join(
            f"{one.removesuffix('?')}: {called.replace('|', ', ')}"
            for one, called in _COLUMNS[kind].items()
            if one in missing
        )
        problem = f"{file} has no column for {', '.join(missing)}"
        raise UsageError("FILE", problem, accepted or "columns with figures")
    return found


@dataclass(frozen=True, slots=True)
class _Row:
    """A row, and where it stands."""

    place: str
    cells: Sequence[str]
    columns: Mapping[str, Sequence[int]]
    separator: str

    def texts(self, column: str) -> list[str]:
        """Give what stands in the columns that may tell it, the best first."""
        cells = [self.cells[one].strip() for one in self.columns[column] if one < len(self.cells)]
        return [one for one in cells if one]

    def text(self, column: str) -> str:
        """Give the first of them."""
        return next(iter(self.texts(column)), "")

    def identity(self, kind: TableKind) -> tuple[str, ...]:
        """Give what no other row may have: of customs data all, else whom and when it is about."""
        if kind is TableKind.COMTRADE:
            return tuple(self.cells)
        return self.text("origin" if kind is TableKind.ESTIMATE else "participant"), self.text(
            "year"
        )

    def year(self, given: str) -> str:
        """Give the year of the row.

        Raises:
            UsageError: it is none.
        """
        text = self.text("year") or given
        if re.fullmatch("(19|20)[0-9]{2}([0-9]{2}|-[0-9]{2}|[HQ][1-4])?", text) is None:
            raise self._wrong("year", text, "a year, such as 2023")
        return text[:4]

    def amount(self, column: str, units: int) -> int | None:
        """Give an amount in so many parts of its unit, rounded; None where the cell is empty.

        Raises:
            UsageError: it is none.
        """
        text = re.sub(r"[\s\u00a0\u202f']|US\$|\$", "", self.text(column))
        if text in ("", "-", "n/a", "N/A", "NA", "null"):
            return None
        plain = self._plain(column, text)
        if _AMOUNT.fullmatch(plain) is None or abs(Decimal(plain)) > _LARGEST:
            raise self._wrong(column, text, "a number, such as 1234567.8")
        if plain.startswith("-"):
            raise self._wrong(column, text, "a number of 0 or more")
        return int((Decimal(plain) * units).to_integral_value())

    def _plain(self, column: str, text: str) -> str:
        """Leave out what parts thousands, and write a decimal point."""
        by_commas = re.fullmatch(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", text)
        by_points = re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{3})+(,[0-9]+)?", text)
        if self.separator != ";":
            return text.replace(",", "") if by_commas else text
        # Where semicolons part the cells, commas may be decimal: a lone group says neither.
        if (by_commas or by_points) and len(re.findall("[.,]", text)) == 1:
            problem = f"{self.place}, {column}: {text!r} may mean two numbers"
            raise UsageError("FILE", problem, "digits alone, or with decimals: 32345 or 32345,00")
        if by_commas:
            return text.replace(",", "")
        return text.replace(".", "").replace(",", ".") if by_points else text.replace(",", ".")

    def _wrong(self, column: str, text: str, accepted: str) -> UsageError:
        shown = f"{text[:60]!r}" if text else "nothing"
        return UsageError("FILE", f"{self.place}, {column}: {shown}", accepted)


def _find(row: _Row, column: str, found: OutsideTable) -> str | None:
    """Find who trades for the country in a column; one that nobody knows is noted."""
    names = row.texts(column)
    code = find_participant(*names)
    if code is None:
        found.unknown.setdefault(names[-1] if names else "(empty)", f"{row.place}, {column}")
        found.noted["rows of a country that nobody knows"] += 1
    return code


_FLOWS: Final = {
    **dict.fromkeys(("m", "1", "import", "imports"), (Measured.IMPORT, "")),
    **dict.fromkeys(("x", "2", "export", "exports"), (Measured.EXPORT, "")),
    **dict.fromkeys(("rm", "4", "re-import", "re-imports"), (Measured.IMPORT, "re-imports")),
    **dict.fromkeys(("rx", "3", "re-export", "re-exports"), (Measured.EXPORT, "re-exports")),
    **dict.fromkeys(("fm", "foreign import"), (Measured.IMPORT, "foreign imports")),
    **dict.fromkeys(("dx", "domestic export"), (Measured.EXPORT, "domestic exports")),
}
"""What is measured, and which part of it; empty for the whole."""
_HS: Final = ("710210", "710221", "710231")
_PARTS: Final = {"second partner": ("", "0"), "transport": ("", "0"), "procedure": ("", "C00", "0")}
"""What stands in these columns where a row is not one of several parts of another."""


def _read_comtrade(row: _Row, found: OutsideTable, year: str) -> None:
    hs, flow = row.text("hs"), _FLOWS.get(row.text("flow").lower())
    if hs not in _HS:
        found.noted["rows of other goods than 710210, 710221 and 710231"] += 1
    elif flow is None:
        found.noted[f"rows of another flow than imports and exports: {row.text('flow')}"] += 1
    elif any(is_total(one) for one in row.texts("partner")):
        found.noted["sums over all partners"] += 1
    elif any(row.text(column) not in whole for column, whole in _PARTS.items()):
        found.noted["parts of another row, by transport, procedure or second partner"] += 1
    else:
        reporter, partner = _find(row, "reporter", found), _find(row, "partner", found)
        if reporter is None or partner is None:
            return
        if reporter == partner:
            found.noted["rows of trade within one participant"] += 1
            return
        measured, part = flow
        key = FigureKey(year=row.year(year), participant=reporter, measured=measured)
        if part:
            found.parts[key, part] += 1
            return
        found.months.setdefault(row.year(year), set()).add(row.text("month")[4:].lstrip("-"))
        key = replace(key, partner=partner, hs=hs)
        value = row.amount("value", 100)
        found.add(key, _read_weight(row, found, value), value)


_UNITS: Final = {
    **dict.fromkeys(("carat", "carats", "ct", "13", "weight in carats"), 1000),
    **dict.fromkeys(("kg", "8", "weight in kilograms"), 1000 * _CARATS_PER_KG),
}
"""In thousandths of a carat."""
_ESTIMATED: Final = {"qty": "true 1 2 6", "alternative": "true 1", "kg": "true 1 4 6"}
"""Where a weight may stand, the best first, and what says that its source estimated it."""


def _read_weight(row: _Row, found: OutsideTable, value: int | None) -> int | None:
    """Give thousandths of a carat from whatever tells them; nought is told of no value alone."""
    for name, marks in _ESTIMATED.items():
        called = ["kg"] if name == "kg" else row.texts(f"{name} unit")
        unit = next((_UNITS[one.lower()] for one in called if one.lower() in _UNITS), None)
        weight = None if unit is None else row.amount(name, unit)
        if weight or (weight == value == 0):
            if unit != _UNITS["ct"]:
                found.noted["weights in kilograms, taken as 5,000 carats each"] += 1
            if row.text(f"{name} estimated").lower() in marks.split():
                found.noted["weights that their source estimated, and did not measure"] += 1
            return weight
    return None


def _read_summary(row: _Row, found: OutsideTable, year: str) -> None:
    if is_total(row.text("participant")):
        found.noted["sums over all participants"] += 1
        return
    code = _find(row, "participant", found)
    if code is None:
        return
    for measured in Measured:
        columns = f"{measured} carats", f"{measured} value"
        if any(row.columns[one] for one in columns):
            key = FigureKey(year=row.year(year), participant=code, measured=measured)
            found.add(key, row.amount(columns[0], 1000), row.amount(columns[1], 100))


def _read_estimate(row: _Row, found: OutsideTable, year: str) -> None:
    if is_total(row.text("origin")):
        found.noted["sums over all producers"] += 1
    elif code := _find(row, "origin", found):
        key = FigureKey(year=row.year(year), participant=code, measured=Measured.PRODUCTION)
        found.add(key, row.amount("carats", 1000), row.amount("value", 100))


_READERS: Final = {
    TableKind.COMTRADE: _read_comtrade,
    TableKind.SUMMARY: _read_summary,
    TableKind.ESTIMATE: _read_estimate,
}
