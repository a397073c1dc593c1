"""Flags at the edge of a day, a period or a setting, and what they say of a single thing."""

import pytest
from flagging import Trader
from founding import CHAIR, DECISION, decide, signing_key

from kpledger.base.units import start_of_day_ms
from kpledger.books.flags.search import FLAGS, FlagsQuestion
from kpledger.scheme.v1.events.certificate import (
    CertificateVoided,
    ExportNotified,
    VoidReason,
)
from kpledger.scheme.v1.events.decisions import PolicySet, PolicyValues
from kpledger.scheme.v1.events.governance import (
    KeyRevoked,
    ParticipantAdmitted,
    ParticipantKind,
    ParticipantStatusChanged,
    RevocationReason,
    Standing,
)
from kpledger.scheme.v1.events.importing import HoldReason, ShipmentDetained, SuspectReported
from kpledger.scheme.v1.events.statistics import (
    CountRow,
    CountStatisticsSubmitted,
    Flow,
    TradeRow,
    TradeStatisticsSubmitted as Submitted,
)

DAY = "2026-03-02"
AFTERNOON_MS = 50_000_000
DETAINED = ShipmentDetained(
    reason=HoldReason.ISSUER_NOT_IN_GOOD_STANDING, legal_reference="Order 7", remarks=""
)


def change_standing(trader: Trader, day: str, status: Standing, *, said_on: str = "") -> None:
    body = ParticipantStatusChanged(
        code="BW",
        status=status,
        effective_from=start_of_day_ms(day) + AFTERNOON_MS,
        decision="OWN-1",
    )
    trader.say(said_on or day, "BW/root", body)


def settle(trader: Trader, day: str, code: str, values: PolicyValues) -> None:
    body = PolicySet(
        participant=code,
        values=values,
        effective_from=start_of_day_ms(day) + AFTERNOON_MS,
        decision=None,
    )
    trader.say(day, f"{code}/root", body, f"{code}/policy")


def test_f10_issued_on_the_very_day_of_a_suspension(trader: Trader) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    change_standing(trader, DAY, Standing.SELF_SUSPENDED)
    [found] = trader.flags("F10", "2026-03-03")
    assert (found.subject, found.measure) == (certificate.number, 0)
    assert f"Issued 0 days before BW became self-suspended on {DAY}" in found.explanation


def test_f10_a_suspension_to_come(trader: Trader) -> None:
    trader.issue(trader.draw_up(DAY))
    change_standing(trader, "2026-03-03", Standing.SELF_SUSPENDED, said_on=DAY)
    [found] = trader.flags("F10", DAY)
    assert "Issued 1 day before BW becomes self-suspended" in found.explanation


def test_f10_a_standing_that_only_gets_worse_ends_trade_once(trader: Trader) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    change_standing(trader, "2026-03-10", Standing.SELF_SUSPENDED)
    body = ParticipantStatusChanged(
        code="BW",
        status=Standing.SUSPENDED,
        effective_from=start_of_day_ms("2026-03-16"),
        decision=DECISION,
    )
    trader.ledger.wait_until("2026-03-14")
    decide(trader.ledger)
    trader.say("2026-03-15", CHAIR, body)
    assert trader.subjects("F10", "2026-03-20") == [certificate.number]


def test_f10_detained_when_it_is_presented_after_a_suspension(trader: Trader) -> None:
    certificate = trader.draw_up(DAY)
    issue = trader.issue(certificate)
    change_standing(trader, "2026-03-12", Standing.SELF_SUSPENDED)
    event = trader.say("2026-03-14", "EU/antwerp", DETAINED, certificate.number)
    [found] = trader.flags("F10", "2026-03-14", "F10.days=0")
    assert found.evidence == (issue, event)


def test_f9_waits_are_sorted_where_destinations_have_other_limits(trader: Trader) -> None:
    settle(trader, DAY, "ZA", PolicyValues(confirm_within_days=20))
    slow, quick = trader.draw_up(DAY, "BW", "ZA"), trader.draw_up(DAY)
    for one in (slow, quick):
        trader.issue(one)
    trader.arrive(quick, "2026-03-09")
    trader.arrive(slow, "2026-03-10")
    last = trader.draw_up(DAY)
    trader.issue(last, on="2026-03-11")
    trader.arrive(last, "2026-03-11")
    days = [
        one.day for one in trader.flags("F9", "2026-05-01") if "not confirmed" in one.explanation
    ]
    assert len(days) == 3
    assert days == sorted(days, reverse=True)


@pytest.mark.parametrize("announced", [True, False])
def test_f9_a_day_of_export_in_the_confirmation_is_no_notice(
    trader: Trader, *, announced: bool
) -> None:
    settle(trader, DAY, "BW", PolicyValues(notice_expected=True))
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    if announced:
        notice = ExportNotified(
            exported_on=DAY,
            carrier="Air",
            transport_document="1",
            expected_on=None,
            transit=(),
        )
        trader.say(DAY, "BW/gaborone", notice, certificate.number)
    trader.confirm(certificate, "2026-03-09", exported_on=DAY)
    assert bool(trader.flags("F9", "2026-03-09")) is not announced


def test_f9_a_single_day(trader: Trader) -> None:
    settle(trader, DAY, "EU", PolicyValues(confirm_within_days=1))
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    trader.arrive(certificate, "2026-03-09")
    [found] = trader.flags("F9", "2026-03-11")
    assert "in the 2 working days since, where the limit is 1." in found.explanation


def test_f13_measures_in_the_units_of_its_settings(trader: Trader) -> None:
    trader.issue(trader.draw_up(DAY, carats=2_000_000, cents=90_000_000))
    row = TradeRow(
        flow=Flow.EXPORT,
        partner="EU",
        origin="BW",
        hs=trader.draw_up(DAY).lines[0].hs,
        carat_thousandths=1_000_000,
        value_usd_cents=60_000_000,
    )
    body = Submitted(quarter="2026Q1", edition=1, rows=(row,), remarks="")
    trader.show("2026-05-20", "BW/gaborone", body, "BW/trade/2026Q1")
    assert [one.measure for one in trader.flags("F13", "2026-06-01")] == [1_000, 300_000]


def test_f13_a_single_certificate(trader: Trader) -> None:
    for _ in range(4):
        trader.issue(trader.draw_up(DAY))
    row = CountRow(partner="EU", issued=1, received=0)
    body = CountStatisticsSubmitted(quarter="2026Q1", edition=1, rows=(row,), remarks="")
    trader.show("2026-05-20", "BW/gaborone", body, "BW/counts/2026Q1")
    [found] = trader.flags("F13", "2026-06-01")
    assert "BW submitted 1 certificate issued for 2026Q1; the ledger has 4." in found.explanation


def test_f14_one_day_late(trader: Trader) -> None:
    trader.issue(trader.draw_up(DAY))
    found = trader.flags("F14", "2026-09-01", participant="BW")
    assert {"in the 1 day since" in one.explanation for one in found} == {True}


def test_f14_a_long_patience_looks_back_far_enough(trader: Trader) -> None:
    trader.issue(trader.draw_up(DAY))
    question = FlagsQuestion(flag="F14", settings="F14.late_days=700", at="2028-08-01")
    answer = trader.ledger.ask(FLAGS, question)
    assert "BW/trade/2026Q2" in {one.subject for one in answer.findings}


def test_f14_who_joins_within_a_quarter_owes_figures_from_the_next_on(trader: Trader) -> None:
    trader.issue(trader.draw_up(DAY))
    body = ParticipantAdmitted(
        code="QA",
        name="Qatar",
        kind=ParticipantKind.STATE,
        root_key=signing_key("QA/root").public_key,
        recovery_key=signing_key("QA/recovery").public_key,
        effective_from=start_of_day_ms("2026-04-20"),
        decision=DECISION,
    )
    trader.ledger.wait_until("2026-04-10")
    decide(trader.ledger)
    trader.say("2026-04-10", CHAIR, body)
    found = [
        one.subject
        for one in trader.flags("F14", "2026-12-15")
        if one.participant == "QA" and "/trade/" in one.subject
    ]
    assert found == ["QA/trade/2026Q3"]


def test_f14_says_which_figures_were_restated(trader: Trader) -> None:
    for edition, issued in ((1, 0), (2, 7)):
        row = CountRow(partner="EU", issued=issued, received=3)
        body = CountStatisticsSubmitted(quarter="2026Q1", edition=edition, rows=(row,), remarks="")
        trader.show("2026-05-20", "BW/gaborone", body, "BW/counts/2026Q1")
    [found] = trader.flags("F14", "2026-05-20")
    assert found.explanation.startswith(
        "The certificate counts of 2026Q1 were restated: from edition 1 to edition 2, 0 became 7"
        " certificates issued."
    )


def test_f17_a_silence_longer_than_a_year(trader: Trader) -> None:
    trader.issue(trader.draw_up(DAY))
    for half, day in (("2026H1", "2026-08-01"), ("2026H2", "2027-02-01"), ("2027H1", "2027-08-01")):
        trader.mine(day, "BW", half, 20_000)
    found = trader.flags("F17", "2027-08-02", "F17.quarters=5")
    assert [one.day for one in found] == ["2027-06-30"]
    assert "mined 40000.000 ct from 2026-07 to 2027-06" in found[0].explanation
    assert "no certificate from 2026-04 to 2027-06" in found[0].explanation


def test_f8_a_suspect_paper_of_a_voided_certificate(trader: Trader) -> None:
    certificate = trader.draw_up(DAY)
    trader.issue(certificate)
    void = CertificateVoided(reason=VoidReason.ERROR, remarks="")
    trader.say(DAY, "BW/gaborone", void, certificate.number)
    body = SuspectReported(
        claimed_issuer="BW",
        claimed_number=certificate.number,
        claimed_issue=DAY,
        image=None,
        remarks="",
    )
    trader.show(DAY, "EU/antwerp", body, "EU/suspect/a")
    [found] = trader.flags("F8", DAY)
    assert "life had ended (certificate voided)." in found.explanation


def test_f7_a_suspect_paper_without_a_number_is_on_no_list_of_numbers(trader: Trader) -> None:
    body = SuspectReported(
        claimed_issuer="BW", claimed_number="", claimed_issue=None, image=None, remarks=""
    )
    trader.say(DAY, "EU/antwerp", body, "EU/suspect/1")
    assert trader.flags("F7", "2026-06-01") == []


def test_f9_a_destination_that_forgets_twice_is_flagged_twice(trader: Trader) -> None:
    certificates = (trader.draw_up(DAY), trader.draw_up(DAY))
    for certificate in certificates:
        trader.issue(certificate)
    for certificate in certificates:
        trader.arrive(certificate, "2026-03-10")
    assert len(trader.flags("F9", "2026-05-20")) == 2
    early = FlagsQuestion(from_day="2026-01-01", until="2026-01-31", at="2026-05-20")
    assert trader.ledger.ask(FLAGS, early).findings == ()


def test_f16_what_a_compromised_key_signed_before_the_days_asked_for_is_left_out(
    trader: Trader,
) -> None:
    trader.issue(trader.draw_up(DAY))
    trader.ledger.wait_until("2026-08-01")
    body = KeyRevoked(
        key=signing_key("BW/gaborone").public_key,
        reason=RevocationReason.COMPROMISED,
        suspect_since=start_of_day_ms("2026-03-01"),
    )
    trader.say("2026-08-01", "BW/root", body, body.key.hex())
    assert trader.flags("F16", "2026-09-01") != []
    late = FlagsQuestion(flag="F16", from_day="2026-07-01", until="2026-09-01", at="2026-09-01")
    assert trader.ledger.ask(FLAGS, late).findings == ()
