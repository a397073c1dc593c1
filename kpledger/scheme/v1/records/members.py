"""Records of who takes part: participants, offices, keys, numbers, restrictions, policy."""

import msgspec

from kpledger.base.record import Record
from kpledger.scheme.v1.events import governance as events
from kpledger.scheme.v1.events.decisions import PolicyValues
from kpledger.scheme.v1.events.life import ObserverKind
from kpledger.scheme.v1.events.restrictions import Mode, Scope


class StandingSince(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A standing and the instant it begins."""

    status: events.Standing
    effective_from: int
    """Unix milliseconds."""
    decision: str
    """The decision behind it."""
    lapses_at: int | None = None
    """Interim: when it ends unless ratified; Unix milliseconds."""
    event: bytes | None = None
    """The event that set it; none for those of the genesis file."""


class ParticipantRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant of the scheme."""

    code: str
    name: str
    kind: events.ParticipantKind
    standings: tuple[StandingSince, ...]
    """Every standing it was given, in ledger order; a later one overrules for its time."""
    authority_count: int
    """How many authorities it has registered; the Chair countersigns the first."""
    statistics_offices: int = 0
    """How many of them are open and have the role STATISTICS; its root submits where none has."""

    def standing_at(self, time_ms: int) -> events.Standing | None:
        """Give the standing at an instant; None before it was admitted."""
        found = self.standing_since(time_ms)
        return None if found is None else found.status

    def standing_since(self, time_ms: int) -> StandingSince | None:
        """Give the standing at an instant, and since when; None before it was admitted.

        The newest decision that is in effect at the instant counts, not the one with the latest
        date: a decision may correct the time of an earlier one. An interim one that lapsed
        counts no more.
        """
        for standing in reversed(self.standings):
            lapsed = standing.lapses_at is not None and standing.lapses_at <= time_ms
            if standing.effective_from <= time_ms and not lapsed:
                return standing
        return None


class AuthorityRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An office of a participant."""

    participant: str
    authority: str
    title: str
    place: str
    contact: str
    roles: tuple[events.AuthorityRole, ...]
    territory: str | None = None
    """A territory with numbers of its own that it serves."""
    closed_at: int | None = None
    """Block time of its closing, or of an observer's withdrawal; Unix milliseconds."""
    observer: ObserverKind | None = None
    """What kind of observer it is; none for an office."""


class AllottedRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run of certificate numbers and the office that may issue them."""

    authority: str
    range: events.NumberRange
    retired_at: int | None = None
    """Block time of its withdrawal; Unix milliseconds."""


class RangesRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The certificate numbers of a participant, in the order they were allotted."""

    ranges: tuple[AllottedRange, ...]


class FormatSince(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What certificates look like from an instant on."""

    masks: tuple[str, ...]
    specimen: bytes
    features: str
    valid_from: int


class FormatsRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a participant's certificates look like, every notice in ledger order."""

    formats: tuple[FormatSince, ...]


class KeyRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signing key and whose it is."""

    participant: str
    """A participant's code, or ``KPCS``."""
    authority: str
    valid_from: int
    """Unix milliseconds of block time."""
    revoked_at: int | None
    """Block time of its revocation; signatures count before it."""
    reason: events.RevocationReason | None
    suspect_since: int | None
    officer: str | None = None
    """Whose it is among the office's people."""


class Restriction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A restriction on trade, and when it holds."""

    restriction: str
    scope: Scope
    mode: Mode
    zones: tuple[str, ...]
    approver: tuple[str, str] | None
    """Participant, or ``KPCS``, and authority."""
    effective_from: int
    effective_until: int | None
    decision: str
    lapses_at: int | None
    """Interim: when it ends unless ratified; Unix milliseconds."""
    event: bytes

    def ends_at(self) -> int | None:
        """Give when it ends, as far as that is known; Unix milliseconds."""
        ends = [end for end in (self.effective_until, self.lapses_at) if end is not None]
        return min(ends, default=None)

    def holds_at(self, time_ms: int) -> bool:
        """Tell whether it is in force at an instant."""
        end = self.ends_at()
        return self.effective_from <= time_ms and (end is None or time_ms < end)


class RestrictionsRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All restrictions that a participant was ever under, in ledger order."""

    restrictions: tuple[Restriction, ...]


class PolicySince(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was settled, and from when it holds."""

    values: PolicyValues
    effective_from: int
    recorded_at: int
    decision: str | None


class PolicyRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the scheme leaves open, as settled for the network or for one participant."""

    history: tuple[PolicySince, ...]
    """In ledger order; the genesis file's values are the first of the network."""
