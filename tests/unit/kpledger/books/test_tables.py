"""The analysts' tables: mirror, balance, production, unconfirmed certificates, numbers."""

import pytest
from flagging import Trader

from kpledger.books.balance import (
    BALANCE,
    PRODUCTION_CHECK,
    BalanceQuestion,
    ProductionQuestion,
)
from kpledger.books.calendar import CALENDAR, CalendarQuestion
from kpledger.books.mirror import MIRROR, MirrorQuestion
from kpledger.books.numbers import NUMBERS, NumbersQuestion
from kpledger.books.question import QuestionError
from kpledger.books.unconfirmed import UNCONFIRMED, UnconfirmedQuestion
from kpledger.scheme.v1.events.importing import SuspectReported

DAY = "2026-07-06"


@pytest.fixture
def trader() -> Trader:
    """Give a ledger with three certificates to EU: one confirmed, one held open, one to ZA."""
    trader = Trader()
    sent = [trader.draw_up(DAY), trader.draw_up(DAY, serial=4), trader.draw_up(DAY, "BW", "ZA")]
    for certificate in sent:
        trader.issue(certificate)
    trader.confirm(sent[0], "2026-07-20", carat_thousandths=99_995)
    trader.mine("2027-01-10", "BW", "2026H2", 600)
    return trader


def test_the_mirror_shows_both_ways(trader: Trader) -> None:
    question = MirrorQuestion(one="BW", other="EU", period="2026Q3")
    there, back = MIRROR.respond(trader.ledger.books, question).rows
    assert (there.issued, there.confirmed, there.open, there.held) == (2, 1, 1, 0)
    assert (there.confirmed_carat_thousandths, there.found_carat_thousandths) == (100_000, 99_995)
    assert (there.received, there.submitted_out_carat_thousandths) == (1, None)
    assert (back.issuer, back.destination, back.issued) == ("EU", "BW", 0)


@pytest.mark.parametrize(("one", "other"), [("BW", "BW"), ("BW", ""), ("BW", "XX")])
def test_a_mirror_needs_two_participants(trader: Trader, one: str, other: str) -> None:
    with pytest.raises(QuestionError, match="other: "):
        MIRROR.respond(trader.ledger.books, MirrorQuestion(one=one, other=other, period="2026Q3"))


def test_nobody_is_answered_for_whom_the_ledger_does_not_know(trader: Trader) -> None:
    """A mistyped code would look like a participant without a fault."""
    book = trader.ledger.books
    for answer in (
        lambda: BALANCE.respond(book, BalanceQuestion(participant="XX")),
        lambda: NUMBERS.respond(book, NumbersQuestion(participant="XX")),
        lambda: UNCONFIRMED.respond(book, UnconfirmedQuestion(participant="XX")),
        lambda: CALENDAR.respond(book, CalendarQuestion(participant="XX")),
    ):
        with pytest.raises(QuestionError, match="participant: there is no participant 'XX'"):
            answer()


def test_the_balance_runs_from_the_opening_stock_on(trader: Trader) -> None:
    question = BalanceQuestion(
        participant="BW", months=2, at="2026-08-01", settings="stock.BW=1000"
    )
    answer = BALANCE.respond(trader.ledger.books, question)
    assert [(row.month, row.mined, row.exported, row.balance) for row in answer.rows] == [
        ("2026-07", 100_000, 300_000, 800_000),
        ("2026-08", 100_000, 0, 900_000),
    ]
    europe = BALANCE.respond(
        trader.ledger.books, BalanceQuestion(participant="EU", months=1, at="2026-07-31")
    )
    assert [(row.imported, row.mined) for row in europe.rows] == [(99_995, None)]


def test_the_months_of_a_half_year_hold_all_that_was_mined(trader: Trader) -> None:
    trader.mine("2027-07-10", "ZA", "2027H1", 1)
    question = BalanceQuestion(participant="ZA", months=6, at="2027-06-30")
    mined = [row.mined for row in BALANCE.respond(trader.ledger.books, question).rows]
    assert mined == [166, 167, 167, 166, 167, 167]


def test_production_stands_beside_exports(trader: Trader) -> None:
    question = ProductionQuestion(participant="BW", half_years=2, at="2026-12-01")
    first, second = PRODUCTION_CHECK.respond(trader.ledger.books, question).rows
    assert (first.half_year, first.mined_carat_thousandths, first.exported_percent) == (
        "2026H1",
        None,
        None,
    )
    assert (second.mined_carat_thousandths, second.exported_carat_thousandths) == (600_000, 300_000)
    assert (second.exported_percent, second.certificates, second.due_on) == (50, 3, "2027-02-28")


def test_destinations_are_ranked_by_what_they_leave_open(trader: Trader) -> None:
    question = UnconfirmedQuestion(at="2026-10-15")
    answer = UNCONFIRMED.respond(trader.ledger.books, question)
    ranking = [(one.destination, one.unconfirmed, one.issued) for one in answer.ranking]
    assert ranking == [("EU", 1, 2), ("ZA", 1, 1)]
    assert [one.destination for one in answer.certificates] == ["EU", "ZA"]
    early = UnconfirmedQuestion(at="2026-10-03")
    assert UNCONFIRMED.respond(trader.ledger.books, early).ranking == ()


def test_numbers_show_ranges_and_gaps(trader: Trader) -> None:
    answer = NUMBERS.respond(trader.ledger.books, NumbersQuestion(participant="BW"))
    [one] = answer.ranges
    assert (one.authority, one.used, one.highest, one.missing) == ("gaborone", 3, "BW000004", 1)
    assert [(gap.first, gap.count, gap.next) for gap in one.gaps] == [("BW000003", 1, "BW000004")]
    assert (answer.findings, answer.more) == ((), False)


def test_numbers_say_whether_there_are_more_findings(trader: Trader) -> None:
    for paper in ("BW000777", "BW000778"):
        suspected = SuspectReported(
            claimed_issuer="BW", claimed_number=paper, claimed_issue=DAY, image=None, remarks=""
        )
        trader.show("2026-07-21", "EU/antwerp", suspected, f"EU/suspect/{paper.lower()}")
    for limit, more in ((1, True), (2, False)):
        question = NumbersQuestion(participant="BW", limit=limit)
        answer = NUMBERS.respond(trader.ledger.books, question)
        assert (len(answer.findings), answer.more) == (limit, more)


@pytest.mark.parametrize(
    "ask",
    [
        lambda book: BALANCE.respond(book, BalanceQuestion(participant="")),
        lambda book: PRODUCTION_CHECK.respond(book, ProductionQuestion(participant="")),
        lambda book: NUMBERS.respond(book, NumbersQuestion(participant="")),
    ],
)
def test_somebody_has_to_be_named(trader: Trader, ask: object) -> None:
    assert callable(ask)
    with pytest.raises(QuestionError, match="participant: "):
        ask(trader.ledger.books)
