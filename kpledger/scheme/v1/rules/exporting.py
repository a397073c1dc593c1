"""E5 and E6: what the issuer says of its certificate between its issue and the arrival."""

from kpledger.base.units import end_of_day_ms, format_time
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.days import check_past_day, check_span
from kpledger.scheme.v1.events import certificate as events
from kpledger.scheme.v1.rules.contents import check_countries, check_seals, check_validated


def check_validation(context: Context) -> Refusal | None:
    """E5: a certificate was validated while it was valid, and its seals are named once each."""
    body = context.body(events.CertificateValidated)
    record = context.certificate(context.subject)
    if record is None:
        return None
    field, end = "body.validated_at", end_of_day_ms(record.expires_on)
    if body.validated_at > end:
        problem = f"{format_time(body.validated_at)} is after {record.number} expired"
        return refuse(Rule.E5, field, problem, f"a time up to {format_time(end)}")
    refusal = check_validated(context, field, body.validated_at, record.issued_on)
    return refusal or check_seals(body.seals, "body.seals")


def check_unexpired(context: Context) -> Refusal | None:
    """E6: no shipment leaves under a certificate that has expired (end of its last day, UTC)."""
    record = context.certificate(context.subject)
    if record is None or context.at.now_ms <= end_of_day_ms(record.expires_on):
        return None
    return refuse(
        Rule.E6,
        "subject",
        f"{record.number} expired on {record.expires_on}; it is {format_time(context.at.now_ms)}",
        "a certificate that has not expired",
    )


def check_export_notice(context: Context) -> Refusal | None:
    """E5: a shipment leaves while its certificate is valid, and arrives no earlier."""
    body = context.body(events.ExportNotified)
    record = context.certificate(context.subject)
    if record is None:
        return None
    refusal = check_span(
        Rule.E5, "body.exported_on", body.exported_on, record.issued_on, record.expires_on
    )
    if refusal is None and body.expected_on is not None:
        refusal = check_span(Rule.E5, "body.expected_on", body.expected_on, body.exported_on)
    return refusal or check_countries(body.transit, "body.transit")


def check_return_day(context: Context) -> Refusal | None:
    """E5: a certificate comes back after it was issued, and not in the future."""
    body = context.body(events.CertificateReturnedUnused)
    record = context.certificate(context.subject)
    earliest = None if record is None else record.issued_on
    return check_past_day(context, Rule.E5, "body.returned_on", body.returned_on, earliest)


def check_transit_days(context: Context) -> Refusal | None:
    """E5: a shipment passes after its certificate was issued, and leaves after it came."""
    body = context.body(events.TransitNoted)
    record = context.certificate(context.subject)
    earliest = None if record is None else record.issued_on
    refusal = check_past_day(context, Rule.E5, "body.entered_on", body.entered_on, earliest)
    if refusal is not None or body.left_on is None:
        return refusal
    return check_past_day(context, Rule.E5, "body.left_on", body.left_on, body.entered_on)
