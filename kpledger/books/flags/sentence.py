"""Sentences: what a finding says, as a template over the columns of its statement.

``{days}`` is what a column holds. ``{found:carats}`` and ``{worth:usd}`` write thousandths of a
carat and US cents as people do, ``{gap:percent}`` millionths, ``{rise:change}`` the same with a
sign, ``{z:tenths}`` tenths. Any other word counts: ``{days:working day}`` is ``1 working day`` or
``3 working days``. What stands in brackets is left out where a column in it is NULL.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Final

from kpledger.base.units import format_carats, format_usd

Value = int | str | None
"""What a column holds."""

_OPTIONAL: Final = re.compile(r"\[([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class _Column:
    value: Value

    def __format__(self, form: str) -> str:
        if not (form and isinstance(self.value, int)):
            return str(self.value)
        return _FORMS[form](self.value) if form in _FORMS else count_of(self.value, form)


def _format_percent(ppm: int) -> str:
    """Write millionths as percent, with two decimals."""
    return f"{ppm // 10_000}.{ppm % 10_000 // 100:02d} %"


def _format_change(ppm: int) -> str:
    return f"{'+' if ppm > 0 else '-'}{_format_percent(abs(ppm))}"


def _format_tenths(tenths: int) -> str:
    return f"{tenths // 10}.{tenths % 10}"


def count_of(number: int, noun: str) -> str:
    """Write a number with its noun, ``1 day`` or ``3 days``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_FORMS: Final = {
    "carats": format_carats,
    "usd": format_usd,
    "percent": _format_percent,
    "change": _format_change,
    "tenths": _format_tenths,
}


def columns_in(template: str) -> frozenset[str]:
    """Give the columns that a template names."""
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name)


def write_sentence(template: str, row: Mapping[str, Value]) -> str:
    """Fill the columns of a row in."""

    def choose(optional: re.Match[str]) -> str:
        return "" if any(row[name] is None for name in columns_in(optional[1])) else optional[1]

    columns = {name: _Column(value) for name, value in row.items()}
    return _OPTIONAL.sub(choose, template).format_map(columns)
