"""The life of a case: a shipment without a certificate of its own, beside the certificates.

What arrives under a certificate that was taken back, or was used already, gets a case, so that a
closed certificate never changes; so do goods without any certificate, and samples. The table reads
like that of :mod:`kpledger.scheme.v1.lifecycles.certificate`.
"""

from enum import StrEnum
from typing import Final


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "OPEN"
    """The goods are before the authority."""
    DETAINED = "DETAINED"
    RETURNED = "RETURNED"
    RETURN_CLOSED = "RETURN_CLOSED"
    SEIZED = "SEIZED"


CASE_TRANSITIONS: Final[dict[CaseState, dict[str, CaseState]]] = {
    CaseState.OPEN: {
        "shipment_detained": CaseState.DETAINED,
        "import_refused_returned": CaseState.RETURNED,
        "shipment_seized": CaseState.SEIZED,
    },
    CaseState.DETAINED: {
        "shipment_released": CaseState.OPEN,
        "import_refused_returned": CaseState.RETURNED,
        "shipment_seized": CaseState.SEIZED,
    },
    CaseState.RETURNED: {"return_received": CaseState.RETURN_CLOSED},
    CaseState.RETURN_CLOSED: {},
    CaseState.SEIZED: {},
}
"""State, event type, next state."""

OPENING: Final[dict[str, CaseState]] = {
    "arrival_recorded": CaseState.OPEN,
    "shipment_detained": CaseState.DETAINED,
    "case_opened": CaseState.OPEN,
}
"""The event types that open a case, and the state it begins in."""
