"""Execution: one event on a state, by the rules of version 1.

Executing is total: the answer is None and the state has changed, or a refusal and it has not.
Signatures are verified elsewhere. :func:`may_sign` decides before whether their keys may speak, so
that nobody computes what does not count; :func:`execute` decides it again, with all else.
"""

from collections.abc import Mapping

from kpledger.base.state import ChangeSet
from kpledger.scheme.event import Body, EventPlace, SignedEvent
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.catalogue import CATALOGUE, Row
from kpledger.scheme.v1.context import CatalogueError, Context, Refusals
from kpledger.scheme.v1.effects.quotas import use_quotas
from kpledger.scheme.v1.records import EventRecord
from kpledger.scheme.v1.rules import authorship, quotas


def may_sign(event: SignedEvent, state: ChangeSet, at: EventPlace) -> Refusal | None:
    """Say why the keys of an event may not sign it here, or None if just these have to.

    Looks at what stands before every row and at nothing else, the author's quota last; whether the
    event is on the ledger already says nothing of its keys. A key that is not registered passes
    only where a rule names it, as the next Chair's, which has to prove itself.
    """
    return next(_check_signed(Context(event, state, at), CATALOGUE), None)


def execute(
    event: SignedEvent,
    state: ChangeSet,
    at: EventPlace,
    catalogue: Mapping[type[Body], Row] = CATALOGUE,
) -> Refusal | None:
    """Execute an event: write its changes into the change-set, or say which rule refuses it.

    Only whoever wants to know what a rule is worth gives another catalogue than that of the ledger.
    """
    context = Context(event, state, at)
    refusal = next(_check(context, catalogue), None)
    if refusal is None:
        use_quotas(context)
        _apply(context, catalogue)
    return refusal


def apply(event: SignedEvent, state: ChangeSet, at: EventPlace) -> None:
    """Write the changes of an event that was accepted at this very place, checking nothing.

    The quotas that it uses are left out: only who decides what is let in asks for them.

    Raises:
        CatalogueError: these rules do not know the event, so that they cannot have accepted it.
    """
    _apply(Context(event, state, at), CATALOGUE)


def _check(context: Context, catalogue: Mapping[type[Body], Row]) -> Refusals:
    event = context.event
    if context.state.get(EventRecord.key_for(event.event_id)) is not None:
        yield Refusal(Rule.E6, "nonce", "this event is on the ledger already", "a new event")
        return
    yield from _check_signed(context, catalogue)
    for check in catalogue[type(event.body)].checks:
        yield from check(context)


def _check_signed(context: Context, catalogue: Mapping[type[Body], Row]) -> Refusals:
    event = context.event
    row = catalogue.get(type(event.body))
    if row is None:
        problem = f"{event.header.type} v{event.header.version} is unknown to rules v1"
        known = ", ".join(sorted(body.TYPE for body in catalogue))
        yield Refusal(Rule.E12, "type", problem, known)
        return
    yield from authorship.check_form(context)
    yield from authorship.check_author(context, row.offices)
    yield from authorship.check_signers(context, row.cosigners(context))
    yield from quotas.check_quota(context)


def _apply(context: Context, catalogue: Mapping[type[Body], Row]) -> None:
    event, at = context.event, context.at
    row = catalogue.get(type(event.body))
    if row is None:
        raise CatalogueError(f"rules v1 do not know {event.header.type}")
    row.effect(context)
    record = EventRecord(
        index=at.index,
        height=at.height,
        type=event.header.type,
        participant=event.header.author.participant,
        authority=event.header.author.authority,
        subject=event.header.subject,
    )
    context.put(record, event.event_id)
