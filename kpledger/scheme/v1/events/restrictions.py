"""Restrictions on trade by zone, operation or direction, and the approvals they ask for.

The catalogue's events G3 and M1. The Central African Republic's compliant zones and Zimbabwe's
named operations are the models: a list of places, an approver, and whether each shipment is
approved before it is issued (PRE) or looked at afterwards (POST).
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from kpledger.base.ids import ParticipantCode
from kpledger.base.units import TimeMs
from kpledger.scheme.event import Author, Body
from kpledger.scheme.v1.events.base import DocumentHash, LongText, Reference
from kpledger.scheme.v1.ids import CertificateNumber, DecisionId, ShortName, Zone
from kpledger.scheme.v1.quantities import CaratThousandths


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
    """Decided by the Chair's notice alone: it lapses unless it is ratified."""


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
