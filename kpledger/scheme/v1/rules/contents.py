"""E5: what a certificate must say (KPCS Annex I.A), and that its parts agree."""

from collections.abc import Sequence

from kpledger.base.errors import MalformedError
from kpledger.base.units import DAY_MS, format_carats, format_time, format_usd, start_of_day_ms
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals, record_of
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateReplaced,
    Origin,
    OriginKind,
)
from kpledger.scheme.v1.ids import COUNTRIES
from kpledger.scheme.v1.lifecycles import CertificateState
from kpledger.scheme.v1.records import CertificateRecord
from kpledger.scheme.v1.rules.numbering import issued_certificate
from kpledger.scheme.v1.rules.values import check_ascending, check_past_time, check_span

SCHEME_BEGAN = "2003-01-01"
"""Since when there are certificates (KPCS, Interlaken Declaration). Statistics are awaited from the
first day of issue on, so that one of the year 1 would ask everybody for those of two millennia."""

_FIELD = "body.certificate."
_WHOLE = 10_000
"""What the shares of the countries of origin sum to, in ten-thousandths."""


def check_contents(context: Context) -> Refusals:
    """E5: mandatory fields are there and agree with each other."""
    certificate = issued_certificate(context)
    yield from _check_sums(certificate)
    yield from _check_order(certificate)
    yield from _check_origin(certificate.origin)
    if "en" not in certificate.languages:
        yield _refuse("languages", "no English translation", "en among the languages")
    yield from _check_dates(context, certificate)


def _refuse(field: str, problem: str, accepted: str) -> Refusal:
    return Refusal(Rule.E5, _FIELD + field, problem, accepted)


def _check_sums(certificate: Certificate) -> Refusals:
    carats = sum(line.carat_thousandths for line in certificate.lines)
    if carats != certificate.carat_thousandths:
        declared, added = format_carats(certificate.carat_thousandths), format_carats(carats)
        problem = f"{declared} ct declared, but the lines add up to {added} ct"
        yield _refuse("carat_thousandths", problem, str(carats))
    value = sum(line.value_usd_cents for line in certificate.lines)
    if value != certificate.value_usd_cents:
        declared, added = format_usd(certificate.value_usd_cents), format_usd(value)
        problem = f"US$ {declared} declared, but the lines add up to US$ {added}"
        yield _refuse("value_usd_cents", problem, str(value))


def _check_order(certificate: Certificate) -> Refusals:
    lists: tuple[tuple[str, Sequence[str] | Sequence[bytes]], ...] = (
        ("lines", [line.hs for line in certificate.lines]),
        ("languages", certificate.languages),
        ("origin.countries", certificate.origin.countries),
        ("origin.zones", certificate.origin.zones),
        ("sources", [source.number for source in certificate.sources]),
        ("photos", certificate.photos),
    )
    for field, values in lists:
        yield from check_ascending(values, _FIELD + field)
    if any(source.number == certificate.number for source in certificate.sources):
        yield _refuse("sources", f"{certificate.number} names itself", "earlier certificates")
    yield from check_seals(certificate.seals, _FIELD + "seals")


def check_seals(seals: Sequence[str], field: str) -> Refusals:
    """E5: each seal is named once, in any order."""
    for seal in seals:
        if seals.count(seal) > 1:
            yield Refusal(Rule.E5, field, f"{seal} is named twice", "each once")


def _check_origin(origin: Origin) -> Refusals:
    count = len(origin.countries)
    if origin.kind is OriginKind.SINGLE and count != 1:
        yield _refuse("origin.countries", f"{count} countries for a SINGLE origin", "exactly one")
    if origin.kind is OriginKind.MIXED and count == 1:
        yield _refuse("origin.countries", "one country for a MIXED origin", "none, or two or more")
    yield from check_countries(origin.countries, _FIELD + "origin.countries")
    if origin.shares:
        yield from _check_shares(origin)
    for zone in origin.zones:
        country = zone.partition("/")[0]
        if country not in origin.countries:
            named = ", ".join(origin.countries) or "no country, as none is named"
            yield _refuse("origin.zones", f"{zone} is in {country}", f"zones of {named}")


def check_countries(codes: Sequence[str], field: str) -> Refusals:
    """E5: what is called a country is one, or was one (ISO 3166)."""
    for code in codes:
        if code not in COUNTRIES:
            yield Refusal(Rule.E5, field, f"{code} is not a country", "codes of ISO 3166")


def _check_shares(origin: Origin) -> Refusals:
    if origin.kind is OriginKind.SINGLE:
        yield _refuse("origin.shares", "shares for a SINGLE origin", "none")
    if len(origin.shares) != len(origin.countries):
        problem = f"{len(origin.shares)} shares for {len(origin.countries)} countries"
        yield _refuse("origin.shares", problem, "none, or one for each country")
    if sum(origin.shares) != _WHOLE:
        problem = f"the shares add up to {sum(origin.shares)}"
        yield _refuse("origin.shares", problem, str(_WHOLE))


def _check_dates(context: Context, certificate: Certificate) -> Refusals:
    issued, expires = certificate.issued_on, certificate.expires_on
    yield from check_span(Rule.E5, _FIELD + "issued_on", issued, SCHEME_BEGAN)
    yield from check_span(Rule.E5, _FIELD + "expires_on", expires)
    try:
        latest = context.policy(context.author[0]).latest_expiry(issued)
    except MalformedError as error:
        yield _refuse("issued_on", error.problem, "an earlier day")
        return
    if not issued <= expires <= latest:
        problem = f"{expires} for a certificate of {issued}"
        yield _refuse("expires_on", problem, f"a day from {issued} to {latest}")
    # A day begins up to 14 hours earlier in the east than in UTC.
    if start_of_day_ms(issued) > context.latest_ms + DAY_MS:
        yield _refuse("issued_on", f"{issued} lies in the future", "today")
    if certificate.validated_at is not None:
        field = _FIELD + "validated_at"
        yield from check_validated(context, field, certificate.validated_at, issued)


def check_validated(context: Context, field: str, validated_at: int, issued_on: str) -> Refusals:
    """E5: a certificate was validated before now, and not before the day of its issue."""
    yield from check_past_time(context, Rule.E5, field, validated_at)
    # A day begins up to 14 hours earlier in the east than in UTC.
    earliest = start_of_day_ms(issued_on) - DAY_MS - context.policy().clock_skew_ms
    if validated_at < earliest:
        problem = f"{format_time(validated_at)} is before it was issued on {issued_on}"
        yield Refusal(Rule.E5, field, problem, f"a time from {format_time(earliest)} on")


def issued_record(context: Context) -> CertificateRecord:
    """Give the new certificate of an issue or a replacement as the ledger will know it."""
    certificate = issued_certificate(context)
    replaces = isinstance(context.event.body, CertificateReplaced)
    issuer, authority = context.author
    unvalidated = certificate.validated_at is None
    return record_of(
        CertificateRecord,
        certificate,
        state=CertificateState.ISSUED if unvalidated else CertificateState.VALIDATED,
        head=context.event.event_id,
        issuer=issuer,
        authority=authority,
        expiry=context.policy(issuer).expiry,
        recorded_at=context.at.now_ms,
        origins=certificate.origin.countries,
        zones=certificate.origin.zones,
        replaces=context.subject if replaces else None,
    )
