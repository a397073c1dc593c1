"""Participants, authorities, keys: rules E1 to E6 for the catalogue's group G."""

from kpledger.errors import UnacceptableKeyError
from kpledger.events.governance import (
    AuthorityRegistered,
    KeyAdded,
    KeyRevoked,
    NumberRangeAllocated,
    ParticipantAdmitted,
    ParticipantStatusChanged,
    RevocationReason,
    Role,
)
from kpledger.ids import ROOT
from kpledger.keys import check_public_key
from kpledger.outcome import Refusal, Rule
from kpledger.rules.v1.context import Context, refuse


def check_subject(context: Context) -> Refusal | None:
    """E5: the subject is what the body speaks of."""
    body = context.event.body
    participant = context.author[0]
    if isinstance(body, ParticipantAdmitted | ParticipantStatusChanged):
        expected = body.code
    elif isinstance(body, AuthorityRegistered | NumberRangeAllocated):
        expected = f"{participant}/{body.authority}"
    elif isinstance(body, KeyAdded):
        expected = body.key.hex()
    else:
        expected = context.body(KeyRevoked).key.hex()
    if context.subject != expected:
        return refuse(Rule.E5, "subject", f"{context.subject} is not the subject", expected)
    return None


def check_admission(context: Context) -> Refusal | None:
    """E6: an admitted participant was not there before, and its key is new."""
    body = context.body(ParticipantAdmitted)
    if context.participant(body.code) is not None:
        problem = f"{body.code} was admitted before"
        return refuse(Rule.E6, "body.code", problem, "a code that is not on the ledger")
    return _check_new_key(context, body.root_key, "body.root_key")


def check_registration(context: Context) -> Refusal | None:
    """E6: a registered authority was not there before; E5: its roles are in order."""
    body = context.body(AuthorityRegistered)
    participant = context.author[0]
    if body.authority == ROOT or context.authority(participant, body.authority) is not None:
        problem = f"{participant}/{body.authority} exists already"
        return refuse(Rule.E6, "body.authority", problem, "a name that is not on the ledger")
    if list(body.roles) != sorted(set(body.roles)):
        accepted = ", ".join(sorted(set(body.roles)))
        return refuse(Rule.E5, "body.roles", "not in alphabetical order, each once", accepted)
    return None


def check_new_key(context: Context) -> Refusal | None:
    """E6: the key is new, and for an office that exists."""
    body = context.body(KeyAdded)
    participant = context.author[0]
    if body.authority != ROOT and context.authority(participant, body.authority) is None:
        problem = f"{participant}/{body.authority} is not registered"
        return refuse(Rule.E6, "body.authority", problem, "a registered authority, or root")
    return _check_new_key(context, body.key, "body.key")


def _check_new_key(context: Context, public_key: bytes, field: str) -> Refusal | None:
    try:
        check_public_key(public_key)
    except UnacceptableKeyError as error:
        return refuse(Rule.E5, field, str(error), "a sound Ed25519 public key")
    if context.key(public_key) is not None:
        problem = f"{public_key.hex()} is registered already"
        return refuse(Rule.E6, field, problem, "a key that was never used")
    return None


def check_revocation(context: Context) -> Refusal | None:
    """E2: the key is the participant's own; E6: in force; E5: the reason fits.

    A key cannot revoke itself, so the last root key of a participant can never be withdrawn and
    leave nobody to speak for it.
    """
    body = context.body(KeyRevoked)
    record = context.key(body.key)
    if record is None or record.participant != context.author[0]:
        problem = f"{body.key.hex()} is no key of {context.author[0]}"
        return refuse(Rule.E2, "body.key", problem, "a key of the author's participant")
    if record.revoked_at is not None:
        problem = f"{body.key.hex()} is revoked already"
        return refuse(Rule.E6, "body.key", problem, "a key in force")
    if body.key in context.event.signers:
        return refuse(
            Rule.E1, "signatures", "a key cannot revoke itself", "another root key of the author"
        )
    compromised = body.reason is RevocationReason.COMPROMISED
    if compromised != (body.suspect_since is not None):
        return refuse(
            Rule.E5,
            "body.suspect_since",
            f"{body.suspect_since} for a key that is {body.reason}",
            "a time for COMPROMISED, null otherwise",
        )
    return None


def check_range_holder(context: Context) -> Refusal | None:
    """E6: numbers go to a registered exporting authority."""
    body = context.body(NumberRangeAllocated)
    record = context.authority(context.author[0], body.authority)
    if record is None or Role.EXPORTING not in record.roles:
        return refuse(
            Rule.E6,
            "body.authority",
            f"{context.author[0]}/{body.authority} is no exporting authority",
            "a registered authority with the role EXPORTING",
        )
    return None
