"""E1, E2 and E12: who may say this, about whose certificate, and when."""

from dataclasses import dataclass
from enum import Enum

from kpledger.base.ids import KPCS
from kpledger.base.units import format_time
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.events import governance as events
from kpledger.scheme.v1.ids import CHAIR, ROOT, SECRETARIAT
from kpledger.scheme.v1.records import AuthorityRecord, KeyRecord


class AuthorKind(Enum):
    """The kinds of author that an event type may demand."""

    CHAIR = "the Chair (KPCS/chair)"
    SECRETARIAT = "the secretariat (KPCS/secretariat)"
    PARTICIPANT_ROOT = "a participant's root"
    EXPORTING_AUTHORITY = "an authority with the role EXPORTING"
    IMPORTING_AUTHORITY = "an authority with the role IMPORTING"
    STATISTICS_OFFICE = "a participant's office with the role STATISTICS"
    SCHEME_STATISTICS = "an office of the scheme with the role STATISTICS"
    MONITOR = "an office with the role MONITORING"
    ANYBODY = "anybody with a key, observers included"


_ROLES = {
    AuthorKind.EXPORTING_AUTHORITY: events.AuthorityRole.EXPORTING,
    AuthorKind.IMPORTING_AUTHORITY: events.AuthorityRole.IMPORTING,
    AuthorKind.STATISTICS_OFFICE: events.AuthorityRole.STATISTICS,
    AuthorKind.SCHEME_STATISTICS: events.AuthorityRole.STATISTICS,
    AuthorKind.MONITOR: events.AuthorityRole.MONITORING,
}
_OF_THE_SCHEME = (AuthorKind.SCHEME_STATISTICS,)
_OF_EITHER = (AuthorKind.MONITOR,)


@dataclass(frozen=True, slots=True)
class Cosigner:
    """Who has to sign besides the author: one office, or any office of a participant with a role.

    A key that is not registered yet (the next Chair's) stands for itself.
    """

    participant: str
    authority: str | None = None
    """None: any office of the participant with the role."""
    role: events.AuthorityRole | None = None
    key: bytes | None = None

    def __str__(self) -> str:
        """Say who, for a refusal."""
        if self.key is not None:
            return f"key {self.key.hex()}"
        if self.authority is not None:
            return f"{self.participant}/{self.authority}"
        return f"an authority of {self.participant} with the role {self.role}"


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


def check_author(context: Context, offices: tuple[AuthorKind, ...]) -> Refusal | None:
    """E1: the author holds an office that may say this."""
    if any(_holds(context, office) for office in offices):
        return None
    return refuse(
        Rule.E1,
        "author",
        f"{context.event.header.author} may not make the event {context.event.header.type}",
        " or ".join(office.value for office in offices),
    )


def check_signers(context: Context, cosigners: tuple[Cosigner, ...]) -> Refusal | None:
    """E1: the author, and whoever has to sign with it, signed with keys in force.

    Every signature must count: a key that is unknown, not yet valid, revoked or of somebody who
    has no part in the event is a refusal, not a decoration. Where the author's participant asks
    for several officers, so many different ones must have signed.
    """
    waiting = list(cosigners)
    officers: set[str] = set()
    partners: dict[str, set[str]] = {one.participant: set() for one in cosigners}
    for signature in context.event.signatures:
        public_key = signature.keyid
        record = context.key(public_key)
        cosigner = _find_cosigner(context, waiting, public_key, record)
        if cosigner is not None and cosigner.key is not None:
            waiting.remove(cosigner)
            continue
        if record is None or not _is_in_force(record, context.at.now_ms):
            return _refuse_key(public_key, record)
        owner = (record.participant, record.authority)
        officer = record.officer or public_key.hex()
        if owner == context.author:
            officers.add(officer)
        elif cosigner is not None:
            waiting.remove(cosigner)
            partners[record.participant].add(officer)
        elif _counts_again(context, cosigners, record):
            partners[record.participant].add(officer)
        else:
            return refuse(
                Rule.E1,
                "signatures",
                f"key {public_key.hex()} belongs to {owner[0]}/{owner[1]}",
                f"keys of {context.event.header.author}",
            )
    return _check_all_signed(context, waiting, len(officers)) or _check_partners(
        context, cosigners, partners
    )


def _check_all_signed(context: Context, waiting: list[Cosigner], officers: int) -> Refusal | None:
    missing = [str(context.event.header.author)] if officers == 0 else []
    missing += [str(cosigner) for cosigner in waiting]
    if missing:
        accepted = f"a signature by a key of {missing[0]}"
        if missing[0].startswith("key "):
            accepted = f"a signature by {missing[0]}"
        return refuse(Rule.E1, "signatures", f"{missing[0]} has not signed", accepted)
    needed = officers_needed(context)
    if officers < needed:
        return refuse(
            Rule.E1,
            "signatures",
            f"{officers} of the {needed} officers that {context.author[0]} requires have signed",
            f"signatures by {needed} officers of {context.event.header.author}",
        )
    return None


def _check_partners(
    context: Context, cosigners: tuple[Cosigner, ...], partners: dict[str, set[str]]
) -> Refusal | None:
    """E1: an office that signs beside the author does so with as many officers as it asks for."""
    for cosigner in cosigners:
        if cosigner.role is None:
            continue
        needed = context.policy(cosigner.participant).officers
        signed = len(partners[cosigner.participant])
        if signed < needed:
            return refuse(
                Rule.E1,
                "signatures",
                f"{signed} of the {needed} officers that {cosigner.participant} requires have"
                " signed",
                f"signatures by {needed} officers of {cosigner.participant}",
            )
    return None


def officers_needed(context: Context) -> int:
    """Give how many officers of the author have to sign (four eyes): its participant's policy.

    It is asked of offices only: the root of a participant must be able to change the policy.
    """
    participant, authority = context.author
    if participant == KPCS or authority == ROOT:
        return 1
    return context.policy(participant).officers


def _find_cosigner(
    context: Context, waiting: list[Cosigner], public_key: bytes, record: KeyRecord | None
) -> Cosigner | None:
    for cosigner in waiting:
        if cosigner.key is not None:
            if cosigner.key == public_key:
                return cosigner
        elif record is not None and _is_of(context, cosigner, record):
            return cosigner
    return None


def _counts_again(context: Context, cosigners: tuple[Cosigner, ...], record: KeyRecord) -> bool:
    # A second officer of somebody who has to sign anyway.
    return any(one.key is None and _is_of(context, one, record) for one in cosigners)


def _is_of(context: Context, cosigner: Cosigner, record: KeyRecord) -> bool:
    if record.participant != cosigner.participant:
        return False
    if cosigner.authority is not None:
        return record.authority == cosigner.authority
    office = context.authority(record.participant, record.authority)
    return office is not None and office.closed_at is None and cosigner.role in office.roles


def _holds(context: Context, office: AuthorKind) -> bool:
    participant, authority = context.author
    if context.author in ((KPCS, CHAIR), (KPCS, SECRETARIAT)):
        own = AuthorKind.CHAIR if authority == CHAIR else AuthorKind.SECRETARIAT
        return office in (own, AuthorKind.ANYBODY)
    if authority == ROOT and participant != KPCS:
        known = context.participant(participant) is not None
        return office is AuthorKind.PARTICIPANT_ROOT or (office is AuthorKind.ANYBODY and known)
    record = context.authority(participant, authority)
    if record is None or record.closed_at is not None:
        return False
    return office is AuthorKind.ANYBODY or _has_role(record, office)


def _has_role(record: AuthorityRecord, office: AuthorKind) -> bool:
    role = _ROLES.get(office)
    if role is None or role not in record.roles:
        return False
    of_the_scheme = record.participant == KPCS
    return office in _OF_EITHER or of_the_scheme is (office in _OF_THE_SCHEME)


def _is_in_force(record: KeyRecord, now_ms: int) -> bool:
    return record.revoked_at is None and record.valid_from <= now_ms


def _refuse_key(public_key: bytes, record: KeyRecord | None) -> Refusal:
    name = f"key {public_key.hex()}"
    if record is None:
        problem = f"{name} is not registered"
    elif record.revoked_at is not None:
        problem = f"{name} was revoked at {format_time(record.revoked_at)}"
    else:
        problem = f"{name} is not valid before {format_time(record.valid_from)}"
    return refuse(Rule.E1, "signatures", problem, "a registered key that is in force")


def chair_for_the_first_office(context: Context) -> tuple[Cosigner, ...]:
    """Give who signs a registration besides the root: the Chair, on a participant's first one.

    Likewise where an office serves a territory: its numbers will begin with another code than the
    participant's, and nobody else may take that code.
    """
    if context.author[0] == KPCS:
        return ()
    participant = context.participant(context.author[0])
    first = participant is not None and participant.authority_count == 0
    in_territory = context.body(events.AuthorityRegistered).territory is not None
    return (Cosigner(KPCS, CHAIR),) if first or in_territory else ()


def check_self_suspension(context: Context) -> Refusal | None:
    """E1: a participant's own root may suspend itself, and decide nothing else on standing."""
    body = context.body(events.ParticipantStatusChanged)
    participant, authority = context.author
    if authority != ROOT:
        return None
    if body.code != participant:
        return refuse(Rule.E1, "author", f"{participant} is not {body.code}", f"{body.code}/root")
    if body.status is not events.Standing.SELF_SUSPENDED:
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
