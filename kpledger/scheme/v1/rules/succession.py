"""E6 and E9: an event follows the state of its subject, and the event its author saw last."""

from typing import Final

from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.events.certificate import CertificateReplaced
from kpledger.scheme.v1.events.importing import ArrivalRecorded, ShipmentDetained
from kpledger.scheme.v1.lifecycles import CASE_TRANSITIONS, OPENS_CASE, TRANSITIONS
from kpledger.scheme.v1.records import CaseRecord, CertificateRecord

_PRESENTED: Final = (ArrivalRecorded.TYPE, ShipmentDetained.TYPE)
"""What may happen to a closed certificate all the same: a further shipment under it (a case)."""


def check_transition(context: Context) -> Refusal | None:
    """E6: the certificate or case exists, and its state allows this event."""
    record = context.certificate(context.subject) or context.case(context.subject)
    if record is None:
        return refuse(
            Rule.E6,
            "subject",
            f"there is no certificate or case {context.subject}",
            "the number of a certificate on the ledger, or a case",
        )
    steps = _steps(record)
    if context.event.header.type not in steps:
        return refuse(
            Rule.E6,
            "type",
            f"{context.subject} is {record.state}, and no {context.event.header.type} can follow",
            ", ".join(steps) or "nothing: its life is closed",
        )
    return None


def _steps(record: CertificateRecord | CaseRecord) -> tuple[str, ...]:
    if isinstance(record, CaseRecord):
        return tuple(CASE_TRANSITIONS[record.state])
    opening = _PRESENTED if record.state in OPENS_CASE else ()
    return (*TRANSITIONS[record.state], *opening)


def check_prev(context: Context) -> Refusal | None:
    """E6: the author has seen the newest event on the certificate or case (optimistic lock)."""
    record = context.certificate(context.subject) or context.case(context.subject)
    prev = context.event.header.prev
    if record is None or prev == record.head:
        return None
    return refuse(
        Rule.E6,
        "prev",
        f"{prev.hex() if prev else 'null'} is not the newest event on {context.subject}",
        record.head.hex(),
    )


def check_lost(context: Context) -> Refusal | None:
    """E6: only what was reported lost is found."""
    record = context.certificate(context.subject)
    if record is None or record.lost:
        return None
    problem = f"{record.number} is {record.state} and was not reported lost"
    return refuse(Rule.E6, "type", problem, "a certificate that is lost")


def check_first(context: Context) -> Refusal | None:
    """E6: the first event on its subject names none before it."""
    prev = context.event.header.prev
    if prev is None:
        return None
    return refuse(
        Rule.E6,
        "prev",
        f"{prev.hex()} is named, but this is the first event on its subject",
        "null",
    )


def check_replacement(context: Context) -> Refusal | None:
    """E9: the new certificate has a number of its own.

    Old and new are one event, so they change together; a chain of replacements cannot close to a
    ring because the new number was never used (E3).
    """
    certificate = context.body(CertificateReplaced).certificate
    if certificate.number == context.subject:
        return refuse(
            Rule.E9,
            "body.certificate.number",
            f"{certificate.number} cannot replace itself",
            "a number that has never been used",
        )
    return None
