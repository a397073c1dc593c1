"""Flags on sums, pairs, dates and keys: raised by their case, and not by the nearest one."""

import pytest
from flagging import Trader
from founding import CHAIR, signing_key

from kpledger.base.units import start_of_day_ms
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateKind,
    CertificateVoided,
    HsCode,
    Origin,
    OriginKind,
    VoidReason,
)
from kpledger.scheme.v1.events.decisions import DecisionRecorded, PolicySet, PolicyValues, Procedure
from kpledger.scheme.v1.events.governance import (
    KeyRevoked,
    RevocationReason,
)
from kpledger.scheme.v1.events.statistics import (
    CountRow,
    CountStatisticsSubmitted,
    Flow,
    TradeRow,
    TradeStatisticsSubmitted,
)

DAY = "2026-03-02"


def trade_for_half_a_year(trader: Trader, carats: int, *came: Certificate) -> None:
    trader.issue(trader.draw_up("2026-07-06", "ZA", "EU", carats=1_000))
    for one in came:
        trader.issue(one)
        trader.confirm(one, "2026-07-20")
    for month in ("08", "10", "12"):
        mixed = Origin(kind=OriginKind.MIXED, countries=())
        sent = trader.draw_up(f"2026-{month}-03", "EU", "BW", carats=carats, origin=mixed)
        trader.issue(sent)


def test_f5_more_went_out_than_came_in(trader: Trader) -> None:
    trade_for_half_a_year(trader, 400_000)
    [found] = trader.flags("F5", "2027-01-15")
    assert (found.subject, found.day, found.measure) == ("EU", "2026-12-31", 1_200)
    assert len(found.evidence) == 3
    assert trader.flags("F5", "2027-01-15", "stock.EU=500") == []
    assert trader.flags("F5", "2026-12-30") == []


def test_f5_what_was_confirmed_covers_what_went_out(trader: Trader) -> None:
    came = trader.draw_up("2026-07-06", carats=1_200_000)
    trade_for_half_a_year(trader, 400_000, came)
    trader.mine("2027-02-01", "BW", "2026H2", 2_000)
    assert trader.flags("F5", "2027-03-15") == []


@pytest.mark.parametrize(("mined", "raised"), [(1_000, True), (4_000, False)])
def test_f6_more_of_ones_own_than_was_mined(trader: Trader, mined: int, *, raised: bool) -> None:
    for month in ("07", "09", "11"):
        trader.issue(trader.draw_up(f"2026-{month}-03", carats=1_400_000))
    trader.mine("2027-02-01", "BW", "2026H2", mined)
    found = trader.flags("F6", "2027-03-01")
    assert [one.subject for one in found] == (["BW"] if raised else [])
    assert all(len(one.evidence) == 4 for one in found)


def test_f6_production_is_awaited_before_it_counts_as_none(trader: Trader) -> None:
    for month in ("07", "09", "11"):
        trader.issue(trader.draw_up(f"2026-{month}-03", carats=1_400_000))
    assert trader.flags("F6", "2027-02-28") == []
    [found] = trader.flags("F6", "2027-03-01")
    assert "reported no production" in found.explanation


@pytest.mark.parametrize("imported", [False, True])
def test_f6_an_origin_that_never_came_in(trader: Trader, *, imported: bool) -> None:
    came = trader.draw_up("2026-07-06", "ZA" if imported else "BW", "EU")
    trade_for_half_a_year(trader, 1_000, came)
    origin = Origin(kind=OriginKind.SINGLE, countries=("ZA",))
    trader.issue(trader.draw_up("2026-12-04", "EU", "BW", carats=1_500_000, origin=origin))
    found = [one for one in trader.flags("F6", "2027-01-15") if "from ZA" in one.explanation]
    assert [one.subject for one in found] == ([] if imported else ["EU"])


def test_f12_what_nobody_confirmed_once_it_cannot_be_on_its_way(trader: Trader) -> None:
    trader.issue(trader.draw_up("2026-05-04", carats=2_000_000))
    assert trader.flags("F12", "2026-10-27") == []
    [found] = trader.flags("F12", "2026-10-28")
    assert (found.subject, found.day, found.measure) == ("BW-EU", "2026-06-30", 2_000)


def test_f12_what_both_submitted_but_for_what_was_on_its_way(trader: Trader) -> None:
    certificate = trader.draw_up("2026-03-30", carats=2_000_000)
    trader.issue(certificate)
    trader.confirm(certificate, "2026-04-10")
    submit(trader, "BW", "2026Q1", exports=2_000, partner="EU")
    submit(trader, "EU", "2026Q1", partner="BW")
    assert trader.flags("F12", "2026-07-29") == []
    submit(trader, "BW", "2026Q1", exports=3_200, partner="EU", edition=2)
    [found] = trader.flags("F12", "2026-07-29")
    assert (found.measure, len(found.evidence)) == (1_200, 2)


def test_f12_names_what_a_gap_is_made_of(trader: Trader) -> None:
    day = "2026-05-04"
    found, lost, taken_back = (trader.draw_up(day, carats=2_000_000) for _ in range(3))
    issues = [trader.issue(one) for one in (found, lost, taken_back)]
    trader.confirm(found, "2026-05-20")
    body = CertificateVoided(reason=VoidReason.ERROR, remarks="")
    trader.say("2026-05-20", "BW/gaborone", body, taken_back.number)
    [finding] = trader.flags("F12", "2026-10-28")
    assert finding.evidence == (issues[1],)


def submit(
    trader: Trader,
    code: str,
    quarter: str,
    *,
    exports: int = 0,
    partner: str = "EU",
    day: str = "2026-05-20",
    edition: int = 1,
) -> None:
    row = TradeRow(
        flow=Flow.EXPORT,
        partner=partner,
        origin=code,
        hs=HsCode.NON_INDUSTRIAL,
        carat_thousandths=exports * 1_000,
        value_usd_cents=5_000_000,
    )
    body = TradeStatisticsSubmitted(
        quarter=quarter, edition=edition, rows=(row,) if exports else (), remarks=""
    )
    office = {"BW": "BW/gaborone", "EU": "EU/antwerp"}[code]
    trader.show(day, office, body, f"{code}/trade/{quarter}")


@pytest.mark.parametrize(("exports", "raised"), [(1_900, True), (1_990, False)])
def test_f13_submitted_exports_differ_from_the_certificates(
    trader: Trader, exports: int, *, raised: bool
) -> None:
    trader.issue(trader.draw_up(DAY, carats=2_001_000))
    submit(trader, "BW", "2026Q1", exports=exports)
    assert trader.subjects("F13", "2026-06-01") == (["BW"] if raised else [])


@pytest.mark.parametrize(("issued", "raised"), [(8, True), (9, False)])
def test_f13_submitted_counts_differ(trader: Trader, issued: int, *, raised: bool) -> None:
    for _ in range(11):
        trader.issue(trader.draw_up(DAY))
    row = CountRow(partner="EU", issued=issued, received=0)
    body = CountStatisticsSubmitted(quarter="2026Q1", edition=1, rows=(row,), remarks="")
    trader.show("2026-05-20", "BW/gaborone", body, "BW/counts/2026Q1")
    assert trader.subjects("F13", "2026-06-01") == (["BW"] if raised else [])


@pytest.mark.parametrize(("day", "late"), [("2026-08-31", []), ("2026-09-03", [3]), ("", [4])])
def test_f14_statistics_that_are_late_or_missing(trader: Trader, day: str, late: list[int]) -> None:
    trader.issue(trader.draw_up(DAY))
    if day:
        submit(trader, "BW", "2026Q2", exports=100, day=day)
    found = trader.flags("F14", "2026-09-04", participant="BW")
    trade = [one.measure for one in found if one.subject == "BW/trade/2026Q2"]
    assert trade == late


@pytest.mark.parametrize(("second", "raised"), [(1_050, True), (1_020, False)])
def test_f14_a_restated_edition(trader: Trader, second: int, *, raised: bool) -> None:
    submit(trader, "BW", "2026Q1", exports=1_000)
    submit(trader, "BW", "2026Q1", exports=second, edition=2, day="2026-05-25")
    assert bool(trader.flags("F14", "2026-05-26")) is raised


@pytest.mark.parametrize(
    ("carats", "day", "raised"),
    [
        (123_456, "2026-05-31", True),
        (123_457, "2026-05-31", False),
        (123_456, "2026-06-01", False),
    ],
)
def test_f15_the_same_weight_comes_back(
    trader: Trader, carats: int, day: str, *, raised: bool
) -> None:
    out = trader.issue(trader.draw_up(DAY, "BW", "EU", carats=123_456))
    back = trader.issue(trader.draw_up(day, "EU", "BW", carats=carats))
    found = trader.flags("F15", day)
    assert [one.evidence for one in found] == ([(out, back)] if raised else [])


def test_f15_a_technical_certificate_brings_goods_back_openly(trader: Trader) -> None:
    trader.issue(trader.draw_up(DAY, "BW", "EU", carats=123_456))
    technical = trader.draw_up(
        DAY, "EU", "BW", carats=123_456, kind=CertificateKind.TECHNICAL, case="EU/case/a"
    )
    trader.show(DAY, "EU/antwerp", CertificateIssued(certificate=technical), technical.number)
    assert trader.flags("F15", DAY) == []


@pytest.mark.parametrize(("recorded", "raised"), [("2026-03-10", True), ("2026-03-09", False)])
def test_f16_a_certificate_recorded_long_after_its_date(
    trader: Trader, recorded: str, *, raised: bool
) -> None:
    certificate = trader.draw_up(DAY)
    issue = trader.issue(certificate, on=recorded)
    found = trader.flags("F16", recorded)
    assert [one.evidence for one in found] == ([(issue,)] if raised else [])


def test_f16_what_a_compromised_key_signed_since(trader: Trader) -> None:
    trader.issue(trader.draw_up(DAY))
    doubtful = trader.draw_up("2026-03-10")
    issue = trader.issue(doubtful)
    assert trader.flags("F16", "2026-03-12") == []
    body = KeyRevoked(
        key=signing_key("BW/gaborone").public_key,
        reason=RevocationReason.COMPROMISED,
        suspect_since=start_of_day_ms("2026-03-05"),
    )
    revoked = trader.say("2026-03-12", "BW/root", body)
    [found] = trader.flags("F16", "2026-03-12")
    assert (found.subject, found.evidence) == (doubtful.number, (issue, revoked))


@pytest.mark.parametrize(("last", "raised"), [("2026-07-07", True), ("2027-04-05", False)])
def test_f17_a_producer_that_falls_silent(trader: Trader, last: str, *, raised: bool) -> None:
    trader.issue(trader.draw_up("2026-07-06"))
    trader.issue(trader.draw_up(last))
    trader.mine("2027-05-01", "BW", "2026H2", 20_000)
    trader.mine("2027-08-01", "BW", "2027H1", 20_000)
    found = [one for one in trader.flags("F17", "2027-08-02") if one.day == "2027-06-30"]
    assert [one.subject for one in found] == (["BW"] if raised else [])
    assert all(len(one.evidence) == 2 for one in found)


def test_f18_an_origin_that_the_chair_names(trader: Trader) -> None:
    values = PolicyValues(vigilance=("ZW",))
    named = Origin(kind=OriginKind.SINGLE, countries=("ZW",))
    before = trader.draw_up(DAY, origin=named)
    trader.issue(before)
    set_vigilance(trader, values)
    odd = trader.draw_up("2026-03-04", origin=named)
    beside = trader.draw_up("2026-03-04")
    trader.issue(odd)
    trader.issue(beside)
    assert trader.subjects("F18", "2026-03-04") == [odd.number]
    with_neighbours = trader.subjects("F18", "2026-03-04", "F18.neighbours=true")
    assert sorted(with_neighbours) == sorted([odd.number, beside.number])


@pytest.mark.parametrize("listed", ["EU", "GL"])
def test_f18_an_origin_that_belongs_to_whom_the_chair_names(trader: Trader, listed: str) -> None:
    set_vigilance(trader, PolicyValues(vigilance=(listed,)))
    greenland = Origin(kind=OriginKind.SINGLE, countries=("GL",))
    odd = trader.draw_up("2026-03-04", "EU", "BW", origin=greenland)
    trader.issue(odd)
    trader.issue(trader.draw_up("2026-03-04"))
    assert trader.subjects("F18", "2026-03-04") == [odd.number]


def set_vigilance(trader: Trader, values: PolicyValues) -> None:
    decision = DecisionRecorded(
        decision="AD-2026-1",
        title="Vigilance",
        document=bytes(32),
        procedure=Procedure.PLENARY,
        decided_on="2026-03-01",
        supports=("BW", "EU", "IN", "ZA"),
        objections=(),
        ratifies=(),
    )
    trader.say("2026-03-03", CHAIR, decision, "KPCS/decision/AD-2026-1")
    policy = PolicySet(
        participant=None,
        values=values,
        effective_from=start_of_day_ms("2026-03-03") + 43_200_000,
        decision="AD-2026-1",
    )
    trader.say("2026-03-03", CHAIR, policy, "KPCS/policy")
