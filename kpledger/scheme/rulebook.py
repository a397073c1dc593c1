"""The rulebook: which version of the rules holds for a block, and executing by it.

The ledger decides: the genesis file names the first version, an event of the Chair puts the next
one in force from a height on. So a replay of old heights uses the old rules, whatever holds today.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from kpledger.base.errors import LedgerError
from kpledger.base.state import ChangeSet
from kpledger.scheme.envelope import SignedEvent
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.place import EventPlace
from kpledger.scheme.v1.events.decisions import RulesActivated
from kpledger.scheme.v1.execution import apply, execute
from kpledger.scheme.v1.records import RULES_KEY, RulesRecord


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """One version of the rules."""

    execute: Callable[[SignedEvent, ChangeSet, EventPlace], Refusal | None]
    """Executes an event, or refuses it and leaves the change-set as it was."""
    apply: Callable[[SignedEvent, ChangeSet, EventPlace], None]
    """Writes what an accepted event changes, checking nothing."""


class UnknownRulesError(LedgerError):
    """A block is under a version of the rules that this program does not have."""

    def __init__(self, height: int, version: int, known: tuple[int, ...]) -> None:
        """Say which version the block asks for, and which there are."""
        have = ", ".join(f"v{one}" for one in known)
        super().__init__(
            f"block {height} asks for rules v{version}; this program knows {have}:"
            " a newer release of it is needed"
        )
        self.height = height
        self.version = version


@dataclass(frozen=True, slots=True)
class UnknownRules(Refusal):
    """A sound activation of rules that this program does not have.

    Who is asked to let it in refuses it. Who finds it in a block that others let in cannot tell
    whether they were right, and stops there: see :func:`kpledger.log.chain.verify_block`.
    """

    version: int


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The versions of the rules that a program knows."""

    versions: Mapping[int, RuleVersion]

    @property
    def known(self) -> tuple[int, ...]:
        """The versions, ascending."""
        return tuple(sorted(self.versions))

    def execute(self, event: SignedEvent, state: ChangeSet, at: EventPlace) -> Refusal | None:
        """Execute an event by the version that holds for its block.

        A majority that runs the next release lets its activation in; whoever runs an older one
        stops there and says so, instead of going on by rules that hold no more.

        Raises:
            UnknownRulesError: this program does not have that version.
        """
        version = self._version_at(state, at.height)
        body = event.body
        if not isinstance(body, RulesActivated) or body.version in self.versions:
            return version.execute(event, state, at)
        return version.execute(event, ChangeSet(state), at) or UnknownRules(
            Rule.E12,
            "body.version",
            f"rules v{body.version} are not part of this program",
            ", ".join(f"v{one}" for one in self.known),
            body.version,
        )

    def apply(self, event: SignedEvent, changes: ChangeSet, at: EventPlace) -> None:
        """Write what an accepted event changes, by the version that holds for its block.

        Nothing is checked: the event stands in a block that was committed or verified.

        Raises:
            UnknownRulesError: this program does not have that version.
            CatalogueError: that version does not know the event.
        """
        self._version_at(changes, at.height).apply(event, changes, at)

    def _version_at(self, state: ChangeSet, height: int) -> RuleVersion:
        record = state.read(RULES_KEY, RulesRecord)
        number = record.version_at(height) if record is not None else min(self.versions)
        version = self.versions.get(number)
        if version is None:
            raise UnknownRulesError(height, number, self.known)
        return version


V1: Final = RuleVersion(execute=execute, apply=apply)

RELEASED: Final = Rulebook({1: V1})
"""The versions of this release."""
