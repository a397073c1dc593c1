"""What a rule may look at: the event, the state before it, and block time. Nothing else exists."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from kpledger.envelope import SignedEvent
from kpledger.errors import LedgerError
from kpledger.events import Body
from kpledger.outcome import Refusal, Rule
from kpledger.records import (
    POLICY_KEY,
    AuthorityRecord,
    CertificateRecord,
    KeyRecord,
    ParticipantRecord,
    PolicyRecord,
    RangesRecord,
    authority_key,
    certificate_key,
    key_key,
    participant_key,
    ranges_key,
)
from kpledger.state import ChangeSet

B = TypeVar("B", bound=Body)


class CatalogueError(LedgerError):
    """The catalogue pairs an event type with a rule that was written for another."""


class Position(msgspec.Struct, frozen=True):
    """Where in the ledger an event is executed."""

    chain: bytes
    """The ledger's id."""
    now_ms: int
    """Block time."""
    index: int
    """The event's leaf position."""
    height: int
    """The block's height."""


class Context(msgspec.Struct, frozen=True):
    """One event at its place."""

    event: SignedEvent
    state: ChangeSet
    at: Position

    def body(self, kind: type[B]) -> B:
        """Give the body as what the catalogue says it is.

        Raises:
            CatalogueError: the catalogue is wrong; no input can cause it.
        """
        body = self.event.body
        if not isinstance(body, kind):
            raise CatalogueError(f"a rule for {kind.TYPE} was given {self.event.header.type}")
        return body

    @property
    def author(self) -> tuple[str, str]:
        """The author's participant and authority."""
        author = self.event.header.author
        return author.participant, author.authority

    @property
    def subject(self) -> str:
        """What the event is about."""
        return self.event.header.subject

    def policy(self) -> PolicyRecord:
        """Give what the network has settled.

        Raises:
            CatalogueError: the state was not founded by a genesis file.
        """
        record = self.state.read(POLICY_KEY, PolicyRecord)
        if record is None:
            raise CatalogueError("the state has no policy record")
        return record

    def participant(self, code: str) -> ParticipantRecord | None:
        """Read a participant."""
        return self.state.read(participant_key(code), ParticipantRecord)

    def authority(self, participant: str, authority: str) -> AuthorityRecord | None:
        """Read an office."""
        return self.state.read(authority_key(participant, authority), AuthorityRecord)

    def key(self, public_key: bytes) -> KeyRecord | None:
        """Read a key record."""
        return self.state.read(key_key(public_key), KeyRecord)

    def certificate(self, number: str) -> CertificateRecord | None:
        """Read a certificate."""
        return self.state.read(certificate_key(number), CertificateRecord)

    def ranges(self, participant: str) -> RangesRecord:
        """Read a participant's number ranges; empty when none were allotted."""
        record = self.state.read(ranges_key(participant), RangesRecord)
        return RangesRecord(ranges=()) if record is None else record


Check = Callable[[Context], Refusal | None]
"""One rule for one kind of event: a refusal, or None."""

Effect = Callable[[Context], None]
"""Writes what an accepted event changes."""


def refuse(rule: Rule, field: str, problem: str, accepted: str) -> Refusal:
    """Make a refusal; the one spelling that every check uses."""
    return Refusal(rule, field, problem, accepted)
