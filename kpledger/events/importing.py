"""Import events: what the destination finds, confirms, holds back or sends back.

KPCS section III(b) and Annex II recommendations 22 to 24; the catalogue's group I.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

from msgspec import Meta

from kpledger.events.base import Body, LongText, Reference
from kpledger.events.certificate import Party
from kpledger.ids import CertificateNumber
from kpledger.units import CaratThousandths, Day, UsdCents


class DiscrepancyCause(StrEnum):
    """Why what arrived differs from what was declared."""

    WEIGHING = "WEIGHING"
    VALUATION = "VALUATION"
    COUNT = "COUNT"
    CONTENTS = "CONTENTS"
    CLERICAL = "CLERICAL"
    UNKNOWN = "UNKNOWN"


class HoldReason(StrEnum):
    """Why a shipment is detained, refused or seized."""

    NO_CERTIFICATE = "NO_CERTIFICATE"
    INVALID_CERTIFICATE = "INVALID_CERTIFICATE"
    EXPIRED_CERTIFICATE = "EXPIRED_CERTIFICATE"
    BROKEN_SEALS = "BROKEN_SEALS"
    CONTENTS_DIFFER = "CONTENTS_DIFFER"
    ISSUER_NOT_IN_GOOD_STANDING = "ISSUER_NOT_IN_GOOD_STANDING"
    ORDER = "ORDER"


class ArrivalRecorded(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The importing authority has the shipment before it (Annex II, 22 and 23)."""

    TYPE: ClassVar[str] = "arrival_recorded"

    arrived_on: Day
    """The day it arrived."""
    seals_intact: bool
    """Whether the containers came closed."""
    opened: bool
    """Whether the authority opened them."""
    found_carat_thousandths: CaratThousandths | None
    """What was weighed, if it was; thousandths of a carat."""
    remarks: LongText
    """In words."""


class ImportConfirmed(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The importing authority confirms receipt to the exporting one (KPCS III(b)2)."""

    TYPE: ClassVar[str] = "import_confirmed"

    number: CertificateNumber
    """The certificate; also the event's subject."""
    parcels: Annotated[int, Meta(ge=1, le=100_000)]
    """Number of parcels received."""
    carat_thousandths: CaratThousandths
    """Weight received, in thousandths of a carat."""
    value_usd_cents: UsdCents
    """Value received, in US cents."""
    exporter: Party
    """As on the certificate."""
    importer: Party
    """As on the certificate."""
    received_on: Day
    """The day of receipt."""
    exported_on: Day | None
    """The day it left the issuer, from the transport document; for certificates valid *for
    export* only, which may arrive after their expiry."""


class ImportConfirmedDiscrepant(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As :class:`ImportConfirmed`, but what arrived differs from what was declared."""

    TYPE: ClassVar[str] = "import_confirmed_discrepant"

    number: CertificateNumber
    """The certificate; also the event's subject."""
    parcels: Annotated[int, Meta(ge=1, le=100_000)]
    """Number of parcels found."""
    carat_thousandths: CaratThousandths
    """Weight found, in thousandths of a carat."""
    value_usd_cents: UsdCents
    """Value found, in US cents."""
    exporter: Party
    """As on the certificate."""
    importer: Party
    """As on the certificate."""
    received_on: Day
    """The day of receipt."""
    cause: DiscrepancyCause
    """Why it differs, as far as known."""
    remarks: LongText
    """In words."""


class ShipmentDetained(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The importing authority holds a shipment back."""

    TYPE: ClassVar[str] = "shipment_detained"

    reason: HoldReason
    """Why."""
    legal_reference: Reference
    """Under which law or order."""
    remarks: LongText
    """In words."""


class ShipmentReleased(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The importing authority lets a detained shipment go on."""

    TYPE: ClassVar[str] = "shipment_released"

    remedy: LongText
    """What put it right."""


class ImportRefusedReturned(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The importing authority refuses a shipment and sends it back."""

    TYPE: ClassVar[str] = "import_refused_returned"

    reason: HoldReason
    """Why."""
    technical_certificate: CertificateNumber | None
    """The technical certificate it travels back under, if one was issued."""
    remarks: LongText
    """In words."""


class ShipmentSeized(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The importing authority seizes a shipment (KPCS IV(d))."""

    TYPE: ClassVar[str] = "shipment_seized"

    reason: HoldReason
    """Why."""
    legal_reference: Reference
    """Under which law or order."""
    custody: Reference
    """Who holds the goods."""
    carat_thousandths: CaratThousandths
    """How much was seized, in thousandths of a carat."""
