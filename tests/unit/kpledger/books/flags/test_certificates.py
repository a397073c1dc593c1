"""Flags on certificates: each is raised by its case, and not by the nearest honest one."""

import pytest
from flagging import Trader
from journey import set_policy

from kpledger.base.units import start_of_day_ms
from kpledger.scheme.v1.events.certificate import (
    CertificateVoided,
    Origin,
    OriginKind,
    Source,
    VoidReason,
)
from kpledger.scheme.v1.events.governance import (
    ParticipantStatusChanged,
    Standing,
)
from kpledger.scheme.v1.events.importing import (
    SuspectReported,
)

DAY = "2026-03-02"


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


@pytest.mark.parametrize(("found", "raised"), [(1_260, False), (1_261, True)])
def test_f2_a_value_in_whole_dollars(trader: Trader, found: int, *, raised: bool) -> None:
    set_policy(trader.ledger, "EU", value_tolerance_usd_cents=1_000)
    certificate = trader.draw_up(DAY, carats=1_235, cents=1_160)
    trader.issue(certificate)
    trader.confirm(certificate, "2026-03-09", value_usd_cents=found)
    assert bool(trader.flags("F2", "2026-03-10")) is raised


@pytest.mark.parametrize(
    ("found", "raised"),
    [
        pytest.param({"carat_thousandths": 20}, True, id="double"),
        pytest.param({"carat_thousandths": 1}, True, id="a tenth"),
        pytest.param({"carat_thousandths": 12}, False, id="a fifth more"),
        pytest.param({"value_usd_cents": 160}, True, id="double the value"),
        pytest.param({"value_usd_cents": 96}, False, id="a fifth more value"),
    ],
)
def test_f2_a_small_parcel_within_the_least_amount(
    trader: Trader, found: dict[str, int], *, raised: bool
) -> None:
    certificate = trader.draw_up("2026-03-02", carats=10, cents=80)
    trader.issue(certificate)
    trader.confirm(certificate, "2026-03-10", **found)
    assert trader.subjects("F2", "2026-03-10") == ([certificate.number] if raised else [])
    assert trader.subjects("F2", "2026-03-10", "F2.small_percent=100") == []


@pytest.mark.parametrize(("found", "raised"), [(85_000, True), (93_000, False)])
def test_f2_a_large_discrepancy(trader: Trader, found: int, *, raised: bool) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    trader.confirm_otherwise(certificate, "2026-03-09", carat_thousandths=found)
    assert bool(trader.flags("F2", "2026-03-10")) is raised


@pytest.mark.parametrize(
    ("carats", "cents", "raised"),
    [
        pytest.param(100_000, 6_600_000, True, id="worth a third more"),
        pytest.param(100_000, 6_400_000, False, id="worth a quarter more"),
        pytest.param(95_000, 4_750_000, False, id="a part at the same price"),
    ],
)
def test_f2_a_large_discrepancy_in_value(
    trader: Trader, carats: int, cents: int, *, raised: bool
) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    trader.confirm_otherwise(
        certificate, "2026-03-09", carat_thousandths=carats, value_usd_cents=cents
    )
    found = trader.flags("F2", "2026-03-10")
    assert [one.measure for one in found] == ([32] if raised else [])


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
    for beyond in ("F3.z_tenths=99999999999", "F3.ratio_percent=1000000000000"):
        assert trader.flags("F3", "2026-03-10", beyond) == []


def test_f3_a_voided_price_counts_no_more(trader: Trader) -> None:
    for number in range(25):
        trader.issue(trader.draw_up(DAY, cents=4_500_000 + 40_000 * number))
    odd = trader.draw_up(DAY, cents=400_000_000)
    trader.issue(odd)
    body = CertificateVoided(reason=VoidReason.ERROR, remarks="")
    trader.say("2026-03-03", "BW/gaborone", body, odd.number)
    assert trader.flags("F3", "2026-03-10") == []


@pytest.mark.parametrize(
    ("cost", "drawn", "raised"),
    [
        pytest.param(390_000_000, 100_000, False, id="what its sources cost"),
        pytest.param(200_000_000, 100_000, True, id="another price"),
        pytest.param(390_000_000, 99_999, True, id="a part without a source"),
    ],
)
def test_f3_a_re_export_that_costs_what_its_sources_did(
    trader: Trader, cost: int, drawn: int, *, raised: bool
) -> None:
    came = trader.draw_up(DAY, "ZA", "EU", cents=cost)
    trader.issue(came)
    mixed = Origin(kind=OriginKind.MIXED, countries=())
    for number in range(25):
        usual = trader.draw_up(DAY, "EU", "BW", cents=4_500_000 + 40_000 * number, origin=mixed)
        trader.issue(usual)
    source = Source(number=came.number, carat_thousandths=drawn)
    odd = trader.draw_up(DAY, "EU", "BW", cents=400_000_000, origin=mixed, sources=(source,))
    trader.issue(odd)
    assert trader.subjects("F3", DAY) == ([odd.number] if raised else [])
    assert trader.subjects("F3", DAY, "F3.sourced_percent=0") == [odd.number]


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


@pytest.mark.parametrize(("day", "raised"), [("2026-05-01", True), ("2026-04-30", False)])
def test_f9_received_after_expiry(trader: Trader, day: str, *, raised: bool) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    trader.confirm_otherwise(certificate, day)
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
