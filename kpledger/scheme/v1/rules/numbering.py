"""E3: certificate numbers. Each is used once for ever, by the authority it was allotted to."""

from collections.abc import Sequence
from typing import Final

from kpledger.base.errors import MalformedError
from kpledger.base.units import format_time, parse_day
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.events import governance as events
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateReplaced,
)
from kpledger.scheme.v1.lists import check_ascending
from kpledger.scheme.v1.records import AllottedRange, FormatSince, RangesRecord

MAX_RANGES = 500
"""How many ranges a participant may hold; some eight a year for sixty years."""

MAX_FORMATS = 100
"""How often a participant may notify what its certificates look like."""

_HISTORIC: Final = {"EU": ("EC",)}
"""Prefixes besides the own code: the European Union's certificates began with EC at first."""


def issued_certificate(context: Context) -> Certificate:
    """Give the new certificate of an issue or a replacement."""
    if isinstance(context.event.body, CertificateReplaced):
        return context.event.body.certificate
    return context.body(CertificateIssued).certificate


def check_certificate_number(context: Context) -> Refusal | None:
    """E3: the number was never used, is the office's to use, and has the form that was notified."""
    certificate = issued_certificate(context)
    field = "body.certificate.number"
    number = certificate.number
    known = context.certificate(number)
    if known is not None:
        return refuse(
            Rule.E3,
            field,
            f"{number} was issued on {known.issued_on} and is {known.state}",
            "a number that has never been used",
        )
    return (
        _check_prefix(context, context.author[1], number, field)
        or _check_allotted(context, certificate, field)
        or _check_form(context, number, field)
    )


def _check_prefix(context: Context, authority: str, text: str, field: str) -> Refusal | None:
    """E3: a number or its prefix begins with the participant's code, or its office's territory."""
    participant = context.author[0]
    office = context.authority(participant, authority)
    codes = (participant, *_HISTORIC.get(participant, ()))
    if office is not None and office.territory is not None:
        codes = (*codes, office.territory)
    if text.startswith(codes):
        return None
    accepted = " or ".join(f"{code}..." for code in codes)
    return refuse(Rule.E3, field, f"{text} does not begin with {' or '.join(codes)}", accepted)


def _check_allotted(context: Context, certificate: Certificate, field: str) -> Refusal | None:
    number = certificate.number
    participant, authority = context.author
    allotted = [one for one in context.ranges(participant).ranges if _holds(one.range, number)]
    if not allotted:
        return refuse(
            Rule.E3, field, f"{number} is not in a range of {participant}", "a number in a range"
        )
    # Ranges never overlap, so there is one.
    held = allotted[0]
    if held.authority != authority:
        return refuse(
            Rule.E3,
            field,
            f"{number} is allotted to {participant}/{held.authority}",
            f"a number in a range of {participant}/{authority}",
        )
    if held.retired_at is not None:
        problem = f"the range of {number} was retired at {format_time(held.retired_at)}"
        return refuse(Rule.E3, field, problem, "a number in a range that is in use")
    if not held.range.use_from <= certificate.issued_on <= held.range.use_until:
        return refuse(
            Rule.E3,
            "body.certificate.issued_on",
            f"{number} is not for use on {certificate.issued_on}",
            f"a day from {held.range.use_from} to {held.range.use_until}",
        )
    return None


def _check_form(context: Context, number: str, field: str) -> Refusal | None:
    """E3: a number has a form that its participant notified to the others (KPCS II(d))."""
    newest = _newest_form(context.formats(context.author[0]).formats, context.at.now_ms)
    if newest is None or _form_of(number) in newest.masks:
        return None
    problem = f"{number} does not have a form that {context.author[0]} has notified"
    return refuse(Rule.E3, field, problem, " or ".join(newest.masks))


def _newest_form(formats: Sequence[FormatSince], now_ms: int) -> FormatSince | None:
    for one in reversed(formats):
        if one.valid_from <= now_ms:
            return one
    return None


def _form_of(number: str) -> str:
    return "".join("#" if one.isdigit() else one for one in number)


def _holds(allotted: events.NumberRange, number: str) -> bool:
    digits = number.removeprefix(allotted.prefix)
    return (
        len(digits) == allotted.width
        and len(number) == len(allotted.prefix) + allotted.width
        and digits.isdigit()
        and allotted.first <= int(digits) <= allotted.last
    )


def check_range(context: Context) -> Refusal | None:
    """E3: a new range is well formed, of the participant, and overlaps no other."""
    body = context.body(events.NumberRangeAllocated)
    participant = context.author[0]
    return (
        _check_holder(context, body.authority)
        or _check_prefix(context, body.authority, body.range.prefix, "body.range.prefix")
        or _check_bounds(body.range)
        or _check_overlap(body.range, participant, context.ranges(participant))
    )


def _check_holder(context: Context, authority: str) -> Refusal | None:
    """E6: numbers go to an exporting authority that is open."""
    record = context.authority(context.author[0], authority)
    if (
        record is None
        or record.closed_at is not None
        or events.AuthorityRole.EXPORTING not in record.roles
    ):
        return refuse(
            Rule.E6,
            "body.authority",
            f"{context.author[0]}/{authority} is not an open exporting authority",
            "an open authority with the role EXPORTING",
        )
    return None


def _check_bounds(new: events.NumberRange) -> Refusal | None:
    if not new.first <= new.last < 10**new.width:
        return refuse(
            Rule.E3,
            "body.range.last",
            f"{new.first} to {new.last} is not a range of {new.width} digits",
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


def _check_overlap(new: events.NumberRange, participant: str, held: RangesRecord) -> Refusal | None:
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


def is_named(allotted: AllottedRange, body: events.NumberRangeRetired) -> bool:
    """Tell whether a range is the one that an event retires."""
    held = allotted.range
    named = (body.authority, body.prefix, body.width, body.first)
    return (allotted.authority, held.prefix, held.width, held.first) == named


def check_retirement(context: Context) -> Refusal | None:
    """E3: the range that is withdrawn is in use."""
    body = context.body(events.NumberRangeRetired)
    participant = context.author[0]
    name = f"{body.prefix} in {body.width} digits from {body.first}"
    for one in context.ranges(participant).ranges:
        if is_named(one, body):
            if one.retired_at is None:
                return None
            problem = f"{name} was retired at {format_time(one.retired_at)}"
            return refuse(Rule.E3, "body.first", problem, "a range that is in use")
    problem = f"{participant}/{body.authority} has no range {name}"
    return refuse(Rule.E3, "body.first", problem, "prefix, width and first serial of a range")


def check_format(context: Context) -> Refusal | None:
    """E3: the forms that a participant notifies are of its own numbers.

    They begin with its code, or as a range does that it has allotted.
    """
    body = context.body(events.CertificateFormatNotified)
    participant = context.author[0]
    refusal = check_ascending(body.masks, "body.masks")
    if refusal is not None:
        return refusal
    prefixes = {one.range.prefix for one in context.ranges(participant).ranges}
    codes = (participant, *_HISTORIC.get(participant, ()), *sorted(prefixes))
    for mask in body.masks:
        if not mask.startswith(codes):
            problem = f"{mask} is not a form of the numbers of {participant}"
            accepted = "forms that begin with " + " or ".join(codes[:8])
            return refuse(Rule.E3, "body.masks", problem, accepted)
    count = len(context.formats(participant).formats)
    if count >= MAX_FORMATS:
        problem = f"{participant} has notified {count} forms"
        return refuse(Rule.E3, "body.masks", problem, f"at most {MAX_FORMATS}")
    return None
