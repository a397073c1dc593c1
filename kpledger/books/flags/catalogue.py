"""The catalogue: the nineteen flags, as their files say."""

import functools
import tomllib
from importlib import resources

import msgspec
from msgspec.structs import replace

FLAG_COUNT = 19


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a reader may set: a whole number within bounds, or whether something counts at all."""

    default: int | bool
    meaning: str
    """What it counts, with its unit."""
    least: int = 0
    most: int = 1_000_000_000_000


class Way(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way for a flag to be raised."""

    kind: str
    """Its name, unique within the flag."""
    sql: str
    """Gives the findings of some days, the newest first.

    The columns ``subject``, ``participant``, ``partner``, ``day`` and ``measure`` are those of a
    finding, ``evidence`` is a JSON array of event indexes; the others are for the sentence.
    """
    text: str
    """The sentence (:mod:`sentence`)."""


class _Described(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    flag: str
    """Its code, ``F3``."""
    title: str
    looks_for: str
    """One sentence."""
    why: str
    """Which fraud shows itself so; what is left out, to keep honest trade free of it."""
    evidence: str
    """Which events a finding names."""
    benign: str
    """Harmless causes to think of first."""
    reading: str
    """How to read a finding, and what to do next."""


class Flag(_Described, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A flag."""

    common: str = ""
    """What each of its statements begins with; its file has that, or names another that has it for
    several flags."""
    settings: dict[str, Threshold]
    """By name; a statement knows each as ``:name``."""
    finding: tuple[Way, ...]
    """Its ways to be raised, in the order in which findings of one day are listed."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One threshold, for lists."""

    name: str
    """As people write it, ``F1.days``."""
    default: int | bool
    meaning: str
    """What it counts, with its unit."""


class FlagDescription(_Described, frozen=True, kw_only=True):
    """A flag, as lists show it."""

    settings: tuple[Setting, ...]
    """With their defaults and units."""


@functools.cache
def read_flags() -> dict[str, Flag]:
    """Read every flag, by code, in the order of the scheme's list."""
    flags = (
        msgspec.convert(tomllib.loads(_read(f"f{number}.toml")), Flag)
        for number in range(1, FLAG_COUNT + 1)
    )
    return {
        flag.flag: replace(flag, common=_read(flag.common))
        if flag.common.endswith(".sql")
        else flag
        for flag in flags
    }


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def describe_flags() -> tuple[FlagDescription, ...]:
    """Describe every flag."""
    return tuple(map(_describe, read_flags().values()))


def _describe(flag: Flag) -> FlagDescription:
    settings = [
        {"name": f"{flag.flag}.{name}", "default": one.default, "meaning": one.meaning}
        for name, one in flag.settings.items()
    ]
    told = {name: getattr(flag, name) for name in _Described.__struct_fields__}
    return msgspec.convert(told | {"settings": settings}, FlagDescription)
