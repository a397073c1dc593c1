"""Wording: the fields and types of the ledger's Structs, in words that whoever types them knows.

The types say what a value looks like as patterns and limits; nobody should have to read those. What
a field means is said by the docstring after it, read from the source of the very Struct.
"""

import ast
import functools
import inspect
import re
import sys
from importlib import resources
from typing import Final, NamedTuple

import msgspec
from msgspec import inspect as types

from kpclient.output.tables import write_name
from kpledger.base.units import MAX_AMOUNT, MAX_TIME_MS
from kpledger.scheme.event import Author, Body
from kpledger.scheme.v1.events import BODIES

_MOST_CHOICES: Final = 16
COMMANDS: Final[dict[str, str]] = {}
"""By the type of an event the command that states it, as commands are declared."""


class _Pattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    words: str
    """What is meant by it."""
    metavar: str = "TEXT"
    """What help calls such a value."""


PATTERNS: Final = msgspec.toml.decode(
    (resources.files(__package__) / "patterns.toml").read_bytes(), type=dict[str, _Pattern]
)
"""The patterns of the catalogue."""


class FieldWording(NamedTuple):
    """A field of a body, or of a part of it, in words."""

    path: str
    """Below the body, as ``values.expiry`` or ``lines[].hs``."""
    form: str
    """What it has to look like."""
    needed: bool
    meaning: str


_TYPE: Final = re.compile("|".join(sorted({rf"\b{name}\b" for name, _ in BODIES})))
_MARKUP: Final = re.compile(r":\w+:`~?([\w.]+)`|``(.+?)``|`(.+?)`|\*(\w[^*]*)\*", re.DOTALL)
_TYPES: Final = {body.__name__: body.TYPE for body in BODIES.values()}


def plain_text(docstring: str) -> str:
    """Give a docstring as people read it: without markup, and with events as they are typed."""

    def unmark(found: re.Match[str]) -> str:
        named = str(next(filter(None, found.groups())))
        return _TYPES.get(named, named)

    return " ".join(_MARKUP.sub(unmark, docstring).split())


def tell_commands(refused: str) -> str:
    """Give what a rule says with commands, as they are typed, in the place of types of events."""

    def name(found: re.Match[str]) -> str:
        return f"`kpledger {COMMANDS.get(found[0], f'make {found[0]}')}`"

    # Types that one command states stand once in a list of what is accepted.
    return ", ".join(dict.fromkeys(_TYPE.sub(name, refused).split(", ")))


def event_types() -> dict[str, str]:
    """Give every event type and what it states."""
    return {
        name: summarise(body) for (name, version), body in sorted(BODIES.items()) if version == 1
    }


def summarise(body: type[Body]) -> str:
    """Give the first sentence of what a type states."""
    return plain_text((body.__doc__ or "").strip().splitlines()[0])


def fields_of(kind: type[msgspec.Struct], within: str = "") -> tuple[FieldWording, ...]:
    """Give the fields of a body, those of its parts after each part."""
    meanings = meanings_of(kind)
    found: list[FieldWording] = []
    for one in parts_of(kind):
        path = f"{within}{one.name}"
        form = describe_form(one.type)
        if (called := write_name(one.name)) != one.name:
            form = f"{form}, or {called} as a decimal number"
        found.append(FieldWording(path, form, is_needed(one), meanings.get(one.name, "")))
        item, many = item_of(one.type)
        if isinstance(item, types.StructType):
            found += fields_of(item.cls, f"{path}{'[]' if many else ''}.")
    return tuple(found)


def parts_of(kind: type[msgspec.Struct]) -> tuple[types.Field, ...]:
    """Give the fields of a Struct, with their types."""
    described = types.type_info(kind)
    return described.fields if isinstance(described, types.StructType) else ()


def describe_form(kind: types.Type) -> str:  # noqa: C901, PLR0911 (one line for each kind of type)
    """Say what a value of a type looks like."""
    match kind:
        case types.BytesType():
            return f"{2 * kind.max_length} hexadecimal digits" if kind.max_length else "hexadecimal"
        case types.EnumType():
            return " | ".join(str(one.value) for one in list(kind.cls)[:_MOST_CHOICES])
        case types.IntType():
            return _describe_number(kind)
        case types.BoolType():
            return "true | false"
        case types.StrType():
            return _describe_text(kind)
        case types.VarTupleType():
            return f"list{_describe_count(kind)} of: {describe_form(kind.item_type)}"
        case types.StructType(cls=cls) if cls is Author:
            return "a code and an office, such as KPCS/car-team"
        case types.StructType():
            return "array of" if kind.array_like else "object"
        case types.UnionType():
            return " | ".join(describe_form(one) for one in kind.types)
        case types.NoneType():
            return "null"
    return "value"


def is_needed(field: types.Field) -> bool:
    """Tell whether a field has to be given: it has no default, may not be null, nor be empty."""
    may_be_empty = isinstance(field.type, types.VarTupleType) and not field.type.min_length
    return field.required and not may_be_null(field.type) and not may_be_empty


def may_be_null(kind: types.Type) -> bool:
    """Tell whether there may be no value."""
    return without_null(kind) is not kind


def without_null(kind: types.Type) -> types.Type:
    """Give what a value is where there is one."""
    if isinstance(kind, types.UnionType):
        found = [one for one in kind.types if not isinstance(one, types.NoneType)]
        return found[0] if len(found) == 1 else kind
    return kind


def item_of(kind: types.Type) -> tuple[types.Type, bool]:
    """Give what a value is, or each in a list of them; and whether it is a list."""
    inner = without_null(kind)
    return (inner.item_type, True) if isinstance(inner, types.VarTupleType) else (inner, False)


def _describe_text(kind: types.StrType) -> str:
    if kind.pattern:
        return PATTERNS[kind.pattern].words
    if kind.min_length and kind.max_length:
        return f"text of {kind.min_length} to {kind.max_length} characters"
    if kind.max_length:
        return f"text of at most {kind.max_length} characters"
    return "text"


def _describe_count(kind: types.VarTupleType) -> str:
    if kind.max_length is None:
        return ""
    if kind.min_length:
        return f", {kind.min_length} to {kind.max_length}"
    return f", at most {kind.max_length}"


def _describe_number(kind: types.IntType) -> str:
    if kind.le == MAX_TIME_MS:
        return "a day, an instant such as 2004-07-09T12:00:00Z, or its Unix milliseconds"
    least = kind.ge if kind.ge is not None else kind.gt + 1 if kind.gt is not None else None
    if least is None:
        return "a whole number"
    if kind.le is None or kind.le == MAX_AMOUNT:
        return f"a whole number, {least} or more"
    return f"a whole number from {least} to {kind.le}"


def meanings_of(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Give the docstring after each field of a Struct."""
    return _read_meanings(kind.__module__).get(kind.__name__, {})


@functools.cache
def _read_meanings(module: str) -> dict[str, dict[str, str]]:
    """Read the docstring after each field of each class of a module from its source."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {one.name: _read_class(one) for one in tree.body if isinstance(one, ast.ClassDef)}


def _read_class(defined: ast.ClassDef) -> dict[str, str]:
    meanings: dict[str, str] = {}
    name = ""
    for line in defined.body:
        match line:
            case ast.AnnAssign(target=ast.Name(id=name)):
                continue
            case ast.Expr(value=ast.Constant(value=str(text))) if name:
                meanings[name] = plain_text(text)
        name = ""
    return meanings
