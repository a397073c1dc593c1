"""E5: the correction of a typing error, and what may be corrected (catalogue C4)."""

from typing import Final

import msgspec

from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.events.certificate import AmendableField, AmendmentEndorsed
from kpledger.scheme.v1.events.governance import AuthorityRole
from kpledger.scheme.v1.lifecycles import CertificateState
from kpledger.scheme.v1.records import CertificateRecord
from kpledger.scheme.v1.rules.authorship import Cosigner

MAX_PARCELS: Final = 100_000
"""As many as a certificate may have when it is issued."""
_LONGEST: Final = {"name": 256, "address": 256, "licence": 64}
"""As in :class:`kpledger.scheme.v1.events.certificate.Party`."""
_AT_THE_DESTINATION: Final = (CertificateState.ARRIVED, CertificateState.DETAINED)


def destination_once_arrived(context: Context) -> tuple[Cosigner, ...]:
    """Give who signs an amendment besides the issuer: the destination, once it has the goods."""
    record = context.certificate(context.subject)
    if record is None or record.state not in _AT_THE_DESTINATION:
        return ()
    return (Cosigner(record.destination, role=AuthorityRole.IMPORTING),)


def check_amendment(context: Context) -> Refusal | None:
    """E5: an amendment says what stands there now, and what could stand there instead."""
    body = context.body(AmendmentEndorsed)
    record = context.certificate(context.subject)
    if record is None:
        return None
    now = read_field(record, body.field)
    if body.old != now:
        problem = f"{body.old!r} is not what {body.field} of {record.number} says"
        return refuse(Rule.E5, "body.old", problem, repr(now))
    accepted = _acceptable(body.field, body.new)
    if accepted is not None:
        return refuse(
            Rule.E5, "body.new", f"{body.new!r} is not possible for {body.field}", accepted
        )
    if body.new == body.old:
        return refuse(Rule.E5, "body.new", f"it says {body.new!r} already", "another value")
    return None


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
