"""E7 and E8: the confirmation of an import (KPCS III(b)1 and III(b)2)."""

from typing import Final

from kpledger.base.units import format_carats, format_usd
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.days import check_past_day, check_span
from kpledger.scheme.v1.events import importing as events
from kpledger.scheme.v1.events.certificate import CertificateKind, Party
from kpledger.scheme.v1.events.decisions import ExpiryMeaning
from kpledger.scheme.v1.events.governance import AuthorityRole, Standing
from kpledger.scheme.v1.lifecycles import TRANSITIONS, USED
from kpledger.scheme.v1.lists import check_ascending
from kpledger.scheme.v1.records import CertificateRecord
from kpledger.scheme.v1.rules.authorship import Cosigner

_MILLION: Final = 1_000_000
_OTHERWISE: Final = "a discrepant confirmation, or a detention"
_CLEAN_STATES: Final = tuple(
    state for state, steps in TRANSITIONS.items() if events.ImportConfirmed.TYPE in steps
)


def check_confirmed_once(context: Context) -> Refusal | None:
    """E7: one confirmation for each certificate."""
    record = context.certificate(context.subject)
    if record is not None and record.state in USED:
        return refuse(
            Rule.E7,
            "subject",
            f"{record.number} is {record.state} already",
            "a certificate that has not been confirmed",
        )
    return None


def check_confirmable(context: Context) -> Refusal | None:
    """E8: no confirmation of a certificate that is dead, lost, held back or not validated."""
    record = context.certificate(context.subject)
    if record is not None and record.state not in _CLEAN_STATES:
        return refuse(
            Rule.E8,
            "subject",
            f"{record.number} is {record.state}",
            f"a certificate that is {', '.join(_CLEAN_STATES)}",
        )
    return None


def check_repeats(context: Context) -> Refusal | None:
    """E7: the confirmation repeats the certificate's number, exporter and importer, and a day."""
    body = context.event.body
    if not isinstance(body, events.ImportConfirmed | events.ImportConfirmedDiscrepant):
        body = context.body(events.ImportConfirmed)
    record = context.certificate(context.subject)
    if record is None:
        return None
    if body.number != record.number:
        return refuse(
            Rule.E7, "body.number", f"{body.number} is not the subject of the event", record.number
        )
    refusal = _check_party("exporter", body.exporter, record.exporter)
    refusal = refusal or _check_party("importer", body.importer, record.importer)
    if refusal is not None:
        return refusal
    # What expires with the journey is judged by this day: it is none before the recorded arrival.
    earliest = record.arrived_on or record.issued_on
    return check_past_day(context, Rule.E7, "body.received_on", body.received_on, earliest)


def _check_party(who: str, found: Party, declared: Party) -> Refusal | None:
    for name in Party.__struct_fields__:
        said, expected = getattr(found, name), getattr(declared, name)
        if said != expected:
            problem = f"{said!r} differs from the certificate"
            return refuse(Rule.E7, f"body.{who}.{name}", problem, repr(expected))
    return None


def check_arrival(context: Context) -> Refusal | None:
    """E5: a shipment arrives after its certificate was issued, and not in the future."""
    body = context.body(events.ArrivalRecorded)
    record = context.certificate(context.subject)
    earliest = None if record is None else record.issued_on
    refusal = check_past_day(context, Rule.E5, "body.arrived_on", body.arrived_on, earliest)
    return refusal or check_ascending(body.photos, "body.photos")


def check_found_day(context: Context) -> Refusal | None:
    """E5: a shipment surfaces after its certificate was issued, and not in the future."""
    body = context.body(events.ShipmentDiverted)
    record = context.certificate(context.subject)
    earliest = None if record is None else record.issued_on
    return check_past_day(context, Rule.E5, "body.found_on", body.found_on, earliest)


def check_return(context: Context) -> Refusal | None:
    """E5: goods come back after they went, and not in the future."""
    body = context.body(events.ReturnReceived)
    record = context.certificate(context.subject)
    earliest = None if record is None else record.arrived_on or record.issued_on
    return check_past_day(context, Rule.E5, "body.received_on", body.received_on, earliest)


def importing_destination(context: Context) -> tuple[Cosigner, ...]:
    """Give who signs what issuer and importer agree on besides the issuer: the destination."""
    record = context.certificate(context.subject)
    return () if record is None else (Cosigner(record.destination, role=AuthorityRole.IMPORTING),)


def check_clean(context: Context) -> Refusal | None:
    """E8: a clean confirmation needs a certificate in force and goods as declared."""
    body = context.body(events.ImportConfirmed)
    record = context.certificate(context.subject)
    if record is None:
        return None
    if record.lost:
        problem = f"{record.number} was reported lost and has not been found"
        return refuse(Rule.E8, "subject", problem, f"certificate_found, {_OTHERWISE}")
    return (
        _check_exported(record, body)
        or _check_unexpired(record, body)
        or _check_standing(context, record)
        or _check_found(context, body, record)
    )


def _check_unexpired(record: CertificateRecord, body: events.ImportConfirmed) -> Refusal | None:
    decisive, field = body.received_on, "body.received_on"
    if record.expiry is ExpiryMeaning.EXPORT_BY:
        # The transport document decides where it is given, then the notice of export.
        if body.exported_on is not None:
            decisive, field = body.exported_on, "body.exported_on"
        elif record.exported_on is not None:
            return None  # a notice never names a day after the expiry (rule E5)
    if decisive <= record.expires_on:
        return None
    return refuse(
        Rule.E8,
        field,
        f"{decisive} is after {record.expires_on}, when {record.number} expired ({record.expiry})",
        f"an earlier day, {_OTHERWISE}",
    )


def _check_standing(context: Context, record: CertificateRecord) -> Refusal | None:
    issuer = context.participant(record.issuer)
    standing = issuer.standing_at(record.recorded_at) if issuer else None
    if standing is Standing.ACTIVE:
        return None
    # What is not traded may come from whoever is suspended: rule E4 lets it be certified.
    is_traded = record.kind is CertificateKind.NORMAL
    if not is_traded and standing not in (None, Standing.REMOVED):
        return None
    return refuse(
        Rule.E8,
        "subject",
        f"{record.issuer} was {standing} when {record.number} was issued",
        _OTHERWISE,
    )


def _check_exported(record: CertificateRecord, body: events.ImportConfirmed) -> Refusal | None:
    # The day decides on expiry, so it may not be one on which the shipment cannot have left.
    day = body.exported_on
    if day is None:
        return None
    return check_span(Rule.E8, "body.exported_on", day, record.issued_on, body.received_on)


def _check_found(
    context: Context, body: events.ImportConfirmed, record: CertificateRecord
) -> Refusal | None:
    policy = context.policy(record.destination)
    accepted = "what the certificate declares, or a discrepant confirmation"
    if body.parcels != record.parcels:
        problem = f"{body.parcels} parcels found, {record.parcels} declared"
        return refuse(Rule.E8, "body.parcels", problem, accepted)
    carats, value = record.carat_thousandths, record.value_usd_cents
    if _differs(body.carat_thousandths, carats, policy.carat_tolerance_ppm):
        problem = (
            f"{format_carats(body.carat_thousandths)} ct found, {format_carats(carats)} ct declared"
        )
        return refuse(Rule.E8, "body.carat_thousandths", problem, accepted)
    if _differs(body.value_usd_cents, value, policy.value_tolerance_ppm):
        problem = f"US$ {format_usd(body.value_usd_cents)} found, US$ {format_usd(value)} declared"
        return refuse(Rule.E8, "body.value_usd_cents", problem, accepted)
    return None


def _differs(found: int, declared: int, tolerance_ppm: int) -> bool:
    return abs(found - declared) * _MILLION > declared * tolerance_ppm


def exceeds(amount: int, limit: int, tolerance_ppm: int) -> bool:
    """Tell whether an amount is above a limit by more than a tolerance in millionths of it."""
    return (amount - limit) * _MILLION > limit * tolerance_ppm
