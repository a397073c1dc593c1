"""E1, E2 and E12: who may say this, about whose certificate, and when."""

from enum import Enum

from kpledger.events.governance import ParticipantStatusChanged, Role, Standing
from kpledger.ids import CHAIR, KPCS, ROOT
from kpledger.outcome import Refusal, Rule
from kpledger.records import KeyRecord
from kpledger.rules.v1.context import Context, refuse
from kpledger.units import format_time


class Office(Enum):
    """The kinds of author that an event type may demand."""

    CHAIR = "the Chair (KPCS/chair)"
    PARTICIPANT_ROOT = "a participant's root"
    EXPORTING_AUTHORITY = "an authority with the role EXPORTING"
    IMPORTING_AUTHORITY = "an authority with the role IMPORTING"


_ROLES = {Office.EXPORTING_AUTHORITY: Role.EXPORTING, Office.IMPORTING_AUTHORITY: Role.IMPORTING}


def check_form(context: Context) -> Refusal | None:
    """E12: the event is meant for this ledger and does not come from the future."""
    header = context.event.header
    if header.chain != context.at.chain:
        return refuse(
            Rule.E12,
            "chain",
            f"the event is meant for ledger {header.chain.hex()}",
            f"ledger {context.at.chain.hex()}",
        )
    latest = context.at.now_ms + context.policy().clock_skew_ms
    if header.occurred_at > latest:
        return refuse(
            Rule.E12,
            "occurred_at",
            f"{format_time(header.occurred_at)} lies in the future",
            f"a time up to {format_time(latest)}",
        )
    return None


def check_signers(context: Context, offices: tuple[Office, ...]) -> Refusal | None:
    """E1: the author holds an office that may say this, and signed it with a key in force.

    Every signature must count: a key that is unknown, not yet valid, revoked or of somebody who
    has no part in the event is a refusal, not a decoration.
    """
    author = context.author
    for office in offices:
        if _holds(context, office):
            break
    else:
        return refuse(
            Rule.E1,
            "author",
            f"{context.event.header.author} may not make a {context.event.header.type}",
            " or ".join(office.value for office in offices),
        )
    cosigner = _cosigner(context)
    signed_by: set[tuple[str, str]] = set()
    for signature in context.event.signatures:
        public_key = signature.keyid
        record = context.key(public_key)
        if record is None or not _is_in_force(record, context.at.now_ms):
            return _refuse_key(public_key, record)
        owner = (record.participant, record.authority)
        if owner not in (author, cosigner):
            return refuse(
                Rule.E1,
                "signatures",
                f"key {public_key.hex()} belongs to {owner[0]}/{owner[1]}",
                f"keys of {context.event.header.author}",
            )
        signed_by.add(owner)
    for needed in (author, cosigner):
        if needed is not None and needed not in signed_by:
            return refuse(
                Rule.E1,
                "signatures",
                f"{needed[0]}/{needed[1]} has not signed",
                f"a signature by a key of {needed[0]}/{needed[1]}",
            )
    return None


def _holds(context: Context, office: Office) -> bool:
    participant, authority = context.author
    if office is Office.CHAIR:
        return context.author == (KPCS, CHAIR)
    if participant == KPCS:
        return False
    if office is Office.PARTICIPANT_ROOT:
        return authority == ROOT
    record = context.authority(participant, authority)
    return record is not None and _ROLES[office] in record.roles


def _cosigner(context: Context) -> tuple[str, str] | None:
    """Give who must sign besides the author: the Chair, on a participant's first authority."""
    if context.event.header.type != "authority_registered":
        return None
    participant = context.participant(context.author[0])
    first = participant is not None and participant.authority_count == 0
    return (KPCS, CHAIR) if first else None


def _is_in_force(record: KeyRecord, now_ms: int) -> bool:
    return record.revoked_at is None and record.valid_from <= now_ms


def _refuse_key(public_key: bytes, record: KeyRecord | None) -> Refusal:
    name = f"key {public_key.hex()}"
    if record is None:
        problem = f"{name} is not registered"
    elif record.revoked_at is not None:
        problem = f"{name} was revoked at {format_time(record.revoked_at)}"
    else:
        problem = f"{name} is valid from {format_time(record.valid_from)} only"
    return refuse(Rule.E1, "signatures", problem, "a registered key in force")


def check_self_suspension(context: Context) -> Refusal | None:
    """E1: a participant's own root may suspend itself, and decide nothing else on standing."""
    body = context.body(ParticipantStatusChanged)
    participant, authority = context.author
    if authority != ROOT:
        return None
    if body.code != participant:
        return refuse(Rule.E1, "author", f"{participant} is not {body.code}", f"{body.code}/root")
    if body.status is not Standing.SELF_SUSPENDED:
        return refuse(
            Rule.E1,
            "body.status",
            f"a participant cannot set itself {body.status}",
            "SELF_SUSPENDED, or the Chair's signature",
        )
    return None


def check_own_subject(context: Context) -> Refusal | None:
    """E2: an issuing participant acts on its own certificate only."""
    record = context.certificate(context.subject)
    if record is not None and record.issuer != context.author[0]:
        return refuse(
            Rule.E2,
            "author",
            f"{context.author[0]} did not issue {record.number}",
            f"an authority of {record.issuer}",
        )
    return None


def check_destination(context: Context) -> Refusal | None:
    """E2: import events come from an authority of the destination."""
    record = context.certificate(context.subject)
    if record is not None and record.destination != context.author[0]:
        return refuse(
            Rule.E2,
            "author",
            f"{context.author[0]} is not the destination of {record.number}",
            f"an authority of {record.destination}",
        )
    return None
