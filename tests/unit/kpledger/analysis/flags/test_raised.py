"""Each flag is raised by its case, and not by the nearest honest one."""

import pytest
from flagging import Trader
from founding import CHAIR, signing_key

from kpledger.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateKind,
    CertificateVoided,
    HsCode,
    Origin,
    OriginKind,
    Source,
    VoidReason,
)
from kpledger.events.decisions import DecisionRecorded, PolicySet, PolicyValues, Procedure
from kpledger.events.governance import (
    KeyRevoked,
    ParticipantStatusChanged,
    RevocationReason,
    Standing,
)
from kpledger.events.importing import (
    DiscrepancyCause,
    ImportConfirmedDiscrepant,
    SuspectReported,
)
from kpledger.events.statistics import (
    CountRow,
    CountStatisticsSubmitted,
    Flow,
    TradeRow,
    TradeStatisticsSubmitted,
)
from kpledger.units import start_of_day_ms

DAY = "2026-03-02"


@pytest.fixture
def trader() -> Trader:
    return Trader()


def test_f1_an_expired_certificate_without_news(trader: Trader) -> None:
    silent, answered = trader.draw_up(DAY), trader.draw_up(DAY)
    issue = trader.issue(silent)
    trader.issue(answered)
    trader.arrive(answered, "2026-03-09")
    [found] = trader.flags("F1", "2026-05-31")
    assert (found.subject, found.partner, found.measure) == (silent.number, "EU", 31)
    assert found.evidence == (issue,)
    assert trader.flags("F1", "2026-05-30") == []
    assert trader.subjects("F1", "2026-05-30", "F1.days=29") == [silent.number]


def test_f1_a_voided_certificate_needs_no_answer(trader: Trader) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    body = CertificateVoided(reason=VoidReason.NOT_EXPORTED, remarks="")
    trader.say("2026-03-03", "BW/gaborone", body, certificate.number)
    assert trader.flags("F1", "2026-08-01") == []


def test_f2_a_little_less_within_the_tolerance(trader: Trader) -> None:
    short, honest = trader.draw_up(DAY), trader.draw_up(DAY)
    events = (trader.issue(short), "")
    trader.issue(honest)
    confirmed = trader.confirm(short, "2026-03-09", carat_thousandths=99_910)
    trader.confirm(honest, "2026-03-09", carat_thousandths=99_995)
    [found] = trader.flags("F2", "2026-03-10")
    assert (found.subject, found.measure) == (short.number, 900)
    assert found.evidence == (events[0], confirmed)
    assert "99.910 ct" in found.explanation


@pytest.mark.parametrize(("found", "raised"), [(85_000, True), (93_000, False)])
def test_f2_a_large_discrepancy(trader: Trader, found: int, *, raised: bool) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    body = ImportConfirmedDiscrepant(
        number=certificate.number,
        parcels=certificate.parcels,
        carat_thousandths=found,
        value_usd_cents=certificate.value_usd_cents,
        exporter=certificate.exporter,
        importer=certificate.importer,
        received_on="2026-03-09",
        cause=DiscrepancyCause.CONTENTS,
        remarks="",
    )
    trader.say("2026-03-09", "EU/antwerp", body, certificate.number)
    assert bool(trader.flags("F2", "2026-03-10")) is raised


@pytest.mark.parametrize(("lighter", "raised"), [(20, True), (15, False)])
def test_f2_differences_that_all_lean_one_way(
    trader: Trader, lighter: int, *, raised: bool
) -> None:
    sent = [trader.draw_up(DAY) for _ in range(20)]
    for certificate in sent:
        trader.issue(certificate)
    for number, certificate in enumerate(sent):
        found = 99_960 if number < lighter else 100_040
        trader.confirm(certificate, "2026-03-09", carat_thousandths=found)
    assert trader.subjects("F2", "2026-04-02") == (["BW-EU"] if raised else [])


def test_f2_broken_seals(trader: Trader) -> None:
    broken, closed = trader.draw_up(DAY), trader.draw_up(DAY)
    for one in (broken, closed):
        trader.issue(one)
    for one in (broken, closed):
        trader.arrive(one, "2026-03-09", seals_intact=one is closed)
    assert trader.subjects("F2", "2026-03-10") == [broken.number]


@pytest.mark.parametrize(("cents", "raised"), [(40_000_000, True), (7_000_000, False)])
def test_f3_a_price_far_from_the_usual(trader: Trader, cents: int, *, raised: bool) -> None:
    for number in range(25):
        trader.issue(trader.draw_up(DAY, cents=4_500_000 + 40_000 * number))
    odd = trader.draw_up(DAY, cents=cents)
    issue = trader.issue(odd)
    found = trader.flags("F3", "2026-03-10")
    assert [(one.subject, one.evidence) for one in found] == (
        [(odd.number, (issue,))] if raised else []
    )
    assert not trader.flags("F3", "2026-03-10", "F3.samples=30")


def test_f3_a_voided_price_counts_no_more(trader: Trader) -> None:
    for number in range(25):
        trader.issue(trader.draw_up(DAY, cents=4_500_000 + 40_000 * number))
    odd = trader.draw_up(DAY, cents=400_000_000)
    trader.issue(odd)
    body = CertificateVoided(reason=VoidReason.ERROR, remarks="")
    trader.say("2026-03-03", "BW/gaborone", body, odd.number)
    assert trader.flags("F3", "2026-03-10") == []


@pytest.mark.parametrize(
    ("cents", "carats", "day", "raised"),
    [
        pytest.param(7_500_000, 100_000, "2026-04-01", True, id="a jump"),
        pytest.param(6_000_000, 100_000, "2026-04-01", False, id="a margin"),
        pytest.param(750_000, 10_000, "2026-04-01", False, id="a part that was sorted out"),
        pytest.param(7_500_000, 100_000, "2026-10-01", False, id="long after"),
    ],
)
def test_f4_a_value_jump_after_import(
    trader: Trader, cents: int, carats: int, day: str, *, raised: bool
) -> None:
    came = trader.draw_up(DAY)
    first = trader.issue(came)
    trader.confirm(came, "2026-03-09")
    source = Source(number=came.number, carat_thousandths=carats)
    went = trader.draw_up(
        day, "EU", "ZA", carats=carats, cents=cents, sources=(source,), origin=came.origin
    )
    second = trader.issue(went)
    found = trader.flags("F4", "2026-12-01")
    assert [(one.subject, one.evidence) for one in found] == (
        [(went.number, (second, first))] if raised else []
    )


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


def test_f7_a_gap_once_it_is_old(trader: Trader) -> None:
    trader.issue(trader.draw_up(DAY, serial=1))
    after = trader.issue(trader.draw_up(DAY, serial=5))
    [found] = trader.flags("F7", "2026-04-01")
    assert (found.subject, found.measure, found.evidence) == ("BW000002-BW000004", 3, (after,))
    assert trader.flags("F7", "2026-03-31") == []


def test_f7_a_gap_that_is_filled_is_none(trader: Trader) -> None:
    for serial in (1, 3, 2):
        trader.issue(trader.draw_up(DAY, serial=serial))
    assert trader.flags("F7", "2026-06-01") == []


@pytest.mark.parametrize(("day", "raised"), [("2026-03-12", True), ("2026-03-08", False)])
def test_f7_a_number_long_after_a_higher_one(trader: Trader, day: str, *, raised: bool) -> None:
    trader.issue(trader.draw_up(DAY, serial=1))
    higher = trader.issue(trader.draw_up(DAY, serial=3))
    late = trader.issue(trader.draw_up(day, serial=2))
    found = trader.flags("F7", "2026-03-20")
    assert [one.evidence for one in found] == ([(late, higher)] if raised else [])


def suspect(number: str, issuer: str = "BW", day: str = "2026-03-01") -> SuspectReported:
    return SuspectReported(
        claimed_issuer=issuer, claimed_number=number, claimed_issue=day, image=None, remarks=""
    )


@pytest.mark.parametrize(
    ("claimed", "day", "says"),
    [
        ("BW 000 777", "2026-03-01", "never issued"),
        ("BW000777", "2024-03-01", "is for use from"),
        ("BW99000777", "2026-03-01", "lies in no range"),
    ],
)
def test_f7_a_paper_that_was_never_issued(
    trader: Trader, claimed: str, day: str, says: str
) -> None:
    trader.show(DAY, "EU/antwerp", suspect(claimed, day=day), "EU/suspect/a")
    [found] = trader.flags("F7", DAY)
    assert (found.subject, found.participant) == (claimed.replace(" ", ""), "BW")
    assert says in found.explanation


def test_f7_a_paper_that_is_in_force_is_left_to_the_verdict(trader: Trader) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    trader.show(DAY, "EU/antwerp", suspect(certificate.number), "EU/suspect/a")
    assert trader.flags("F7", DAY) == trader.flags("F8", DAY) == []


def test_f8_a_used_certificate_is_presented_again(trader: Trader) -> None:
    certificate = trader.draw_up(DAY)
    issue = trader.issue(certificate)
    trader.arrive(certificate, "2026-03-09")
    confirmed = trader.confirm(certificate, "2026-03-10")
    assert trader.flags("F8", "2026-03-10") == []
    again = trader.arrive(certificate, "2026-04-10")
    [found] = trader.flags("F8", "2026-04-10")
    assert (found.subject, found.evidence) == (certificate.number, (issue, confirmed, again))


@pytest.mark.parametrize("seal", ["BW-77", "EU-78"])
def test_f8_one_seal_on_two_certificates(trader: Trader, seal: str) -> None:
    one = trader.issue(trader.draw_up(DAY, seals=("BW-77",)))
    shared = trader.draw_up(DAY, "ZA", "EU", seals=(seal,))
    other = trader.issue(shared)
    found = trader.flags("F8", DAY)
    assert [one.evidence for one in found] == ([(one, other)] if seal == "BW-77" else [])
    assert trader.flags("F8", DAY, "F8.seals=false") == []


def test_f8_plain_digits_are_compared_within_an_issuer(trader: Trader) -> None:
    trader.issue(trader.draw_up(DAY, seals=("77",)))
    trader.issue(trader.draw_up(DAY, "ZA", "EU", seals=("77",)))
    assert trader.flags("F8", DAY) == []


def test_f8_a_seal_may_be_used_for_the_certificate_after_a_voided_one(trader: Trader) -> None:
    first = trader.draw_up(DAY, seals=("BW-77",))
    trader.issue(first)
    body = CertificateVoided(reason=VoidReason.ERROR, remarks="")
    trader.say(DAY, "BW/gaborone", body, first.number)
    trader.issue(trader.draw_up(DAY, seals=("BW-77",)))
    assert trader.flags("F8", DAY) == []


def discrepant(certificate_number: str, trader: Trader, day: str) -> ImportConfirmedDiscrepant:
    certificate = trader.ledger.certificate(certificate_number)
    return ImportConfirmedDiscrepant(
        number=certificate.number,
        parcels=certificate.parcels,
        carat_thousandths=certificate.carat_thousandths,
        value_usd_cents=certificate.value_usd_cents,
        exporter=certificate.exporter,
        importer=certificate.importer,
        received_on=day,
        cause=DiscrepancyCause.UNKNOWN,
        remarks="",
    )


@pytest.mark.parametrize(("day", "raised"), [("2026-05-01", True), ("2026-04-30", False)])
def test_f9_received_after_expiry(trader: Trader, day: str, *, raised: bool) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    body = discrepant(certificate.number, trader, day)
    trader.say(day, "EU/antwerp", body, certificate.number)
    assert trader.subjects("F9", day) == ([certificate.number] if raised else [])


def test_f9_left_in_time_and_arrived_late_is_no_matter(trader: Trader) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    trader.confirm(certificate, "2026-05-10", exported_on="2026-04-29")
    assert trader.flags("F9", "2026-05-10") == []


@pytest.mark.parametrize(("day", "raised"), [("2026-03-24", True), ("2026-03-23", False)])
def test_f9_a_late_confirmation(trader: Trader, day: str, *, raised: bool) -> None:
    certificate = trader.draw_up(DAY)
    issue = trader.issue(certificate)
    arrival = trader.arrive(certificate, "2026-03-09")
    assert bool(trader.flags("F9", day)) is raised
    confirmed = trader.confirm(certificate, day)
    found = trader.flags("F9", day)
    assert [one.evidence for one in found] == ([(issue, arrival, confirmed)] if raised else [])
    assert trader.flags("F9", day, "F9.grace_days=1") == []


def suspend(trader: Trader, day: str) -> None:
    body = ParticipantStatusChanged(
        code="BW",
        status=Standing.SELF_SUSPENDED,
        effective_from=start_of_day_ms(day) + 50_000_000,
        decision="OWN-1",
    )
    trader.say(day, "BW/root", body)


@pytest.mark.parametrize(("day", "raised"), [("2026-04-01", True), ("2026-04-02", False)])
def test_f10_issued_shortly_before_a_suspension(trader: Trader, day: str, *, raised: bool) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    assert trader.flags("F10", day) == []
    suspend(trader, day)
    assert trader.subjects("F10", day) == ([certificate.number] if raised else [])


def test_f10_presented_after_it(trader: Trader) -> None:
    early, late = trader.draw_up(DAY), trader.draw_up(DAY)
    for one in (early, late):
        trader.issue(one)
    trader.arrive(early, "2026-03-10")
    suspend(trader, "2026-03-12")
    trader.arrive(late, "2026-03-14")
    assert trader.subjects("F10", "2026-03-15", "F10.days=0") == [late.number]


def test_f11_a_mixed_parcel_without_origins_to_the_eu(trader: Trader) -> None:
    unlisted = Origin(kind=OriginKind.MIXED, countries=())
    listed = Origin(kind=OriginKind.MIXED, countries=("BW", "ZA"))
    odd = trader.draw_up(DAY, origin=unlisted)
    trader.issue(odd)
    trader.issue(trader.draw_up(DAY, origin=listed))
    trader.issue(trader.draw_up(DAY, "BW", "ZA", origin=unlisted))
    assert trader.subjects("F11", DAY) == [odd.number]


def test_f11_a_russian_origin_to_the_g7(trader: Trader) -> None:
    russian = Origin(kind=OriginKind.SINGLE, countries=("RU",))
    odd = trader.draw_up(DAY, origin=russian)
    trader.issue(odd)
    trader.issue(trader.draw_up(DAY, "BW", "ZA", origin=russian))
    assert trader.subjects("F11", DAY) == [odd.number]
    assert trader.flags("F11", DAY, "F11.sanctions=false") == []


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
    submit(trader, "BW", "2026Q1", exports=3_200, partner="EU")
    [found] = trader.flags("F12", "2026-07-29")
    assert (found.measure, len(found.evidence)) == (1_200, 3)


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
