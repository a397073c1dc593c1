"""Forms: what a value has to look like, in words that whoever typed it knows.

The types of the ledger say it as patterns and limits; nobody should have to read those.
"""

import re
from typing import Final

import msgspec
from msgspec import inspect

from kpledger.base.codec import malformed
from kpledger.base.errors import MalformedError
from kpledger.base.units import MAX_AMOUNT, MAX_TIME_MS

_MOST_CHOICES: Final = 16
_MOST_SHOWN: Final = 80
_NOWHERE: Final = object()

WORDS: Final = {
    r"^[A-Z]{2}\Z": "two capital letters, as BW",
    r"^([A-Z]{2})?\Z": "two capital letters, as BW, or nothing",
    r"^([A-Z]{2}|KPCS)\Z": "two capital letters, as BW, or KPCS",
    r"^[a-z]{2}\Z": "two small letters, as en",
    r"^[a-z0-9]+(-[a-z0-9]+)*\Z": "small letters and digits joined by hyphens, as antwerp",
    r"^[A-Z0-9]+(-[A-Z0-9]+)*\Z": "capital letters and digits joined by hyphens, as AD-2026-1",
    r"^[A-Z]{2}[A-Z-]{0,6}[0-9]{1,12}\Z": "a certificate's number, as BW00001234",
    r"^[A-Z]{2}[A-Z-]{0,6}\Z": "what numbers begin with, as BW",
    r"^[A-Z]{2}[A-Z-]{0,6}#{1,12}\Z": "a number with # for each digit, as BW########",
    r"^[A-Z]{2}/[a-z0-9]+(-[a-z0-9]+)*\Z": "a country and a zone, as CF/berberati",
    r"^([A-Za-z0-9/-]{1,80})?\Z": "a number or a case, as BW00001234 or AE/case/2026-1",
    r"^[A-Za-z0-9./ -]{0,40}\Z": "at most 40 letters, digits, dots, strokes, spaces or hyphens",
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z": "a day, as 2026-03-02",
    r"^[0-9]{4}Q[1-4]\Z": "a quarter, as 2026Q1",
    r"^[0-9]{4}H[12]\Z": "a half-year, as 2026H1",
    r"^[0-9]{4}(Q[1-4]|H[12])?\Z": "a quarter, a half-year or a year, as 2026Q1, 2026H1 or 2026",
}
"""What is meant by each pattern of the catalogue."""


def describe_form(kind: inspect.Type) -> str:  # noqa: C901, PLR0911 (one line for each kind of type)
    """Say what a value of a type looks like."""
    match kind:
        case inspect.BytesType():
            return f"{2 * kind.max_length} hexadecimal digits" if kind.max_length else "hexadecimal"
        case inspect.EnumType():
            return " | ".join(str(one.value) for one in list(kind.cls)[:_MOST_CHOICES])
        case inspect.IntType():
            return _describe_number(kind)
        case inspect.BoolType():
            return "true | false"
        case inspect.StrType():
            return _describe_text(kind)
        case inspect.VarTupleType():
            return f"list{_describe_count(kind)} of: {describe_form(kind.item_type)}"
        case inspect.StructType():
            return "array of" if kind.array_like else "object"
        case inspect.UnionType():
            return " | ".join(describe_form(one) for one in kind.types)
        case inspect.NoneType():
            return "null"
        case inspect.Metadata(extra_json_schema={"description": str(words)}):
            return words
    return "value"


def may_be_null(kind: inspect.Type) -> bool:
    """Tell whether nothing may stand there."""
    return isinstance(kind, inspect.UnionType) and any(
        isinstance(one, inspect.NoneType) for one in kind.types
    )


def explain(
    what: str, value: object, kind: type[msgspec.Struct], error: msgspec.ValidationError
) -> MalformedError:
    """Say of a value that is not of its type where it is not, what stands there, and what should.

    The path in the error goes through the value; a place in an array becomes the field's name.
    """
    found = malformed(what, error)
    missing = re.fullmatch(r"Object missing required field `(\w+)`", found.problem)
    steps = [*re.findall(r"[^.\[\]]+", found.field), *(missing.groups() if missing else ())]
    name, at, here = "", inspect.type_info(kind), value
    for step in steps:
        name, at, here = _descend(name, at, here, step)
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", found.problem)
    if unknown and isinstance(at, inspect.StructType):
        known = ", ".join(one.name for one in at.fields)
        return MalformedError(what, f"unknown; known are {known}", field=f"{name}.{unknown[1]}")
    form = describe_form(_present(at))
    if here is None or here in ("", _NOWHERE):
        return MalformedError(what, f"nothing stands there; wanted: {form}", field=name)
    shown = here.hex() if isinstance(here, bytes) else repr(here)
    if len(shown) > _MOST_SHOWN:
        shown = f"{shown[:_MOST_SHOWN]}..."
    return MalformedError(what, f"{shown} is not of the form: {form}", field=name)


def _descend(
    name: str, kind: inspect.Type, value: object, step: str
) -> tuple[str, inspect.Type, object]:
    """Go one step down a path: to a field by its name, or to a place by its number."""
    kind = _present(kind)
    below = _take(value, step)
    match kind:
        case inspect.VarTupleType():
            return f"{name}[{step}]", kind.item_type, below
        case inspect.StructType():
            for place, one in enumerate(kind.fields):
                if step == (str(place) if kind.array_like else one.encode_name):
                    return (f"{name}.{one.name}" if name else one.name), one.type, below
    return name, kind, _NOWHERE


def _present(kind: inspect.Type) -> inspect.Type:
    """Give what a value is where there is one."""
    if isinstance(kind, inspect.UnionType):
        found = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
        return found[0] if len(found) == 1 else kind
    return kind


def _take(value: object, step: str) -> object:
    if isinstance(value, dict):
        return value.get(step, _NOWHERE)
    if isinstance(value, list | tuple) and step.isdecimal():
        return value[int(step)]
    return _NOWHERE


def _describe_text(kind: inspect.StrType) -> str:
    if kind.pattern:
        return WORDS.get(kind.pattern, f"text {kind.pattern}")
    if kind.min_length and kind.max_length:
        return f"text of {kind.min_length} to {kind.max_length} characters"
    if kind.max_length:
        return f"text of at most {kind.max_length} characters"
    return "text"


def _describe_count(kind: inspect.VarTupleType) -> str:
    if kind.max_length is None:
        return ""
    if kind.min_length:
        return f", {kind.min_length} to {kind.max_length}"
    return f", at most {kind.max_length}"


def _describe_number(kind: inspect.IntType) -> str:
    if kind.le == MAX_TIME_MS:
        return "an instant, as 2004-07-09T12:00:00Z, or its Unix milliseconds"
    least = kind.ge if kind.ge is not None else kind.gt + 1 if kind.gt is not None else None
    if least is None:
        return "whole number"
    if kind.le is None or kind.le == MAX_AMOUNT:
        return f"whole number from {least} on"
    return f"whole number from {least} to {kind.le}"
