"""The catalogue for people: each event type, its fields, and what they mean, as the ledger says it.

The words are the docstrings of the very Structs (:mod:`kpledger.scheme.v1.events`), read from
their source.
"""

import ast
import functools
import inspect
import textwrap
from typing import NamedTuple

import msgspec
from msgspec import inspect as types

from kpclient.input.forms import describe_form, may_be_null
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events import BODIES


class Field(NamedTuple):
    """A field of a body, or of a part of it."""

    path: str
    """Below the body, as ``values.expiry`` or ``lines[].hs``."""
    form: str
    """What it has to look like."""
    needed: bool
    meaning: str


def event_types() -> dict[str, str]:
    """Give every event type and what it states."""
    return {
        name: summarise(body) for (name, version), body in sorted(BODIES.items()) if version == 1
    }


def summarise(body: type[Body]) -> str:
    """Give the first sentence of what a type states."""
    return (body.__doc__ or "").strip().splitlines()[0]


def fields_of(kind: type[msgspec.Struct], within: str = "") -> tuple[Field, ...]:
    """Give the fields of a body, those of its parts after each part."""
    meanings = _read_meanings(kind)
    found: list[Field] = []
    described = types.type_info(kind)
    if not isinstance(described, types.StructType):
        return ()
    for one in described.fields:
        path = f"{within}{one.name}"
        needed = one.required and not may_be_null(one.type)
        found.append(Field(path, describe_form(one.type), needed, meanings.get(one.name, "")))
        part, mark = _part_of(one.type)
        if part is not None:
            found += fields_of(part, f"{path}{mark}.")
    return tuple(found)


def _part_of(kind: types.Type) -> tuple[type[msgspec.Struct] | None, str]:
    match kind:
        case types.StructType():
            return kind.cls, ""
        case types.VarTupleType():
            return _part_of(kind.item_type)[0], "[]"
        case types.UnionType():
            (first, *_) = [one for one in kind.types if not isinstance(one, types.NoneType)]
            return _part_of(first)
    return None, ""


@functools.cache
def _read_meanings(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Read the docstring after each field of a class from its source."""
    (defined,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    meanings: dict[str, str] = {}
    name = ""
    for line in defined.body if isinstance(defined, ast.ClassDef) else ():
        match line:
            case ast.AnnAssign(target=ast.Name(id=name)):
                continue
            case ast.Expr(value=ast.Constant(value=str(text))) if name:
                meanings[name] = " ".join(text.split())
        name = ""
    return meanings
