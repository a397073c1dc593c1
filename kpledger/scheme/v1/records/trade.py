"""Records of what is traded: certificates, cases, approvals."""

import msgspec

from kpledger.base.record import Record
from kpledger.scheme.v1.events.certificate import CertificateKind, GoodsLine, Party, Source
from kpledger.scheme.v1.events.decisions import ExpiryMeaning
from kpledger.scheme.v1.events.importing import CaseKind
from kpledger.scheme.v1.lifecycles.case import CaseState
from kpledger.scheme.v1.lifecycles.certificate import CertificateState


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
    marks: tuple[str, ...]
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
    exported_on: str | None
    """From the notice of export."""
    arrived_on: str | None
    """From the record of the arrival."""
    prior: CertificateState | None
    """The state before it was lost, or before it was detained on its way."""
    lost: bool
    """Reported lost and not found; survives the arrival of the goods."""
    holder: str | None
    """The participant that has the goods before it, once they arrived or surfaced."""
    found: FoundGoods | None
    """What was confirmed, or agreed on afterwards."""
    replaces: str | None
    replaced_by: str | None


class CaseCountRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many further shipments were presented under a certificate."""

    count: int


class CaseRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shipment without a certificate of its own (:mod:`kpledger.scheme.v1.lifecycles.case`)."""

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
