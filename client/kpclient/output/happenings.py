"""What happens on a ledger, told as it happens: one line for people, one object for programs."""

from collections.abc import Iterator

import msgspec

from kpledger.base.units import format_carats
from kpledger.books.flags.search import Finding
from kpledger.log.chain import ExecutedBlock
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.certificate import CertificateIssued, CertificateReplaced
from kpledger.scheme.v1.events.importing import ImportConfirmed, ImportConfirmedDiscrepant


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened."""

    what: str
    """Its kind, for programs: ``issued``, ``confirmed``, ``flag``, ``silent`` and so on."""
    text: str
    """In words."""
    at_ms: int
    """By block time if it stands in a block, else by this machine's clock; Unix milliseconds."""
    height: int | None = None
    """Of the block that it stands in."""
    subject: str = ""
    """What it is about, as events name it."""
    event: str = ""
    """The id of the event, in hexadecimal."""
    node: str = ""
    """The URL of the node that it is about."""


def tell_block(executed: ExecutedBlock) -> Iterator[Happening]:
    """Tell what a block holds: who was elected to lead, or what was stated."""
    header, opening = executed.header, executed.opening
    if opening is not None:
        by = ", ".join(one.voter for one in opening.votes)
        text = f"{opening.candidate} was elected to lead, in term {opening.term}, by {by}"
        yield Happening(what="elected", text=text, at_ms=header.time_ms, height=executed.tip.height)
    for event in executed.events:
        what, text = _tell_statement(event)
        yield Happening(
            what=what,
            text=text,
            at_ms=header.time_ms,
            height=header.height,
            subject=event.header.subject,
            event=event.event_id.hex(),
        )


def _tell_statement(event: SignedEvent) -> tuple[str, str]:
    author, body, subject = event.header.author, event.body, event.header.subject
    match body:
        case CertificateIssued(certificate=issued) | CertificateReplaced(certificate=issued):
            goods = f"{format_carats(issued.carat_thousandths)} ct to {issued.destination}"
            instead = "" if isinstance(body, CertificateIssued) else f" instead of {subject}"
            return "issued", f"{author} issued {issued.number}{instead}, {goods}"
        case ImportConfirmed(carat_thousandths=carats):
            return "confirmed", f"{author} confirmed {subject}, {format_carats(carats)} ct"
        case ImportConfirmedDiscrepant(carat_thousandths=carats, cause=cause):
            found = f"but found {format_carats(carats)} ct: {cause}"
            return "confirmed", f"{author} confirmed {subject}, {found}"
    return "recorded", f"{author} on {subject}: {event.header.type.replace('_', ' ')}"


def tell_flag(finding: Finding, at_ms: int) -> Happening:
    """Tell what an analyst should look at."""
    text = f"{finding.flag} on {finding.subject}, of {finding.day}: {finding.explanation}"
    return Happening(what="flag", text=text, at_ms=at_ms, subject=finding.subject)
