"""E1 and E12: who may say this, who signs it, for which ledger and when."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from kpledger.base.ids import KPCS
from kpledger.base.units import DAY_MS, format_time
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.events import governance as events
from kpledger.scheme.v1.events.life import EventCountersigned
from kpledger.scheme.v1.ids import CHAIR, OWN_KEYS, ROOT, SECRETARIAT
from kpledger.scheme.v1.records import AuthorityRecord, KeyRecord
from kpledger.scheme.v1.rules.values import check_past_time
from kpledger.scheme.v1.territories import tell_home


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
    ANYBODY = "the Chair, the secretariat, a participant's root, any office or observer"


_ROLES = {
    AuthorKind.EXPORTING_AUTHORITY: events.AuthorityRole.EXPORTING,
    AuthorKind.IMPORTING_AUTHORITY: events.AuthorityRole.IMPORTING,
    AuthorKind.STATISTICS_OFFICE: events.AuthorityRole.STATISTICS,
    AuthorKind.SCHEME_STATISTICS: events.AuthorityRole.STATISTICS,
    AuthorKind.MONITOR: events.AuthorityRole.MONITORING,
}
_OF_THE_SCHEME = (AuthorKind.SCHEME_STATISTICS,)
_OF_EITHER = (AuthorKind.MONITOR,)


WITNESS_AFTER_MS: Final = 366 * DAY_MS
"""How long after its admission by the Chair a participant is heard as a witness."""


@dataclass(frozen=True, slots=True)
class Cosigner:
    """Who has to sign besides the author: one of some offices, or any with a role.

    A key that is not registered yet (the next Chair's) stands for itself. A *witness* is the root
    of any participant but one; each participant counts once.
    """

    participant: str
    """Whose offices; of a witness, who is none."""
    authorities: tuple[str, ...] = ()
    """Empty: any office of the participant with the role."""
    role: events.AuthorityRole | None = None
    key: bytes | None = None
    is_witness: bool = False

    def __str__(self) -> str:
        """Say who, for a refusal."""
        if self.key is not None:
            return f"key {self.key.hex()}"
        if self.is_witness:
            return f"the root of another participant than {self.participant}"
        if self.authorities:
            return " or ".join(f"{self.participant}/{one}" for one in self.authorities)
        return f"an authority of {self.participant} with the role {self.role}"


def witness(code: str) -> Cosigner:
    """Give the root of any participant but one."""
    return Cosigner(code, (ROOT,), is_witness=True)


def check_form(context: Context) -> Refusals:
    """E12: the event is meant for this ledger and does not come from the future."""
    header = context.event.header
    if header.chain != context.at.chain:
        problem = f"the event is meant for ledger {header.chain.hex()}"
        yield Refusal(Rule.E12, "chain", problem, f"ledger {context.at.chain.hex()}")
    yield from check_past_time(context, Rule.E12, "occurred_at", header.occurred_at)


def check_author(context: Context, offices: tuple[AuthorKind, ...]) -> Refusals:
    """E1: the author holds an office that may say this, and that is open."""
    if any(_holds(context, office) for office in offices):
        return
    header, accepted = context.event.header, " or ".join(office.value for office in offices)
    problem = f"{header.author} may not make the event {header.type}"
    if context.participant(header.author.participant) is None:
        problem += tell_home(header.author.participant)
    record = context.authority(*context.author)
    if record is not None and record.closed_at is not None:
        problem = f"{header.author} was closed at {format_time(record.closed_at)}"
        accepted = f"an open office: {accepted}"
    yield Refusal(Rule.E1, "author", problem, accepted)


def check_signers(context: Context, cosigners: tuple[Cosigner, ...]) -> Refusals:
    """E1: the author, and whoever has to sign with it, signed with keys in force.

    Every signature must count: a key that is unknown, not yet valid, revoked or of somebody who
    has no part in the event is a refusal, not a decoration. Where the author's participant asks
    for several officers, so many different ones must have signed.
    """
    waiting = list(cosigners)
    officers: set[str] = set()
    partners: dict[str, set[str]] = {}
    for signature in context.event.signatures:
        public_key = signature.keyid
        record = context.key(public_key)
        cosigner = _find_cosigner(context, waiting, public_key, partners)
        if cosigner is not None and cosigner.key is not None:
            waiting.remove(cosigner)
        elif record is None or not is_in_force(record, context.at.now_ms):
            yield _refuse_key(public_key, record)
        elif (record.participant, record.authority) == context.author and not (
            # A second key of the author's may be the one that has to sign with the first.
            officers and cosigner
        ):
            officers.add(record.officer or public_key.hex())
        elif any(_is_of(context, one, record) for one in cosigners):
            # The first officer of whoever has to sign, or another one of the same.
            signed = partners.setdefault(record.participant, set())
            signed.add(record.officer or public_key.hex())
            if cosigner is not None:
                waiting.remove(cosigner)
        else:
            problem = f"key {public_key.hex()} belongs to {record.participant}/{record.authority}"
            yield _refuse_signatures(problem, f"keys of {context.event.header.author}")
    yield from _check_witnesses(context, waiting, cosigners)
    yield from _check_all_signed(context, waiting, signed=len(officers))
    for one in cosigners:
        if one.role is not None:
            needed = context.policy(one.participant).officers
            signed = partners.get(one.participant, set())
            yield from _check_officers(one.participant, one.participant, needed, len(signed))


def _refuse_signatures(problem: str, accepted: str) -> Refusal:
    return Refusal(Rule.E1, "signatures", problem, accepted)


def _check_all_signed(context: Context, waiting: list[Cosigner], *, signed: int) -> Refusals:
    author, (code, office) = str(context.event.header.author), context.author
    if signed == 0:
        yield _refuse_signatures(f"{author} has not signed", f"a signature by a key of {author}")
    for missing in waiting:
        if missing.participant == code and office in missing.authorities:
            # One of these keys may have signed, but counts as the author's.
            problem = f"no second key of {missing} has signed"
            yield _refuse_signatures(problem, f"a signature by another key of {missing}")
        else:
            key = "" if missing.key is not None else "a key of "
            yield _refuse_signatures(f"{missing} has not signed", f"a signature by {key}{missing}")
    yield from _check_officers(context.author[0], author, officers_needed(context), signed)


def _check_witnesses(
    context: Context, waiting: Sequence[Cosigner], cosigners: Sequence[Cosigner]
) -> Refusals:
    """E1: as many other participants signed as have to witness it."""
    missing, asked = (sum(one.is_witness for one in some) for some in (waiting, cosigners))
    if missing > 0:
        code = next(one.participant for one in cosigners if one.is_witness)
        own = f"a key of {code}/root or {code}/recovery, or " if context.author[0] == KPCS else ""
        problem = f"{asked - missing} of {asked} participants besides {code} have signed"
        accepted = f"signatures by {own}the roots of {asked} participants other than {code}"
        yield _refuse_signatures(problem, accepted)


def _check_officers(code: str, office: str, needed: int, signed: int) -> Refusals:
    """E1: as many officers of an office signed as its participant requires."""
    if signed < needed:
        problem = f"{signed} of the {needed} officers that {code} requires have signed"
        yield _refuse_signatures(problem, f"signatures by {needed} officers of {office}")


def officers_needed(context: Context) -> int:
    """Give how many officers of the author have to sign (four eyes): its participant's policy.

    It is asked of offices only: the root of a participant must be able to change the policy. And a
    single officer may countersign what others have signed.
    """
    participant, authority = context.author
    adds_a_signature = isinstance(context.event.body, EventCountersigned)
    if participant == KPCS or authority == ROOT or adds_a_signature:
        return 1
    return context.policy(participant).officers


def _find_cosigner(
    context: Context, waiting: list[Cosigner], public_key: bytes, partners: Container[str]
) -> Cosigner | None:
    record = context.key(public_key) if waiting else None
    for cosigner in waiting:
        if cosigner.key == public_key:
            return cosigner
        if record is None or (cosigner.is_witness and record.participant in partners):
            continue
        if _is_of(context, cosigner, record):
            return cosigner
    return None


def _is_of(context: Context, cosigner: Cosigner, record: KeyRecord) -> bool:
    if cosigner.is_witness:
        return _is_witness(context, cosigner, record)
    if cosigner.key is not None or record.participant != cosigner.participant:
        return False
    if cosigner.role is None:
        return record.authority in cosigner.authorities
    return context.is_open(record.participant, record.authority, cosigner.role)


def _is_witness(context: Context, cosigner: Cosigner, record: KeyRecord) -> bool:
    """Tell whether a key is a root's of another participant, and that one is heard as a witness."""
    if record.authority not in cosigner.authorities or record.participant == cosigner.participant:
        return False
    participant = context.participant(record.participant)
    if participant is None or participant.kind is events.ParticipantKind.ENTITY:
        return False
    founding = participant.admitted_at == 0
    return founding or participant.admitted_at + WITNESS_AFTER_MS <= context.at.now_ms


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


def is_in_force(record: KeyRecord, now_ms: int) -> bool:
    """Tell whether signatures by a key count at an instant."""
    return record.revoked_at is None and record.valid_from <= now_ms


def _refuse_key(public_key: bytes, record: KeyRecord | None) -> Refusal:
    if record is None:
        said = "is not registered"
    elif record.revoked_at is not None:
        said = f"was revoked at {format_time(record.revoked_at)}"
    else:
        said = f"is not valid before {format_time(record.valid_from)}"
    problem = f"key {public_key.hex()} {said}"
    return _refuse_signatures(problem, "a registered key that is in force")


def chair_for_the_first_office(context: Context) -> tuple[Cosigner, ...]:
    """Give who signs besides the root: the Chair, for the first office or a territory's.

    The numbers of the latter begin with another code than the participant's, which nobody else may
    take.
    """
    if context.author[0] == KPCS:
        return ()
    participant = context.participant(context.author[0])
    first = participant is not None and participant.authority_count == 0
    in_territory = context.body(events.AuthorityRegistered).territory is not None
    return (Cosigner(KPCS, (CHAIR,)),) if first or in_territory else ()


def two_own_keys(context: Context) -> tuple[Cosigner, ...]:
    """Give who signs besides the root: another key of root or recovery, where one of them changes.

    So whoever steals one root key can neither make the participant his nor lock it out. But a root
    key revokes itself alone, as an emergency stop: nobody grows stronger by that.
    """
    body, code = context.event.body, context.author[0]
    if isinstance(body, events.KeyAdded):
        authority = body.authority
    else:
        record = context.key(changed_key(context))
        # Of somebody else's key it is said elsewhere that it is none of the author's (E2).
        authority = record.authority if record and record.participant == code else ""
    stops = isinstance(body, events.KeyRevoked) and context.event.signers == (body.key,)
    if code == KPCS or authority not in OWN_KEYS or stops:
        return ()
    return (Cosigner(code, OWN_KEYS),)


def changed_key(context: Context) -> bytes:
    """Give the key that is replaced or withdrawn."""
    body = context.event.body
    return body.old if isinstance(body, events.KeyRotated) else context.body(events.KeyRevoked).key


def check_self_suspension(context: Context) -> Refusals:
    """E1: a participant's own root may suspend itself, and decide nothing else on standing."""
    body = context.body(events.ParticipantStatusChanged)
    participant, authority = context.author
    if authority != ROOT:
        return
    if body.code != participant:
        yield Refusal(Rule.E1, "author", f"{participant} is not {body.code}", f"{body.code}/root")
    if body.status is not events.Standing.SELF_SUSPENDED:
        problem = f"a participant cannot set itself {body.status}"
        accepted = "SELF_SUSPENDED, or the Chair's signature"
        yield Refusal(Rule.E1, "body.status", problem, accepted)
