"""Forms: plain values, from a file or from options, read as a Struct of the ledger.

One way in for everything that people write. A value may have the ledger's form or people's: weights
in ``carats`` and values in ``value_usd`` as decimals beside ``carat_thousandths`` and
``value_usd_cents``; keys, hashes and ids of events in hexadecimal; instants as
``2004-07-09T12:00:00Z`` or as a day, which means its first moment; an author as ``KPCS/chair``.
Text becomes NFC, and lists get the order that the ledger asks for (:mod:`kpclient.input.order`).
Which fields those are follows from the types. What may be left out of a
certificate is in :mod:`kpclient.input.certificate_form`.

Here it is only decided whether a value can be understood; whether it is acceptable is for the
rules. An error names the field as it was written.
"""

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from typing import Final, TypeVar

import msgspec
from msgspec import inspect

from kpclient.clock import now_ms
from kpclient.input.certificate_form import WRITTEN_AS, below, complete_certificate, is_brief
from kpclient.input.order import put_in_order
from kpclient.input.wording import describe_form, is_needed, may_be_null, without_null
from kpclient.output.tables import read_name, write_name
from kpledger.base.codec import malformed
from kpledger.base.errors import MalformedError
from kpledger.base.units import (
    MAX_TIME_MS,
    parse_carats,
    parse_day,
    parse_time,
    parse_usd,
    start_of_day_ms,
)
from kpledger.scheme.event import Author, Body
from kpledger.scheme.v1.events import BODIES
from kpledger.scheme.v1.events.certificate import Certificate

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")

_MOST_SHOWN: Final = 80
_type_info: Final = functools.cache(inspect.type_info)
_ZERO: Final = re.compile(r"0+(\.0*)?")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def find_type(name: str) -> type[Body]:
    """Give the Struct of an event type, version 1.

    Raises:
        MalformedError: there is no such type.
    """
    known = BODIES.get((name, 1))
    if known is None:
        types = sorted(name for name, version in BODIES if version == 1)
        near = get_close_matches(name, types, n=1)
        meant = f", perhaps {near[0]}" if near else ""
        problem = f"there is no event type {name!r}{meant}; kpledger make --list has them all"
        raise MalformedError("draft", problem, field="type")
    return known


def read_struct(kind: type[S], value: object, *, within: str = "", time_ms: int | None = None) -> S:
    """Read a plain value as a Struct.

    Args:
        kind: the Struct.
        value: the plain value.
        within: what stands before the names of fields in errors, such as ``body``.
        time_ms: when it is said, for what a certificate leaves out; now if not given.

    Raises:
        MalformedError: it is not of that form; names the field.
    """
    if not isinstance(value, dict):
        raise MalformedError("draft", "it is not an object", field=within)
    reader = _Reader(now_ms() if time_ms is None else time_ms)
    described = _type_info(kind)
    plain = reader.read(value, described, within)
    try:
        return put_in_order(msgspec.convert(plain, kind, builtin_types=(bytes,)))
    except msgspec.ValidationError as error:
        raise reader.name_as_written(_explain(described, plain, error, within)) from None


@dataclass(slots=True)
class _Reader:
    """Turns what people write into what the types of the ledger ask for, and no further."""

    time_ms: int
    _brief: list[str] = field(default_factory=list)
    """Where the certificates stand that were completed."""

    def read(self, value: object, kind: inspect.Type, place: str) -> object:  # noqa: PLR0911 (one for each kind of type)
        kind = without_null(kind)
        match kind, value:
            case inspect.StructType(), dict():
                return self._read_struct(value, kind, place)
            case inspect.StructType(cls=cls), str() if cls is Author:
                code, _, office = value.partition("/")
                return {"participant": code, "authority": office}
            case inspect.VarTupleType(item_type=item), list() | tuple():
                return [self.read(one, item, f"{place}[{n}]") for n, one in enumerate(value)]
            case inspect.IntType(le=le), str() if le == MAX_TIME_MS:
                expected = "a day or an instant, such as 2026-03-02 or 2004-07-09T12:00:00Z"
                return _parse(_parse_moment, value, place, expected)
            case inspect.BytesType(), str():
                return _parse(bytes.fromhex, value, place, "hexadecimal digits")
            case _, date() if not isinstance(value, datetime):  # as TOML writes a day
                return self.read(value.isoformat(), kind, place)
            case _, str():
                # The ledger knows one spelling of each text; keyboards and files do not.
                return unicodedata.normalize("NFC", value)
        return value

    def _read_struct(
        self, value: Mapping[str, object], kind: inspect.StructType, place: str
    ) -> object:
        if kind.cls is Certificate and is_brief(value):
            self._brief.append(place)
            value = complete_certificate(value, time_ms=self.time_ms, place=place)
        types = {one.name: one.type for one in kind.fields}
        # What may be null may be left out, since TOML has no null; and what may be empty.
        found: dict[str, object] = {
            one.name: None if may_be_null(one.type) else []
            for one in kind.fields
            if one.required and not is_needed(one)
        }
        said: dict[str, str] = {}
        for name, one in value.items():
            at = below(place, name)
            meant = name if name in types else read_name(name)
            if meant not in types:
                known = ", ".join(map(write_name, types))
                problem = f"there is no such field; the fields are {known}"
                raise self.name_as_written(MalformedError("draft", problem, field=at))
            if meant in said:
                problem = f"it is given as {said[meant]} too"
                raise MalformedError("draft", problem, field=at)
            said[meant] = name
            read = (
                self.read(one, types[meant], at)
                if name == meant
                else _read_amount(one, types[meant], at)
            )
            found[meant] = read
        return [found.get(name) for name in types] if kind.array_like else found

    def name_as_written(self, error: MalformedError) -> MalformedError:
        """Name the field of a completed certificate as it stands in the draft."""
        for place in self._brief:
            for ours, theirs in WRITTEN_AS.items():
                start = below(place, ours)
                if error.field.startswith(start):
                    named = below(place, theirs) + error.field.removeprefix(start)
                    return MalformedError(error.what, error.problem, field=named)
        return error


def _read_amount(value: object, kind: inspect.Type, place: str) -> int | None:
    """Read a weight in carats or a value in US$; a total may be zero."""
    if value is None and may_be_null(kind):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise MalformedError("draft", f"expected a decimal number, got {_show(value)}", field=place)
    text, kind = str(value), without_null(kind)
    if _ZERO.fullmatch(text) and isinstance(kind, inspect.IntType) and kind.ge == 0:
        return 0
    if not text:
        raise MalformedError("draft", "expected a decimal number, got nothing", field=place)
    return _parse(parse_carats if place.endswith("carats") else parse_usd, text, place)


def _parse_moment(text: str) -> int:
    """Read an instant, or a day, which means its first moment."""
    if _DAY.fullmatch(text):
        parse_day(text)
        return start_of_day_ms(text)
    return parse_time(text)


def _parse(parse: Callable[[str], T], text: str, place: str, expected: str = "") -> T:
    """Read a text that stands somewhere, and say if it is not what is expected there."""
    try:
        return parse(text)
    except (MalformedError, ValueError) as error:
        known = f"expected {expected}, got {_show(text)}" if expected else ""
        problem = known or getattr(error, "problem", "")
        raise MalformedError("draft", problem, field=place) from None


def _explain(
    kind: inspect.Type, value: object, error: msgspec.ValidationError, within: str
) -> MalformedError:
    """Say of a value that is not of its type where it is not, what is there, and what should be.

    The path in the error goes through the value; a place in an array becomes the field's name.
    """
    found = malformed("draft", error)
    absent = re.findall(r"^Object missing required field `(\w+)`", str(error))
    missing = [write_name(one) for one in _find_missing(kind, value, within)]
    if absent and len(missing) > 1:
        problem = f"these fields are missing: {', '.join(missing)}"
        return MalformedError("draft", problem, field=missing[0])
    name, here = within, value
    for step in [*re.findall(r"[^.\[\]]+", found.field), *absent]:
        name, kind, here = _descend(name, kind, here, step)
    form = describe_form(without_null(kind))
    if absent and write_name(name) != name:
        name, form = write_name(name), "a decimal number, such as 12.34"
    return MalformedError("draft", f"expected {form}, got {_show(here)}", field=name)


def _find_missing(kind: inspect.Type, value: object, place: str) -> Iterator[str]:
    """Name the fields that are needed and not there; of a part that is not there, those of it."""
    match without_null(kind), value:
        case inspect.VarTupleType(item_type=item), list():
            for n, one in enumerate(value):
                yield from _find_missing(item, one, f"{place}[{n}]")
        case inspect.StructType(array_like=False, fields=fields), dict():
            for one in fields:
                at = below(place, one.name)
                is_part = isinstance(one.type, inspect.StructType) and one.type.cls is not Author
                if one.name in value:
                    yield from _find_missing(one.type, value[one.name], at)
                elif one.required and is_part:
                    yield from _find_missing(one.type, {}, at)
                elif is_needed(one):
                    yield at


def _descend(
    name: str, kind: inspect.Type, value: object, step: str
) -> tuple[str, inspect.Type, object]:
    """Go one step down a path: to a field by its name, or to a place by its number."""
    kind, there = without_null(kind), None
    if isinstance(value, dict):
        there = value.get(step)
    elif isinstance(value, list | tuple):
        there = value[int(step)]
    match kind:
        case inspect.VarTupleType():
            return f"{name}[{step}]", kind.item_type, there
        case inspect.StructType():
            for place, one in enumerate(kind.fields):
                if step == (str(place) if kind.array_like else one.encode_name):
                    return below(name, one.name), one.type, there
    return name, kind, None


def _show(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    shown = value.hex() if isinstance(value, bytes) else repr(value)
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}..."
