"""E5: what a certificate must say (KPCS Annex I.A), and that its parts agree."""

from collections.abc import Callable, Sequence

from kpledger.errors import MalformedError
from kpledger.events.certificate import Certificate, OriginKind
from kpledger.outcome import Refusal, Rule
from kpledger.rules.v1.context import Context, refuse
from kpledger.rules.v1.numbering import issued_certificate
from kpledger.units import (
    DAY_MS,
    format_carats,
    format_time,
    format_usd,
    parse_day,
    start_of_day_ms,
)

_FIELD = "body.certificate."


def check_contents(context: Context) -> Refusal | None:
    """E5: mandatory fields are there and agree with each other."""
    certificate = issued_certificate(context)
    for check in _CHECKS:
        refusal = check(certificate)
        if refusal is not None:
            return refusal
    return _check_dates(context, certificate)


def _refuse(field: str, problem: str, accepted: str) -> Refusal:
    return refuse(Rule.E5, _FIELD + field, problem, accepted)


def _check_sums(certificate: Certificate) -> Refusal | None:
    carats = sum(line.carat_thousandths for line in certificate.lines)
    if carats != certificate.carat_thousandths:
        return _refuse(
            "carat_thousandths",
            f"{format_carats(certificate.carat_thousandths)} ct declared,"
            f" the lines sum to {format_carats(carats)} ct",
            str(carats),
        )
    value = sum(line.value_usd_cents for line in certificate.lines)
    if value != certificate.value_usd_cents:
        return _refuse(
            "value_usd_cents",
            f"US$ {format_usd(certificate.value_usd_cents)} declared,"
            f" the lines sum to US$ {format_usd(value)}",
            str(value),
        )
    return None


def _check_order(certificate: Certificate) -> Refusal | None:
    lists: tuple[tuple[str, Sequence[str], bool], ...] = (
        ("lines", [line.hs for line in certificate.lines], True),
        ("languages", certificate.languages, True),
        ("origin.countries", certificate.origin.countries, True),
        ("sources", [source.number for source in certificate.sources], True),
        ("seals", certificate.seals, False),
    )
    for field, values, in_order in lists:
        # Most have one value or none, and those stand in every order, each once.
        if len(values) <= 1:
            continue
        if len(set(values)) != len(values):
            return _refuse(field, "one stands there twice", "each once")
        if in_order and list(values) != sorted(values):
            return _refuse(field, "not in ascending order", ", ".join(sorted(values)))
    return None


def _check_origin(certificate: Certificate) -> Refusal | None:
    count = len(certificate.origin.countries)
    if certificate.origin.kind is OriginKind.SINGLE and count != 1:
        return _refuse("origin.countries", f"{count} countries for a SINGLE origin", "exactly one")
    if certificate.origin.kind is OriginKind.MIXED and count == 1:
        return _refuse("origin.countries", "one country for a MIXED origin", "none, or two or more")
    return None


def _check_languages(certificate: Certificate) -> Refusal | None:
    if "en" not in certificate.languages:
        return _refuse("languages", "no English translation", "en among the languages")
    return None


_CHECKS: tuple[Callable[[Certificate], Refusal | None], ...] = (
    _check_sums,
    _check_order,
    _check_origin,
    _check_languages,
)


def _check_dates(context: Context, certificate: Certificate) -> Refusal | None:
    try:
        issued = parse_day(certificate.issued_on)
        expires = parse_day(certificate.expires_on)
        latest = context.policy(context.author[0]).latest_expiry(certificate.issued_on)
    except MalformedError as error:
        return _refuse("issued_on, expires_on", error.problem, "days of the calendar")
    if not issued <= expires <= parse_day(latest):
        return _refuse(
            "expires_on",
            f"{certificate.expires_on} for a certificate of {certificate.issued_on}",
            f"a day from {certificate.issued_on} to {latest}",
        )
    now = context.at.now_ms + context.policy().clock_skew_ms
    # A day begins up to 14 hours earlier in the east than in UTC.
    if start_of_day_ms(certificate.issued_on) > now + DAY_MS:
        return _refuse("issued_on", f"{certificate.issued_on} lies in the future", "today")
    if certificate.validated_at is not None and certificate.validated_at > now:
        problem = f"{format_time(certificate.validated_at)} lies in the future"
        return _refuse("validated_at", problem, f"a time up to {format_time(now)}")
    return None


def check_issue_subject(context: Context) -> Refusal | None:
    """E5: the event is about the certificate it issues."""
    number = issued_certificate(context).number
    if context.subject != number:
        return refuse(Rule.E5, "subject", f"{context.subject} is not the certificate", number)
    return None
