"""What a version of the rules is: all that it brings, and the record of which version holds.

A version is complete in its folder. It imports what no version can change (the form of a signed
event, refusals, the state, this module) and nothing imports into it; the rulebook alone asks it to
decide. So whatever is edited outside of its folder, another version above all, changes no block
that was accepted under it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from kpledger.base.state import ChangeSet, Record
from kpledger.scheme.event import Body, EventPlace, Shapes, SignedEvent
from kpledger.scheme.outcome import Refusal


class RulesSince(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of the rules and the first height that it holds for."""

    version: int
    height: int


class RulesRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rules hold for which heights."""

    versions: tuple[RulesSince, ...]
    """In ascending order of version and height."""

    def version_at(self, height: int) -> int:
        """Give the version that holds for a block."""
        return [one.version for one in self.versions if one.height <= height][-1]


RULES_KEY: Final = b"rules/versions"
"""The key of the one record of the versions of the rules."""


@dataclass(frozen=True, slots=True)
class Founder:
    """A participant that is there from the beginning."""

    code: str
    name: str
    kind: str
    root_key: bytes
    recovery_key: bytes


@dataclass(frozen=True, slots=True)
class Founding:
    """What a genesis file says to the rules that its ledger begins with."""

    created_at: int
    """Time of the block before the first one; Unix milliseconds."""
    policy: Mapping[str, int]
    """What the scheme leaves open, by the name of the value."""
    witnesses: int
    """How many participants' roots sign a recovery with the Chair."""
    chair_quorum: int
    """How many participants' roots give the chair a new key."""
    chair_key: bytes
    secretariat_key: bytes
    participants: tuple[Founder, ...]


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """One version of the rules."""

    shapes: Shapes
    """What can be said."""
    found: Callable[[Founding, ChangeSet], None]
    """Writes the state of a ledger that begins with these rules."""
    may_sign: Callable[[SignedEvent, ChangeSet, EventPlace], Refusal | None]
    """Says why the keys of an event may not sign it, before any signature is verified."""
    execute: Callable[[SignedEvent, ChangeSet, EventPlace], Refusal | None]
    """Executes an event, or refuses it and leaves the change-set as it was."""
    apply: Callable[[SignedEvent, ChangeSet, EventPlace], None]
    """Writes what an accepted event changes, checking nothing, but for the quotas that it uses."""
    activated: Callable[[Body], int | None]
    """Says which version an event puts in force, if it does."""
