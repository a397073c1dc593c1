"""Version 1 of the rules: execute one event on a state.

Executing is total: the answer is None and the state has changed, or a refusal and it has not.
Signatures are verified elsewhere, before; here it is decided whether their keys may speak.
"""

from collections.abc import Mapping

from kpledger.envelope import SignedEvent
from kpledger.events import Body
from kpledger.outcome import Refusal, Rule
from kpledger.records import EventRecord, event_key
from kpledger.rules.position import Position
from kpledger.rules.v1 import authorship
from kpledger.rules.v1.catalogue import CATALOGUE
from kpledger.rules.v1.context import Context, refuse
from kpledger.rules.v1.row import Row
from kpledger.state import ChangeSet

__all__ = ["CATALOGUE", "Position", "execute"]


def execute(
    event: SignedEvent,
    state: ChangeSet,
    at: Position,
    catalogue: Mapping[type[Body], Row] = CATALOGUE,
) -> Refusal | None:
    """Execute an event: write its changes into the change-set, or say which rule refuses it.

    Only whoever wants to know what a rule is worth gives another catalogue than that of the ledger.
    """
    context = Context(event, state, at)
    row = catalogue.get(type(event.body))
    if row is None:
        return refuse(
            Rule.E12,
            "type",
            f"{event.header.type} v{event.header.version} is unknown to rules v1",
            ", ".join(sorted(body.TYPE for body in catalogue)),
        )
    if state.get(event_key(event.event_id)) is not None:
        return refuse(Rule.E6, "nonce", "this very event is on the ledger", "a new event")
    refusal = (
        authorship.check_form(context)
        or authorship.check_author(context, row.offices)
        or authorship.check_signers(context, row.cosigners(context))
    )
    if refusal is not None:
        return refusal
    for check in row.checks:
        refusal = check(context)
        if refusal is not None:
            return refusal
    row.effect(context)
    record = EventRecord(
        index=at.index,
        height=at.height,
        type=event.header.type,
        participant=event.header.author.participant,
        authority=event.header.author.authority,
        subject=event.header.subject,
    )
    state.put(event_key(event.event_id), record)
    return None
