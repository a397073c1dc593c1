"""E7 and E8: the confirmation of an import (KPCS III(b)1 and III(b)2)."""

from typing import Final

from kpledger.base.units import format_carats, format_usd
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals, on_certificate
from kpledger.scheme.v1.events import importing as events
from kpledger.scheme.v1.events.certificate import Party
from kpledger.scheme.v1.events.decisions import ExpiryMeaning
from kpledger.scheme.v1.events.governance import AuthorityRole
from kpledger.scheme.v1.lifecycles import TRANSITIONS, USED, CertificateState
from kpledger.scheme.v1.records import CertificateRecord
from kpledger.scheme.v1.rules.authorship import Cosigner
from kpledger.scheme.v1.rules.standing import may_trade, standing_at_issue
from kpledger.scheme.v1.rules.values import check_ascending, check_past_day, check_span

_MILLION: Final = 1_000_000
_OTHERWISE: Final = "a discrepant confirmation, or a detention"
_CLEAN_STATES: Final = tuple(
    state for state, steps in TRANSITIONS.items() if events.ImportConfirmed.TYPE in steps
)


@on_certificate
def check_confirmed_once(_context: Context, record: CertificateRecord) -> Refusals:
    """E7: one confirmation for each certificate."""
    if record.state in USED:
        problem = f"{record.number} is {record.state} already"
        differs = record.state is CertificateState.CONFIRMED_DISCREPANT
        other = ", or discrepancy_resolved, which states other figures" if differs else ""
        accepted = f"a certificate that has not been confirmed{other}"
        yield Refusal(Rule.E7, "subject", problem, accepted)


@on_certificate
def check_confirmable(_context: Context, record: CertificateRecord) -> Refusals:
    """E8: no confirmation of a certificate that is dead, lost, held back or not validated."""
    if record.state not in _CLEAN_STATES:
        accepted = f"a certificate that is {', '.join(_CLEAN_STATES)}"
        yield Refusal(Rule.E8, "subject", f"{record.number} is {record.state}", accepted)


@on_certificate
def check_repeats(context: Context, record: CertificateRecord) -> Refusals:
    """E7: the confirmation repeats the certificate's number, exporter and importer, and a day."""
    body = context.event.body
    if not isinstance(body, events.ImportConfirmed | events.ImportConfirmedDiscrepant):
        body = context.body(events.ImportConfirmed)
    if body.number != record.number:
        problem = f"{body.number} is not the subject of the event"
        yield Refusal(Rule.E7, "body.number", problem, record.number)
    yield from _check_party("exporter", body.exporter, record.exporter)
    yield from _check_party("importer", body.importer, record.importer)
    # What expires with the journey is judged by this day: it is none before the recorded arrival.
    earliest = record.arrived_on or record.issued_on
    yield from check_past_day(context, Rule.E7, "body.received_on", body.received_on, earliest)


def _check_party(who: str, found: Party, declared: Party) -> Refusals:
    for name in Party.__struct_fields__:
        said, expected = getattr(found, name), getattr(declared, name)
        if said != expected:
            problem = f"{said!r} differs from the certificate"
            yield Refusal(Rule.E7, f"body.{who}.{name}", problem, repr(expected))


@on_certificate
def check_arrival(context: Context, record: CertificateRecord) -> Refusals:
    """E5: a shipment arrives after its certificate was issued, and not in the future."""
    body = context.body(events.ArrivalRecorded)
    day, earliest = body.arrived_on, record.issued_on
    yield from check_past_day(context, Rule.E5, "body.arrived_on", day, earliest)
    yield from check_ascending(body.photos, "body.photos")


@on_certificate
def check_found_day(context: Context, record: CertificateRecord) -> Refusals:
    """E5: a shipment surfaces after its certificate was issued, and not in the future."""
    day = context.body(events.ShipmentDiverted).found_on
    yield from check_past_day(context, Rule.E5, "body.found_on", day, record.issued_on)


def check_return(context: Context) -> Refusals:
    """E5: goods come back after they went, and not in the future."""
    day = context.body(events.ReturnReceived).received_on
    record = context.certificate(context.subject)
    earliest = None if record is None else record.arrived_on or record.issued_on
    yield from check_past_day(context, Rule.E5, "body.received_on", day, earliest)


def importing_destination(context: Context) -> tuple[Cosigner, ...]:
    """Give who signs besides the issuer: an importing office of the destination."""
    record = context.certificate(context.subject)
    return () if record is None else (Cosigner(record.destination, role=AuthorityRole.IMPORTING),)


@on_certificate
def check_clean(context: Context, record: CertificateRecord) -> Refusals:
    """E8: a clean confirmation needs a certificate in force and goods as declared."""
    body = context.body(events.ImportConfirmed)
    if record.lost:
        problem = f"{record.number} was reported lost and has not been found"
        yield Refusal(Rule.E8, "subject", problem, f"certificate_found, {_OTHERWISE}")
    # The day decides on expiry, so it may not be one on which the shipment cannot have left.
    day, received = body.exported_on, body.received_on
    if day is not None:
        yield from check_span(Rule.E8, "body.exported_on", day, record.issued_on, received)
    yield from _check_unexpired(record, body)
    standing = standing_at_issue(context, record)
    if not may_trade(standing, record.kind):
        problem = f"{record.issuer} was {standing} when {record.number} was issued"
        yield Refusal(Rule.E8, "subject", problem, _OTHERWISE)
    yield from _check_found(context, body, record)


def _check_unexpired(record: CertificateRecord, body: events.ImportConfirmed) -> Refusals:
    decisive, field = body.received_on, "body.received_on"
    if record.expiry is ExpiryMeaning.EXPORT_BY:
        # The transport document decides where it is given, then the notice of export.
        if body.exported_on is not None:
            decisive, field = body.exported_on, "body.exported_on"
        elif record.exported_on is not None:
            return  # a notice never names a day after the expiry (rule E5)
    if decisive > record.expires_on:
        expired = f"when {record.number} expired ({record.expiry})"
        problem = f"{decisive} is after {record.expires_on}, {expired}"
        yield Refusal(Rule.E8, field, problem, f"an earlier day, {_OTHERWISE}")


def _check_found(
    context: Context, body: events.ImportConfirmed, record: CertificateRecord
) -> Refusals:
    policy = context.policy(record.destination)
    accepted = "what the certificate declares, or a discrepant confirmation"
    if body.parcels != record.parcels:
        problem = f"{body.parcels} parcels found, {record.parcels} declared"
        yield Refusal(Rule.E8, "body.parcels", problem, accepted)
    found, declared = body.carat_thousandths, record.carat_thousandths
    apart, least = abs(found - declared), policy.carat_tolerance_thousandths
    if exceeds(apart, declared, policy.carat_tolerance_ppm, least):
        problem = f"{format_carats(found)} ct found, {format_carats(declared)} ct declared"
        yield Refusal(Rule.E8, "body.carat_thousandths", problem, accepted)
    found, declared = body.value_usd_cents, record.value_usd_cents
    apart, least = abs(found - declared), policy.value_tolerance_usd_cents
    if exceeds(apart, declared, policy.value_tolerance_ppm, least):
        problem = f"US$ {format_usd(found)} found, US$ {format_usd(declared)} declared"
        yield Refusal(Rule.E8, "body.value_usd_cents", problem, accepted)


@on_certificate
def check_discrepant(context: Context, record: CertificateRecord) -> Refusals:
    """E8: a discrepant confirmation says what differs: in a figure, its cause or its remarks."""
    body = context.body(events.ImportConfirmedDiscrepant)
    found = body.parcels, body.carat_thousandths, body.value_usd_cents
    declared = record.parcels, record.carat_thousandths, record.value_usd_cents
    if found == declared and body.cause not in events.TELLING_CAUSES and not body.remarks.strip():
        problem = f"parcels, weight and value are as declared, and the cause is {body.cause}"
        accepted = f"other figures, the cause {' or '.join(events.TELLING_CAUSES)}, or remarks"
        yield Refusal(Rule.E8, "body.cause", problem, accepted)


def exceeds(apart: int, declared: int, tolerance_ppm: int, least: int) -> bool:
    """Tell whether an amount differs by more than millionths of it and more than the least."""
    return apart > least and apart * _MILLION > declared * tolerance_ppm
