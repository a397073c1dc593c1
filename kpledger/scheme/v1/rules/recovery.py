"""E1, E5 and E6: who gives a participant, or the Chair, new keys after theft or loss.

A thief must never be stronger than the owner with the Chair, nor a thief with the Chair's key than
the participants together:

* A participant is recovered by the Chair and one of its own keys, root or recovery; or, where it
  has none left, by the Chair and *witnesses*, the roots of other participants.
* The chair is recovered by a *quorum* of participants' roots, without the Chair. It is larger.

How many they are is fixed by the genesis file: whoever could change it could lock others out. For
the same reason witnesses count whatever their standing, which the Chair sets; and those whom the
Chair admits count only after a year, so that a thief cannot admit witnesses of his own.
"""

from typing import Final

from kpledger.base.ids import KPCS
from kpledger.base.units import day_of
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.events.governance import ChairRecovered, ParticipantRecovered
from kpledger.scheme.v1.ids import OWN_KEYS
from kpledger.scheme.v1.rules.authorship import Cosigner, is_in_force, witness
from kpledger.scheme.v1.rules.decisions import MAX_YEARS
from kpledger.scheme.v1.rules.governance import check_unused_key
from kpledger.scheme.v1.territories import tell_home

_PAST: Final = "a block that is on the ledger, or null where keys were only lost"


def who_recovers(context: Context) -> tuple[Cosigner, ...]:
    """Give who signs besides the Chair: an own key of the participant, or witnesses."""
    code = context.body(ParticipantRecovered).code
    for public_key in context.event.signers:
        record = context.key(public_key)
        if record is None or record.participant != code or record.authority not in OWN_KEYS:
            continue
        if is_in_force(record, context.at.now_ms):
            return (Cosigner(code, OWN_KEYS),)
    return (witness(code),) * context.scheme().witnesses


def quorum_of_participants(context: Context) -> tuple[Cosigner, ...]:
    """Give who signs besides the participant: other participants, and the new key."""
    others = context.scheme().chair_quorum - 1
    key = context.body(ChairRecovered).key
    return (*(witness(context.author[0]),) * others, Cosigner(KPCS, key=key))


def check_recovery(context: Context) -> Refusals:
    """E5, E6: a participant that is recovered is on the ledger, and gets two new keys."""
    body = context.body(ParticipantRecovered)
    if context.participant(body.code) is None:
        problem = f"{body.code} is not a participant{tell_home(body.code)}"
        yield Refusal(Rule.E6, "body.code", problem, "a participant's code")
    yield from _check_two_keys(
        context, "root_key", body.root_key, "recovery_key", body.recovery_key
    )
    yield from _check_suspect(context, body.suspect_height)


def check_chair_recovery(context: Context) -> Refusals:
    """E5, E6: a participant presides, for no distant year, and two new keys are given."""
    body = context.body(ChairRecovered)
    for field, code in (("body.chair", body.chair), ("body.vice_chair", body.vice_chair)):
        if code is not None and context.participant(code) is None:
            problem = f"{code} is not a participant{tell_home(code)}"
            yield Refusal(Rule.E6, field, problem, "a participant's code")
    if body.vice_chair == body.chair:
        problem = f"{body.vice_chair} presides already"
        yield Refusal(Rule.E6, "body.vice_chair", problem, "another participant, or null")
    latest = int(day_of(context.at.now_ms)[:4]) + MAX_YEARS
    if body.year > latest:
        problem = f"{body.year} is too far ahead"
        yield Refusal(Rule.E6, "body.year", problem, f"a year up to {latest}")
    yield from _check_two_keys(context, "key", body.key, "secretariat_key", body.secretariat_key)
    yield from _check_suspect(context, body.suspect_height)


def _check_two_keys(
    context: Context, first_field: str, first: bytes, second_field: str, second: bytes
) -> Refusals:
    yield from check_unused_key(context, first, f"body.{first_field}")
    yield from check_unused_key(context, second, f"body.{second_field}")
    if first == second:
        problem = f"it is the {first_field} as well"
        yield Refusal(Rule.E6, f"body.{second_field}", problem, "another key that was never used")


def _check_suspect(context: Context, suspect_height: int | None) -> Refusals:
    if suspect_height is not None and suspect_height > context.at.height:
        problem = f"there is no block {suspect_height} yet"
        yield Refusal(Rule.E5, "body.suspect_height", problem, _PAST)
