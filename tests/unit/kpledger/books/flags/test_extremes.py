"""Absurd amounts are watched like others: what the rules accept must not stop every node."""

from flagging import Trader

from kpledger.base.units import MAX_AMOUNT
from kpledger.scheme.v1.events.certificate import Source
from kpledger.scheme.v1.events.statistics import ProductionStatisticsSubmitted

DAY = "2026-03-02"
MOST_PERCENT = MAX_AMOUNT // 10_000
"""What is kept in millionths and cut off, in percent."""


def test_a_thousandth_declared_and_the_largest_weight_found(trader: Trader) -> None:
    certificate = trader.draw_up(DAY, carats=1, cents=1)
    trader.issue(certificate)
    trader.confirm_otherwise(
        certificate, DAY, carat_thousandths=MAX_AMOUNT, value_usd_cents=MAX_AMOUNT
    )
    [flag] = trader.flags("F2", DAY)
    assert (flag.subject, flag.measure) == (certificate.number, MOST_PERCENT)


def test_the_lowest_price_comes_in_and_the_highest_goes_out(trader: Trader) -> None:
    trader.issue(trader.draw_up(DAY, carats=MAX_AMOUNT, cents=1))
    source = Source(number="BW000001", carat_thousandths=MAX_AMOUNT)
    sent = trader.draw_up(DAY, "EU", "BW", carats=1, cents=MAX_AMOUNT, sources=(source,))
    trader.issue(sent)
    [flag] = trader.flags("F4", DAY, "F4.share_percent=0")
    assert (flag.subject, flag.measure) == (sent.number, MOST_PERCENT)


def test_nothing_reported_and_then_the_largest_weight(trader: Trader) -> None:
    for edition, carats in enumerate((0, MAX_AMOUNT), start=1):
        mined = ProductionStatisticsSubmitted(
            half_year="2025H2",
            edition=edition,
            carat_thousandths=carats,
            value_usd_cents=carats,
            remarks="",
        )
        trader.say(DAY, "BW/root", mined, "BW/production/2025H2")
    [restated] = [one for one in trader.flags("F14", DAY) if "edition" in one.explanation]
    assert restated.measure == MOST_PERCENT
