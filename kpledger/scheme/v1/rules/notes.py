"""Notes (A1) and corrections (A2): rules E2, E5 and E6.

A correction says how a statement should have read. It changes no record, so only statements may be
corrected whose *contents* no rule, record or sum is made of: what happened stays, however it was
described. :data:`CORRECTABLE` lists them.
"""

from typing import Final

from kpledger.base.codec import decode
from kpledger.base.errors import LedgerError
from kpledger.base.ids import KPCS
from kpledger.scheme.event import MAX_EVENT_BYTES, Body
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.events import certificate
from kpledger.scheme.v1.events.governance import AuthorityClosed
from kpledger.scheme.v1.events.importing import ShipmentDetained, ShipmentDiverted, ShipmentReleased
from kpledger.scheme.v1.events.life import ConcernClosed, CorrectionMade, NoteFiled
from kpledger.scheme.v1.events.restrictions import ShipmentDeclined
from kpledger.scheme.v1.lifecycles import CASE_TRANSITIONS, TRANSITIONS
from kpledger.scheme.v1.lists import check_ascending
from kpledger.scheme.v1.records import EventRecord
from kpledger.scheme.v1.rules.subject import subject_of
from kpledger.scheme.v1.words import check_words

CORRECTABLE: Final[dict[str, type[Body]]] = {
    kind.TYPE: kind
    for kind in (
        # Only said, and never asked about again.
        NoteFiled,
        certificate.TransitNoted,
        # Reasons, circumstances and places: the state moved by the type of the event alone.
        AuthorityClosed,
        certificate.CertificateVoided,
        certificate.CertificateLost,
        certificate.CertificateFound,
        certificate.CertificateReturnedUnused,
        ShipmentDetained,
        ShipmentReleased,
        ShipmentDiverted,
        ShipmentDeclined,
        ConcernClosed,
    )
}
"""The types that may be corrected. What is not here: certificates, confirmations and seizures hold
weights; arrivals and notices of export hold days that rules compare; governance, decisions and
verdicts are what later events rest on; reports, tables and answers have further editions."""

MAX_CORRECTIONS = 16
"""How often one event may be corrected."""


def check_note(context: Context) -> Refusal | None:
    """E5, E6: a note says something, and refers to events that are on the ledger, each once."""
    body = context.body(NoteFiled)
    references = body.references
    refusal = check_words(
        "body.text", body.text, references, body.document, instead="events or a document"
    ) or check_ascending(references, "body.references")
    if refusal is not None:
        return refusal
    for position, event_id in enumerate(references):
        if context.earlier(event_id) is None:
            problem = f"{event_id.hex()} is not an event of this ledger"
            return refuse(Rule.E6, f"body.references[{position}]", problem, "ids of events")
    return None


def check_correction(context: Context) -> Refusal | None:
    """E2, E5, E6: an own statement is corrected, of a type that moved nothing, while it is open."""
    body = context.body(CorrectionMade)
    earlier = context.earlier(body.event)
    if earlier is None:
        problem = f"{body.event.hex()} is not an event of this ledger"
        return refuse(Rule.E6, "body.event", problem, "the id of an event")
    return (
        _check_whose(context, earlier)
        or _check_corrected(context, body, earlier)
        or _check_open(context, earlier)
        or _check_count(context, body)
    )


def _check_whose(context: Context, earlier: EventRecord) -> Refusal | None:
    participant, authority = context.author
    # The offices of the scheme are not one party: an observer does not speak for the Chair.
    same_office = participant != KPCS or earlier.authority == authority
    if earlier.participant == participant and same_office:
        return None
    said_by = f"{earlier.participant}/{earlier.authority}"
    accepted = said_by if earlier.participant == KPCS else f"an office of {earlier.participant}"
    problem = f"it was said by {said_by}, not by {participant}/{authority}"
    return refuse(Rule.E2, "author", problem, accepted)


def _check_corrected(
    context: Context, body: CorrectionMade, earlier: EventRecord
) -> Refusal | None:
    if context.subject != earlier.subject:
        problem = f"{context.subject} is not the subject"
        return refuse(Rule.E5, "subject", problem, earlier.subject)
    kind = CORRECTABLE.get(earlier.type)
    if kind is None:
        problem = f"what {earlier.type} says has taken effect"
        return refuse(Rule.E6, "body.event", problem, ", ".join(sorted(CORRECTABLE)))
    what = f"body of {earlier.type}"
    try:
        corrected = decode(body.body, kind, what=what, max_bytes=MAX_EVENT_BYTES)
    except LedgerError as error:
        return refuse(Rule.E5, "body.body", str(error), f"a canonical {what}")
    spelled = subject_of(earlier.participant, corrected)
    if spelled not in (None, earlier.subject):
        problem = f"the corrected body would be about {spelled}"
        return refuse(
            Rule.E5, "body.body", problem, f"a body of {earlier.type} about {earlier.subject}"
        )
    return None


def _check_open(context: Context, earlier: EventRecord) -> Refusal | None:
    """E6: what another party has closed since is not described anew."""
    certificate, case = context.certificate(context.subject), context.case(context.subject)
    if certificate is not None:
        head, closed = certificate.head, not TRANSITIONS[certificate.state]
    elif case is not None:
        head, closed = case.head, not CASE_TRANSITIONS[case.state]
    else:
        return None
    closing = context.earlier(head)
    if not closed or closing is None or closing.participant == earlier.participant:
        return None
    if closing.index < earlier.index:
        # It was closed already, and the statement opened a case or knew of the end.
        return None
    problem = f"{context.subject} was closed by {closing.participant} ({closing.type})"
    return refuse(Rule.E6, "subject", problem, "a statement on what is open, or a note")


def _check_count(context: Context, body: CorrectionMade) -> Refusal | None:
    count = len(context.corrections(body.event).corrections)
    if count < MAX_CORRECTIONS:
        return None
    problem = f"it was corrected {count} times"
    return refuse(Rule.E6, "body.event", problem, f"at most {MAX_CORRECTIONS} times")
