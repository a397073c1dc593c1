"""The rulebook: which version of the rules holds for a block, and executing by it.

The ledger decides: the genesis file names the first version, an event of the Chair puts the next
one in force from a height on. So a replay of old heights uses the old rules, whatever holds today.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from kpledger.base.codec import decode_trusted
from kpledger.base.errors import LedgerError
from kpledger.base.state import ChangeSet
from kpledger.scheme.event import Body, EventHeader, EventPlace, SignedEvent, decode_body
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.version import V1
from kpledger.scheme.version import RULES_KEY, Founding, RulesRecord, RulesSince, RuleVersion


class UnknownRulesError(LedgerError):
    """A block is under a version of the rules that this program does not have."""

    def __init__(self, height: int, version: int, known: tuple[int, ...]) -> None:
        have = ", ".join(f"v{one}" for one in known)
        super().__init__(
            f"block {height} needs rules v{version}; this program has {have}:"
            " a newer release of it is needed"
        )
        self.height = height
        self.version = version


@dataclass(frozen=True, slots=True)
class UnknownRules(Refusal):
    """A sound activation of rules that this program does not have.

    Who is asked to let it in refuses it. Who finds it in a block that others let in cannot tell
    whether they were right, and stops there: see :func:`kpledger.log.chain.execute_entry`.
    """

    version: int


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The versions of the rules that a program has."""

    versions: Mapping[int, RuleVersion]

    @property
    def known(self) -> tuple[int, ...]:
        """The versions, ascending."""
        return tuple(sorted(self.versions))

    def found(self, version: int, founding: Founding, changes: ChangeSet) -> None:
        """Write the state of a ledger that begins with a version.

        Raises:
            UnknownRulesError: this program does not have that version.
        """
        self._version(version, height=1).found(founding, changes)
        first = RulesSince(version=version, height=1)
        changes.put(RULES_KEY, RulesRecord(versions=(first,)))

    def decode_body(self, header: EventHeader) -> Body:
        """Decode a body before it is known which version will judge it.

        It is in the shape of the newest version in which it can be read.

        Raises:
            MalformedError: no version knows the type, or it is not of that type; names the field.
            NotCanonicalError: a second spelling of a body.
        """
        newest, *older = reversed(self.known)
        try:
            return decode_body(header, self.versions[newest].shapes)
        except LedgerError:
            for number in older:
                with contextlib.suppress(LedgerError):
                    return decode_body(header, self.versions[number].shapes)
            raise

    def decode_trusted_body(self, header: EventHeader) -> Body:
        """Decode likewise a body that a version has accepted, without checking its spelling.

        Raises:
            LedgerError: no version can read it.
        """
        shape = self.versions[max(self.versions)].shapes.get((header.type, header.version))
        if shape is not None:
            try:
                return decode_trusted(header.body, shape)
            except msgspec.ValidationError:
                pass
        return self.decode_body(header)

    def read(self, event: SignedEvent, state: ChangeSet, height: int) -> SignedEvent:
        """Give an event with its body as the version reads it that holds for its block.

        Whoever projects old blocks in a later release sees them as they were accepted.

        Raises:
            UnknownRulesError: this program does not have that version.
            LedgerError: that version does not know the event.
        """
        return _in_shape_of(self._version_at(state, height), event)

    def may_sign(self, event: SignedEvent, state: ChangeSet, at: EventPlace) -> Refusal | None:
        """Say why the keys of an event may not sign it, by the version that holds for its block.

        Raises:
            UnknownRulesError: this program does not have that version.
        """
        version = self._version_at(state, at.height)
        try:
            event = _in_shape_of(version, event)
        except LedgerError as error:
            return _refuse_body(error)
        return version.may_sign(event, state, at)

    def execute(self, event: SignedEvent, state: ChangeSet, at: EventPlace) -> Refusal | None:
        """Execute an event by the version that holds for its block.

        A majority that runs the next release lets its activation in; whoever runs an older one
        stops there and says so, instead of going on by rules that hold no more.

        Raises:
            UnknownRulesError: this program does not have that version.
        """
        version = self._version_at(state, at.height)
        try:
            event = _in_shape_of(version, event)
        except LedgerError as error:
            return _refuse_body(error)
        next_version = version.activated(event.body)
        if next_version is None or next_version in self.versions:
            return version.execute(event, state, at)
        return version.execute(event, ChangeSet(state), at) or UnknownRules(
            Rule.E12,
            "body.version",
            f"rules v{next_version} are not part of this program",
            ", ".join(f"v{one}" for one in self.known),
            next_version,
        )

    def apply(self, event: SignedEvent, changes: ChangeSet, at: EventPlace) -> SignedEvent:
        """Write what an accepted event changes, and give it as :meth:`read` does.

        Nothing is checked: the event stands in a block that was committed or verified. So the
        quotas that it uses are left out.

        Raises:
            UnknownRulesError: this program does not have that version.
            LedgerError: that version does not know the event.
        """
        version = self._version_at(changes, at.height)
        event = _in_shape_of(version, event)
        version.apply(event, changes, at)
        return event

    def _version_at(self, state: ChangeSet, height: int) -> RuleVersion:
        record = state.read(RULES_KEY, RulesRecord)
        number = record.version_at(height) if record is not None else min(self.versions)
        return self._version(number, height)

    def _version(self, number: int, height: int) -> RuleVersion:
        version = self.versions.get(number)
        if version is None:
            raise UnknownRulesError(height, number, self.known)
        return version


def _refuse_body(error: LedgerError) -> Refusal:
    return Refusal(Rule.E12, "body", str(error), "an event that the rules in force know")


def _in_shape_of(version: RuleVersion, event: SignedEvent) -> SignedEvent:
    """Give an event with its body as a version reads it: versions need not share a shape."""
    if version.shapes.get((event.header.type, event.header.version)) is type(event.body):
        return event
    return msgspec.structs.replace(event, body=decode_body(event.header, version.shapes))


RELEASED: Final = Rulebook({1: V1})
"""The versions of this release."""
