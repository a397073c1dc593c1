"""Life cycles: which event leads from which state to which, read from ``lifecycles.toml``.

Certificates, cases and proceedings have states. A certificate whose life is closed never changes
again; what arrives under it all the same has a case of its own, see :data:`OPENS_CASE`.
"""

from enum import StrEnum
from importlib.resources import files
from typing import Final

import msgspec

from kpledger.scheme.v1.events.importing import CaseKind
from kpledger.scheme.v1.subjects import Subject


class CertificateState(StrEnum):
    """Where a certificate stands."""

    ISSUED = "ISSUED"
    """Drawn up, not validated yet."""
    VALIDATED = "VALIDATED"
    IN_TRANSIT = "IN_TRANSIT"
    ARRIVED = "ARRIVED"
    DETAINED = "DETAINED"
    LOST = "LOST"
    DIVERTED = "DIVERTED"
    CONFIRMED = "CONFIRMED"
    CONFIRMED_DISCREPANT = "CONFIRMED_DISCREPANT"
    RESOLVED = "RESOLVED"
    RETURNED = "RETURNED"
    RETURN_CLOSED = "RETURN_CLOSED"
    SEIZED = "SEIZED"
    VOIDED = "VOIDED"
    REPLACED = "REPLACED"
    RETURNED_UNUSED = "RETURNED_UNUSED"


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "OPEN"
    """The goods are before the authority."""
    DETAINED = "DETAINED"
    RETURNED = "RETURNED"
    RETURN_CLOSED = "RETURN_CLOSED"
    SEIZED = "SEIZED"
    WITHDRAWN = "WITHDRAWN"
    """Opened by mistake, as whoever opened it says."""


class ProceedingState(StrEnum):
    """Where a proceeding stands."""

    NONE = "NONE"
    """Before its first event."""
    REQUESTED = "REQUESTED"
    CONSENTED = "CONSENTED"
    DECLINED = "DECLINED"
    CARRIED_OUT = "CARRIED_OUT"
    REPORTED = "REPORTED"
    ANNOUNCED = "ANNOUNCED"
    HELD = "HELD"
    RAISED = "RAISED"
    ANSWERED = "ANSWERED"
    CLOSED = "CLOSED"
    JUDGED = "JUDGED"
    WITHDRAWN = "WITHDRAWN"
    """Opened by mistake, as whoever opened it says."""


class CertificateMark(StrEnum):
    """Something remarkable that happened to a certificate, for auditors."""

    NO_ARRIVAL = "arrival_not_recorded"
    """The destination went on without recording the arrival first; the scheme allows it."""
    NOT_VALIDATED = "moved_before_validation"
    """Goods arrived or were detained under a certificate that had not been validated."""
    EXPORTED = "taken_back_after_export"
    """Voided or replaced when the shipment had left already."""
    WAS_LOST = "arrived_though_lost"
    """Goods arrived or were detained under a certificate that was reported lost."""
    WAS_DIVERTED = "diverted"
    """It surfaced elsewhere than at its destination."""
    AMENDED = "amended"
    """A typing error was corrected; the certificate shows what it says now."""
    NO_DISCREPANCY = "discrepancy_withdrawn"
    """What was found differed by mistake alone; it came as declared."""
    NO_DIVERSION = "diversion_withdrawn"
    """It had not surfaced elsewhere."""
    NO_REFUSAL = "refusal_withdrawn"
    """It was not sent back; whoever refused it by mistake has it still."""
    NO_SEIZURE = "seizure_withdrawn"
    """It was not seized; whoever said so by mistake has it still."""


class Transition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an event leads, and the mark it leaves."""

    state: CertificateState | None = None
    """The next state; None: the state before (a found certificate), or no change (a note)."""
    mark: CertificateMark | None = None


class _Tables(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    certificate: dict[CertificateState, dict[str, Transition]]
    opening: dict[str, CaseState]
    case: dict[CaseState, dict[str, CaseState]]
    proceeding: dict[Subject, dict[ProceedingState, dict[str, ProceedingState]]]


_TABLES: Final = msgspec.toml.decode(
    files("kpledger.scheme.v1").joinpath("lifecycles.toml").read_bytes(), type=_Tables
)

TRANSITIONS: Final = _TABLES.certificate
"""Of a certificate: state, event type, next step."""

CASE_TRANSITIONS: Final = _TABLES.case
"""Of a case: state, event type, next state."""

PROCEEDINGS: Final = _TABLES.proceeding
"""Kind, state, event type, next state; a consent that is refused leads to DECLINED."""

OPENING: Final = _TABLES.opening
"""The event types that open a case, and the state it begins in."""

_S = CertificateState

DEAD: Final = (_S.VOIDED, _S.REPLACED, _S.RETURNED_UNUSED)
"""States of a certificate that was taken back before it was used."""

USED: Final = (_S.CONFIRMED, _S.CONFIRMED_DISCREPANT, _S.RESOLVED)
"""States of a certificate under which a shipment was imported."""

OPENS_CASE: Final[dict[CertificateState, CaseKind]] = {
    **dict.fromkeys(DEAD, CaseKind.DEAD_ARRIVAL),
    **dict.fromkeys((*USED, _S.RETURN_CLOSED, _S.SEIZED), CaseKind.REPRESENTATION),
}
"""States in which an arrival or a detention opens a case and leaves the certificate as it is."""

CLOSING: Final = frozenset(
    kind
    for steps in TRANSITIONS.values()
    for kind, step in steps.items()
    if step.state in OPENS_CASE
)
"""Event types after which a certificate's life is closed."""

NOTES: Final = frozenset({"transit_noted"})
"""Event types that name the newest event on a certificate and do not become it. Whoever has no part
in a shipment may file them, and must not outrun those who have."""
