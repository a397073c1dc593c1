"""E7 and E8: the confirmation of an import (KPCS III(b)1 and III(b)2)."""

from kpledger.errors import MalformedError
from kpledger.events.governance import Standing
from kpledger.events.importing import (
    ArrivalRecorded,
    ImportConfirmed,
    ImportConfirmedDiscrepant,
)
from kpledger.lifecycle import CertificateState
from kpledger.outcome import Refusal, Rule
from kpledger.records import CertificateRecord
from kpledger.rules.v1.context import Context, refuse
from kpledger.units import DAY_MS, format_carats, format_usd, parse_day, start_of_day_ms

_CONFIRMED = (CertificateState.CONFIRMED, CertificateState.CONFIRMED_DISCREPANT)
_NOT_CLEAN = (
    CertificateState.VOIDED,
    CertificateState.REPLACED,
    CertificateState.DETAINED,
    CertificateState.RETURNED,
    CertificateState.SEIZED,
)


def check_confirmed_once(context: Context) -> Refusal | None:
    """E7: one confirmation for each certificate."""
    record = context.certificate(context.subject)
    if record is not None and record.state in _CONFIRMED:
        return refuse(
            Rule.E7,
            "subject",
            f"{record.number} is {record.state} already",
            "a certificate that was not confirmed yet",
        )
    return None


def check_alive(context: Context) -> Refusal | None:
    """E8: no clean confirmation of a certificate that is dead or held back."""
    record = context.certificate(context.subject)
    if record is not None and record.state in _NOT_CLEAN:
        return refuse(
            Rule.E8,
            "subject",
            f"{record.number} is {record.state}",
            "a certificate that is VALIDATED or ARRIVED",
        )
    return None


def check_repeats(context: Context) -> Refusal | None:
    """E7: the confirmation repeats the certificate's number, exporter and importer, and a day."""
    body = context.event.body
    if not isinstance(body, ImportConfirmed | ImportConfirmedDiscrepant):
        body = context.body(ImportConfirmed)
    record = context.certificate(context.subject)
    if record is None:
        return None
    if body.number != record.number:
        return refuse(Rule.E7, "body.number", f"{body.number} is not the subject", record.number)
    for field, found, declared in (
        ("exporter", body.exporter, record.exporter),
        ("importer", body.importer, record.importer),
    ):
        if found != declared:
            return refuse(
                Rule.E7,
                f"body.{field}",
                f"{found.name} differs from the certificate",
                f"{declared.name}, {declared.address}, licence {declared.licence or 'none'}",
            )
    return _check_day(context, record, body.received_on, "body.received_on", Rule.E7)


def check_arrival_day(context: Context) -> Refusal | None:
    """E5: a shipment arrives after its certificate was issued, and not in the future."""
    body = context.body(ArrivalRecorded)
    record = context.certificate(context.subject)
    if record is None:
        return None
    return _check_day(context, record, body.arrived_on, "body.arrived_on", Rule.E5)


def _check_day(
    context: Context, record: CertificateRecord, day: str, field: str, rule: Rule
) -> Refusal | None:
    try:
        parse_day(day)
    except MalformedError as error:
        return refuse(rule, field, error.problem, "a day of the calendar")
    if day < record.issued_on:
        problem = f"{day} is before {record.number} was issued"
        return refuse(rule, field, problem, f"a day from {record.issued_on} on")
    latest = context.at.now_ms + context.policy().clock_skew_ms + DAY_MS
    if start_of_day_ms(day) > latest:
        return refuse(rule, field, f"{day} lies in the future", "a day up to today")
    return None


def check_clean(context: Context) -> Refusal | None:
    """E8: a clean confirmation needs a certificate in force and goods as declared."""
    body = context.body(ImportConfirmed)
    record = context.certificate(context.subject)
    if record is None:
        return None
    if body.exported_on is not None:
        refusal = _check_exported(record, body.exported_on, body.received_on)
        if refusal is not None:
            return refusal
    # Some certificates must leave by their expiry, others must arrive by it; the transport
    # document decides where it is given.
    decisive = body.exported_on or body.received_on
    if decisive > record.expires_on:
        return refuse(
            Rule.E8,
            "body.exported_on" if body.exported_on else "body.received_on",
            f"{decisive} is after {record.number} expired on {record.expires_on}",
            "an earlier day, a discrepant confirmation, or a detention",
        )
    issuer = context.participant(record.issuer)
    standing = issuer.standing_at(record.recorded_at) if issuer else None
    if standing is not Standing.ACTIVE:
        return refuse(
            Rule.E8,
            "subject",
            f"{record.issuer} was {standing} when {record.number} was issued",
            "a discrepant confirmation, or a detention",
        )
    return _check_found(context, body, record)


def _check_exported(record: CertificateRecord, day: str, received_on: str) -> Refusal | None:
    # The day decides on expiry, so it may not be one on which the shipment cannot have left.
    try:
        parse_day(day)
    except MalformedError as error:
        return refuse(Rule.E8, "body.exported_on", error.problem, "a day of the calendar")
    if not record.issued_on <= day <= received_on:
        return refuse(
            Rule.E8,
            "body.exported_on",
            f"{day} does not lie between issue and receipt",
            f"a day from {record.issued_on} to {received_on}",
        )
    return None


def _check_found(
    context: Context, body: ImportConfirmed, record: CertificateRecord
) -> Refusal | None:
    policy = context.policy()
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
    return abs(found - declared) * 1_000_000 > declared * tolerance_ppm
