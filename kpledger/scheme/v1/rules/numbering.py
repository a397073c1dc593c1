"""E3: certificate numbers. Each is used once for ever, by the authority it was allotted to."""

from typing import Final

from kpledger.base.units import format_time
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.events import governance as events
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateReplaced,
)
from kpledger.scheme.v1.records import AllottedRange, FormatSince, FormatsRecord
from kpledger.scheme.v1.rules.values import check_ascending, check_span
from kpledger.scheme.v1.territories import tell_home

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


def check_certificate_number(context: Context) -> Refusals:
    """E3: the number was never used, is the office's to use, and has the form that was notified."""
    certificate = issued_certificate(context)
    number, field = certificate.number, "body.certificate.number"
    known = context.certificate(number)
    if known is not None:
        problem = f"{number} was issued on {known.issued_on} and is {known.state}"
        yield Refusal(Rule.E3, field, problem, "a number that has never been used")
    yield from _check_prefix(context, context.author[1], number, field)
    yield from _check_allotted(context, certificate, field)
    newest = _newest_form(context)
    if newest is not None and _form_of(number) not in newest.masks:
        # Its participant notified the others (KPCS II(d)).
        problem = f"{number} does not have a form that {context.author[0]} has notified"
        yield Refusal(Rule.E3, field, problem, " or ".join(newest.masks))


def _check_prefix(context: Context, authority: str, text: str, field: str) -> Refusals:
    """E3: a number or its prefix begins with the participant's code, or its office's territory."""
    participant = context.author[0]
    office = context.authority(participant, authority)
    codes = (participant, *_HISTORIC.get(participant, ()))
    if office is not None and office.territory is not None:
        codes = (*codes, office.territory)
    if not text.startswith(codes):
        accepted = " or ".join(f"{code}..." for code in codes)
        problem = f"{text} does not begin with {' or '.join(codes)}{tell_home(text[:2])}"
        yield Refusal(Rule.E3, field, problem, accepted)


def _check_allotted(context: Context, certificate: Certificate, field: str) -> Refusals:
    number, day = certificate.number, certificate.issued_on
    participant, authority = context.author
    # Ranges never overlap, so there is one.
    held = next((one for one in context.ranges(participant) if _holds(one.range, number)), None)
    if held is None:
        problem = f"{number} is not in a range of {participant}"
        yield Refusal(Rule.E3, field, problem, "a number in a range")
    elif held.authority != authority:
        problem = f"{number} is allotted to {participant}/{held.authority}"
        accepted = f"a number in a range of {participant}/{authority}"
        yield Refusal(Rule.E3, field, problem, accepted)
    elif held.retired_at is not None:
        problem = f"the range of {number} was retired at {format_time(held.retired_at)}"
        yield Refusal(Rule.E3, field, problem, "a number in a range that is in use")
    elif not held.range.use_from <= day <= held.range.use_until:
        problem = f"{number} is not for use on {day}"
        accepted = f"a day from {held.range.use_from} to {held.range.use_until}"
        yield Refusal(Rule.E3, "body.certificate.issued_on", problem, accepted)


def notified_forms(context: Context) -> FormatsRecord:
    """Read what the certificates of the author's participant look like; empty before a notice."""
    return context.read_or(FormatsRecord(formats=()), context.author[0])


def _newest_form(context: Context) -> FormatSince | None:
    formats = reversed(notified_forms(context).formats)
    return next((one for one in formats if one.valid_from <= context.at.now_ms), None)


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


def check_range(context: Context) -> Refusals:
    """E3: a new range is well formed, of the participant, and overlaps no other."""
    body = context.body(events.NumberRangeAllocated)
    participant, new = context.author[0], body.range
    if not context.is_open(participant, body.authority, events.AuthorityRole.EXPORTING):
        problem = f"{participant}/{body.authority} is not an open exporting authority"
        accepted = "an open authority with the role EXPORTING"
        yield Refusal(Rule.E6, "body.authority", problem, accepted)
    yield from _check_prefix(context, body.authority, new.prefix, "body.range.prefix")
    if not new.first <= new.last < 10**new.width:
        problem = f"{new.first} to {new.last} is not a range of {new.width} digits"
        yield Refusal(Rule.E3, "body.range.last", problem, f"first <= last < {10**new.width}")
    yield from check_span(Rule.E3, "body.range.use_from", new.use_from)
    yield from check_span(Rule.E3, "body.range.use_until", new.use_until)
    if new.use_from > new.use_until:
        problem = f"{new.use_from} is after {new.use_until}"
        yield Refusal(Rule.E3, "body.range.use_until", problem, "a day from use_from on")
    held = context.ranges(participant)
    if len(held) >= MAX_RANGES:
        problem = f"{participant} holds {len(held)} ranges"
        yield Refusal(Rule.E3, "body.range", problem, f"at most {MAX_RANGES}")
    for one in held:
        old = one.range
        same_form = (old.prefix, old.width) == (new.prefix, new.width)
        if same_form and old.first <= new.last and new.first <= old.last:
            problem = f"overlaps {old.prefix} {old.first} to {old.last} of {one.authority}"
            yield Refusal(Rule.E3, "body.range", problem, "a range of unused numbers")


def is_named(allotted: AllottedRange, body: events.NumberRangeRetired) -> bool:
    """Tell whether a range is the one that an event retires."""
    held = allotted.range
    named = (body.authority, body.prefix, body.width, body.first)
    return (allotted.authority, held.prefix, held.width, held.first) == named


def check_retirement(context: Context) -> Refusals:
    """E3: the range that is withdrawn is in use."""
    body = context.body(events.NumberRangeRetired)
    participant = context.author[0]
    name = f"{body.prefix} in {body.width} digits from {body.first}"
    held = next((one for one in context.ranges(participant) if is_named(one, body)), None)
    if held is None:
        problem = f"{participant}/{body.authority} has no range {name}"
        accepted = "prefix, width and first serial of a range"
        yield Refusal(Rule.E3, "body.first", problem, accepted)
    elif held.retired_at is not None:
        problem = f"{name} was retired at {format_time(held.retired_at)}"
        yield Refusal(Rule.E3, "body.first", problem, "a range that is in use")


def check_format(context: Context) -> Refusals:
    """E3: the forms that a participant notifies are of its own numbers.

    They begin with its code, or as a range does that it has allotted.
    """
    masks, field = context.body(events.CertificateFormatNotified).masks, "body.masks"
    participant = context.author[0]
    yield from check_ascending(masks, field)
    prefixes = {one.range.prefix for one in context.ranges(participant)}
    codes = (participant, *_HISTORIC.get(participant, ()), *sorted(prefixes))
    for mask in masks:
        if not mask.startswith(codes):
            problem = f"{mask} is not a form of the numbers of {participant}"
            accepted = "forms that begin with " + " or ".join(codes[:8])
            yield Refusal(Rule.E3, field, problem, accepted)
    count = len(notified_forms(context).formats)
    if count >= MAX_FORMATS:
        problem = f"{participant} has notified {count} forms"
        yield Refusal(Rule.E3, field, problem, f"at most {MAX_FORMATS}")
