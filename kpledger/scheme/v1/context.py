"""What a rule may look at: the event, the state before it, and block time. Nothing else exists."""

import functools
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from kpledger.base.errors import LedgerError
from kpledger.base.state import ChangeSet, Record
from kpledger.scheme.event import Body, EventPlace, SignedEvent
from kpledger.scheme.outcome import Refusal
from kpledger.scheme.v1.events.governance import AuthorityRole, Standing
from kpledger.scheme.v1.measures import Restriction
from kpledger.scheme.v1.policy import Policy, resolve_policy
from kpledger.scheme.v1.records import (
    AllottedRange,
    AuthorityRecord,
    CaseRecord,
    CertificateRecord,
    EventRecord,
    HouseRecord,
    KeyRecord,
    ParticipantRecord,
    PolicyRecord,
    ProceedingRecord,
    RangesRecord,
    RestrictionsRecord,
    SchemeRecord,
)
from kpledger.scheme.v1.territories import TERRITORIES

B = TypeVar("B", bound=Body)
R = TypeVar("R", bound=Record)
S = TypeVar("S", bound=msgspec.Struct)


class CatalogueError(LedgerError):
    """The catalogue is wrong: an effect without its rules, or a rule for another event type."""


class Context(msgspec.Struct, frozen=True, eq=False):
    """One event at its place."""

    event: SignedEvent
    state: ChangeSet
    at: EventPlace
    _policies: dict[str | None, Policy] = msgspec.field(default_factory=dict)
    """What :meth:`policy` gave, which rules ask for some six times an event."""

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

    @property
    def latest_ms(self) -> int:
        """The latest instant that does not count as the future: clocks differ."""
        return self.at.now_ms + self.policy().clock_skew_ms

    def read(self, kind: type[R], *name: str | int | bytes) -> R | None:
        """Read a record; its name is what stands in its key behind the kind."""
        return self.state.read(kind.key_for(*name), kind)

    def read_or(self, empty: R, *name: str | int | bytes) -> R:
        """Read a record, or give the empty one where there is none yet."""
        return self.read(type(empty), *name) or empty

    def existing(self, kind: type[R], *name: str | int | bytes) -> R:
        """Read a record that is there: from the genesis file on, or because a rule asked for it.

        Raises:
            CatalogueError: it is not; no input can cause it.
        """
        record = self.read(kind, *name)
        if record is None:
            key = kind.key_for(*name).decode()
            raise CatalogueError(f"the state has no record {key}, and no rule asked for it")
        return record

    def put(self, record: Record, *name: str | int | bytes) -> None:
        """Write a record under its name."""
        self.state.put(record.key_for(*name), record)
        if isinstance(record, PolicyRecord):
            self._policies.clear()

    def policy(self, code: str | None = None) -> Policy:
        """Give what holds now for a participant, or for the scheme."""
        found = self._policies.get(code)
        if found is None:
            network = self.existing(PolicyRecord, "network")
            own = self.read(PolicyRecord, code) if code else None
            found = self._policies[code] = resolve_policy(network, own, self.at.now_ms)
        return found

    def participant(self, code: str) -> ParticipantRecord | None:
        """Read a participant."""
        return self.read(ParticipantRecord, code)

    def home_of(self, country: str) -> str:
        """Give the participant that a country's stones are of, if it is not one itself."""
        home = TERRITORIES.get(country)
        return country if home is None or self.participant(country) is not None else home

    def standing(self, code: str, time_ms: int | None = None) -> Standing | None:
        """Give the standing of a participant, now or at an instant; None for who is none."""
        participant = self.participant(code)
        at = self.at.now_ms if time_ms is None else time_ms
        return None if participant is None else participant.standing_at(at)

    def authority(self, participant: str, authority: str) -> AuthorityRecord | None:
        """Read an office."""
        return self.read(AuthorityRecord, participant, authority)

    def is_open(self, participant: str, authority: str, role: AuthorityRole) -> bool:
        """Tell whether there is an open office of this name with a role."""
        office = self.authority(participant, authority)
        return office is not None and office.closed_at is None and role in office.roles

    def key(self, public_key: bytes) -> KeyRecord | None:
        """Read a key record."""
        return self.read(KeyRecord, public_key)

    def house(self, participant: str) -> HouseRecord:
        """Read what a participant has arranged."""
        return self.read_or(HouseRecord(), participant)

    def certificate(self, number: str) -> CertificateRecord | None:
        """Read a certificate."""
        return self.read(CertificateRecord, number)

    def ranges(self, participant: str) -> tuple[AllottedRange, ...]:
        """Read the number ranges that were allotted in a participant."""
        return self.read_or(RangesRecord(ranges=()), participant).ranges

    def case(self, case: str) -> CaseRecord | None:
        """Read a case."""
        return self.read(CaseRecord, case)

    def earlier(self, event_id: bytes) -> EventRecord | None:
        """Read where an earlier event stands, and whose it is."""
        return self.read(EventRecord, event_id)

    def proceeding(self) -> ProceedingRecord:
        """Read the proceeding that the event is a later step of."""
        return self.existing(ProceedingRecord, self.subject)

    def restrictions(self, participant: str) -> tuple[Restriction, ...]:
        """Read the restrictions that a participant was ever under."""
        return self.read_or(RestrictionsRecord(restrictions=()), participant).restrictions

    def scheme(self) -> SchemeRecord:
        """Read who presides."""
        return self.existing(SchemeRecord, "kpcs")


Refusals = Iterator[Refusal]
"""What speaks against an event. The first is the answer, and nothing is computed beyond it: what
stands below a ``yield`` runs only if there was no reason to refuse."""

Check = Callable[[Context], Refusals]
"""One rule for one kind of event."""

Effect = Callable[[Context], None]
"""Writes what an accepted event changes."""


def record_of(kind: type[S], said: msgspec.Struct, **known: object) -> S:
    """Make a record of what is said in fields of the same name, and what is known besides."""
    shared = {name: getattr(said, name) for name in _shared_names(kind, type(said))}
    return msgspec.convert({**shared, **known}, kind)


@functools.cache
def _shared_names(kind: type[msgspec.Struct], said: type[msgspec.Struct]) -> list[str]:
    return [name for name in kind.__struct_fields__ if name in said.__struct_fields__]


def on_certificate(check: Callable[[Context, CertificateRecord], Refusals]) -> Check:
    """Give the check that looks at the certificate that an event is about, if there is one."""

    @functools.wraps(check)
    def checked(context: Context) -> Refusals:
        record = context.certificate(context.subject)
        return iter(()) if record is None else check(context, record)

    return checked
