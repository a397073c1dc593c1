"""Certificate events: the Kimberley Process certificate and what its issuer does to it.

Fields follow KPCS Annex I.A (mandatory) and I.B (optional); the catalogue's group C.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from kpledger.base.ids import ParticipantCode
from kpledger.base.units import TimeMs
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.base import DocumentHash, LongText, Reference, Text
from kpledger.scheme.v1.ids import CertificateNumber, CountryCode, Zone
from kpledger.scheme.v1.quantities import CaratThousandths, Day, UsdCents


class CertificateKind(StrEnum):
    """Normal trade, or the movement of goods that are not traded."""

    NORMAL = "NORMAL"
    TECHNICAL = "TECHNICAL"
    """For detained, seized or returned goods; outside the trade statistics."""


class OriginKind(StrEnum):
    """Whether the stones of a shipment come from one country."""

    SINGLE = "SINGLE"
    MIXED = "MIXED"


class HsCode(StrEnum):
    """The Harmonised System codes of rough diamonds (KPCS section I, *Rough diamonds*)."""

    UNSORTED = "710210"
    INDUSTRIAL = "710221"
    NON_INDUSTRIAL = "710231"


class VoidReason(StrEnum):
    """Why a certificate is taken back."""

    ERROR = "ERROR"
    NOT_EXPORTED = "NOT_EXPORTED"
    FRAUD = "FRAUD"
    ORDER = "ORDER"


class ReplacementReason(StrEnum):
    """Why another certificate takes its place."""

    ERROR = "ERROR"
    CHANGED = "CHANGED"
    DAMAGED = "DAMAGED"
    LOST = "LOST"


class Party(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An exporter or importer (KPCS Annex I.A, *identification of exporter and importer*)."""

    name: Text
    """The company or person."""
    address: Text
    """Where it is."""
    licence: Annotated[str, Meta(max_length=64)]
    """Its licence number; empty where the participant issues none."""


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the diamonds were mined (KPCS section I, *Country of origin*)."""

    kind: OriginKind
    """One country, or a parcel of mixed origin."""
    countries: Annotated[tuple[CountryCode, ...], Meta(max_length=40)]
    """SINGLE: exactly one. MIXED: none, or two and more; in alphabetical order, each once."""
    shares: Annotated[tuple[Annotated[int, Meta(ge=1, le=10_000)], ...], Meta(max_length=40)] = ()
    """MIXED with countries: the share of each in the weight, in ten-thousandths; all or none."""
    zones: Annotated[tuple[Zone, ...], Meta(max_length=40)] = ()
    """Mining zones or operations within those countries, where a restriction asks for them; in
    alphabetical order, each once."""


class GoodsLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of a shipment under one HS code."""

    hs: HsCode
    """The Harmonised System code, six digits."""
    carat_thousandths: CaratThousandths
    """Weight, in thousandths of a carat."""
    value_usd_cents: UsdCents
    """Value, in US cents."""


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An earlier certificate under which goods of a re-export came in."""

    number: CertificateNumber
    """The earlier certificate."""
    carat_thousandths: CaratThousandths
    """How much of it is in this shipment, in thousandths of a carat."""


class Certificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Kimberley Process certificate: one shipment (KPCS Annex I).

    The issuing participant and authority (Annex I.A, *issuing authority*) are the event's author;
    the statement and the title (Annex I.A) are what the event type means.
    """

    number: CertificateNumber
    """Unique for ever; begins with the issuer's country code."""
    kind: CertificateKind
    """Normal or technical."""
    languages: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-z]{2}\Z")], ...], Meta(min_length=1, max_length=8)
    ]
    """ISO 639-1 codes; ``en`` is always among them (Annex I.A)."""
    issued_on: Day
    """Date of issuance."""
    expires_on: Day
    """Date of expiry: valid to the end of that day, UTC."""
    destination: ParticipantCode
    """The participant it is shipped to."""
    exporter: Party
    """Who sends it."""
    importer: Party
    """Who receives it."""
    origin: Origin
    """Where it was mined."""
    parcels: Annotated[int, Meta(ge=1, le=100_000)]
    """Number of parcels in the shipment."""
    carat_thousandths: CaratThousandths
    """Total weight, in thousandths of a carat; the sum of the lines."""
    value_usd_cents: UsdCents
    """Total value, in US cents; the sum of the lines."""
    lines: Annotated[tuple[GoodsLine, ...], Meta(min_length=1, max_length=3)]
    """One line for each HS code, in its order."""
    validated_at: TimeMs | None
    """When the exporting authority validated it (Annex I.A, *validation*); Unix milliseconds. Null
    where validating is a step of its own (:class:`CertificateValidated`)."""
    seals: Annotated[tuple[Reference, ...], Meta(max_length=100)]
    """Numbers of the tamper-resistant containers (KPCS IV(c)), each once."""
    sources: Annotated[tuple[Source, ...], Meta(max_length=500)]
    """For a re-export: the certificates under which the goods came in, each once."""
    remarks: LongText
    """Optional characteristics (Annex I.B)."""
    case: Annotated[str, Meta(pattern=r"^([A-Za-z0-9/-]{1,80})?\Z", max_length=80)] = ""
    """TECHNICAL: the case or certificate whose goods it moves; empty otherwise."""
    photos: Annotated[tuple[DocumentHash, ...], Meta(max_length=50)] = ()
    """Hashes of photographs of the parcels; ascending, each once."""
    declaration: DocumentHash | None = None
    """Hash of the exporter's declaration or of the invoice with its warranty (Annex II, 18)."""


class CertificateIssued(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An exporting authority issues and validates a certificate (KPCS II(a), III(a))."""

    certificate: Certificate
    """The certificate; its number is the event's subject."""


class CertificateValidated(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The exporting authority validates a certificate that was issued before (KPCS III(a))."""

    validated_at: TimeMs
    """When it was validated; Unix milliseconds."""
    seals: Annotated[tuple[Reference, ...], Meta(max_length=100)]
    """Numbers of the containers as sealed (KPCS IV(c)), each once; they add to those issued."""


class ExportNotified(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The exporting authority announces a shipment to the importing one (Annex II, 19)."""

    exported_on: Day
    """The day it leaves."""
    carrier: Text
    """Who carries it."""
    transport_document: Reference
    """Number of the air waybill or the like."""
    expected_on: Day | None
    """The day it should arrive."""
    transit: Annotated[tuple[CountryCode, ...], Meta(max_length=20)]
    """Countries that it passes, in their order."""


class CertificateVoided(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The issuing participant takes a certificate back."""

    reason: VoidReason
    """Why."""
    remarks: LongText
    """In words."""


class CertificateReplaced(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The issuing participant puts a new certificate in the place of one.

    The new certificate is part of this event, so that both happen together or not at all.
    """

    reason: ReplacementReason
    """Why."""
    certificate: Certificate
    """The new certificate; the old one's number is the event's subject."""


class AmendableField(StrEnum):
    """What may be corrected as a typing error; goods, origin and destination may not."""

    EXPORTER_NAME = "exporter.name"
    EXPORTER_ADDRESS = "exporter.address"
    EXPORTER_LICENCE = "exporter.licence"
    IMPORTER_NAME = "importer.name"
    IMPORTER_ADDRESS = "importer.address"
    IMPORTER_LICENCE = "importer.licence"
    PARCELS = "parcels"


class AmendmentEndorsed(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The issuer corrects a typing error; once the goods arrived, the destination signs too."""

    field: AmendableField
    """Which field."""
    old: Annotated[str, Meta(max_length=256)]
    """What it says now."""
    new: Annotated[str, Meta(max_length=256)]
    """What it should say."""
    reason: LongText
    """Why, and on whose instruction."""


class CertificateLost(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The issuer or the destination reports a certificate as lost."""

    with_goods: bool
    """Whether the goods are lost with it."""
    circumstances: LongText
    """What is known."""


class CertificateFound(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The issuer or the destination reports that a lost certificate was found."""

    circumstances: LongText
    """What is known."""


class CertificateReturnedUnused(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The issuer has a certificate back that was never used."""

    returned_on: Day
    """The day it came back."""


class TransitNoted(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A transit country notes that a shipment passed (KPCS III(d)); nobody has to.

    It names the newest event on the certificate and does not become it.
    """

    entered_on: Day
    """The day it came."""
    left_on: Day | None
    """The day it went."""
    seals_intact: bool
    """Whether the containers were closed."""
    remarks: LongText
    """In words."""
