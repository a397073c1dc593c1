"""Import events: what the destination finds, confirms, holds back or sends back.

KPCS section III(b) and Annex II recommendations 22 to 24; the catalogue's group I.
"""

from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta

from kpledger.base.ids import ParticipantCode
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.base import DocumentHash, LongText, Reference, Text
from kpledger.scheme.v1.events.certificate import Party
from kpledger.scheme.v1.ids import CertificateNumber, CountryCode
from kpledger.scheme.v1.quantities import CaratThousandths, Day, UsdCents


class DiscrepancyCause(StrEnum):
    """Why what arrived differs from what was declared."""

    WEIGHING = "WEIGHING"
    VALUATION = "VALUATION"
    COUNT = "COUNT"
    CONTENTS = "CONTENTS"
    CLERICAL = "CLERICAL"
    UNKNOWN = "UNKNOWN"


TELLING_CAUSES: Final = (DiscrepancyCause.CONTENTS, DiscrepancyCause.CLERICAL)
"""What says that something differs though all figures are as declared."""


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
    photos: Annotated[tuple[DocumentHash, ...], Meta(max_length=50)] = ()
    """Hashes of photographs of the parcels; ascending, each once."""


class ImportConfirmed(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The importing authority confirms receipt to the exporting one (KPCS III(b)2)."""

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
    """The importing authority confirms receipt of something else than was declared."""

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


class DiscrepancyResolved(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Issuer and importer agree what a discrepant shipment really held; both sign."""

    parcels: Annotated[int, Meta(ge=1, le=100_000)]
    """Number of parcels, for statistics."""
    carat_thousandths: CaratThousandths
    """Weight, in thousandths of a carat, for statistics."""
    value_usd_cents: UsdCents
    """Value, in US cents, for statistics."""
    explanation: LongText
    """How it came about."""


class ShipmentDetained(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An authority holds a shipment back: the destination's, or one where it passes."""

    reason: HoldReason
    """Why."""
    legal_reference: Reference
    """Under which law or order."""
    remarks: LongText
    """In words."""


class ShipmentReleased(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The importing authority lets a detained shipment go on."""

    remedy: LongText
    """What put it right."""


class ImportRefusedReturned(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The importing authority refuses a shipment and sends it back."""

    reason: HoldReason
    """Why."""
    technical_certificate: CertificateNumber | None
    """The technical certificate it travels back under, if one was issued."""
    remarks: LongText
    """In words."""


class Seizure(StrEnum):
    """How final it is."""

    SEIZED = "SEIZED"
    FORFEITED = "FORFEITED"


class ShipmentSeized(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The importing authority seizes a shipment (KPCS IV(d))."""

    reason: HoldReason
    """Why."""
    legal_reference: Reference
    """Under which law or order."""
    custody: Reference
    """Who holds the goods."""
    carat_thousandths: CaratThousandths
    """How much was seized, in thousandths of a carat."""
    seizure: Seizure = Seizure.SEIZED
    """Seized, or forfeited already."""


class ReturnReceived(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The original issuer has a refused shipment back."""

    received_on: Day
    """The day it came back."""
    carat_thousandths: CaratThousandths
    """How much came back, in thousandths of a carat."""
    condition: LongText
    """In which condition."""


class ShipmentDiverted(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shipment surfaced elsewhere than at its destination; that country's authority says so."""

    place: Text
    """Where."""
    found_on: Day
    """When."""
    reason: LongText
    """Why, as far as known."""


class CaseKind(StrEnum):
    """Why a shipment has a case of its own."""

    DEAD_ARRIVAL = "DEAD_ARRIVAL"
    """It arrived under a certificate that was voided, replaced or returned unused."""
    REPRESENTATION = "REPRESENTATION"
    """It arrived under a certificate that had been used already."""
    NO_CERTIFICATE = "NO_CERTIFICATE"
    """It has none that the ledger knows."""
    SAMPLE = "SAMPLE"
    """A sample for research that is not traded."""


class CaseOpened(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An authority opens a case for goods without a certificate, or for a sample.

    Cases of dead certificates and of those presented again open by themselves, with the arrival or
    the detention that is recorded on the certificate.
    """

    kind: CaseKind
    """NO_CERTIFICATE or SAMPLE (the others open by themselves); the subject is
    ``<code>/case/<name>``.
    """
    opened_on: Day
    """When the goods were found or taken."""
    carat_thousandths: CaratThousandths | None
    """How much, if it was weighed; thousandths of a carat."""
    claimed_provenance: ParticipantCode | None
    """Where they are said to come from."""
    bound_for: CountryCode | None
    """Where they are said to go, for goods in transit."""
    remarks: LongText
    """In words."""


class SuspectReported(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An authority was shown a certificate that it does not trust."""

    claimed_issuer: CountryCode
    """Who is said to have issued it; the subject is ``<code>/suspect/<name>`` of the reporter."""
    claimed_number: Annotated[str, Meta(pattern=r"^[A-Za-z0-9./ -]{0,40}\Z", max_length=40)]
    """The number that stands on it, as it stands there."""
    claimed_issue: Day | None
    """The day of issue that stands on it."""
    image: DocumentHash | None
    """Hash of an image of it."""
    remarks: LongText
    """In words."""


class Verdict(StrEnum):
    """What a suspect certificate turned out to be."""

    GENUINE = "GENUINE"
    FAKE = "FAKE"
    ALTERED = "ALTERED"
    UNKNOWN = "UNKNOWN"


class SuspectJudged(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The claimed issuer says what a suspect certificate is; the Chair, where that is not a member.

    Whoever judges may come to think otherwise: the newest verdict counts.
    """

    verdict: Verdict
    """What it is."""
    remarks: LongText
    """In words."""
