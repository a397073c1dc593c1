"""Proceedings: what the scheme does in several steps, each an event on one subject.

Reviews, meetings, concerns, questions about statistics, suspect certificates. The table reads like
that of :mod:`kpledger.scheme.v1.lifecycles.certificate`: *kind, state, event type, next state*.
The first event of a kind opens it from NONE.
"""

from enum import StrEnum
from typing import Final

from kpledger.scheme.v1.subjects import Subject


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


_P = ProceedingState

PROCEEDINGS: Final[dict[Subject, dict[ProceedingState, dict[str, ProceedingState]]]] = {
    Subject.REVIEW: {
        _P.NONE: {"review_requested": _P.REQUESTED},
        _P.REQUESTED: {"review_consented": _P.CONSENTED},
        _P.CONSENTED: {"review_carried_out": _P.CARRIED_OUT},
        _P.CARRIED_OUT: {"review_reported": _P.REPORTED},
        _P.REPORTED: {"recommendation_followed_up": _P.REPORTED},
        _P.DECLINED: {"review_consented": _P.CONSENTED},
    },
    Subject.MEETING: {
        _P.NONE: {"meeting_announced": _P.ANNOUNCED},
        _P.ANNOUNCED: {"meeting_announced": _P.ANNOUNCED, "meeting_held": _P.HELD},
        _P.HELD: {},
    },
    Subject.CONCERN: {
        _P.NONE: {"concern_raised": _P.RAISED},
        _P.RAISED: {"concern_answered": _P.ANSWERED, "concern_closed": _P.CLOSED},
        _P.ANSWERED: {"concern_answered": _P.ANSWERED, "concern_closed": _P.CLOSED},
        _P.CLOSED: {},
    },
    Subject.ANOMALY: {
        _P.NONE: {"anomaly_questioned": _P.RAISED},
        _P.RAISED: {"anomaly_answered": _P.ANSWERED},
        _P.ANSWERED: {"anomaly_answered": _P.ANSWERED},
    },
    Subject.SUSPECT: {
        _P.NONE: {"suspect_reported": _P.RAISED},
        _P.RAISED: {"suspect_judged": _P.JUDGED},
        _P.JUDGED: {"suspect_judged": _P.JUDGED},
    },
}
"""Kind, state, event type, next state; a consent that is refused leads to DECLINED."""
