"""Decisions of the scheme and what follows from them: Chair, policy, rules, restrictions on trade.

KPCS section VI; the catalogue's events G3, G8 to G10 and M1. Decisions are taken by consensus
(VI.5), so a recorded decision has no objection; that of a member without a vote does not count.

Restrictions are by zone, operation or direction. The Central African Republic's compliant zones and
Zimbabwe's named operations are the models: a list of places that are allowed, one of operations
that it is about, an approver, and whether each shipment is approved before it is issued (PRE) or
looked at afterwards (POST).
"""

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.ids import EventId, ParticipantCode, PublicKey
from kpledger.base.units import TimeMs
from kpledger.scheme.event import Author, Body
from kpledger.scheme.v1.events.base import DocumentHash, LongText, Reference, Text
from kpledger.scheme.v1.ids import CertificateNumber, CountryCode, DecisionId, ShortName, Zone
from kpledger.scheme.v1.quantities import CaratThousandths, Day, Year

ParticipantCodes = Annotated[tuple[ParticipantCode, ...], Meta(max_length=400)]
"""Codes in alphabetical order, each once."""


MAX_QUOTA: Final = 10**9
"""A quota that nobody reaches: a ledger that is loaded with years of trade is founded with it."""

Quota = Annotated[int, Meta(ge=10, le=MAX_QUOTA)]
"""Units a day. An event counts as one for every 2 KiB begun; a week's units may come at once, and
the largest event there is fits into the least of them."""


class Procedure(StrEnum):
    """How a decision was taken."""

    PLENARY = "PLENARY"
    WRITTEN = "WRITTEN"
    """Between plenary meetings: circulated, and nobody objected."""
    CHAIR_NOTICE = "CHAIR_NOTICE"
    """By the Chair alone, in urgency: what rests on it is interim."""


class ExpiryMeaning(StrEnum):
    """What has to happen by the day of expiry; the scheme itself is silent."""

    EXPORT_BY = "EXPORT_BY"
    """The shipment must have left (European Union)."""
    JOURNEY = "JOURNEY"
    """The shipment must have arrived (Australia)."""


class DecisionRecorded(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Chair or the secretariat records a decision of the scheme."""

    decision: DecisionId
    """What it is called; the subject is ``KPCS/decision/<id>``."""
    title: Text
    """What it is about."""
    document: DocumentHash
    """Hash of its text."""
    procedure: Procedure
    """How it was taken."""
    decided_on: Day
    """When."""
    supports: ParticipantCodes
    """Who supported it, on the word of whoever records it; who signed for it says so itself."""
    objections: ParticipantCodes
    """Who objected, likewise."""
    ratifies: Annotated[tuple[EventId, ...], Meta(max_length=100)]
    """Interim measures that it makes lasting, by the events that set them; ascending, each once."""


class Stance(StrEnum):
    """What a participant thinks of a decision."""

    SUPPORT = "SUPPORT"
    OBJECTION = "OBJECTION"
    WITHDRAWN = "WITHDRAWN"
    """Neither of both any more."""


class PositionTaken(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant supports a decision by its signature, or objects to it; its newest word counts.

    Before the decision is recorded, or afterwards.
    """

    decision: DecisionId
    """Which; the subject is ``KPCS/decision/<id>``."""
    document: DocumentHash
    """Hash of the text that it means."""
    stance: Stance
    """For it, against it, or neither any more."""
    remarks: LongText
    """In words."""


class ChairRotated(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Chair hands over (KPCS VI.4); the old and the new Chair's keys both sign."""

    year: Year
    """The year for which the new Chair presides; the subject is ``KPCS/chair``."""
    chair: ParticipantCode
    """Who takes the chair: the vice-chair, unless a decision says otherwise."""
    key: PublicKey
    """The new Chair's key; the old one ends with this event."""
    vice_chair: ParticipantCode | None
    """Who follows next, if that is decided already."""
    decision: DecisionId
    """The recorded decision behind it."""


class ViceChairElected(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The plenary elects who takes the chair next."""

    vice_chair: ParticipantCode
    """Who; the subject is ``KPCS/chair``."""
    decision: DecisionId
    """The recorded decision behind it."""


class PolicyValues(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the scheme leaves open; null keeps what held before."""

    max_validity_days: Annotated[int, Meta(ge=1, le=3660)] | None = None
    """Longest time from issue to expiry, in days. Setting it ends a limit in months."""
    max_validity_months: Annotated[int, Meta(ge=1, le=120)] | None = None
    """Likewise in calendar months."""
    expiry: ExpiryMeaning | None = None
    """What has to happen by the day of expiry."""
    carat_tolerance_ppm: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    """How far found may differ from declared weight in a clean confirmation, in millionths."""
    carat_tolerance_thousandths: Annotated[int, Meta(ge=0, le=1_000)] | None = None
    """How far it may differ however little there is, in thousandths of a carat."""
    value_tolerance_ppm: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    """Likewise for value, in millionths."""
    value_tolerance_usd_cents: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    """Likewise for value however low it is, in US cents."""
    officers: Annotated[int, Meta(ge=1, le=8)] | None = None
    """How many officers of an office must sign each of its events; the root signs alone."""
    strict_lineage: bool | None = None
    """Whether re-exports must be covered by the weight of their sources (rule E13)."""
    notice_expected: bool | None = None
    """Whether a shipment is expected to be announced before it arrives (Annex II, 19)."""
    confirm_within_days: Annotated[int, Meta(ge=1, le=366)] | None = None
    """Working days from arrival to confirmation before it is remarked on."""
    overdue_days: Annotated[int, Meta(ge=1, le=3660)] | None = None
    """Days after expiry from which an unconfirmed certificate is remarked on."""
    signed_supports: Annotated[int, Meta(ge=0, le=100)] | None = None
    """How many participants must have signed for a decision before a measure rests on it that is
    not interim; 0: the Chair's word is enough. Of the scheme only."""
    interim_days: Annotated[int, Meta(ge=1, le=366)] | None = None
    """Days after which an interim measure lapses unless ratified; of the scheme only."""
    vigilance: Annotated[tuple[CountryCode, ...], Meta(max_length=100)] | None = None
    """Origins that the Chair asks to look at closely; of the scheme only. Alphabetical."""
    clock_skew_ms: Annotated[int, Meta(ge=0, le=3_600_000)] | None = None
    """How far ``occurred_at`` and block time may run ahead; of the scheme only."""
    trade_quota: Quota | None = None
    """How much an office may file a day to issue, ship and import; of the scheme only."""
    statistics_quota: Quota | None = None
    """Likewise of statistics."""
    governance_quota: Quota | None = None
    """Likewise to arrange offices, keys and numbers, and of measures of the scheme."""
    notes_quota: Quota | None = None
    """Likewise of notes, corrections, reports and proceedings."""
    quota_offices: Annotated[int, Meta(ge=1, le=100)] | None = None
    """For how many offices' quotas all those of a participant may file; of the scheme only."""


class PolicySet(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Chair settles what the scheme leaves open, or a participant what is left to it."""

    participant: ParticipantCode | None
    """For whom; null for the whole scheme. The subject is ``<code>/policy`` or ``KPCS/policy``."""
    values: PolicyValues
    """What is settled anew."""
    effective_from: TimeMs
    """From when; not before the time of its block. Unix milliseconds."""
    decision: DecisionId | None
    """The recorded decision, for the scheme; null for a participant's own law."""


class RulesActivated(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Chair puts the next version of the rules in force from a height on."""

    version: Annotated[int, Meta(ge=2, le=255)]
    """The version: one more than the newest; the subject is ``KPCS/rules``."""
    height: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    """The first block that it holds for; above the block of this event."""
    decision: DecisionId
    """The recorded decision behind it."""


class Scope(StrEnum):
    """Which certificates a restriction is about."""

    ORIGIN = "ORIGIN"
    """Those that name the participant as a country of origin, whoever issues them."""
    EXPORT = "EXPORT"
    """Those that the participant issues."""
    IMPORT = "IMPORT"
    """Those that are destined for it."""


class Mode(StrEnum):
    """What a restriction asks for."""

    PROHIBITED = "PROHIBITED"
    """Nothing, but from or to the allowed zones."""
    PRE = "PRE"
    """An approval before the certificate is issued."""
    POST = "POST"
    """An approval afterwards; one that is missing is remarked on."""


class RestrictionSet(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Chair restricts a participant's trade."""

    restriction: ShortName
    """What it is called; the subject is ``<code>/restriction/<name>``."""
    participant: ParticipantCode
    """Whom it concerns."""
    scope: Scope
    """Which certificates."""
    mode: Mode
    """What it asks for."""
    zones: Annotated[tuple[Zone, ...], Meta(max_length=200)]
    """The zones or operations that are allowed, in alphabetical order, each once. Where there are
    any, a certificate in scope must name its zones, all of them from here."""
    approver: Author | None
    """Who approves shipments; for PRE and POST."""
    effective_from: TimeMs
    """From when it holds; Unix milliseconds."""
    effective_until: TimeMs | None
    """Until when, if that is decided; Unix milliseconds, not included."""
    decision: DecisionId
    """The recorded decision, or the Chair's notice."""
    interim: bool = False
    """Decided by the Chair alone: it lapses unless it is ratified."""
    operations: Annotated[tuple[Zone, ...], Meta(max_length=200)] = ()
    """The operations, such as mines, that it is about, in alphabetical order, each once; all where
    there are none. Where there are any, a certificate in scope must name its zones; what comes from
    none of these is held to the allowed zones alone."""


class RestrictionLifted(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Chair ends a restriction."""

    restriction: ShortName
    """Which; the subject is ``<code>/restriction/<name>``."""
    participant: ParticipantCode
    """Whom it concerned."""
    effective_from: TimeMs
    """From when it holds no more; Unix milliseconds."""
    decision: DecisionId
    """The recorded decision."""


class ShipmentApproved(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The approver of a restriction lets a shipment pass, before or after its issue."""

    restriction: ShortName
    """Under which restriction; the subject is the certificate's number."""
    participant: ParticipantCode
    """Whom the restriction concerns."""
    number: CertificateNumber
    """The certificate, issued or still to be issued."""
    carat_thousandths: CaratThousandths
    """Up to how much, in thousandths of a carat."""
    reference: Reference
    """The approver's file."""
    photos: Annotated[tuple[DocumentHash, ...], Meta(max_length=50)]
    """Hashes of photographs of the parcels; ascending, each once."""


class ShipmentDeclined(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The approver of a restriction does not let a shipment pass."""

    restriction: ShortName
    """Under which restriction; the subject is the certificate's number."""
    participant: ParticipantCode
    """Whom the restriction concerns."""
    number: CertificateNumber
    """The certificate, issued or still to be issued."""
    reason: LongText
    """Why."""
