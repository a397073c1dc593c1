"""The life of a certificate: states, and which event leads from which state to which, as data.

Read the table as *state, event type, next state and mark*. What is not in the table is refused
(rule E6). A mark is set where something remarkable happened: a step that the scheme recommends was
skipped, or goods moved under a paper that was not ready.

::

    (none) --issued--> ISSUED --validated--> VALIDATED --notified--> IN_TRANSIT --arrived--> ARRIVED
    ARRIVED --confirmed--> CONFIRMED | CONFIRMED_DISCREPANT --resolved--> RESOLVED
    ARRIVED --> DETAINED --released--> ARRIVED; both --> SEIZED | RETURNED --> RETURN_CLOSED
    before arrival: VOIDED, REPLACED, RETURNED_UNUSED, LOST <--> found, DIVERTED

Most authorities issue and validate in one event (KPCS Annex I.A asks for both); the certificate
then begins as VALIDATED. Expiry is no state: it is a day that rules compare.

A certificate whose life is closed never changes again. What arrives under it all the same has a
*case* of its own (:mod:`kpledger.scheme.v1.lifecycles.case`): see :data:`OPENS_CASE`.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from kpledger.scheme.v1.events.importing import CaseKind


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


class Transition(NamedTuple):
    """Where an event leads, and the mark it leaves."""

    state: CertificateState | None
    """The next state; None: the state before (a found certificate), or no change (a note)."""
    mark: str | None = None


NO_ARRIVAL: Final = "arrival_not_recorded"
"""The destination went on without recording the arrival first; the scheme allows it."""
NOT_VALIDATED: Final = "moved_before_validation"
"""Goods arrived or were detained under a certificate that had not been validated."""
EXPORTED: Final = "taken_back_after_export"
"""Voided or replaced when the shipment had left already."""
WAS_LOST: Final = "arrived_though_lost"
"""Goods arrived or were detained under a certificate that was reported lost."""
WAS_DIVERTED: Final = "diverted"
"""It surfaced elsewhere than at its destination."""
AMENDED: Final = "amended"
"""A typing error was corrected; the certificate shows what it says now."""

_S = CertificateState
_SAME: Final = Transition(None)
_AMENDED: Final = Transition(None, AMENDED)

_HELD: Final[dict[str, Transition]] = {
    "import_refused_returned": Transition(_S.RETURNED),
    "shipment_seized": Transition(_S.SEIZED),
}

TRANSITIONS: Final[dict[CertificateState, dict[str, Transition]]] = {
    _S.ISSUED: {
        "certificate_validated": Transition(_S.VALIDATED),
        "amendment_endorsed": _AMENDED,
        "certificate_voided": Transition(_S.VOIDED),
        "certificate_replaced": Transition(_S.REPLACED),
        "certificate_lost": Transition(_S.LOST),
        "certificate_returned_unused": Transition(_S.RETURNED_UNUSED),
        "arrival_recorded": Transition(_S.ARRIVED, NOT_VALIDATED),
        "shipment_detained": Transition(_S.DETAINED, NOT_VALIDATED),
    },
    _S.VALIDATED: {
        "export_notified": Transition(_S.IN_TRANSIT),
        "amendment_endorsed": _AMENDED,
        "certificate_voided": Transition(_S.VOIDED),
        "certificate_replaced": Transition(_S.REPLACED),
        "certificate_lost": Transition(_S.LOST),
        "certificate_returned_unused": Transition(_S.RETURNED_UNUSED),
        "transit_noted": _SAME,
        "arrival_recorded": Transition(_S.ARRIVED),
        "import_confirmed": Transition(_S.CONFIRMED, NO_ARRIVAL),
        "import_confirmed_discrepant": Transition(_S.CONFIRMED_DISCREPANT, NO_ARRIVAL),
        "shipment_detained": Transition(_S.DETAINED),
    },
    _S.IN_TRANSIT: {
        "amendment_endorsed": _AMENDED,
        "certificate_voided": Transition(_S.VOIDED, EXPORTED),
        "certificate_replaced": Transition(_S.REPLACED, EXPORTED),
        "certificate_lost": Transition(_S.LOST),
        "transit_noted": _SAME,
        "arrival_recorded": Transition(_S.ARRIVED),
        "import_confirmed": Transition(_S.CONFIRMED, NO_ARRIVAL),
        "import_confirmed_discrepant": Transition(_S.CONFIRMED_DISCREPANT, NO_ARRIVAL),
        "shipment_detained": Transition(_S.DETAINED),
        "shipment_diverted": Transition(_S.DIVERTED, WAS_DIVERTED),
    },
    _S.ARRIVED: {
        "amendment_endorsed": _AMENDED,
        "certificate_found": _SAME,
        "import_confirmed": Transition(_S.CONFIRMED),
        "import_confirmed_discrepant": Transition(_S.CONFIRMED_DISCREPANT),
        "shipment_detained": Transition(_S.DETAINED),
        **_HELD,
    },
    _S.DETAINED: {
        "amendment_endorsed": _AMENDED,
        "certificate_found": _SAME,
        "shipment_released": Transition(_S.ARRIVED),
        **_HELD,
    },
    _S.LOST: {
        "certificate_found": Transition(None),
        "certificate_voided": Transition(_S.VOIDED),
        "certificate_replaced": Transition(_S.REPLACED),
        "arrival_recorded": Transition(_S.ARRIVED, WAS_LOST),
        "shipment_detained": Transition(_S.DETAINED, WAS_LOST),
    },
    _S.DIVERTED: {
        "certificate_replaced": Transition(_S.REPLACED, EXPORTED),
        "shipment_detained": Transition(_S.DETAINED),
        **_HELD,
    },
    _S.CONFIRMED_DISCREPANT: {"discrepancy_resolved": Transition(_S.RESOLVED)},
    _S.RETURNED: {"return_received": Transition(_S.RETURN_CLOSED)},
    _S.CONFIRMED: {},
    _S.RESOLVED: {},
    _S.RETURN_CLOSED: {},
    _S.SEIZED: {},
    _S.VOIDED: {},
    _S.REPLACED: {},
    _S.RETURNED_UNUSED: {},
}
"""State, event type, next step."""

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
