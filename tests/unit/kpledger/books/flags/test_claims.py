"""F19: what a re-export claims of its sources and is not so, judged by what is known now."""

from typing import Final

import pytest
from flagging import OFFICE, Trader
from founding import make_confirmation, vary
from statements import SOUND

from kpledger.books.trace import TRACE, TraceQuestion
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateFound,
    CertificateLost,
    CertificateReplaced,
    CertificateVoided,
    GoodsLine,
    HsCode,
    Origin,
    OriginKind,
    ReplacementReason,
    Source,
    VoidReason,
)
from kpledger.scheme.v1.events.importing import DiscrepancyResolved

DAY: Final = "2026-03-02"
LATER: Final = "2026-03-20"
AT: Final = "2026-04-01"
VOIDED: Final = CertificateVoided(reason=VoidReason.ERROR, remarks="")
MIXED: Final = Origin(kind=OriginKind.MIXED, countries=())


def line(hs: HsCode, carats: int = 2_000_000) -> tuple[GoodsLine, ...]:
    return (GoodsLine(hs=hs, carat_thousandths=carats, value_usd_cents=5_000_000),)


def bring_in(trader: Trader, carats: int = 2_000_000, to: str = "EU") -> Certificate:
    """Issue a certificate of Botswana, and confirm its import a week later."""
    certificate = trader.draw_up(DAY, "BW", to, carats=carats)
    trader.issue(certificate)
    trader.confirm(certificate, "2026-03-09")
    return certificate


def claim(
    trader: Trader, *sources: tuple[str, int], day: str = LATER, **changes: object
) -> Certificate:
    """Let the EU re-export what it says to have from sources."""
    named = tuple(Source(number=one, carat_thousandths=carats) for one, carats in sources)
    certificate = trader.draw_up(
        day, "EU", "ZA", carats=max(1, sum(carats for _, carats in sources)), sources=named
    )
    certificate = vary(certificate, **changes)
    trader.issue(certificate)
    return certificate


def told(trader: Trader, settings: str = "") -> dict[str, str]:
    """Give what F19 says of each re-export."""
    return {one.subject: one.explanation for one in trader.flags("F19", AT, settings)}


def test_more_than_a_source_holds(trader: Trader) -> None:
    source = bring_in(trader)
    wrong = claim(trader, (source.number, 3_000_000))
    explanation = told(trader)[wrong.number]
    assert explanation == (
        f"Names {source.number} as the source of 3000.000 ct, but that is more than is left of"
        f" it. {source.number} declares 2000.000 ct, 2000.000 ct were found,"
        " and 2000.000 ct were left for this one."
    )


def test_no_more_than_a_source_holds(trader: Trader) -> None:
    source = bring_in(trader)
    claim(trader, (source.number, 1_500_000))
    claim(trader, (source.number, 500_000))
    assert told(trader) == {}


def test_claims_that_only_together_are_too_many(trader: Trader) -> None:
    source = bring_in(trader)
    first = claim(trader, (source.number, 1_500_000))
    second = claim(trader, (source.number, 1_000_000))
    explanation = told(trader)
    assert set(explanation) == {second.number}
    assert f"1500.000 ct are claimed by {first.number}" in explanation[second.number]
    assert "500.000 ct were left" in explanation[second.number]
    # What is taken back is free for others.
    trader.say("2026-03-21", "EU/antwerp", VOIDED, first.number)
    assert told(trader) == {}


def test_replacing_certificate_claims_in_the_place_of_the_replaced(trader: Trader) -> None:
    source = bring_in(trader)
    first = claim(trader, (source.number, 1_500_000))
    new = vary(trader.draw_up(LATER, "EU", "ZA", carats=2_000_000), sources=first.sources)
    new = vary(new, sources=(Source(number=source.number, carat_thousandths=2_000_000),))
    body = CertificateReplaced(reason=ReplacementReason.ERROR, certificate=new)
    trader.say(LATER, "EU/antwerp", body, first.number)
    assert told(trader) == {}
    over = claim(trader, (source.number, 1_000))
    assert set(told(trader)) == {over.number}


@pytest.mark.parametrize("in_between", [False, True])
def test_what_came_back_claims_nothing(trader: Trader, *, in_between: bool) -> None:
    source = bring_in(trader)
    first = claim(trader, (source.number, 2_000_000))
    if in_between:
        second = claim(trader, (source.number, 2_000_000))
        assert set(told(trader)) == {second.number}
    for name, author in (
        ("arrival_recorded", "ZA/joburg"),
        ("import_refused_returned", "ZA/joburg"),
        ("return_received", "EU/antwerp"),
    ):
        body = SOUND[name][1]
        changes = {"arrived_on": LATER} if name == "arrival_recorded" else {}
        changes |= {"received_on": "2026-03-21"} if name == "return_received" else {}
        trader.say("2026-03-21", author, vary(body, **changes), first.number)
    if not in_between:
        claim(trader, (source.number, 2_000_000), day="2026-03-22")
    assert told(trader) == {}


@pytest.mark.parametrize("with_goods", [False, True])
@pytest.mark.parametrize("then", ["", "found", "arrived"])
def test_what_is_lost_without_its_goods_claims_nothing(
    trader: Trader, then: str, *, with_goods: bool
) -> None:
    source = bring_in(trader)
    first = claim(trader, (source.number, 2_000_000))
    second = claim(trader, (source.number, 2_000_000))
    assert set(told(trader)) == {second.number}
    lost = CertificateLost(with_goods=with_goods, circumstances="left in a taxi")
    trader.say("2026-03-21", "EU/antwerp", lost, first.number)
    assert set(told(trader)) == ({second.number} if with_goods else set())
    if then == "found":
        found = CertificateFound(circumstances="in the taxi")
        trader.say("2026-03-22", "EU/antwerp", found, first.number)
    elif then == "arrived":
        trader.arrive(first, "2026-03-22")
    assert set(told(trader)) == ({second.number} if with_goods or then else set())


@pytest.mark.parametrize(
    ("carats", "raised"), [(1_000, True), (1_900_000, True), (1_910_000, False), (2_000_000, False)]
)
def test_sources_that_weigh_more_than_what_they_went_into(
    trader: Trader, carats: int, *, raised: bool
) -> None:
    sources = [trader.draw_up(DAY, carats=1_000_000) for _ in range(2)]
    for one in sources:
        trader.issue(one)
    for one in sources:
        trader.confirm(one, "2026-03-09")
    named = tuple(Source(number=one.number, carat_thousandths=1_000_000) for one in sources)
    certificate = trader.draw_up(LATER, "EU", "ZA", carats=carats, sources=named)
    trader.issue(certificate)
    assert set(told(trader)) == ({certificate.number} if raised else set())
    if raised:
        [found] = trader.flags("F19", AT)
        assert (found.measure, len(found.evidence)) == ((2_000_000 - carats) // 1_000, 3)
    trader.say("2026-03-21", "EU/antwerp", VOIDED, certificate.number)
    assert told(trader) == {}


def test_source_that_went_to_somebody_else(trader: Trader) -> None:
    source = bring_in(trader, to="ZA")
    wrong = claim(trader, (source.number, 1_000))
    assert (
        f"{source.number} as the source of 1.000 ct, but its destination is ZA"
        in told(trader)[wrong.number]
    )


def test_source_that_was_never_issued(trader: Trader) -> None:
    wrong = claim(trader, ("BW999999", 1_000))
    assert told(trader)[wrong.number] == (
        "Names BW999999 as the source of 1.000 ct, but this number was never issued."
    )


def test_source_that_was_issued_afterwards(trader: Trader) -> None:
    source = trader.draw_up("2026-03-21", "BW", "EU")
    wrong = claim(trader, (source.number, 1_000))
    trader.issue(source)
    assert "it was issued only afterwards" in told(trader)[wrong.number]


ENDS: Final[dict[str, tuple[str, ...]]] = {
    "VALIDATED": (),
    "VOIDED": ("certificate_voided",),
    "LOST": ("certificate_lost",),
    "RETURNED UNUSED": ("certificate_returned_unused",),
    "DETAINED": ("shipment_detained",),
    "SEIZED": ("shipment_detained", "shipment_seized"),
    "ARRIVED": ("arrival_recorded",),
    "RETURNED": ("arrival_recorded", "import_refused_returned"),
    "REPLACED": ("certificate_replaced",),
}


@pytest.mark.parametrize("state", list(ENDS))
def test_source_under_which_nothing_was_imported(trader: Trader, state: str) -> None:
    source = trader.draw_up(DAY)
    trader.issue(source)
    for name in ENDS[state]:
        body = SOUND[name][1]
        if isinstance(body, CertificateReplaced):
            body = vary(body, certificate=trader.draw_up(DAY))
        author = (
            "EU/antwerp" if name.startswith(("shipment", "arrival", "import")) else "BW/gaborone"
        )
        trader.say("2026-03-05", author, body, source.number)
    wrong = claim(trader, (source.number, 1_000))
    explanation = told(trader)[wrong.number]
    assert f"it is {state.replace(' ', '_')}, and nobody has confirmed an import" in explanation


def test_source_that_expired(trader: Trader) -> None:
    source = trader.draw_up(DAY, expires_on="2026-03-10")
    trader.issue(source)
    wrong = claim(trader, (source.number, 1_000))
    assert "it is VALIDATED, expired on 2026-03-10, and" in told(trader)[wrong.number]


def test_late_confirmation_settles_a_claim(trader: Trader) -> None:
    source = trader.draw_up(DAY)
    trader.issue(source)
    claim(trader, (source.number, 1_000))
    assert len(told(trader)) == 1
    body = vary(make_confirmation(source), received_on="2026-03-19")
    trader.say("2026-03-25", OFFICE["EU"], body, source.number)
    assert told(trader) == {}


def test_goods_that_left_before_they_came(trader: Trader) -> None:
    source = trader.draw_up(DAY)
    trader.issue(source)
    wrong = claim(trader, (source.number, 1_000))
    trader.confirm(source, "2026-03-25")
    assert "its goods came in only on 2026-03-25" in told(trader)[wrong.number]


@pytest.mark.parametrize(
    ("origin", "raised"),
    [
        (Origin(kind=OriginKind.SINGLE, countries=("BW",)), False),
        (Origin(kind=OriginKind.SINGLE, countries=("ZA",)), True),
        (Origin(kind=OriginKind.MIXED, countries=("CD", "ZA")), True),
        (Origin(kind=OriginKind.MIXED, countries=("BW", "ZA")), False),
        (MIXED, False),
    ],
)
def test_origin_that_the_source_does_not_have(
    trader: Trader, origin: Origin, *, raised: bool
) -> None:
    source = bring_in(trader)
    wrong = claim(trader, (source.number, 1_000), origin=origin)
    assert ("its stones are from BW and not from" in told(trader).get(wrong.number, "")) is raised
    assert told(trader, "F19.goods=false") == {}


@pytest.mark.parametrize(
    ("had", "has", "raised"),
    [
        (HsCode.NON_INDUSTRIAL, HsCode.INDUSTRIAL, True),
        (HsCode.NON_INDUSTRIAL, HsCode.UNSORTED, True),
        (HsCode.UNSORTED, HsCode.INDUSTRIAL, False),  # sorted out
        (HsCode.INDUSTRIAL, HsCode.INDUSTRIAL, False),
    ],
)
def test_class_that_the_source_does_not_have(
    trader: Trader, had: HsCode, has: HsCode, *, raised: bool
) -> None:
    source = trader.draw_up(DAY, carats=2_000_000, lines=line(had))
    trader.issue(source)
    trader.confirm(source, "2026-03-09")
    wrong = claim(trader, (source.number, 1_000), lines=line(has, 1_000))
    assert ("goods of other HS codes" in told(trader).get(wrong.number, "")) is raised


def test_less_was_found_than_declared_and_less_agreed_on(trader: Trader) -> None:
    source = trader.draw_up(DAY, carats=2_000_000)
    trader.issue(source)
    trader.confirm_otherwise(source, "2026-03-09", carat_thousandths=1_800_000)
    claim(trader, (source.number, 1_800_000))
    assert told(trader) == {}
    over = claim(trader, (source.number, 100_000))
    assert "1800.000 ct were found" in told(trader)[over.number]
    agreed = DiscrepancyResolved(
        parcels=1, carat_thousandths=1_700_000, value_usd_cents=4_000_000, explanation="scales"
    )
    both = ("BW/gaborone", "EU/antwerp")
    trader.say("2026-03-25", "BW/gaborone", agreed, source.number, *both)
    assert len(told(trader)) == 2


@pytest.mark.parametrize(
    ("origins", "percent", "raised"),
    [
        (("BW",), 5, True),
        (("BW", "ZA"), 5, True),
        (("BW",), 70, False),
        (("BW", "GL"), 5, False),
        ((), 5, False),
    ],
)
def test_sources_that_leave_a_part_open(
    trader: Trader, origins: tuple[str, ...], percent: int, *, raised: bool
) -> None:
    source = bring_in(trader)
    kind = OriginKind.SINGLE if len(origins) == 1 else OriginKind.MIXED
    named = (Source(number=source.number, carat_thousandths=700_000),)
    origin = Origin(kind=kind, countries=origins)
    part = trader.draw_up(LATER, "EU", "ZA", carats=2_000_000, sources=named, origin=origin)
    trader.issue(part)
    said = told(trader, f"F19.gap_percent={percent},F19.goods=false").get(part.number, "")
    assert said == (
        "Names sources of 700.000 ct for goods of 2000.000 ct, all from abroad"
        f" ({', '.join(origins)}). Nobody can see where the rest came in."
        if raised
        else ""
    )


def test_claims_of_few_carats_may_be_left_out(trader: Trader) -> None:
    claim(trader, ("BW999999", 1_999))
    large = claim(trader, ("BW999998", 2_000))
    assert set(told(trader, "F19.carats=2")) == {large.number}


def test_trace_shows_what_is_left_and_what_is_wrong(trader: Trader) -> None:
    source = bring_in(trader)
    wrong = claim(trader, (source.number, 3_000_000))
    found = TRACE.respond(trader.ledger.books, TraceQuestion(subject=source.number))
    of_source, of_claim = found.shipments
    assert (of_source.claimed_carat_thousandths, of_source.held_carat_thousandths) == (
        3_000_000,
        2_000_000,
    )
    assert (of_claim.subject, of_claim.wrong_sources) == (wrong.number, (source.number,))
