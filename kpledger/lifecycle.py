"""The life of a certificate: states, and which event leads from which state to which, as data.

Read the table as *state, event type, next state and mark*. What is not in the table is refused
(rule E6). A mark is set where a step that the scheme recommends was skipped.

::

    (none) --issued--> VALIDATED --> ARRIVED | DETAINED | VOIDED | REPLACED | CONFIRMED(_DISCREPANT)
    ARRIVED  --> CONFIRMED | CONFIRMED_DISCREPANT | DETAINED | RETURNED | SEIZED
    DETAINED --> ARRIVED (released) | RETURNED | SEIZED

Issuing and validating are one event here (KPCS Annex I.A asks for both), so a certificate begins
its life validated. Expiry is no state: it is a date that rules compare.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class CertificateState(StrEnum):
    """Where a certificate stands."""

    VALIDATED = "VALIDATED"
    ARRIVED = "ARRIVED"
    DETAINED = "DETAINED"
    CONFIRMED = "CONFIRMED"
    CONFIRMED_DISCREPANT = "CONFIRMED_DISCREPANT"
    RETURNED = "RETURNED"
    SEIZED = "SEIZED"
    VOIDED = "VOIDED"
    REPLACED = "REPLACED"


class Step(NamedTuple):
    """Where an event leads, and the mark it leaves."""

    state: CertificateState
    mark: str | None = None


NO_ARRIVAL: Final = "arrival_not_recorded"
"""The destination went on without recording the arrival first; the scheme allows it."""

_S = CertificateState

TRANSITIONS: Final[dict[CertificateState, dict[str, Step]]] = {
    _S.VALIDATED: {
        "certificate_voided": Step(_S.VOIDED),
        "certificate_replaced": Step(_S.REPLACED),
        "arrival_recorded": Step(_S.ARRIVED),
        "import_confirmed": Step(_S.CONFIRMED, NO_ARRIVAL),
        "import_confirmed_discrepant": Step(_S.CONFIRMED_DISCREPANT, NO_ARRIVAL),
        "shipment_detained": Step(_S.DETAINED),
    },
    _S.ARRIVED: {
        "import_confirmed": Step(_S.CONFIRMED),
        "import_confirmed_discrepant": Step(_S.CONFIRMED_DISCREPANT),
        "shipment_detained": Step(_S.DETAINED),
        "import_refused_returned": Step(_S.RETURNED),
        "shipment_seized": Step(_S.SEIZED),
    },
    _S.DETAINED: {
        "shipment_released": Step(_S.ARRIVED),
        "import_refused_returned": Step(_S.RETURNED),
        "shipment_seized": Step(_S.SEIZED),
    },
    _S.CONFIRMED: {},
    _S.CONFIRMED_DISCREPANT: {},
    _S.RETURNED: {},
    _S.SEIZED: {},
    _S.VOIDED: {},
    _S.REPLACED: {},
}
"""State, event type, next step."""
