"""The records of the state: what the ledger knows about each thing, as of the newest block.

Each record stands under a key of its own, ``<kind>/<id>`` in ASCII, as canonical MessagePack. The
pairs (key, encoded record) are what the state digest covers. First those of who takes part, then
of the scheme itself and of the ledger, then of what is traded. A ``height`` is that of the block
that wrote a thing first, 0 for the genesis file: a recovery ends what was arranged since a height.
"""

import msgspec

from kpledger.base.state import Record
from kpledger.scheme.v1.events.certificate import CertificateKind, GoodsLine, Party, Source
from kpledger.scheme.v1.events.decisions import ExpiryMeaning, PolicyValues, Procedure
from kpledger.scheme.v1.events.governance import (
    AuthorityRole,
    NumberRange,
    ParticipantKind,
    RevocationReason,
    Standing,
)
from kpledger.scheme.v1.events.importing import CaseKind
from kpledger.scheme.v1.events.life import BodyKind, FollowUpStatus, ObserverKind
from kpledger.scheme.v1.lifecycles import CaseState, CertificateState, ProceedingState
from kpledger.scheme.v1.measures import Restriction, SignedPosition, StandingSince
from kpledger.scheme.v1.subjects import Subject

SCHEME_KEY = b"scheme/kpcs"
"""The key of the one scheme record."""


class ParticipantRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant of the scheme."""

    code: str
    name: str
    kind: ParticipantKind
    standings: tuple[StandingSince, ...]
    """Every standing it was given, in ledger order; a later one overrules for its time."""
    authority_count: int
    """How many authorities it has registered; the Chair countersigns the first."""
    statistics_offices: int = 0
    """How many of them are open and have the role STATISTICS; its root submits where none has."""
    admitted_at: int = 0
    """Block time of its admission, Unix milliseconds; 0 for those of the genesis file."""

    def standing_at(self, time_ms: int) -> Standing | None:
        """Give the standing at an instant; None before it was admitted."""
        found = self.standing_since(time_ms)
        return None if found is None else found.status

    def standings_within(self, first_ms: int, last_ms: int) -> tuple[Standing | None, ...]:
        """Give the standings that it had in a span, both ends included, in their order."""
        within = sorted({at for at in self.changes() if first_ms < at <= last_ms})
        return tuple(self.standing_at(at) for at in (first_ms, *within))

    def changes(self) -> tuple[int, ...]:
        """Give the instants at which its standing may have changed; Unix milliseconds."""
        ends = (one.lapses_at for one in self.standings if one.lapses_at is not None)
        return (*(one.effective_from for one in self.standings), *ends)

    def is_awaited(self, time_ms: int) -> bool:
        """Tell whether it was admitted from a later instant on, and does not take part yet."""
        to_come = any(one.effective_from > time_ms for one in self.standings)
        return to_come and self.standing_at(time_ms) is None

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
    roles: tuple[AuthorityRole, ...]
    territory: str | None = None
    """A territory with numbers of its own that it serves."""
    closed_at: int | None = None
    """Block time of its closing, or of an observer's withdrawal; Unix milliseconds."""
    height: int
    closed_height: int | None = None
    observer: ObserverKind | None = None
    """What kind of observer it is; none for an office."""


class AllottedRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run of certificate numbers and the office that may issue them."""

    authority: str
    range: NumberRange
    retired_at: int | None = None
    """Block time of its withdrawal; Unix milliseconds."""
    height: int
    retired_height: int | None = None


class RangesRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The certificate numbers of a participant, in the order they were allotted."""

    ranges: tuple[AllottedRange, ...]


class FormatSince(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What certificates look like from an instant on."""

    masks: tuple[str, ...]
    specimen: bytes
    features: str
    valid_from: int
    height: int


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
    revoked_at: int | None = None
    """Block time of its revocation; signatures count before it."""
    reason: RevocationReason | None = None
    suspect_since: int | None = None
    officer: str | None = None
    """Whose it is among the office's people."""
    height: int


class HouseRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a participant has arranged, or under ``KPCS`` the scheme, in ledger order."""

    keys: tuple[bytes, ...] = ()
    """Those that have not ended."""
    offices: tuple[str, ...] = ()
    """All of them, closed ones too; of the scheme, observers as well."""


class RecoveryRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That the keys of a participant, or of the scheme, were set anew, by one event."""

    recovered_at: int
    """Block time; Unix milliseconds."""
    suspect_height: int | None
    """From where on its keys may have been a thief's; none where they were lost."""


class RestrictionsRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All restrictions that a participant was ever under, in ledger order."""

    restrictions: tuple[Restriction, ...]


class PolicySince(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was settled, and from when it holds."""

    values: PolicyValues
    effective_from: int
    recorded_at: int
    decision: str | None
    height: int


class PolicyRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the scheme leaves open, as settled for the network or for one participant."""

    history: tuple[PolicySince, ...]
    """In ledger order; the genesis file's values are the first of the network."""


class EventRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an event stands; its existence makes submitting twice harmless, for ever."""

    index: int
    """Leaf position in the tree, 0-based."""
    height: int
    """Block that holds it."""
    type: str
    participant: str
    """Its author's participant, or ``KPCS``."""
    authority: str
    """Its author's office."""
    subject: str


class DecisionRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision of the scheme."""

    decision: str
    title: str
    document: bytes
    procedure: Procedure
    decided_on: str
    supports: tuple[str, ...]
    recorded_at: int
    """Block time."""


class PositionsRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What participants signed about a decision, in the order in which they spoke first."""

    positions: tuple[SignedPosition, ...] = ()


class SchemeRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who presides over the scheme."""

    chair: str | None
    """The participant in the chair; unknown until the first hand-over."""
    vice_chair: str | None
    year: int | None
    key: bytes
    """The Chair's key."""
    witnesses: int
    chair_quorum: int
    """How many participants sign recoveries, of another one and of the Chair; by the genesis."""


class RecommendationStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recommendation of a review and how far it was followed."""

    name: str
    due_on: str | None
    status: FollowUpStatus


class ProceedingRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the scheme does in several steps, each an event on one subject."""

    subject: str
    kind: Subject
    state: ProceedingState
    head: bytes
    """Id of the newest event on it: the optimistic lock."""
    participant: str
    """Whom it concerns; ``KPCS`` for meetings, the claimed issuer of a suspect certificate."""
    opened_by: str
    """Author's participant."""
    opened_at: int
    """Block time."""
    title: str
    """In a few words, for lists."""
    due_on: str | None = None
    """When its next step is due."""
    documents: tuple[bytes, ...] = ()
    """Hashes of what was filed, in order."""
    recommendations: tuple[RecommendationStatus, ...] = ()


class ReportRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An annual report: its editions in order of filing, with block times and heights."""

    participant: str
    year: int
    documents: tuple[bytes, ...]
    filed_at: tuple[int, ...]
    heights: tuple[int, ...]


class BodyRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A working group or committee."""

    name: str
    title: str
    kind: BodyKind
    chair: str
    members: tuple[str, ...]
    observers: tuple[str, ...]
    dissolved: bool


class EditionRecorded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One edition of submitted statistics."""

    edition: int
    event: bytes
    recorded_at: int


class SubmissionRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The editions that a participant submitted for one series and period, in order."""

    participant: str
    kind: Subject
    """TRADE, PRODUCTION or COUNTS."""
    period: str
    editions: tuple[EditionRecorded, ...]


class CorrectionRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That an event was corrected, and by which events, in order."""

    corrections: tuple[bytes, ...]


class Countersignature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that signed a statement after it had been recorded, and the event by which it did."""

    key: bytes
    event: bytes


class CountersignaturesRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who countersigned an event, in order."""

    countersignatures: tuple[Countersignature, ...]


class FoundGoods(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an importing authority found."""

    parcels: int
    carat_thousandths: int
    value_usd_cents: int
    received_on: str


class CertificateRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate: what it says now, and where it stands."""

    number: str
    kind: CertificateKind
    state: CertificateState
    marks: tuple[str, ...] = ()
    """Remarkable things that happened to it, for auditors; in order of appearance, each once."""
    head: bytes
    """Id of the newest event on it: the optimistic lock."""
    issuer: str
    authority: str
    destination: str
    issued_on: str
    expires_on: str
    expiry: ExpiryMeaning
    """The issuer's policy when it was issued."""
    recorded_at: int
    """Block time of its issuance."""
    exporter: Party
    importer: Party
    origins: tuple[str, ...]
    zones: tuple[str, ...]
    """Mining zones or operations within them, where it names any."""
    parcels: int
    carat_thousandths: int
    value_usd_cents: int
    lines: tuple[GoodsLine, ...]
    sources: tuple[Source, ...]
    case: str
    """TECHNICAL: whose goods it moves; empty otherwise."""
    exported_on: str | None = None
    """From the notice of export."""
    arrived_on: str | None = None
    """From the record of the arrival."""
    prior: CertificateState | None = None
    """The state before it was lost, or before it was detained on its way."""
    lost: bool = False
    """Reported lost and not found; survives the arrival of the goods."""
    holder: str | None = None
    """The participant that has the goods before it, once they arrived or surfaced."""
    found: FoundGoods | None = None
    """What was confirmed, or agreed on afterwards."""
    replaces: str | None = None
    replaced_by: str | None = None


class CaseCountRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many further shipments were presented under a certificate."""

    count: int


class CaseRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shipment without a certificate of its own, beside the certificates."""

    case: str
    kind: CaseKind
    state: CaseState
    head: bytes
    """Id of the newest event on it: the optimistic lock."""
    number: str | None
    """The certificate it was presented under."""
    holder: str
    """The participant that has the goods before it."""
    returned_to: str | None
    """Whoever has to receive it back: the issuer of the certificate, or the claimed provenance."""
    carat_thousandths: int | None
    """What was weighed of it when it was opened, if it was."""
    opened_at: int
    """Block time."""


class TechnicalRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which technical certificates move the goods of a case, or of a certificate that is held."""

    numbers: tuple[str, ...]
    """In the order of their issue; those that were taken back, or whose goods came back, drop out
    with the next one."""


class ApprovalRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the approver of a restriction said to a shipment; the newest word counts."""

    approved: bool
    carat_thousandths: int
    """Up to how much; 0 when it was declined."""
    event: bytes
    recorded_at: int


class DrawnRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of a certificate's goods went into re-exports of its destination."""

    carat_thousandths: int
