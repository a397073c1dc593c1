"""Participants and offices (G1, G2, G4), observers, and keys (G5): rules E1, E2, E5, E6.

A participant's root arranges the keys of its offices and, together with a second key, its own; the
Chair those of the offices of the scheme. The Chair's own key changes hands with the chair alone;
the secretariat's is put in the place of another by the Chair.
"""

from collections.abc import Sized
from typing import Final

from kpledger.base.errors import UnacceptableKeyError
from kpledger.base.ids import KPCS
from kpledger.base.keys import check_public_key
from kpledger.base.units import format_time
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.events import governance as events
from kpledger.scheme.v1.events.governance import AuthorityRole
from kpledger.scheme.v1.events.life import ObserverRegistered, ObserverWithdrawn
from kpledger.scheme.v1.ids import CHAIR, OWN_KEYS, RECOVERY, ROOT, SECRETARIAT
from kpledger.scheme.v1.rules.values import check_ascending, check_notice_period, check_past_time
from kpledger.scheme.v1.subjects import Subject
from kpledger.scheme.v1.territories import TERRITORIES, tell_home

MAX_KEYS: Final = 500
"""How many keys in force a participant may have, its offices' included; the scheme likewise."""

MAX_OFFICES: Final = 500
"""How many offices a participant may register, closed ones included; the scheme likewise, with its
observers."""

_OF_THE_SCHEME: Final = (AuthorityRole.MONITORING, AuthorityRole.STATISTICS)
_OF_A_PARTICIPANT: Final = tuple(role for role in AuthorityRole if role != AuthorityRole.OBSERVER)
_NAMES_TAKEN: Final = (ROOT, RECOVERY, Subject.POLICY)
_TAKEN_BY_THE_SCHEME: Final = (*_NAMES_TAKEN, CHAIR, SECRETARIAT, Subject.RULES)
"""``KPCS/rules`` and ``BW/policy`` are subjects of their own; an office of that name would share
their history."""

_NEVER_ROTATED: Final[tuple[tuple[str, str], ...]] = ((KPCS, CHAIR),)
_NEVER_REVOKED: Final = (*_NEVER_ROTATED, (KPCS, SECRETARIAT))
"""Offices whose keys are not arranged like those of others."""


def check_admission(context: Context) -> Refusals:
    """E6: who is admitted is new and nobody's territory, its keys are new; E14: within a year."""
    body = context.body(events.ParticipantAdmitted)
    if home := tell_home(body.code):
        problem = f"{body.code} takes no part of its own{home}"
        yield Refusal(Rule.E6, "body.code", problem, "a code that is no territory of another")
    if context.participant(body.code) is not None:
        problem = f"{body.code} has been admitted already"
        yield Refusal(Rule.E6, "body.code", problem, "a code that is not on the ledger")
    yield from check_unused_key(context, body.root_key, "body.root_key")
    yield from check_unused_key(context, body.recovery_key, "body.recovery_key")
    if body.root_key == body.recovery_key:
        problem = "it is the root key as well"
        yield Refusal(Rule.E6, "body.recovery_key", problem, "a second key, kept off line")
    yield from check_notice_period(context, body.effective_from)


def check_registration(context: Context) -> Refusals:
    """E6: a registered authority was not there before; E5: its roles and territory fit it."""
    body = context.body(events.AuthorityRegistered)
    code = context.author[0]
    yield from _check_new_name(context, body.authority, "body.authority")
    yield from _check_room(context, context.house(code).offices, "body.authority", MAX_OFFICES)
    yield from check_ascending(body.roles, "body.roles")
    whose, roles = "a participant", _OF_A_PARTICIPANT
    if code == KPCS:
        whose, roles = "the scheme", _OF_THE_SCHEME
    for role in body.roles:
        if role not in roles:
            problem = f"an office of {whose} cannot have the role {role}"
            yield Refusal(Rule.E5, "body.roles", problem, ", ".join(sorted(roles)))
    territory = body.territory or ""
    is_taken = code == KPCS or context.participant(territory) is not None
    if territory and (is_taken or TERRITORIES.get(territory, code) != code):
        problem = f"{territory} is not a territory of {code}{tell_home(territory)}"
        accepted = "null, or a territory with numbers of its own that is not a participant"
        yield Refusal(Rule.E5, "body.territory", problem, accepted)


def _check_new_name(context: Context, name: str, field: str) -> Refusals:
    participant = context.author[0]
    taken = _TAKEN_BY_THE_SCHEME if participant == KPCS else _NAMES_TAKEN
    if name in taken or context.authority(participant, name) is not None:
        problem = f"{participant}/{name} exists already"
        yield Refusal(Rule.E6, field, problem, "a name that is not on the ledger")


def check_closing(context: Context) -> Refusals:
    """E6: an office that is closed was open. Observers are withdrawn, not closed."""
    name = context.body(events.AuthorityClosed).authority
    record = context.authority(context.author[0], name)
    if record is None or AuthorityRole.OBSERVER in record.roles:
        said = "is not a registered office"
    elif record.closed_at is not None:
        said = "is closed already"
    else:
        return
    problem = f"{context.author[0]}/{name} {said}"
    yield Refusal(Rule.E6, "body.authority", problem, "an open office")


def check_observer(context: Context) -> Refusals:
    """E6: a registered observer was not there before, and its key is new."""
    body = context.body(ObserverRegistered)
    yield from _check_new_name(context, body.observer, "body.observer")
    yield from _check_room(context, context.house(KPCS).offices, "body.observer", MAX_OFFICES)
    yield from check_unused_key(context, body.key, "body.key")
    yield from _check_room(context, context.house(KPCS).keys, "body.key", MAX_KEYS)


def check_withdrawal(context: Context) -> Refusals:
    """E6: an observer that is withdrawn was registered."""
    name = context.body(ObserverWithdrawn).observer
    if not context.is_open(KPCS, name, AuthorityRole.OBSERVER):
        problem = f"{KPCS}/{name} is not a registered observer"
        yield Refusal(Rule.E6, "body.observer", problem, "a registered observer")


def check_new_key(context: Context) -> Refusals:
    """E6: the key is new, and for an office that exists."""
    body = context.body(events.KeyAdded)
    participant = context.author[0]
    is_own = body.authority in OWN_KEYS and participant != KPCS
    office = context.authority(participant, body.authority)
    if not is_own and (office is None or office.closed_at is not None):
        said = "is closed" if office is not None else "is not registered"
        problem = f"{participant}/{body.authority} {said}"
        yield Refusal(Rule.E6, "body.authority", problem, "an open office, root or recovery")
    yield from check_unused_key(context, body.key, "body.key")
    yield from _check_room(context, context.house(participant).keys, "body.key", MAX_KEYS)


def _check_room(context: Context, held: Sized, field: str, limit: int) -> Refusals:
    """E6: what a participant has arranged stays small enough to be gone through by a recovery."""
    if len(held) >= limit:
        problem = f"{context.author[0]} has {len(held)} already"
        yield Refusal(Rule.E6, field, problem, f"at most {limit}")


def check_unused_key(context: Context, public_key: bytes, field: str) -> Refusals:
    """E5, E6: a key is sound, and was never anybody's."""
    try:
        check_public_key(public_key)
    except UnacceptableKeyError as error:
        yield Refusal(Rule.E5, field, str(error), "a sound Ed25519 public key")
    if context.key(public_key) is not None:
        problem = f"{public_key.hex()} is registered already"
        yield Refusal(Rule.E6, field, problem, "a key that has never been used")


def check_own_key(context: Context) -> Refusals:
    """E2, E6: the key that is replaced or withdrawn is the participant's own, and in force."""
    body = context.event.body
    if isinstance(body, events.KeyRotated):
        public_key, field, reserved = body.old, "body.old", _NEVER_ROTATED
    else:
        public_key, field, reserved = (
            context.body(events.KeyRevoked).key,
            "body.key",
            _NEVER_REVOKED,
        )
    record = context.key(public_key)
    if record is None or record.participant != context.author[0]:
        problem = f"{public_key.hex()} is not a key of {context.author[0]}"
        yield Refusal(Rule.E2, field, problem, "a key of the author's participant")
    elif (record.participant, record.authority) in reserved:
        problem = f"the key of {record.participant}/{record.authority} is replaced in another way"
        yield Refusal(Rule.E2, field, problem, "chair_rotated, or key_rotated for the secretariat")
    elif record.revoked_at is not None:
        problem = f"{public_key.hex()} is revoked already"
        yield Refusal(Rule.E6, field, problem, "a key in force")


def check_key_rotation(context: Context) -> Refusals:
    """E6: a key is followed by a new one at once, so that nobody is without one in between."""
    body = context.body(events.KeyRotated)
    latest = context.latest_ms
    if body.valid_from > latest:
        problem = f"{format_time(body.valid_from)} would leave a time without a key"
        yield Refusal(Rule.E6, "body.valid_from", problem, f"a time up to {format_time(latest)}")
    yield from check_unused_key(context, body.new, "body.new")


def check_revocation(context: Context) -> Refusals:
    """E5: the reason fits."""
    body = context.body(events.KeyRevoked)
    if body.reason is events.RevocationReason.RECOVERED:
        problem = "RECOVERED is what a recovery sets"
        accepted = "SUPERSEDED, RETIRED or COMPROMISED"
        yield Refusal(Rule.E5, "body.reason", problem, accepted)
    field, suspect_since = "body.suspect_since", body.suspect_since
    if (body.reason is events.RevocationReason.COMPROMISED) != (suspect_since is not None):
        problem = f"the value is {suspect_since}, for a key that is {body.reason}"
        yield Refusal(Rule.E5, field, problem, "a time for COMPROMISED, null otherwise")
    if suspect_since is not None:
        yield from check_past_time(context, Rule.E5, field, suspect_since)
