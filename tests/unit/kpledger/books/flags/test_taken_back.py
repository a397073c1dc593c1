"""Flags follow what becomes of a shipment: released, agreed on, taken back, written anew."""

import pytest
from flagging import Trader
from founding import vary

from kpledger.base.units import start_of_day_ms
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateKind,
    CertificateReplaced,
    CertificateVoided,
    ExportNotified,
    Origin,
    OriginKind,
    ReplacementReason,
    Source,
    VoidReason,
)
from kpledger.scheme.v1.events.governance import ParticipantStatusChanged, Standing
from kpledger.scheme.v1.events.importing import (
    DiscrepancyResolved,
    HoldReason,
    ImportRefusedReturned,
    ReturnReceived,
    ShipmentDetained,
    ShipmentDiverted,
    ShipmentReleased,
)
from kpledger.scheme.v1.events.statistics import Flow, TradeRow, TradeStatisticsSubmitted

DAY = "2026-03-02"
DETAINED = ShipmentDetained(reason=HoldReason.ORDER, legal_reference="Order 7", remarks="")
RELEASED = ShipmentReleased(remedy="papers were completed")
NOTICE = ExportNotified(
    exported_on=DAY, carrier="Air", transport_document="1", expected_on=None, transit=()
)


def void(trader: Trader, certificate: Certificate, day: str = DAY) -> None:
    body = CertificateVoided(reason=VoidReason.ERROR, remarks="")
    issuer = {"BW": "BW/gaborone", "EU": "EU/antwerp"}[certificate.number[:2]]
    trader.say(day, issuer, body, certificate.number)


def agree(trader: Trader, certificate: Certificate, day: str, carats: int) -> None:
    body = DiscrepancyResolved(
        parcels=certificate.parcels,
        carat_thousandths=carats,
        value_usd_cents=certificate.value_usd_cents,
        explanation="weighed again",
    )
    trader.show(day, "BW/gaborone", body, certificate.number)


def test_f1_released_on_its_way_it_waits_for_news_again(trader: Trader) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    trader.say("2026-03-09", "ZA/joburg", DETAINED, certificate.number)
    assert trader.flags("F1", "2026-06-30") == []
    trader.say("2026-03-12", "ZA/joburg", RELEASED, certificate.number)
    assert trader.subjects("F1", "2026-05-31") == [certificate.number]
    trader.confirm(certificate, "2026-06-01", exported_on="2026-03-03")
    assert trader.flags("F1", "2026-06-30") == []


def test_f1_what_surfaced_elsewhere_is_not_without_news_when_it_is_released(
    trader: Trader,
) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    trader.say(DAY, "BW/gaborone", NOTICE, certificate.number)
    for body in (
        ShipmentDiverted(place="Johannesburg", found_on="2026-03-09", reason=""),
        DETAINED,
        RELEASED,
    ):
        trader.show("2026-03-09", "ZA/joburg", body, certificate.number)
    assert trader.flags("F1", "2026-06-30") == []


@pytest.mark.parametrize("arrived", [True, False])
def test_f9_released_at_its_destination_it_waits_for_a_confirmation(
    trader: Trader, *, arrived: bool
) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    if arrived:
        trader.arrive(certificate, "2026-03-09")
    trader.say("2026-03-09", "EU/antwerp", DETAINED, certificate.number)
    assert trader.flags("F9", "2026-03-24") == []
    trader.say("2026-03-10", "EU/antwerp", RELEASED, certificate.number)
    assert trader.flags("F9", "2026-03-23") == []
    [found] = trader.flags("F9", "2026-03-24")
    assert (found.subject, found.measure, len(found.evidence)) == (certificate.number, 1, 2)
    trader.confirm(certificate, "2026-03-20")
    assert trader.flags("F9", "2026-03-20") == []


def test_f12_what_was_released_and_never_confirmed_is_missing(trader: Trader) -> None:
    released, held = (trader.draw_up("2026-05-04", carats=2_000_000) for _ in range(2))
    for one in (released, held):
        trader.issue(one)
    for one in (released, held):
        trader.say("2026-05-11", "EU/antwerp", DETAINED, one.number)
    assert trader.flags("F12", "2026-10-28") == []
    trader.say("2026-05-12", "EU/antwerp", RELEASED, released.number)
    [found] = trader.flags("F12", "2026-10-28")
    assert found.measure == 2_000
    trader.say("2026-05-13", "EU/antwerp", DETAINED, released.number)
    assert trader.flags("F12", "2026-10-28") == []


def test_f2_a_discrepancy_does_not_hide_what_is_taken_a_little_at_a_time(trader: Trader) -> None:
    sent = [trader.draw_up(DAY) for _ in range(21)]
    for one in sent:
        trader.issue(one)
    for one in sent[1:]:
        trader.confirm(one, "2026-03-09", carat_thousandths=99_950)
    trader.confirm_otherwise(sent[0], "2026-03-09", carat_thousandths=101_000)
    [found] = [one for one in trader.flags("F2", "2026-04-02") if one.subject == "BW-EU"]
    assert "20 of 20 shipments" in found.explanation
    assert "1.000 ct in all" in found.explanation


def test_f12_what_both_sides_agreed_on_takes_the_place_of_what_was_found(
    trader: Trader,
) -> None:
    certificate = trader.draw_up("2026-05-04", carats=4_000_000)
    trader.issue(certificate)
    trader.confirm_otherwise(certificate, "2026-05-20", carat_thousandths=2_000_000)
    for code, partner, flow in (("BW", "EU", Flow.EXPORT), ("EU", "BW", Flow.IMPORT)):
        row = TradeRow(
            flow=flow,
            partner=partner,
            origin="BW",
            hs=certificate.lines[0].hs,
            carat_thousandths=4_000_000,
            value_usd_cents=certificate.value_usd_cents,
        )
        body = TradeStatisticsSubmitted(quarter="2026Q2", edition=1, rows=(row,), remarks="")
        office = "BW/gaborone" if code == "BW" else "EU/antwerp"
        trader.show("2026-07-10", office, body, f"{code}/trade/2026Q2")
    assert len(trader.flags("F12", "2026-07-20")) == 2
    agree(trader, certificate, "2026-07-21", 4_000_000)
    assert trader.flags("F12", "2026-07-21") == []


def test_f5_counts_what_both_sides_agreed_on(trader: Trader) -> None:
    came = trader.draw_up("2026-07-06", carats=4_000_000)
    trader.issue(came)
    trader.confirm_otherwise(came, "2026-07-20", carat_thousandths=1_000_000)
    mixed = Origin(kind=OriginKind.MIXED, countries=())
    trader.issue(trader.draw_up("2026-12-03", "EU", "BW", carats=4_000_000, origin=mixed))
    [found] = trader.flags("F5", "2027-01-15")
    assert found.measure == 3_000
    agree(trader, came, "2027-01-16", 4_000_000)
    assert trader.flags("F5", "2027-01-16") == []


def test_f5_examples_are_exports_that_were_counted(trader: Trader) -> None:
    trader.issue(trader.draw_up("2026-07-06", "ZA", "EU"))
    mixed = Origin(kind=OriginKind.MIXED, countries=())
    voided, sent = (
        trader.draw_up("2026-12-03", "EU", "BW", carats=4_000_000, origin=mixed) for _ in range(2)
    )
    trader.issue(voided)
    issue = trader.issue(sent)
    void(trader, voided, "2026-12-03")
    [found] = trader.flags("F5", "2027-01-15")
    assert found.evidence == (issue,)


def test_f15_a_return_that_was_voided_is_no_journey(trader: Trader) -> None:
    trader.issue(trader.draw_up(DAY, "BW", "EU", carats=123_456))
    back = trader.draw_up("2026-03-20", "EU", "BW", carats=123_456)
    trader.issue(back)
    assert trader.subjects("F15", "2026-03-20") == [back.number]
    void(trader, back, "2026-03-20")
    assert trader.flags("F15", "2026-03-20") == []


@pytest.mark.parametrize("real", [True, False])
def test_f15_a_voided_leg_is_no_journey_and_hides_none(trader: Trader, *, real: bool) -> None:
    real_leg, voided = (trader.draw_up(DAY, "BW", "EU", carats=123_456) for _ in range(2))
    out = trader.issue(real_leg) if real else ""
    trader.issue(voided)
    void(trader, voided)
    back = trader.issue(trader.draw_up("2026-03-20", "EU", "BW", carats=123_456))
    found = trader.flags("F15", "2026-03-20")
    assert [one.evidence for one in found] == ([(out, back)] if real else [])


def test_f4_a_replaced_re_export_counts_once(trader: Trader) -> None:
    came = trader.draw_up(DAY)
    trader.issue(came)
    trader.confirm(came, "2026-03-09")
    source = Source(number=came.number, carat_thousandths=100_000)
    went = trader.draw_up(
        "2026-04-01", "EU", "ZA", cents=9_000_000, sources=(source,), origin=came.origin
    )
    trader.issue(went)
    anew = vary(trader.draw_up("2026-04-01", "EU", "ZA"), **replaced_fields(went))
    body = CertificateReplaced(reason=ReplacementReason.ERROR, certificate=anew)
    trader.say("2026-04-01", "EU/antwerp", body, went.number)
    assert trader.subjects("F4", "2026-04-01") == [anew.number]


def replaced_fields(old: Certificate) -> dict[str, object]:
    names = ("value_usd_cents", "lines", "sources", "origin")
    return {name: getattr(old, name) for name in names}


def test_f10_what_was_voided_is_no_last_sale(trader: Trader) -> None:
    voided, sent = trader.draw_up(DAY), trader.draw_up(DAY)
    trader.issue(voided)
    trader.issue(sent)
    void(trader, voided)
    body = ParticipantStatusChanged(
        code="BW",
        status=Standing.SELF_SUSPENDED,
        effective_from=start_of_day_ms("2026-03-04"),
        decision="OWN-1",
    )
    trader.say("2026-03-03", "BW/root", body)
    assert trader.subjects("F10", "2026-03-05") == [sent.number]


def test_f16_a_replacement_recorded_long_after_its_date(trader: Trader) -> None:
    certificate = trader.draw_up("2026-03-11")
    trader.issue(certificate)
    anew = trader.draw_up(DAY)
    body = CertificateReplaced(reason=ReplacementReason.ERROR, certificate=anew)
    event = trader.say("2026-03-11", "BW/gaborone", body, certificate.number)
    [found] = trader.flags("F16", "2026-03-11")
    assert (found.measure, found.evidence) == (9, (event,))


def test_f8_a_seal_set_free_and_then_used_twice(trader: Trader) -> None:
    voided, second, third = (trader.draw_up(DAY, seals=("BW-77",)) for _ in range(3))
    trader.issue(voided)
    void(trader, voided)
    issue, other = trader.issue(second), trader.issue(third)
    [found] = trader.flags("F8", DAY)
    assert (found.subject, found.evidence) == (third.number, (issue, other))


def test_f8_every_seal_of_a_certificate_is_remembered(trader: Trader) -> None:
    trader.issue(trader.draw_up(DAY, seals=("BW-77",)))
    both = trader.draw_up(DAY, seals=("BW-77", "BW-78"))
    last = trader.draw_up(DAY, seals=("BW-78",))
    trader.issue(both)
    trader.issue(last)
    assert sorted(trader.subjects("F8", DAY)) == [both.number, last.number]


@pytest.mark.parametrize("came_back", [False, True])
def test_f1_goods_that_came_back_are_answered_for(trader: Trader, *, came_back: bool) -> None:
    sent = trader.draw_up(DAY)
    trader.issue(sent)
    trader.say("2026-03-10", "EU/antwerp", DETAINED, sent.number)
    back = trader.draw_up(
        "2026-03-11", "EU", "BW", kind=CertificateKind.TECHNICAL, case=sent.number
    )
    trader.issue(back)
    refusal = ImportRefusedReturned(
        reason=HoldReason.ORDER, technical_certificate=back.number, remarks=""
    )
    trader.say("2026-03-12", "EU/antwerp", refusal, sent.number)
    if came_back:
        received = ReturnReceived(
            received_on="2026-03-20", carat_thousandths=sent.carat_thousandths, condition=""
        )
        trader.say("2026-03-20", "BW/gaborone", received, sent.number)
    assert trader.subjects("F1", "2026-09-01") == ([] if came_back else [back.number])
