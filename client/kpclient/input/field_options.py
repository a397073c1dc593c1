"""Options derived from the fields of an event's Struct.

The name of an option, what its value looks like, its help and whether it is needed follow from the
field: ``found_carat_thousandths: CaratThousandths | None`` is ``--found-carats CARATS``, and may be
left out. A command says only where it differs. The same row then says which option an error is
about, whether the form was wrong or a rule refused the field.
"""

import hashlib
import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import inspect as types

from kpclient.clock import now_ms
from kpclient.errors import UsageError
from kpclient.input.options import NeededUnless, OptionWords, typed_as, with_words
from kpclient.input.wording import PATTERNS, item_of, meanings_of, parts_of, without_null
from kpclient.output.tables import read_name, write_name
from kpledger.base.units import MAX_TIME_MS, day_of
from kpledger.reading import open_file
from kpledger.scheme.event import Author

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_MAX_DOCUMENT_BYTES: Final = 16 << 30
_PIECE_BYTES: Final = 1 << 20


class FieldOption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a field of an event is given on the command line, where it differs from what follows."""

    name: str = ""
    """``--on``; without hyphens it is an argument, and what help calls it: ``NUMBER``."""
    metavar: str = ""
    help: str = ""
    note: str = ""
    """Stands behind the help that follows from the field."""
    default: str | int | None = None
    """What is taken where the option is left out; None: it is needed if the field is."""
    fill: Literal["today", "now", "soon", "recorded"] | None = None
    """Likewise, by the clock: today, now, in a minute, or when it is recorded."""
    optional: bool = False
    """It may be left out, and so is the field then: the command fills it in."""
    needed: bool = False
    """It may not be left out, though the field has a default."""
    unless: str = ""
    """The parameter of the command which, if it is given, makes this one needless."""
    document: bool = False
    """A file is given, or its SHA-256; the hash is recorded."""
    negated: bool = False
    """A flag that says the opposite of the field."""
    written: str = ""
    """Where the value stands in the brief form of a certificate, if elsewhere."""


_SOON_MS: Final = 60_000
"""How much later than now policy holds that is to hold at once: never before it is recorded."""
_FILLS: Final[Mapping[str, Callable[[], str | int]]] = {
    "today": lambda: day_of(now_ms()),
    "now": now_ms,
    "soon": lambda: now_ms() + _SOON_MS,
    "recorded": lambda: 0,
}


@dataclass(frozen=True, slots=True)
class _Row:
    """An option, the field it is for, and what typer takes it as."""

    path: str
    option: FieldOption
    parameter: inspect.Parameter
    many: bool
    """Whether it may be repeated."""


class FieldOptions:
    """The options of one command for the fields of an event."""

    def __init__(
        self,
        kind: type[msgspec.Struct],
        special: Mapping[str, FieldOption],
        *,
        hidden: Collection[str] = (),
        arguments: Sequence[str] = (),
    ) -> None:
        """Derive them.

        Args:
            kind: the Struct; fields that are Structs themselves have options only where named.
            special: by the path of a field, how its option differs.
            hidden: fields that have none.
            arguments: fields in the order in which they are typed, if it is not theirs.
        """
        rows = list(_derive(kind, special, hidden))
        places = {path: place for place, path in enumerate(arguments)}
        self._rows = sorted(rows, key=lambda row: places.get(row.path, len(places)))

    @property
    def parameters(self) -> list[inspect.Parameter]:
        """What typer takes the options as."""
        return [row.parameter for row in self._rows]

    def names(self) -> dict[str, str]:
        """Give by the path of each field what is typed for it."""
        found: dict[str, str] = {}
        for row in self._rows:
            typed = typed_as(row.parameter)
            found |= dict.fromkeys(filter(None, (row.path, row.option.written)), typed)
        return {plain_path(path): typed for path, typed in found.items()}

    def take(self, given: dict[str, object]) -> dict[str, object]:
        """Take what was given out of a command's parameters, as the plain value of the Struct.

        Raises:
            UsageError: a file that was named is not there.
        """
        found: dict[str, object] = {}
        for row in self._rows:
            value = _value_of(row, given.pop(row.parameter.name))
            if value is not None:
                *above, last = _steps(row.option.written or row.path)
                _put(found, [*above, write_name(str(last))], value)
        return found


def find_option(names: Mapping[str, str], field: str) -> str:
    """Give what was typed for a field; a part of a field may be one option."""
    path = plain_path(field)
    while path:
        if path in names:
            return names[path]
        path = path.rpartition(".")[0]
    return ""


def plain_path(path: str) -> str:
    """Give a path without places in lists, and with the ledger's names."""
    return ".".join(map(read_name, re.sub(r"\[\d+\]", "", path).split(".")))


def read_document(text: str, option: str) -> str:
    """Give the hash of a file, or the hash that is given.

    Raises:
        UsageError: there is no such file, or it is larger than any document.
    """
    if _HASH.fullmatch(text):
        return text
    digest, left = hashlib.sha256(), _MAX_DOCUMENT_BYTES
    try:
        with open_file(Path(text)) as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                left -= len(piece)
                if left < 0:
                    problem = f"{text}: it has more than {_MAX_DOCUMENT_BYTES} bytes"
                    raise UsageError(option, problem, "a smaller file, or a SHA-256")
    except OSError as error:
        raise UsageError(option, f"{text}: {error.strerror}", "a file, or a SHA-256") from None
    return digest.hexdigest()


def _derive(
    kind: type[msgspec.Struct], special: Mapping[str, FieldOption], hidden: Collection[str]
) -> Iterator[_Row]:
    for one in parts_of(kind):
        inner = without_null(one.type)
        is_part = isinstance(inner, types.StructType) and inner.cls is not Author
        if one.name not in hidden and not is_part:
            yield _row(kind, one, one.name, special.get(one.name, FieldOption()))
    for path, option in special.items():
        if "." in path:
            yield _row(*_find(kind, path), path, option)


def _find(kind: type[msgspec.Struct], path: str) -> tuple[type[msgspec.Struct], types.Field]:
    """Find the field at a path, and the Struct that has it."""
    first, *further = re.sub(r"\[\d+\]", "", path).split(".")
    (field,) = [one for one in parts_of(kind) if one.name == first]
    item, _ = item_of(field.type)
    if further and isinstance(item, types.StructType):
        return _find(item.cls, ".".join(further))
    return kind, field


def _row(owner: type[msgspec.Struct], field: types.Field, path: str, option: FieldOption) -> _Row:
    inner, (item, many) = without_null(field.type), item_of(field.type)
    name = option.name or _name_of(field.name, many=many)
    meaning = meanings_of(owner).get(field.name, "")
    words = f"{option.help or _help_of(meaning)} {option.note}".rstrip()
    if isinstance(item, types.EnumType) and not name.startswith("--"):
        words = f"{words} One of {', '.join(_choices(item))}."
    kind, form = _read_as(field.name, item)
    metavar = option.metavar or ("FILE|SHA256" if option.document else form)
    default: object = inspect.Parameter.empty
    if option.default is not None or kind is bool:
        default = option.default or False if kind is bool else option.default
    elif option.unless:
        default = NeededUnless(option.unless)
    elif (name.startswith("--") and not option.needed) and (
        option.optional
        or option.fill is not None
        or not field.required
        or inner is not field.type
        or (many and not getattr(inner, "min_length", None))
    ):
        default = None
    parameter = inspect.Parameter(
        "field_" + re.sub(r"\W+", "_", path),
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=list[kind] if many else kind,  # type: ignore[valid-type]
    )
    said = OptionWords(name=name, metavar=metavar, help=words)
    return _Row(path, option, with_words(parameter, said), many)


def _name_of(field: str, *, many: bool) -> str:
    name = write_name(field).removesuffix("_usd").replace("_", "-")
    return f"--{name.removesuffix('s')}" if many else f"--{name}"


def _help_of(meaning: str) -> str:
    """Shorten what the ledger says of a field to what somebody who types it needs."""
    first = re.split(r"; |: |, in thousandths|, in US cents| \(", meaning, maxsplit=1)[0]
    plain = first.rstrip(".").removeprefix("Whether ")
    return f"{plain[:1].upper()}{plain[1:]}."


def _read_as(  # noqa: PLR0911 (one line for each kind of type)
    field: str, kind: types.Type
) -> tuple[type[bool | int | str], str | None]:
    """Give what typer reads a value as, and what help calls it.

    What is acceptable the field's type says: amounts, instants and choices stay text until the
    whole is read as a form.
    """
    match kind:
        case types.BoolType():
            return bool, None
        case types.IntType(le=le) if le == MAX_TIME_MS:
            return str, "YYYY-MM-DD"
        case types.IntType() if field != write_name(field):
            return str, "USD" if field.endswith("usd_cents") else "CARATS"
        case types.IntType():
            return int, "N"
        case types.BytesType():
            return str, "HEX"
        case types.StructType():
            return str, "CODE/AUTHORITY"
        case types.EnumType():
            return str, "|".join(_choices(kind))
        case types.StrType(pattern=str(pattern)):
            return str, PATTERNS[pattern].metavar
    return str, "TEXT"


def _choices(kind: types.EnumType) -> list[str]:
    return [str(one.value) for one in kind.cls]


def _value_of(row: _Row, value: object) -> object:
    """Give the plain value of a field; None where nothing is said of it."""
    option = row.option
    if value is None or (value == "" and row.parameter.default is None):
        return _FILLS[option.fill]() if option.fill else [] if row.many else None
    if option.negated:
        return not value
    plain = value if isinstance(value, list) else [value]
    if option.document:
        typed = typed_as(row.parameter)
        plain = [read_document(str(one), typed) for one in plain]
    return plain if isinstance(value, list) else plain[0]


def _steps(path: str) -> list[str | int]:
    """Split a path, ``certificate.lines[0].hs``, into names and places."""
    return [int(one) if one.isdecimal() else one for one in re.findall(r"\w+", path)]


def _put(found: dict[str, object], steps: list[str | int], value: object) -> None:
    """Put a value where a path leads; only the first place of a list can be named."""
    here: object = found
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        below: object = value if after is None else [] if isinstance(after, int) else {}
        if isinstance(here, dict):
            here = here.setdefault(str(step), below)
        elif isinstance(here, list):
            if not here:
                here.append(below)
            here = here[0]
