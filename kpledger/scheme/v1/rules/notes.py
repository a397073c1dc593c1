"""Notes (A1), corrections (A2) and countersignatures: rules E2, E5 and E6.

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
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.events import certificate
from kpledger.scheme.v1.events.decisions import ShipmentDeclined
from kpledger.scheme.v1.events.governance import AuthorityClosed
from kpledger.scheme.v1.events.importing import ShipmentDetained, ShipmentDiverted, ShipmentReleased
from kpledger.scheme.v1.events.life import (
    ConcernClosed,
    CorrectionMade,
    EventCountersigned,
    NoteFiled,
)
from kpledger.scheme.v1.records import CorrectionRecord, CountersignaturesRecord, EventRecord
from kpledger.scheme.v1.rules.subject import is_closed, shipment, subject_of
from kpledger.scheme.v1.rules.values import check_ascending, check_words

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

MAX_COUNTERSIGNATURES: Final = 16
"""How many keys may countersign one event; as many as may sign it at once."""

MAX_CORRECTIONS = 16
"""How often one event may be corrected."""


def check_note(context: Context) -> Refusals:
    """E5, E6: a note says something, and refers to events that are on the ledger, each once."""
    body = context.body(NoteFiled)
    references, papers = body.references, (body.references, body.document)
    yield from check_words("body.text", body.text, *papers, instead="events or a document")
    yield from check_ascending(references, "body.references")
    for position, event_id in enumerate(references):
        if context.earlier(event_id) is None:
            problem = f"{event_id.hex()} is not an event of this ledger"
            yield Refusal(Rule.E6, f"body.references[{position}]", problem, "ids of events")


def check_correction(context: Context) -> Refusals:
    """E2, E5, E6: an own statement is corrected, of a type that moved nothing, while it is open."""
    body = context.body(CorrectionMade)
    earlier = context.earlier(body.event)
    if earlier is None:
        problem = f"{body.event.hex()} is not an event of this ledger"
        yield Refusal(Rule.E6, "body.event", problem, "the id of an event")
    else:
        yield from _check_whose(context, earlier)
        yield from _check_corrected(context, body, earlier)
        yield from _check_open(context, earlier)
    count = len(corrections_of(context, body.event).corrections)
    if count >= MAX_CORRECTIONS:
        problem = f"it was corrected {count} times"
        yield Refusal(Rule.E6, "body.event", problem, f"at most {MAX_CORRECTIONS} times")


def check_countersigned(context: Context) -> Refusals:
    """E2, E5, E6: each officer signs once what the own office said, and no countersignature."""
    event_id = context.body(EventCountersigned).event
    earlier = context.earlier(event_id)
    if earlier is None:
        problem = f"{event_id.hex()} is not an event of this ledger"
        yield Refusal(Rule.E6, "body.event", problem, "the id of an event")
        return
    said_by = f"{earlier.participant}/{earlier.authority}"
    if (earlier.participant, earlier.authority) != context.author:
        problem = f"it was said by {said_by}, not by {context.event.header.author}"
        yield Refusal(Rule.E2, "author", problem, said_by)
    if context.subject != earlier.subject:
        problem = f"{context.subject} is not the subject"
        yield Refusal(Rule.E5, "subject", problem, earlier.subject)
    if earlier.type == EventCountersigned.TYPE:
        problem = "it is a countersignature itself"
        yield Refusal(Rule.E6, "body.event", problem, "the event that it countersigns")
    known = [one.key for one in countersignatures_of(context, event_id).countersignatures]
    for public_key in context.event.signers:
        if public_key in known:
            problem = f"key {public_key.hex()} has countersigned it already"
            yield Refusal(Rule.E6, "signatures", problem, f"other keys of {said_by}")
    if len(known) + len(context.event.signers) > MAX_COUNTERSIGNATURES:
        problem = f"{len(known)} keys have countersigned it"
        yield Refusal(Rule.E6, "signatures", problem, f"at most {MAX_COUNTERSIGNATURES} keys")


def countersignatures_of(context: Context, event_id: bytes) -> CountersignaturesRecord:
    """Read who countersigned an event; empty when nobody did."""
    return context.read_or(CountersignaturesRecord(countersignatures=()), event_id)


def corrections_of(context: Context, event_id: bytes) -> CorrectionRecord:
    """Read the corrections of an event; empty when there are none."""
    return context.read_or(CorrectionRecord(corrections=()), event_id)


def _check_whose(context: Context, earlier: EventRecord) -> Refusals:
    participant, authority = context.author
    # The offices of the scheme are not one party: an observer does not speak for the Chair.
    same_office = participant != KPCS or earlier.authority == authority
    if earlier.participant != participant or not same_office:
        said_by = f"{earlier.participant}/{earlier.authority}"
        problem = f"it was said by {said_by}, not by {participant}/{authority}"
        accepted = said_by if earlier.participant == KPCS else f"an office of {earlier.participant}"
        yield Refusal(Rule.E2, "author", problem, accepted)


def _check_corrected(context: Context, body: CorrectionMade, earlier: EventRecord) -> Refusals:
    if context.subject != earlier.subject:
        problem = f"{context.subject} is not the subject"
        yield Refusal(Rule.E5, "subject", problem, earlier.subject)
    kind = CORRECTABLE.get(earlier.type)
    if kind is None:
        problem = f"what {earlier.type} says has taken effect"
        yield Refusal(Rule.E6, "body.event", problem, ", ".join(sorted(CORRECTABLE)))
    else:
        yield from _check_new_body(body, kind, earlier)


def _check_new_body(body: CorrectionMade, kind: type[Body], earlier: EventRecord) -> Refusals:
    what = f"body of {earlier.type}"
    try:
        corrected = decode(body.body, kind, what=what, max_bytes=MAX_EVENT_BYTES)
    except LedgerError as error:
        yield Refusal(Rule.E5, "body.body", str(error), f"a canonical {what}")
    else:
        spelled = subject_of(earlier.participant, corrected)
        if spelled not in (None, earlier.subject):
            problem = f"the corrected body would be about {spelled}"
            yield Refusal(Rule.E5, "body.body", problem, f"a {what} about {earlier.subject}")


def _check_open(context: Context, earlier: EventRecord) -> Refusals:
    """E6: what another party has closed since is not described anew."""
    record = shipment(context)
    if record is None:
        return
    closing = context.earlier(record.head)
    if not is_closed(record) or closing is None or closing.participant == earlier.participant:
        return
    # Where it was closed before, the statement opened a case or knew of the end.
    if closing.index >= earlier.index:
        problem = f"{context.subject} was closed by {closing.participant} ({closing.type})"
        yield Refusal(Rule.E6, "subject", problem, "a statement on what is open, or a note")
