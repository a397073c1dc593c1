"""Certificate events: the Kimberley Process certificate and what its issuer does to it.

Fields follow KPCS Annex I.A (mandatory) and I.B (optional); the catalogue's group C.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from kpledger.events.base import Body, LongText, Reference, Text
from kpledger.ids import CertificateNumber, ParticipantCode
from kpledger.units import CaratThousandths, Day, TimeMs, UsdCents


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
    countries: Annotated[tuple[ParticipantCode, ...], Meta(max_length=40)]
    """SINGLE: exactly one. MIXED: none, or two and more; in alphabetical order, each once."""


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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
    lines: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=3)]
    """One line for each HS code, in its order."""
    validated_at: TimeMs
    """When the exporting authority validated it (Annex I.A, *validation*); Unix milliseconds."""
    seals: Annotated[tuple[Reference, ...], Meta(max_length=100)]
    """Numbers of the tamper-resistant containers (KPCS IV(c)), each once."""
    sources: Annotated[tuple[Source, ...], Meta(max_length=500)]
    """For a re-export: the certificates under which the goods came in, each once."""
    remarks: LongText
    """Optional characteristics (Annex I.B)."""


class CertificateIssued(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An exporting authority issues and validates a certificate (KPCS II(a), III(a))."""

    TYPE: ClassVar[str] = "certificate_issued"

    certificate: Certificate
    """The certificate; its number is the event's subject."""


class CertificateVoided(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The issuing participant takes a certificate back."""

    TYPE: ClassVar[str] = "certificate_voided"

    reason: VoidReason
    """Why."""
    remarks: LongText
    """In words."""


class CertificateReplaced(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The issuing participant puts a new certificate in the place of one.

    The new certificate is part of this event, so that both happen together or not at all.
    """

    TYPE: ClassVar[str] = "certificate_replaced"

    reason: ReplacementReason
    """Why."""
    certificate: Certificate
    """The new certificate; the old one's number is the event's subject."""
