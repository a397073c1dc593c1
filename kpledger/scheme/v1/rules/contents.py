"""E5: what a certificate must say (KPCS Annex I.A), and that its parts agree."""

from collections.abc import Callable, Sequence

from kpledger.base.errors import MalformedError
from kpledger.base.units import (
    DAY_MS,
    format_carats,
    format_time,
    format_usd,
    start_of_day_ms,
)
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.countries import COUNTRIES
from kpledger.scheme.v1.days import check_span
from kpledger.scheme.v1.events.certificate import Certificate, Origin, OriginKind
from kpledger.scheme.v1.lists import check_ascending
from kpledger.scheme.v1.rules.numbering import issued_certificate

SCHEME_BEGAN = "2003-01-01"
"""Since when there are certificates (KPCS, Interlaken Declaration). Statistics are awaited from the
first day of issue on, so that one of the year 1 would ask everybody for those of two millennia."""

_FIELD = "body.certificate."
_WHOLE = 10_000
"""What the shares of the countries of origin sum to, in ten-thousandths."""


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
            f" but the lines add up to {format_carats(carats)} ct",
            str(carats),
        )
    value = sum(line.value_usd_cents for line in certificate.lines)
    if value != certificate.value_usd_cents:
        return _refuse(
            "value_usd_cents",
            f"US$ {format_usd(certificate.value_usd_cents)} declared,"
            f" but the lines add up to US$ {format_usd(value)}",
            str(value),
        )
    return None


def _check_order(certificate: Certificate) -> Refusal | None:
    lists: tuple[tuple[str, Sequence[str] | Sequence[bytes]], ...] = (
        ("lines", [line.hs for line in certificate.lines]),
        ("languages", certificate.languages),
        ("origin.countries", certificate.origin.countries),
        ("origin.zones", certificate.origin.zones),
        ("sources", [source.number for source in certificate.sources]),
        ("photos", certificate.photos),
    )
    for field, values in lists:
        refusal = check_ascending(values, _FIELD + field)
        if refusal is not None:
            return refusal
    if any(source.number == certificate.number for source in certificate.sources):
        problem = f"{certificate.number} names itself"
        return refuse(Rule.E5, _FIELD + "sources", problem, "earlier certificates")
    return check_seals(certificate.seals, _FIELD + "seals")


def check_seals(seals: Sequence[str], field: str) -> Refusal | None:
    """E5: each seal is named once, in any order."""
    if len(set(seals)) == len(seals):
        return None
    twice = next(seal for seal in seals if seals.count(seal) > 1)
    return refuse(Rule.E5, field, f"{twice} is named twice", "each once")


def _check_origin(certificate: Certificate) -> Refusal | None:
    count = len(certificate.origin.countries)
    if certificate.origin.kind is OriginKind.SINGLE and count != 1:
        return _refuse("origin.countries", f"{count} countries for a SINGLE origin", "exactly one")
    if certificate.origin.kind is OriginKind.MIXED and count == 1:
        return _refuse("origin.countries", "one country for a MIXED origin", "none, or two or more")
    unknown = check_countries(certificate.origin.countries, _FIELD + "origin.countries")
    return unknown or _check_shares(certificate.origin) or _check_zones(certificate.origin)


def check_countries(codes: Sequence[str], field: str) -> Refusal | None:
    """E5: what is called a country is one, or was one (ISO 3166)."""
    for code in codes:
        if code not in COUNTRIES:
            return refuse(Rule.E5, field, f"{code} is not a country", "codes of ISO 3166")
    return None


def _check_shares(origin: Origin) -> Refusal | None:
    if not origin.shares:
        return None
    if origin.kind is OriginKind.SINGLE:
        return _refuse("origin.shares", "shares for a SINGLE origin", "none")
    if len(origin.shares) != len(origin.countries):
        problem = f"{len(origin.shares)} shares for {len(origin.countries)} countries"
        return _refuse("origin.shares", problem, "none, or one for each country")
    if sum(origin.shares) != _WHOLE:
        problem = f"the shares add up to {sum(origin.shares)}"
        return _refuse("origin.shares", problem, str(_WHOLE))
    return None


def _check_zones(origin: Origin) -> Refusal | None:
    for zone in origin.zones:
        country = zone.partition("/")[0]
        if country not in origin.countries:
            named = ", ".join(origin.countries) or "no country, as none is named"
            return _refuse("origin.zones", f"{zone} is in {country}", f"zones of {named}")
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
    refusal = check_span(Rule.E5, _FIELD + "issued_on", certificate.issued_on, SCHEME_BEGAN)
    refusal = refusal or check_span(Rule.E5, _FIELD + "expires_on", certificate.expires_on, None)
    if refusal is not None:
        return refusal
    try:
        latest = context.policy(context.author[0]).latest_expiry(certificate.issued_on)
    except MalformedError as error:
        return _refuse("issued_on", error.problem, "an earlier day")
    if not certificate.issued_on <= certificate.expires_on <= latest:
        return _refuse(
            "expires_on",
            f"{certificate.expires_on} for a certificate of {certificate.issued_on}",
            f"a day from {certificate.issued_on} to {latest}",
        )
    now = context.at.now_ms + context.policy().clock_skew_ms
    # A day begins up to 14 hours earlier in the east than in UTC.
    if start_of_day_ms(certificate.issued_on) > now + DAY_MS:
        return _refuse("issued_on", f"{certificate.issued_on} lies in the future", "today")
    if certificate.validated_at is None:
        return None
    field = _FIELD + "validated_at"
    return check_validated(context, field, certificate.validated_at, certificate.issued_on)


def check_validated(
    context: Context, field: str, validated_at: int, issued_on: str
) -> Refusal | None:
    """E5: a certificate was validated before now, and not before the day of its issue."""
    skew = context.policy().clock_skew_ms
    latest = context.at.now_ms + skew
    if validated_at > latest:
        problem = f"{format_time(validated_at)} lies in the future"
        return refuse(Rule.E5, field, problem, f"a time up to {format_time(latest)}")
    # A day begins up to 14 hours earlier in the east than in UTC.
    earliest = start_of_day_ms(issued_on) - DAY_MS - skew
    if validated_at < earliest:
        problem = f"{format_time(validated_at)} is before it was issued on {issued_on}"
        return refuse(Rule.E5, field, problem, f"a time from {format_time(earliest)} on")
    return None


def check_issue_subject(context: Context) -> Refusal | None:
    """E5: the event is about the certificate it issues."""
    number = issued_certificate(context).number
    if context.subject != number:
        return refuse(
            Rule.E5, "subject", f"{context.subject} is not the number of the certificate", number
        )
    return None
