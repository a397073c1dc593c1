"""E3: certificate numbers. Each is used once for ever, by the authority it was allotted to."""

from kpledger.errors import MalformedError
from kpledger.events.certificate import Certificate, CertificateIssued, CertificateReplaced
from kpledger.events.governance import NumberRange, NumberRangeAllocated
from kpledger.outcome import Refusal, Rule
from kpledger.records import RangesRecord
from kpledger.rules.v1.context import Context, refuse
from kpledger.units import parse_day

MAX_RANGES = 500
"""How many ranges a participant may hold; some eight a year for sixty years."""


def issued_certificate(context: Context) -> Certificate:
    """Give the new certificate of an issue or a replacement."""
    if isinstance(context.event.body, CertificateReplaced):
        return context.event.body.certificate
    return context.body(CertificateIssued).certificate


def check_number(context: Context) -> Refusal | None:
    """E3: the number was never used, carries the issuer's code, and is in a range of the office."""
    certificate = issued_certificate(context)
    field = "body.certificate.number"
    number = certificate.number
    participant, authority = context.author
    known = context.certificate(number)
    if known is not None:
        return refuse(
            Rule.E3,
            field,
            f"{number} was issued on {known.issued_on} and is {known.state}",
            "a number that was never used",
        )
    if not number.startswith(participant):
        return refuse(
            Rule.E3, field, f"{number} does not begin with {participant}", f"{participant}..."
        )
    allotted = [one for one in context.ranges(participant).ranges if _holds(one.range, number)]
    if not allotted:
        return refuse(
            Rule.E3, field, f"{number} is in no range of {participant}", "a number in a range"
        )
    mine = [one.range for one in allotted if one.authority == authority]
    if not mine:
        return refuse(
            Rule.E3,
            field,
            f"{number} is allotted to {participant}/{allotted[0].authority}",
            f"a number in a range of {participant}/{authority}",
        )
    if not any(one.use_from <= certificate.issued_on <= one.use_until for one in mine):
        return refuse(
            Rule.E3,
            "body.certificate.issued_on",
            f"{number} is not for use on {certificate.issued_on}",
            f"a day from {mine[0].use_from} to {mine[0].use_until}",
        )
    return None


def _holds(allotted: NumberRange, number: str) -> bool:
    digits = number.removeprefix(allotted.prefix)
    return (
        len(digits) == allotted.width
        and len(number) == len(allotted.prefix) + allotted.width
        and digits.isdigit()
        and allotted.first <= int(digits) <= allotted.last
    )


def check_range(context: Context) -> Refusal | None:
    """E3: a new range is well formed, of the participant, and overlaps no other."""
    new = context.body(NumberRangeAllocated).range
    participant = context.author[0]
    if not new.prefix.startswith(participant):
        problem = f"{new.prefix} does not begin with {participant}"
        return refuse(Rule.E3, "body.range.prefix", problem, f"{participant}...")
    return _check_bounds(new) or _check_overlap(new, participant, context.ranges(participant))


def _check_bounds(new: NumberRange) -> Refusal | None:
    if not new.first <= new.last < 10**new.width:
        return refuse(
            Rule.E3,
            "body.range.last",
            f"{new.first} to {new.last} in {new.width} digits is no range",
            f"first <= last < {10**new.width}",
        )
    for field, day in (("use_from", new.use_from), ("use_until", new.use_until)):
        try:
            parse_day(day)
        except MalformedError as error:
            return refuse(Rule.E3, f"body.range.{field}", error.problem, "a day of the calendar")
    if new.use_from > new.use_until:
        problem = f"{new.use_from} is after {new.use_until}"
        return refuse(Rule.E3, "body.range.use_until", problem, "a day from use_from on")
    return None


def _check_overlap(new: NumberRange, participant: str, held: RangesRecord) -> Refusal | None:
    if len(held.ranges) >= MAX_RANGES:
        problem = f"{participant} holds {len(held.ranges)} ranges"
        return refuse(Rule.E3, "body.range", problem, f"at most {MAX_RANGES}")
    for one in held.ranges:
        old = one.range
        same_form = (old.prefix, old.width) == (new.prefix, new.width)
        if same_form and old.first <= new.last and new.first <= old.last:
            return refuse(
                Rule.E3,
                "body.range",
                f"overlaps {old.prefix} {old.first} to {old.last} of {one.authority}",
                "a range of unused numbers",
            )
    return None
