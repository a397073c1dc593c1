"""E3, E4 and E5: what a new certificate must say, and under which number."""

import pytest
from founding import (
    CHAIR,
    DECISION,
    FOUNDED_MS,
    NOW_MS,
    TODAY,
    MemoryLedger,
    issue,
    make_certificate,
    make_event,
    open_trade,
    opening_events,
    vary,
)
from journey import set_policy
from judging import judgement

from kpledger.base.state import ChangeSet
from kpledger.base.units import DAY_MS, add_days, start_of_day_ms
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateKind,
    OriginKind,
    Source,
)
from kpledger.scheme.v1.events.decisions import ExpiryMeaning
from kpledger.scheme.v1.events.governance import (
    NumberRange,
    NumberRangeAllocated,
    ParticipantStatusChanged,
    Standing,
)
from kpledger.scheme.v1.lifecycles import CertificateState
from kpledger.scheme.v1.records import CertificateRecord

SKEW_MS = 10_000
GOOD = make_certificate()


def _issue(certificate: Certificate, author: str = "BW/gaborone", **changes: object) -> bytes:
    body = CertificateIssued(certificate=vary(certificate, **changes))
    return make_event(author, body)


def _origin(kind: OriginKind, *countries: str, **changes: object) -> Certificate:
    return vary(GOOD, origin=vary(GOOD.origin, kind=kind, countries=countries, **changes))


def _sources(*numbers: str) -> tuple[Source, ...]:
    return tuple(Source(number=number, carat_thousandths=1) for number in numbers)


def _set_standing(ledger: MemoryLedger, code: str, status: Standing, since: int) -> None:
    body = ParticipantStatusChanged(
        code=code, status=status, effective_from=since, decision=DECISION
    )
    ledger.record(make_event(CHAIR, body))


ACCEPTED: list[tuple[str, Certificate]] = [
    ("as-it-is", GOOD),
    ("mixed-without-countries", _origin(OriginKind.MIXED)),
    ("mixed-of-two", _origin(OriginKind.MIXED, "BW", "ZA")),
    ("mixed-with-shares", _origin(OriginKind.MIXED, "BW", "ZA", shares=(2_500, 7_500))),
    ("mixed-of-namibia-and-norway", _origin(OriginKind.MIXED, "NA", "NO")),
    ("from-a-country-that-was", _origin(OriginKind.SINGLE, "ZR")),
    ("from-a-trading-entity", _origin(OriginKind.SINGLE, "TW")),
    ("zones", _origin(OriginKind.SINGLE, "CF", zones=("CF/berberati", "CF/boda"))),
    ("photos", vary(GOOD, photos=(bytes(32), b"a" * 32))),
    ("declaration", vary(GOOD, declaration=bytes(32))),
    ("not-validated-yet", vary(GOOD, validated_at=None)),
    ("two-languages", vary(GOOD, languages=("en", "fr"))),
    (
        "one-line",
        vary(
            GOOD, lines=(vary(GOOD.lines[0], carat_thousandths=100_000, value_usd_cents=5_000_000),)
        ),
    ),
    ("no-seals", vary(GOOD, seals=())),
    ("seals-in-any-order", vary(GOOD, seals=("b", "a"))),
    ("sources", vary(GOOD, sources=_sources("ZA000001", "ZA000002"))),
    ("expires-the-day-it-is-issued", vary(GOOD, expires_on=TODAY)),
    ("longest-validity", vary(GOOD, expires_on=add_days(TODAY, 60))),
    ("issued-tomorrow-in-the-east", vary(GOOD, issued_on=add_days(TODAY, 1))),
    ("validated-at-the-skew", vary(GOOD, validated_at=NOW_MS + SKEW_MS)),
    (
        "validated-when-its-day-began-in-the-east",
        vary(GOOD, validated_at=start_of_day_ms(TODAY) - DAY_MS - SKEW_MS),
    ),
    ("last-number-of-the-range", vary(GOOD, number="BW099999")),
    ("range-used-from-its-first-day", vary(GOOD, issued_on="2026-01-01", expires_on="2026-02-01")),
]

C = "body.certificate."
REFUSED: list[tuple[str, Certificate, Rule, str]] = [
    ("number-of-another", vary(GOOD, number="ZA000001"), Rule.E3, C + "number"),
    ("number-before-the-range", vary(GOOD, number="BW000000"), Rule.E3, C + "number"),
    ("number-after-the-range", vary(GOOD, number="BW100000"), Rule.E3, C + "number"),
    ("number-with-a-digit-less", vary(GOOD, number="BW00001"), Rule.E3, C + "number"),
    ("number-with-a-digit-more", vary(GOOD, number="BW0000001"), Rule.E3, C + "number"),
    ("number-with-other-prefix", vary(GOOD, number="BW-000001"), Rule.E3, C + "number"),
    ("before-use", vary(GOOD, issued_on="2025-12-31"), Rule.E3, C + "issued_on"),
    ("after-use", vary(GOOD, issued_on="2028-01-01"), Rule.E3, C + "issued_on"),
    ("to-itself", vary(GOOD, destination="BW"), Rule.E4, C + "destination"),
    ("to-a-stranger", vary(GOOD, destination="XX"), Rule.E4, C + "destination"),
    (
        "carats-do-not-add-up",
        vary(GOOD, carat_thousandths=100_001),
        Rule.E5,
        C + "carat_thousandths",
    ),
    (
        "value-does-not-add-up",
        vary(GOOD, value_usd_cents=4_999_999),
        Rule.E5,
        C + "value_usd_cents",
    ),
    ("lines-descend", vary(GOOD, lines=GOOD.lines[::-1]), Rule.E5, C + "lines"),
    (
        "line-twice",
        vary(GOOD, lines=GOOD.lines[:1] * 2, carat_thousandths=80_000, value_usd_cents=2_000_000),
        Rule.E5,
        C + "lines",
    ),
    ("languages-descend", vary(GOOD, languages=("fr", "en")), Rule.E5, C + "languages"),
    ("language-twice", vary(GOOD, languages=("en", "en")), Rule.E5, C + "languages"),
    ("no-english", vary(GOOD, languages=("fr",)), Rule.E5, C + "languages"),
    ("seal-twice", vary(GOOD, seals=("a", "a")), Rule.E5, C + "seals"),
    ("source-itself", vary(GOOD, sources=_sources(GOOD.number)), Rule.E5, C + "sources"),
    ("source-twice", vary(GOOD, sources=_sources("ZA1", "ZA1")), Rule.E5, C + "sources"),
    ("sources-descend", vary(GOOD, sources=_sources("ZA2", "ZA1")), Rule.E5, C + "sources"),
    ("single-of-none", _origin(OriginKind.SINGLE), Rule.E5, C + "origin.countries"),
    ("single-of-two", _origin(OriginKind.SINGLE, "BW", "ZA"), Rule.E5, C + "origin.countries"),
    ("mixed-of-one", _origin(OriginKind.MIXED, "BW"), Rule.E5, C + "origin.countries"),
    ("countries-descend", _origin(OriginKind.MIXED, "ZA", "BW"), Rule.E5, C + "origin.countries"),
    ("country-twice", _origin(OriginKind.MIXED, "BW", "BW"), Rule.E5, C + "origin.countries"),
    ("from-nowhere", _origin(OriginKind.SINGLE, "XX"), Rule.E5, C + "origin.countries"),
    ("from-the-union", _origin(OriginKind.SINGLE, "EU"), Rule.E5, C + "origin.countries"),
    (
        "share-of-a-single-origin",
        _origin(OriginKind.SINGLE, "BW", shares=(10_000,)),
        Rule.E5,
        C + "origin.shares",
    ),
    (
        "shares-without-countries",
        _origin(OriginKind.MIXED, shares=(10_000,)),
        Rule.E5,
        C + "origin.shares",
    ),
    (
        "share-for-one-of-two",
        _origin(OriginKind.MIXED, "BW", "ZA", shares=(10_000,)),
        Rule.E5,
        C + "origin.shares",
    ),
    (
        "shares-of-less-than-all",
        _origin(OriginKind.MIXED, "BW", "ZA", shares=(5_000, 4_999)),
        Rule.E5,
        C + "origin.shares",
    ),
    (
        "shares-of-more-than-all",
        _origin(OriginKind.MIXED, "BW", "ZA", shares=(5_000, 5_001)),
        Rule.E5,
        C + "origin.shares",
    ),
    (
        "zone-of-another-country",
        _origin(OriginKind.SINGLE, "BW", zones=("CF/boda",)),
        Rule.E5,
        C + "origin.zones",
    ),
    (
        "zone-where-no-country-is-named",
        _origin(OriginKind.MIXED, zones=("CF/boda",)),
        Rule.E5,
        C + "origin.zones",
    ),
    (
        "zones-descend",
        _origin(OriginKind.SINGLE, "CF", zones=("CF/nola", "CF/boda")),
        Rule.E5,
        C + "origin.zones",
    ),
    ("photos-descend", vary(GOOD, photos=(b"a" * 32, bytes(32))), Rule.E5, C + "photos"),
    ("photo-twice", vary(GOOD, photos=(bytes(32), bytes(32))), Rule.E5, C + "photos"),
    ("expires-before-issue", vary(GOOD, expires_on="2026-03-01"), Rule.E5, C + "expires_on"),
    ("valid-too-long", vary(GOOD, expires_on=add_days(TODAY, 61)), Rule.E5, C + "expires_on"),
    ("issued-in-the-future", vary(GOOD, issued_on=add_days(TODAY, 2)), Rule.E5, C + "issued_on"),
    (
        "validated-in-the-future",
        vary(GOOD, validated_at=NOW_MS + SKEW_MS + 1),
        Rule.E5,
        C + "validated_at",
    ),
    (
        "no-such-day-of-issue",
        vary(GOOD, issued_on="2026-02-29"),
        Rule.E5,
        C + "issued_on",
    ),
    (
        "no-such-day-of-expiry",
        vary(GOOD, expires_on="2026-04-31"),
        Rule.E5,
        C + "expires_on",
    ),
    (
        "validated-before-it-was-issued",
        vary(GOOD, validated_at=start_of_day_ms(TODAY) - DAY_MS - SKEW_MS - 1),
        Rule.E5,
        C + "validated_at",
    ),
]


@pytest.mark.parametrize(
    "certificate", [pytest.param(certificate, id=name) for name, certificate in ACCEPTED]
)
def test_sound_certificate_is_issued(certificate: Certificate) -> None:
    assert open_trade().attempt(_issue(certificate)) is None


@pytest.mark.parametrize(
    ("certificate", "rule", "field"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED]
)
def test_unsound_certificate_is_refused(certificate: Certificate, rule: Rule, field: str) -> None:
    ledger = open_trade()
    changes = ChangeSet(ledger.state)
    refusal = ledger.execute(_issue(certificate), changes)
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (rule, field)
    assert changes.written == {}


def test_issued_certificate_is_recorded_whole() -> None:
    ledger = open_trade()
    issue(ledger, GOOD)
    record = ledger.certificate(GOOD.number)
    assert record == CertificateRecord(
        number=GOOD.number,
        kind=CertificateKind.NORMAL,
        state=CertificateState.VALIDATED,
        marks=(),
        head=record.head,
        issuer="BW",
        authority="gaborone",
        destination="EU",
        issued_on=TODAY,
        expires_on="2026-04-30",
        expiry=ExpiryMeaning.EXPORT_BY,
        recorded_at=NOW_MS,
        exporter=GOOD.exporter,
        importer=GOOD.importer,
        origins=("BW",),
        zones=(),
        parcels=2,
        carat_thousandths=100_000,
        value_usd_cents=5_000_000,
        lines=GOOD.lines,
        sources=(),
        case="",
        exported_on=None,
        arrived_on=None,
        prior=None,
        lost=False,
        holder=None,
        found=None,
        replaces=None,
        replaced_by=None,
    )


def test_number_is_used_once_for_ever() -> None:
    ledger = open_trade()
    issue(ledger, GOOD)
    refusal = ledger.attempt(_issue(GOOD, remarks="again"))
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (Rule.E3, "body.certificate.number")
    assert refusal.problem == f"{GOOD.number} was issued on {TODAY} and is VALIDATED"


def test_number_of_another_office_is_refused() -> None:
    ledger = open_trade()
    registered, added, _ = opening_events("BW/francistown", first=False)
    ledger.record(registered, added)
    refusal = ledger.attempt(_issue(GOOD, "BW/francistown"))
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (Rule.E3, "body.certificate.number")
    assert refusal.problem == "BW000001 is allotted to BW/gaborone"


def test_event_is_about_the_certificate_it_issues() -> None:
    body = CertificateIssued(certificate=GOOD)
    refusal = open_trade().attempt(make_event("BW/gaborone", body, subject="BW000002"))
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (Rule.E5, "subject")


def test_issue_is_the_first_event_on_its_subject() -> None:
    body = CertificateIssued(certificate=GOOD)
    refusal = open_trade().attempt(make_event("BW/gaborone", body, prev=bytes(32)))
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (Rule.E6, "prev")


@pytest.mark.parametrize(
    ("code", "field"), [("BW", "author"), ("EU", "body.certificate.destination")]
)
@pytest.mark.parametrize("status", [Standing.SUSPENDED, Standing.SELF_SUSPENDED, Standing.REMOVED])
def test_no_trade_with_a_participant_in_bad_standing(
    code: str, field: str, status: Standing
) -> None:
    ledger = open_trade()
    _set_standing(ledger, code, status, NOW_MS)
    refusal = ledger.attempt(_issue(GOOD))
    assert refusal is not None
    assert (refusal.rule, refusal.field, refusal.problem) == (Rule.E4, field, f"{code} is {status}")


def test_standing_counts_at_block_time_to_the_millisecond() -> None:
    ledger = open_trade()
    _set_standing(ledger, "BW", Standing.SUSPENDED, NOW_MS + DAY_MS)
    last = ledger.attempt(_issue(GOOD), now_ms=NOW_MS + DAY_MS - 1)
    first = ledger.attempt(_issue(GOOD), now_ms=NOW_MS + DAY_MS)
    assert (last, first and first.rule) == (None, Rule.E4)


def test_latest_day_of_issue_is_the_one_begun_in_the_east() -> None:
    """It may begin a day and the clock skew after block time, and not a millisecond more."""
    ledger = open_trade()
    begins = start_of_day_ms(add_days(TODAY, 1))
    earliest = begins - DAY_MS - SKEW_MS
    body = CertificateIssued(
        certificate=vary(GOOD, issued_on=add_days(TODAY, 1), validated_at=earliest)
    )
    encoded = make_event("BW/gaborone", body, occurred_at=FOUNDED_MS)
    early = ledger.attempt(encoded, now_ms=earliest - 1)
    assert (early and early.field, ledger.attempt(encoded, now_ms=earliest)) == (
        "body.certificate.issued_on",
        None,
    )


@pytest.mark.parametrize(
    ("values", "last"),
    [
        ({"max_validity_days": 30}, add_days(TODAY, 30)),
        ({"max_validity_months": 2}, "2026-05-02"),
    ],
)
def test_longest_validity_is_that_of_the_issuer(values: dict[str, object], last: str) -> None:
    ledger = open_trade()
    set_policy(ledger, "BW", **values)
    late = ledger.attempt(_issue(GOOD, expires_on=add_days(last, 1)))
    assert late is not None
    assert (late.rule, late.field) == (Rule.E5, "body.certificate.expires_on")
    assert ledger.attempt(_issue(GOOD, expires_on=last)) is None
    other = vary(make_certificate("ZA000001"), expires_on=add_days(TODAY, 60))
    assert ledger.attempt(_issue(other, "ZA/joburg")) is None


def test_issued_without_validation_is_not_validated() -> None:
    ledger = open_trade()
    issue(ledger, vary(GOOD, validated_at=None))
    assert ledger.certificate(GOOD.number).state is CertificateState.ISSUED


@pytest.mark.parametrize(("day", "accepted"), [("2002-12-31", False), ("2003-01-01", True)])
def test_no_certificate_is_older_than_the_scheme(day: str, *, accepted: bool) -> None:
    """The first day of issue is where the calendar of everybody's statistics begins."""
    ledger = open_trade()
    run = NumberRange(
        prefix="BW", width=8, first=1, last=9, use_from="0001-01-01", use_until="2026-12-31"
    )
    ledger.record(make_event("BW/root", NumberRangeAllocated(authority="gaborone", range=run)))
    old = vary(make_certificate("BW00000001"), issued_on=day, expires_on=day)
    refusal = ledger.attempt(make_event("BW/gaborone", CertificateIssued(certificate=old)))
    assert (refusal is None) is accepted
    assert accepted or judgement(refusal) == (Rule.E5, "body.certificate.issued_on")


def test_no_certificate_is_valid_beyond_the_calendar() -> None:
    ledger, last = open_trade(), "9999-12-31"
    run = NumberRange(prefix="BW", width=8, first=1, last=9, use_from=TODAY, use_until=last)
    ledger.record(make_event("BW/root", NumberRangeAllocated(authority="gaborone", range=run)))
    late = vary(make_certificate("BW00000001"), issued_on=last, expires_on=last)
    refusal = ledger.attempt(make_event("BW/gaborone", CertificateIssued(certificate=late)))
    assert refusal is not None
    assert judgement(refusal) == (Rule.E5, "body.certificate.issued_on")
    assert refusal.accepted == "an earlier day"
