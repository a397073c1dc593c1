"""Keys (G5): given to offices, replaced, withdrawn. Rules E1, E2, E5, E6.

A participant's root arranges the keys of its offices and its own; the Chair those of the offices
of the scheme. The Chair's own key changes hands with the chair alone; the secretariat's is put
in the place of another by the Chair.
"""

from typing import Final

from kpledger.base.errors import UnacceptableKeyError
from kpledger.base.ids import KPCS
from kpledger.base.keys import check_public_key
from kpledger.base.units import format_time
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.events.governance import KeyAdded, KeyRevoked, KeyRotated, RevocationReason
from kpledger.scheme.v1.ids import CHAIR, ROOT, SECRETARIAT
from kpledger.scheme.v1.records import KeyRecord

RESERVED: Final = ((KPCS, CHAIR), (KPCS, SECRETARIAT))
"""Offices whose keys are not arranged like those of others."""


def check_new_key(context: Context) -> Refusal | None:
    """E6: the key is new, and for an office that exists."""
    body = context.body(KeyAdded)
    participant = context.author[0]
    of_the_root = body.authority == ROOT and participant != KPCS
    office = context.authority(participant, body.authority)
    if not of_the_root and (office is None or office.closed_at is not None):
        said = "is closed" if office is not None else "is not registered"
        problem = f"{participant}/{body.authority} {said}"
        return refuse(Rule.E6, "body.authority", problem, "an open office, or root")
    return check_unused_key(context, body.key, "body.key")


def check_unused_key(context: Context, public_key: bytes, field: str) -> Refusal | None:
    """E5, E6: a key is sound, and was never anybody's."""
    try:
        check_public_key(public_key)
    except UnacceptableKeyError as error:
        return refuse(Rule.E5, field, str(error), "a sound Ed25519 public key")
    if context.key(public_key) is not None:
        problem = f"{public_key.hex()} is registered already"
        return refuse(Rule.E6, field, problem, "a key that has never been used")
    return None


def check_own_key(context: Context) -> Refusal | None:
    """E2, E6: the key that is replaced or withdrawn is the participant's own, and in force."""
    body = context.event.body
    if isinstance(body, KeyRotated):
        public_key, field = body.old, "body.old"
    else:
        public_key, field = context.body(KeyRevoked).key, "body.key"
    record = context.key(public_key)
    if record is None or record.participant != context.author[0]:
        problem = f"{public_key.hex()} is not a key of {context.author[0]}"
        return refuse(Rule.E2, field, problem, "a key of the author's participant")
    office = (record.participant, record.authority)
    if office in RESERVED and (office, type(body)) != ((KPCS, SECRETARIAT), KeyRotated):
        return _refuse_reserved(record, field)
    if record.revoked_at is not None:
        problem = f"{public_key.hex()} is revoked already"
        return refuse(Rule.E6, field, problem, "a key in force")
    return None


def _refuse_reserved(record: KeyRecord, field: str) -> Refusal:
    problem = f"the key of {record.participant}/{record.authority} is replaced in another way"
    return refuse(Rule.E2, field, problem, "chair_rotated, or key_rotated for the secretariat")


def check_key_rotation(context: Context) -> Refusal | None:
    """E6: a key is followed by a new one at once, so that nobody is without one in between."""
    body = context.body(KeyRotated)
    latest = context.at.now_ms + context.policy().clock_skew_ms
    if body.valid_from > latest:
        problem = f"{format_time(body.valid_from)} would leave a time without a key"
        return refuse(Rule.E6, "body.valid_from", problem, f"a time up to {format_time(latest)}")
    return check_unused_key(context, body.new, "body.new")


def check_revocation(context: Context) -> Refusal | None:
    """E1: a key cannot revoke itself; E5: the reason fits.

    So the last root key of a participant can never be withdrawn and leave nobody to speak for it.
    """
    body = context.body(KeyRevoked)
    if body.key in context.event.signers:
        return refuse(
            Rule.E1, "signatures", "a key cannot revoke itself", "another root key of the author"
        )
    compromised = body.reason is RevocationReason.COMPROMISED
    if compromised != (body.suspect_since is not None):
        return refuse(
            Rule.E5,
            "body.suspect_since",
            f"the value is {body.suspect_since}, for a key that is {body.reason}",
            "a time for COMPROMISED, null otherwise",
        )
    latest = context.at.now_ms + context.policy().clock_skew_ms
    if body.suspect_since is not None and body.suspect_since > latest:
        problem = f"{format_time(body.suspect_since)} lies in the future"
        return refuse(Rule.E5, "body.suspect_since", problem, f"a time up to {format_time(latest)}")
    return None
