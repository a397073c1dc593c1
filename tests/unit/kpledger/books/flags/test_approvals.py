"""F9 where a restriction asks for an approval after the issue (Mode.POST)."""

import pytest
from flagging import Trader
from founding import CHAIR, DECISION, decide, signing_key, vary
from scheme_statements import APPROVAL, MONITOR, MONITORING, RESTRICTION

from kpledger.base.units import start_of_day_ms
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateVoided,
    Origin,
    OriginKind,
    VoidReason,
)
from kpledger.scheme.v1.events.decisions import Mode, Scope, ShipmentApproved, ShipmentDeclined
from kpledger.scheme.v1.events.governance import KeyAdded

SET = "2026-03-03"
DAY = "2026-03-04"
UNTIL = "2026-03-10"
DUE = "2026-04-05"
"""Thirty-two days after."""


@pytest.fixture
def trader() -> Trader:
    return Trader()


def restrict(
    trader: Trader,
    *,
    code: str = "BW",
    scope: Scope = Scope.EXPORT,
    about: tuple[str, ...] = (),
    until: str | None = None,
) -> None:
    trader.ledger.wait_until(SET)
    decide(trader.ledger)
    trader.say(SET, CHAIR, MONITORING, MONITOR)
    key = signing_key(MONITOR).public_key
    trader.say(SET, CHAIR, KeyAdded(authority="car-team", key=key, valid_from=0), key.hex())
    restriction = vary(
        RESTRICTION,
        participant=code,
        scope=scope,
        mode=Mode.POST,
        zones=(),
        operations=about,
        effective_from=start_of_day_ms(DAY),
        effective_until=until and start_of_day_ms(until),
        decision=DECISION,
    )
    trader.say(SET, CHAIR, restriction, f"{code}/restriction/zones")


def issue(trader: Trader, issuer: str = "BW", destination: str = "EU") -> Certificate:
    certificate = trader.draw_up(DAY, issuer, destination)
    trader.issue(certificate)
    return certificate


def judge(trader: Trader, body: ShipmentApproved | ShipmentDeclined) -> str:
    """Let the team speak: it follows nothing on the certificate."""
    trader.ledger.wait_until("2026-03-20")
    return trader.ledger.say(MONITOR, body, subject=body.number).hex()


def test_f9_a_shipment_that_nobody_has_approved_in_a_month(trader: Trader) -> None:
    restrict(trader)
    certificate, approved = issue(trader), issue(trader)
    judge(trader, vary(APPROVAL, number=approved.number))
    assert trader.flags("F9", "2026-04-04") == []
    [found] = trader.flags("F9", DUE)
    assert (found.subject, found.day, found.measure) == (certificate.number, DUE, 32)
    assert "32 days later KPCS/car-team has not approved it" in found.explanation
    assert len(found.evidence) == 2
    assert trader.subjects("F9", DUE, "F9.approval_days=32") == []


def test_f9_a_shipment_dated_before_the_restriction_and_recorded_under_it(trader: Trader) -> None:
    restrict(trader)
    certificate = trader.draw_up("2026-03-02")
    trader.issue(certificate, on="2026-03-05")
    assert trader.subjects("F9", "2026-04-03") == [certificate.number]


@pytest.mark.parametrize(
    ("day", "raised"), [("2026-03-03", False), (DAY, True), ("2026-03-09", True), (UNTIL, False)]
)
def test_f9_a_shipment_dated_under_the_restriction_and_recorded_after_it(
    trader: Trader, day: str, *, raised: bool
) -> None:
    restrict(trader, until=UNTIL)
    certificate = trader.draw_up(day)
    trader.issue(certificate, on="2026-03-12")
    assert trader.subjects("F9", "2026-04-30") == ([certificate.number] if raised else [])


def test_f9_a_shipment_that_was_declined(trader: Trader) -> None:
    restrict(trader)
    certificate = issue(trader)
    body = ShipmentDeclined(
        restriction="zones", participant="BW", number=certificate.number, reason="other goods"
    )
    declined = judge(trader, body)
    [found] = trader.flags("F9", DUE)
    assert "has declined it" in found.explanation
    assert declined in found.evidence


def test_f9_what_was_issued_before_or_taken_back_needs_no_approval(trader: Trader) -> None:
    before = trader.draw_up("2026-03-02")
    trader.issue(before)
    restrict(trader)
    voided = issue(trader)
    body = CertificateVoided(reason=VoidReason.ERROR, remarks="")
    trader.say(DAY, "BW/gaborone", body, voided.number)
    assert trader.flags("F9", DUE) == []


@pytest.mark.parametrize(
    ("scope", "issuer", "destination", "raised"),
    [
        (Scope.EXPORT, "BW", "EU", True),
        (Scope.EXPORT, "ZA", "BW", False),
        (Scope.IMPORT, "ZA", "BW", True),
        (Scope.IMPORT, "BW", "EU", False),
        (Scope.ORIGIN, "EU", "ZA", True),
        (Scope.ORIGIN, "ZA", "EU", False),
    ],
)
def test_f9_only_what_is_in_scope_needs_an_approval(
    trader: Trader, scope: Scope, issuer: str, destination: str, *, raised: bool
) -> None:
    restrict(trader, scope=scope)
    certificate = issue(trader, issuer, destination)
    assert trader.subjects("F9", DUE) == ([certificate.number] if raised else [])


@pytest.mark.parametrize(
    ("zones", "raised"),
    [(("BW/jwaneng",), True), (("BW/jwaneng", "BW/orapa"), True), (("BW/orapa",), False)],
)
def test_f9_only_operations_that_a_restriction_is_about_need_an_approval(
    trader: Trader, zones: tuple[str, ...], *, raised: bool
) -> None:
    restrict(trader, about=("BW/jwaneng",))
    certificate = trader.draw_up(DAY)
    certificate = vary(certificate, origin=vary(certificate.origin, zones=zones))
    trader.issue(certificate)
    assert trader.subjects("F9", DUE) == ([certificate.number] if raised else [])


@pytest.mark.parametrize("origin", ["DK", "GL"])
def test_f9_stones_of_a_territory_need_the_approval_of_its_participant(
    trader: Trader, origin: str
) -> None:
    restrict(trader, code="EU", scope=Scope.ORIGIN)
    stones = Origin(kind=OriginKind.SINGLE, countries=(origin,))
    certificate = trader.draw_up(DAY, "EU", "ZA", origin=stones)
    trader.issue(certificate)
    issue(trader)
    assert trader.subjects("F9", DUE) == [certificate.number]


@pytest.mark.parametrize(
    ("scope", "until", "countries", "raised"),
    [
        pytest.param(Scope.ORIGIN, None, (), True, id="none is named"),
        pytest.param(Scope.ORIGIN, None, ("ZA", "ZW"), False, id="others are named"),
        pytest.param(Scope.EXPORT, None, (), False, id="exports are restricted"),
        pytest.param(Scope.ORIGIN, "2026-03-05", (), False, id="over"),
    ],
)
def test_f18_a_mixed_parcel_names_no_origin_while_one_is_restricted(
    trader: Trader, scope: Scope, until: str | None, countries: tuple[str, ...], *, raised: bool
) -> None:
    restrict(trader, scope=scope, until=until)
    origin = Origin(kind=OriginKind.MIXED, countries=countries)
    certificate = trader.draw_up("2026-03-06", "EU", "ZA", origin=origin)
    trader.issue(certificate)
    assert trader.subjects("F18", DUE) == ([certificate.number] if raised else [])
    assert trader.subjects("F18", DUE, "F18.unnamed=false") == []


@pytest.mark.parametrize(
    ("about", "raised"),
    [
        pytest.param(("BW/orapa",), ["BW/orapaa", "BW/letlhakane"], id="an operation"),
        pytest.param(("ZA/kimberley",), [], id="of another country"),
        pytest.param((), [], id="all operations"),
    ],
)
def test_f18_an_operation_that_nobody_has_named_before(
    trader: Trader, about: tuple[str, ...], raised: list[str]
) -> None:
    restrict(trader, scope=Scope.EXPORT, about=about)
    for zone in ("BW/letlhakane", "BW/letlhakane", "BW/orapa", "BW/orapaa"):
        origin = Origin(kind=OriginKind.SINGLE, countries=("BW",), zones=(zone,))
        trader.issue(trader.draw_up("2026-03-06", origin=origin))
    found = trader.flags("F18", DUE)
    assert [one.explanation.split()[1].strip(",") for one in found] == raised


@pytest.mark.parametrize("voided", [False, True])
def test_f18_a_withdrawn_certificate_makes_no_operation_known(
    trader: Trader, *, voided: bool
) -> None:
    restrict(trader, scope=Scope.EXPORT, about=("BW/orapa",))
    origin = Origin(kind=OriginKind.SINGLE, countries=("BW",), zones=("BW/orapaa",))
    first, second = (trader.draw_up("2026-03-06", origin=origin) for _ in range(2))
    trader.issue(first)
    if voided:
        body = CertificateVoided(reason=VoidReason.ERROR, remarks="")
        trader.say("2026-03-06", "BW/gaborone", body, first.number)
    trader.issue(second)
    named = second if voided else first
    assert trader.subjects("F18", DUE) == [named.number]
