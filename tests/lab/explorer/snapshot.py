"""Cores as plain values: taken apart, put together again, and with the nodes renamed.

Nothing is listed by name: the walk follows every slot and every instance attribute of every object
it meets, and refuses what it cannot take apart exactly (a set, a closure, an object that two others
share). So a field that is added to the core is part of the snapshot from that day on.

The plain form is nested tuples of None, bool, int, str and bytes; the head of a tuple says what it
was. A node's name is a string of its own, never part of one, also inside the payload of a CONFIG
entry. That is what makes renaming possible.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from enum import Enum
from functools import cache
from hashlib import blake2b
from importlib import import_module
from types import FunctionType
from typing import Final, TypeAlias

from kpnode.raft import Configuration, Entry, EntryKind, decode_configuration, encode_configuration
from kpnode.raft.state import RaftState

Plain: TypeAlias = "bool | int | str | bytes | tuple[Plain, ...] | None"

DISK: Final = "disk"
"""Stands for the disk inside the snapshot of a core: the core only refers to it."""

_TUPLE: Final = "()"
_LIST: Final = "[]"
_DEQUE: Final = "<>"
_DICT: Final = "{}"
_BAG: Final = "bag"
_ENUM: Final = "enum"
_FUNCTION: Final = "function"
_CONSTANTS: Final = (_ENUM, _FUNCTION)
_ATOMS: Final = (bool, int, str, bytes)

# What the core keeps ascending by name, or never looks at the order of: what is to be sent, since
# messages overtake each other anyway.
_UNORDERED: Final[Mapping[tuple[type, str], Callable[[Iterable[object]], object]]] = {
    (Configuration, "voters"): tuple,
    (RaftState, "outbox"): list,
}
_CONTAINERS: Final[Mapping[str, Callable[[Iterable[object]], object]]] = {
    _TUPLE: tuple,
    _LIST: list,
    _DEQUE: deque,
}

_functions: dict[str, object] = {}
_frozen: dict[object, Plain] = {}
_thawed: dict[Plain, object] = {}


class SnapshotError(TypeError):
    """There is something in the core that a snapshot would not restore exactly."""


def freeze(value: object, disk: object = None) -> Plain:
    """Return the plain form of a value; `disk` is referred to and not walked.

    Raises:
        SnapshotError: Something in it cannot be restored.
    """
    return _Freezer(disk).freeze(value)


def thaw(plain: Plain, disk: object = None) -> object:
    """Return a fresh value from its plain form; only what is immutable may be shared."""
    if not isinstance(plain, tuple):
        return plain
    head, parts = str(plain[0]), plain[1:]
    if head in _CONTAINERS:
        return _CONTAINERS[head](thaw(part, disk) for part in parts)
    if head == _DICT:
        pairs = (part for part in parts if isinstance(part, tuple))
        return {thaw(key): thaw(value, disk) for key, value in pairs}
    if head == DISK:
        return disk
    return _thaw_constant(head, parts) if head in _CONSTANTS else _thaw_object(head, plain, disk)


def rename(plain: Plain, names: Mapping[str, str]) -> Plain:
    """Return the plain form of the same value with the nodes renamed."""
    if isinstance(plain, str):
        return names.get(plain, plain)
    if not isinstance(plain, tuple):
        return plain
    parts = tuple(rename(part, names) for part in plain)
    if plain and plain[0] in (_DICT, _BAG):
        return (parts[0], *sorted(parts[1:], key=repr))
    return parts


def key_of(plain: Plain) -> bytes:
    """Return eight bytes that stand for a plain form in every process."""
    return blake2b(repr(plain).encode(), digest_size=8).digest()


class _Freezer:
    """One walk over a value; it notices when it comes to the same mutable object twice."""

    def __init__(self, disk: object) -> None:
        self._disk = disk
        self._met: set[int] = set()

    def freeze(self, value: object) -> Plain:
        if value is None or isinstance(value, _ATOMS):
            return value
        if value is self._disk:
            return (DISK,)
        kind: type = type(value)
        if kind is tuple or isinstance(value, Enum | FunctionType) or _is_frozen(kind):
            return self._immutable(value, kind)
        if id(value) in self._met:
            raise SnapshotError(f"{value!r} is shared")
        self._met.add(id(value))
        if isinstance(value, dict):
            pairs = [(self.freeze(key), self.freeze(held)) for key, held in value.items()]
            return (_DICT, *sorted(pairs, key=repr))
        if isinstance(value, list | deque):
            return (_LIST if isinstance(value, list) else _DEQUE, *map(self.freeze, value))
        return self._object(value, kind)

    def _immutable(self, value: object, kind: type) -> Plain:
        if isinstance(value, tuple):
            return (_TUPLE, *map(self.freeze, value))
        if isinstance(value, Enum):
            return (_ENUM, _tag(kind), value.name)
        if isinstance(value, FunctionType):
            if value.__closure__ is not None:
                raise SnapshotError(f"{value!r} may remember something")
            tag = f"{value.__module__}:{value.__qualname__}"
            _functions.setdefault(tag, value)
            return (_FUNCTION, tag)
        if value not in _frozen:
            _frozen[value] = self._object(value, kind)
        return _frozen[value]

    def _object(self, value: object, kind: type) -> Plain:
        if kind.__module__.partition(".")[0] in sys.stdlib_module_names:
            raise SnapshotError(f"{value!r} is not known inside out")
        names = (*_slots(kind), *sorted(getattr(value, "__dict__", ())))
        return (_tag(kind), (*names,), *(self._field(value, kind, name) for name in names))

    def _field(self, value: object, kind: type, name: str) -> Plain:
        held = getattr(value, name)
        if (kind, name) in _UNORDERED:
            return (_BAG, *sorted(map(self.freeze, held), key=repr))
        if kind is Entry and name == "payload" and getattr(value, "kind", None) is EntryKind.CONFIG:
            return self.freeze(decode_configuration(held))
        return self.freeze(held)


def _thaw_constant(head: str, parts: tuple[Plain, ...]) -> object:
    if head == _FUNCTION:
        return _functions[str(parts[0])]
    tag, name = map(str, parts)
    return getattr(_class(tag), name)


def _thaw_object(tag: str, plain: tuple[Plain, ...], disk: object) -> object:
    kind = _class(tag)
    frozen = _is_frozen(kind)
    if frozen and plain in _thawed:
        return _thawed[plain]
    names, values = plain[1], plain[2:]
    if not isinstance(names, tuple):
        raise SnapshotError(f"{names!r} are no names of attributes")
    fresh: object = object.__new__(kind)
    for name, value in zip(map(str, names), values, strict=True):
        if (kind, name) in _UNORDERED and isinstance(value, tuple):
            held = _UNORDERED[kind, name](thaw(part, disk) for part in value[1:])
        else:
            held = thaw(value, disk)
        if isinstance(held, Configuration) and kind is Entry:
            held = encode_configuration(held)
        object.__setattr__(fresh, name, held)
    if frozen:
        _thawed[plain] = fresh
    return fresh


@cache
def _tag(kind: type) -> str:
    if "<locals>" in kind.__qualname__:
        raise SnapshotError(f"{kind} cannot be found by name")
    return f"{kind.__module__}:{kind.__qualname__}"


@cache
def _class(tag: str) -> type:
    module, _, name = tag.partition(":")
    found: object = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if not isinstance(found, type):
        raise SnapshotError(f"{tag} is no class")
    return found


@cache
def _slots(kind: type) -> tuple[str, ...]:
    slots = (getattr(base, "__slots__", ()) for base in reversed(kind.__mro__))
    found = [name for names in slots for name in ([names] if isinstance(names, str) else names)]
    return tuple(name for name in dict.fromkeys(found) if name not in ("__dict__", "__weakref__"))


@cache
def _is_frozen(kind: type) -> bool:
    return is_dataclass(kind) and bool(kind.__dataclass_params__.frozen)  # type: ignore[attr-defined]
