"""E5 and E6: what the issuer says of its certificate between its issue and the arrival.

Among it the correction of a typing error, and what may be corrected (catalogue C4).
"""

from typing import Final

import msgspec

from kpledger.base.units import end_of_day_ms, format_time
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals, on_certificate
from kpledger.scheme.v1.events import certificate as events
from kpledger.scheme.v1.events.certificate import AmendableField
from kpledger.scheme.v1.events.governance import AuthorityRole
from kpledger.scheme.v1.lifecycles import CertificateState
from kpledger.scheme.v1.records import CertificateRecord
from kpledger.scheme.v1.rules.authorship import Cosigner
from kpledger.scheme.v1.rules.contents import check_countries, check_seals, check_validated
from kpledger.scheme.v1.rules.values import check_past_day, check_span

MAX_PARCELS: Final = 100_000
"""As many as a certificate may have when it is issued."""
_LONGEST: Final = {"name": 256, "address": 256, "licence": 64}
"""As in :class:`kpledger.scheme.v1.events.certificate.Party`."""
_AT_THE_DESTINATION: Final = (CertificateState.ARRIVED, CertificateState.DETAINED)


@on_certificate
def check_validation(context: Context, record: CertificateRecord) -> Refusals:
    """E5: a certificate was validated while it was valid, and its seals are named once each."""
    body = context.body(events.CertificateValidated)
    field, end = "body.validated_at", end_of_day_ms(record.expires_on)
    if body.validated_at > end:
        problem = f"{format_time(body.validated_at)} is after {record.number} expired"
        yield Refusal(Rule.E5, field, problem, f"a time up to {format_time(end)}")
    yield from check_validated(context, field, body.validated_at, record.issued_on)
    yield from check_seals(body.seals, "body.seals")


@on_certificate
def check_unexpired(context: Context, record: CertificateRecord) -> Refusals:
    """E6: no shipment leaves under a certificate that has expired (end of its last day, UTC)."""
    if context.at.now_ms > end_of_day_ms(record.expires_on):
        now = format_time(context.at.now_ms)
        problem = f"{record.number} expired on {record.expires_on}; it is {now}"
        yield Refusal(Rule.E6, "subject", problem, "a certificate that has not expired")


@on_certificate
def check_export_notice(context: Context, record: CertificateRecord) -> Refusals:
    """E5: a shipment leaves while its certificate is valid, and arrives no earlier."""
    body = context.body(events.ExportNotified)
    day, expected = body.exported_on, body.expected_on
    yield from check_span(Rule.E5, "body.exported_on", day, record.issued_on, record.expires_on)
    if expected is not None:
        yield from check_span(Rule.E5, "body.expected_on", expected, day)
    yield from check_countries(body.transit, "body.transit")


@on_certificate
def check_return_day(context: Context, record: CertificateRecord) -> Refusals:
    """E5: a certificate comes back after it was issued, and not in the future."""
    day = context.body(events.CertificateReturnedUnused).returned_on
    yield from check_past_day(context, Rule.E5, "body.returned_on", day, record.issued_on)


@on_certificate
def check_transit_days(context: Context, record: CertificateRecord) -> Refusals:
    """E5: a shipment passes after its certificate was issued, and leaves after it came."""
    body = context.body(events.TransitNoted)
    came, left = body.entered_on, body.left_on
    yield from check_past_day(context, Rule.E5, "body.entered_on", came, record.issued_on)
    if left is not None:
        yield from check_past_day(context, Rule.E5, "body.left_on", left, came)


def destination_once_arrived(context: Context) -> tuple[Cosigner, ...]:
    """Give who signs besides the issuer: the destination, once it has the goods."""
    record = context.certificate(context.subject)
    if record is None or record.state not in _AT_THE_DESTINATION:
        return ()
    return (Cosigner(record.destination, role=AuthorityRole.IMPORTING),)


@on_certificate
def check_amendment(context: Context, record: CertificateRecord) -> Refusals:
    """E5: an amendment says what stands there now, and what could stand there instead."""
    body = context.body(events.AmendmentEndorsed)
    now = read_field(record, body.field)
    if body.old != now:
        problem = f"{body.old!r} is not what {body.field} of {record.number} says"
        yield Refusal(Rule.E5, "body.old", problem, repr(now))
    accepted = _acceptable(body.field, body.new)
    if accepted is not None:
        problem = f"{body.new!r} is not possible for {body.field}"
        yield Refusal(Rule.E5, "body.new", problem, accepted)
    if body.new == body.old:
        yield Refusal(Rule.E5, "body.new", f"it says {body.new!r} already", "another value")


def read_field(record: CertificateRecord, field: AmendableField) -> str:
    """Give what a certificate says in a field, as text; a number in decimal digits."""
    if field is AmendableField.PARCELS:
        return str(record.parcels)
    party, _, part = field.partition(".")
    text: str = getattr(getattr(record, party), part)
    return text


def amended(record: CertificateRecord, field: AmendableField, new: str) -> dict[str, object]:
    """Give the field of the record that changes, and what it becomes."""
    if field is AmendableField.PARCELS:
        return {"parcels": int(new)}
    party, _, part = field.partition(".")
    return {party: msgspec.structs.replace(getattr(record, party), **{part: new})}


def _acceptable(field: AmendableField, new: str) -> str | None:
    """Give what a field accepts if it does not accept this."""
    if field is AmendableField.PARCELS:
        sound = new.isascii() and new.isdigit() and new == str(int(new))
        if sound and 1 <= int(new) <= MAX_PARCELS:
            return None
        return f"a whole number from 1 to {MAX_PARCELS}, in decimal digits"
    part = field.partition(".")[2]
    # Only the licence may be empty: some participants issue none.
    shortest = 0 if part == "licence" else 1
    if shortest <= len(new) <= _LONGEST[part]:
        return None
    return f"{shortest} to {_LONGEST[part]} characters"
