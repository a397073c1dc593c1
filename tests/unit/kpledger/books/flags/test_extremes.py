"""Absurd amounts are watched like others: what the rules accept must not stop every node."""

import sqlite3

from flagging import Trader

from kpledger.base.units import MAX_AMOUNT
from kpledger.books.database import Books, create_indexes, create_tables
from kpledger.books.flags.search import Search, find_flags
from kpledger.books.flags.settings import parse_settings
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


def test_sums_beyond_64_bits_are_flagged_like_others() -> None:
    """One participant that declares the largest weights again and again must not stop a search."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(connection)
    create_indexes(connection)
    rows: dict[str, list[tuple[str | int | None, ...]]] = {
        "meta (key, value)": [("first_issued_on", "2024-01-02")],
        "participants (participant, name, kind, authority_count, statistics_offices, known_from)": [
            ("BW", "Botswana", "STATE", 1, 0, 0)
        ],
        "flows": [
            ("BW", f"2025-{month:02d}", f"Q{origin}", 1, MAX_AMOUNT, MAX_AMOUNT, 1, 1, 1)
            for month in range(1, 13)
            for origin in range(200)
        ],
        "pairs": [("2025Q4", "BW", "EU", *(1, MAX_AMOUNT, MAX_AMOUNT), *(-MAX_AMOUNT,) * 15)],
        "trade_totals": [
            ("2025Q4", "EXPORT", "BW", f"day {number}", MAX_AMOUNT, MAX_AMOUNT, 1)
            for number in range(2_400)
        ],
        "editions": [
            ("BW", series, period, 1, 0, 0, "2026-01-02", *(MAX_AMOUNT,) * 8, None)
            for series, period in (("TRADE", "2025Q4"), ("PRODUCTION", "2025H2"))
        ],
    }
    for table, values in rows.items():
        places = ", ".join("?" * len(values[0]))
        connection.executemany(" ".join(("INSERT INTO", table, f"VALUES ({places})")), values)
    settings = parse_settings("F5.slack_percent=0,F6.percent=10000,F12.carats=0")
    search = Search(Books(connection), settings, "2025-01-01", "2026-12-31", "2026-12-31")
    assert {one.flag for one in find_flags(search)} >= {"F5", "F6", "F12", "F13"}
