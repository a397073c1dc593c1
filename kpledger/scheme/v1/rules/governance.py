"""Participants and offices (G1, G2, G4), observers: rules E1, E5, E6."""

from typing import Final

from kpledger.base.ids import KPCS
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.events.governance import (
    AuthorityClosed,
    AuthorityRegistered,
    AuthorityRole,
    ParticipantAdmitted,
)
from kpledger.scheme.v1.events.life import ObserverRegistered, ObserverWithdrawn
from kpledger.scheme.v1.ids import CHAIR, ROOT, SECRETARIAT
from kpledger.scheme.v1.lists import check_ascending
from kpledger.scheme.v1.rules.keys import check_unused_key
from kpledger.scheme.v1.rules.notice import check_notice_period
from kpledger.scheme.v1.subjects import Subject

_OF_THE_SCHEME: Final = (AuthorityRole.MONITORING, AuthorityRole.STATISTICS)
_NAMES_TAKEN: Final = (ROOT, CHAIR, SECRETARIAT, Subject.POLICY, Subject.RULES)
"""``KPCS/rules`` and ``BW/policy`` are subjects of their own; an office of that name would share
their history."""


def check_admission(context: Context) -> Refusal | None:
    """E6: an admitted participant was not there before, and its key is new; E14: within a year."""
    body = context.body(ParticipantAdmitted)
    if context.participant(body.code) is not None:
        problem = f"{body.code} has been admitted already"
        return refuse(Rule.E6, "body.code", problem, "a code that is not on the ledger")
    return check_unused_key(context, body.root_key, "body.root_key") or check_notice_period(
        context, body.effective_from
    )


def check_registration(context: Context) -> Refusal | None:
    """E6: a registered authority was not there before; E5: its roles and territory fit it."""
    body = context.body(AuthorityRegistered)
    refusal = _check_new_name(context, body.authority, "body.authority")
    if refusal is None:
        refusal = check_ascending(body.roles, "body.roles")
    return refusal or _check_roles(context, body) or _check_territory(context, body)


def _check_new_name(context: Context, name: str, field: str) -> Refusal | None:
    participant = context.author[0]
    taken = name in (ROOT, Subject.POLICY) or (participant == KPCS and name in _NAMES_TAKEN)
    if taken or context.authority(participant, name) is not None:
        problem = f"{participant}/{name} exists already"
        return refuse(Rule.E6, field, problem, "a name that is not on the ledger")
    return None


def _check_roles(context: Context, body: AuthorityRegistered) -> Refusal | None:
    of_the_scheme = context.author[0] == KPCS
    for role in body.roles:
        fits = role in _OF_THE_SCHEME if of_the_scheme else role is not AuthorityRole.OBSERVER
        if not fits:
            whose = "of the scheme" if of_the_scheme else "of a participant"
            roles = (
                _OF_THE_SCHEME
                if of_the_scheme
                else tuple(set(AuthorityRole) - {AuthorityRole.OBSERVER})
            )
            problem = f"an office {whose} cannot have the role {role}"
            return refuse(Rule.E5, "body.roles", problem, ", ".join(sorted(roles)))
    return None


def _check_territory(context: Context, body: AuthorityRegistered) -> Refusal | None:
    if body.territory is None:
        return None
    code = context.author[0]
    if code == KPCS or context.participant(body.territory) is not None:
        problem = f"{body.territory} is not a territory of {code}"
        accepted = "null, or a territory with numbers of its own that is not a participant"
        return refuse(Rule.E5, "body.territory", problem, accepted)
    return None


def check_closing(context: Context) -> Refusal | None:
    """E6: an office that is closed was open. Observers are withdrawn, not closed."""
    body = context.body(AuthorityClosed)
    record = context.authority(context.author[0], body.authority)
    is_office = record is not None and AuthorityRole.OBSERVER not in record.roles
    if record is not None and is_office and record.closed_at is None:
        return None
    said = "is closed already" if is_office else "is not a registered office"
    problem = f"{context.author[0]}/{body.authority} {said}"
    return refuse(Rule.E6, "body.authority", problem, "an open office")


def check_observer(context: Context) -> Refusal | None:
    """E6: a registered observer was not there before, and its key is new."""
    body = context.body(ObserverRegistered)
    return _check_new_name(context, body.observer, "body.observer") or check_unused_key(
        context, body.key, "body.key"
    )


def check_withdrawal(context: Context) -> Refusal | None:
    """E6: an observer that is withdrawn was registered."""
    body = context.body(ObserverWithdrawn)
    if is_observer(context, body.observer):
        return None
    problem = f"{KPCS}/{body.observer} is not a registered observer"
    return refuse(Rule.E6, "body.observer", problem, "a registered observer")


def is_observer(context: Context, name: str) -> bool:
    """Tell whether there is an observer of this name now."""
    record = context.authority(KPCS, name)
    return (
        record is not None and AuthorityRole.OBSERVER in record.roles and record.closed_at is None
    )
