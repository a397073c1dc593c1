"""E6 and E9: an event follows the state of its subject, and the event its author saw last."""

from kpledger.events.certificate import CertificateReplaced
from kpledger.lifecycle import TRANSITIONS
from kpledger.outcome import Refusal, Rule
from kpledger.rules.v1.context import Context, refuse


def check_transition(context: Context) -> Refusal | None:
    """E6: the certificate exists, and its state allows this event."""
    record = context.certificate(context.subject)
    if record is None:
        return refuse(
            Rule.E6,
            "subject",
            f"there is no certificate {context.subject}",
            "the number of a certificate on the ledger",
        )
    steps = TRANSITIONS[record.state]
    if context.event.header.type not in steps:
        return refuse(
            Rule.E6,
            "type",
            f"{record.number} is {record.state}, which has no {context.event.header.type}",
            ", ".join(steps) or "nothing: its life is closed",
        )
    return None


def check_prev(context: Context) -> Refusal | None:
    """E6: the author has seen the newest event on the certificate (optimistic lock)."""
    record = context.certificate(context.subject)
    prev = context.event.header.prev
    if record is None or prev == record.head:
        return None
    return refuse(
        Rule.E6,
        "prev",
        f"{prev.hex() if prev else 'nothing'} is not the newest event on {record.number}",
        record.head.hex(),
    )


def check_first(context: Context) -> Refusal | None:
    """E6: the first event on its subject names none before it."""
    prev = context.event.header.prev
    if prev is None:
        return None
    return refuse(Rule.E6, "prev", f"{prev.hex()} before the first event", "null")


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
            "a number that was never used",
        )
    return None
