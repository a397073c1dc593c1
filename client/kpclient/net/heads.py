"""Following: which events name the newest one on their subject, and where that one stands.

Certificates, cases and proceedings have a head that the next event on them must name as ``prev``
(the optimistic lock, rule E6). The tables of the ledger say which event types move them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from kpclient.net.ledger_client import LedgerClient
from kpclient.net.node_client import read_from
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

_LEADS_TO: Final = {
    event: str(step.state)
    for steps in TRANSITIONS.values()
    for event, step in steps.items()
    if step.state is not None
}
"""Event type: where it leads a certificate to."""


class _Known(msgspec.Struct):
    """What is used of a :class:`kpledger.scheme.v1.records.CertificateRecord`."""

    issuer: str | None = None
    destination: str | None = None
    expires_on: str | None = None
    expiry: str | None = None
    exported_on: str | None = None


_known_decoder: Final = msgspec.json.Decoder(_Known | None)

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
    state: str = field(default="", compare=False)
    """Where the subject stands, as far as that is known."""
    known: Mapping[str, str | None] = field(default_factory=dict, compare=False)
    """Of a certificate: whose it is, where it goes, and when it expires."""
    events: tuple[str, ...] = ()
    """The ids of the events on the subject."""

    def after(self, kind: str, event_id: bytes) -> "Head":
        """Give the head after a further event of this type."""
        if kind in NOTES or (self.closed and kind in OPENING):
            return self
        return replace(
            self,
            event_id=event_id,
            closed=self.closed or kind in CLOSING,
            state=_LEADS_TO.get(kind, self.state),
        )


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
    record = read_from("the node", bytes(answer.record), _known_decoder.decode) or _Known()
    return Head(
        head,
        closed=closed,
        is_suspect=bool(answer.suspects),
        state=answer.state or "",
        known=msgspec.structs.asdict(record),
        events=answer.events,
    )
