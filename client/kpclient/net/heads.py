"""Following: which events name the newest one on their subject, and where that one stands.

Certificates, cases and proceedings have a head that the next event on them must name as ``prev``
(the optimistic lock, rule E6). The tables of the ledger say which event types move them.
"""

from dataclasses import dataclass
from typing import Final

from kpclient.net.ledger_client import LedgerClient
from kpledger.books.subject import SUBJECT, SubjectQuestion
from kpledger.scheme.v1.lifecycles import (
    CASE_TRANSITIONS,
    CLOSING,
    NOTES,
    OPENING,
    OPENS_CASE,
    PROCEEDINGS,
    TRANSITIONS,
    ProceedingState,
)

_PROCEEDS: Final = frozenset(
    event
    for states in PROCEEDINGS.values()
    for state, steps in states.items()
    if state is not ProceedingState.NONE
    for event in steps
)

FOLLOWING: Final = _PROCEEDS | {
    event
    for table in (TRANSITIONS, CASE_TRANSITIONS)
    for steps in table.values()
    for event in steps
}
"""The types of events that follow another one on the same subject, where there is one."""

FOUNDING: Final = frozenset({"certificate_issued", "certificate_replaced"})
"""The types of events that a new certificate begins with."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest event on a subject."""

    event_id: bytes
    closed: bool = False
    """A certificate whose life is closed: what arrives under it leaves it as it is."""
    is_suspect: bool = False
    """A key that was stolen has signed an event on the subject."""

    def after(self, kind: str, event_id: bytes) -> "Head":
        """Give the head after a further event of this type."""
        if kind in NOTES or (self.closed and kind in OPENING):
            return self
        return Head(event_id, closed=self.closed or kind in CLOSING)


async def look_up_head(ledger: LedgerClient, subject: str) -> Head | None:
    """Ask where a subject stands; None if it has no head.

    Raises:
        ClientError: the nodes cannot be reached, or make no sense.
    """
    question = SubjectQuestion(subject=subject)
    answer = await ledger.ask(SUBJECT, question)
    if answer.head is None:
        return None
    head = bytes.fromhex(answer.head)
    closed = answer.kind == "certificate" and answer.state in OPENS_CASE
    return Head(head, closed=closed, is_suspect=bool(answer.suspects))
