"""What the topics answer: pages of flags, and the analysts' tables."""

import pytest
from flagging import Trader

from kpledger.analysis.agenda import CALENDAR, CalendarQuestion
from kpledger.analysis.flags.tables.balance import (
    BALANCE,
    PRODUCTION_CHECK,
    BalanceQuestion,
    ProductionQuestion,
)
from kpledger.analysis.flags.tables.mirror import MIRROR, MirrorQuestion
from kpledger.analysis.flags.tables.numbers import NUMBERS, NumbersQuestion
from kpledger.analysis.flags.tables.unconfirmed import UNCONFIRMED, UnconfirmedQuestion
from kpledger.analysis.flags.topic import FLAGS_TOPIC, FlagsQuestion
from kpledger.analysis.topic import QuestionError

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


def test_flags_come_in_pages_the_newest_first(trader: Trader) -> None:
    def ask(skip: int) -> tuple[list[str], bool]:
        question = FlagsQuestion(flag="F1,F7", at="2026-10-15", limit=1, skip=skip)
        answer = FLAGS_TOPIC.respond(trader.ledger.book, question)
        return [one.flag for one in answer.findings], answer.more

    assert [ask(skip) for skip in range(4)] == [
        (["F1"], True),
        (["F1"], True),
        (["F7"], False),
        ([], False),
    ]


def test_flags_of_one_participant_are_those_of_either_side(trader: Trader) -> None:
    def count(code: str) -> int:
        question = FlagsQuestion(flag="F1", participant=code, at="2026-10-15")
        return len(FLAGS_TOPIC.respond(trader.ledger.book, question).findings)

    assert {code: count(code) for code in ("BW", "EU", "ZA", "IN")} == {
        "BW": 2,
        "EU": 1,
        "ZA": 1,
        "IN": 0,
    }


@pytest.mark.parametrize(
    ("question", "field"),
    [
        (FlagsQuestion(flag="F19"), "flag"),
        (FlagsQuestion(participant="bw"), "participant"),
        (FlagsQuestion(at="2026-02-30"), "at"),
        (FlagsQuestion(at="0001-01-01"), "at"),
        (FlagsQuestion(at="2100-01-01"), "at"),
        (FlagsQuestion(until="soon"), "until"),
        (FlagsQuestion(from_day="2026-05-01", until="2026-04-01"), "from_day"),
        (FlagsQuestion(settings="F1=3"), "settings"),
    ],
)
def test_a_question_without_sense_names_its_parameter(
    trader: Trader, question: FlagsQuestion, field: str
) -> None:
    with pytest.raises(QuestionError) as caught:
        FLAGS_TOPIC.respond(trader.ledger.book, question)
    assert caught.value.field == field


def test_the_mirror_shows_both_ways(trader: Trader) -> None:
    question = MirrorQuestion(one="BW", other="EU", period="2026Q3")
    there, back = MIRROR.respond(trader.ledger.book, question).rows
    assert (there.issued, there.confirmed, there.open, there.held) == (2, 1, 1, 0)
    assert (there.confirmed_carat_thousandths, there.found_carat_thousandths) == (100_000, 99_995)
    assert (there.received, there.submitted_out_carat_thousandths) == (1, None)
    assert (back.issuer, back.destination, back.issued) == ("EU", "BW", 0)


@pytest.mark.parametrize(("one", "other"), [("BW", "BW"), ("BW", ""), ("BW", "XX")])
def test_a_mirror_needs_two_participants(trader: Trader, one: str, other: str) -> None:
    question = MirrorQuestion(one=one, other=other, period="2026Q3")
    with pytest.raises(QuestionError, match="other: "):
        MIRROR.respond(trader.ledger.book, question)


def test_nobody_is_answered_for_whom_the_ledger_does_not_know(trader: Trader) -> None:
    """A mistyped code would look like a participant without a fault."""
    book = trader.ledger.book
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
    answer = BALANCE.respond(trader.ledger.book, question)
    assert [(row.month, row.mined, row.exported, row.balance) for row in answer.rows] == [
        ("2026-07", 100_000, 300_000, 800_000),
        ("2026-08", 100_000, 0, 900_000),
    ]
    europe = BALANCE.respond(
        trader.ledger.book, BalanceQuestion(participant="EU", months=1, at="2026-07-31")
    )
    assert [(row.imported, row.mined) for row in europe.rows] == [(99_995, None)]


def test_the_months_of_a_half_year_hold_all_that_was_mined(trader: Trader) -> None:
    trader.mine("2027-07-10", "ZA", "2027H1", 1)
    question = BalanceQuestion(participant="ZA", months=6, at="2027-06-30")
    mined = [row.mined for row in BALANCE.respond(trader.ledger.book, question).rows]
    assert mined == [166, 167, 167, 166, 167, 167]


def test_production_stands_beside_exports(trader: Trader) -> None:
    question = ProductionQuestion(participant="BW", half_years=2, at="2026-12-01")
    first, second = PRODUCTION_CHECK.respond(trader.ledger.book, question).rows
    assert (first.half_year, first.mined_carat_thousandths, first.exported_percent) == (
        "2026H1",
        None,
        None,
    )
    assert (second.mined_carat_thousandths, second.exported_carat_thousandths) == (600_000, 300_000)
    assert (second.exported_percent, second.certificates, second.due_on) == (50, 3, "2027-02-28")


def test_destinations_are_ranked_by_what_they_leave_open(trader: Trader) -> None:
    question = UnconfirmedQuestion(at="2026-10-15")
    answer = UNCONFIRMED.respond(trader.ledger.book, question)
    ranking = [(one.destination, one.unconfirmed, one.issued) for one in answer.ranking]
    assert ranking == [("EU", 1, 2), ("ZA", 1, 1)]
    assert [one.destination for one in answer.certificates] == ["EU", "ZA"]
    early = UnconfirmedQuestion(at="2026-10-03")
    assert UNCONFIRMED.respond(trader.ledger.book, early).ranking == ()


def test_numbers_show_ranges_and_gaps(trader: Trader) -> None:
    answer = NUMBERS.respond(trader.ledger.book, NumbersQuestion(participant="BW"))
    [one] = answer.ranges
    assert (one.authority, one.used, one.highest, one.missing) == ("gaborone", 3, "BW000004", 1)
    assert [(gap.first, gap.count, gap.next) for gap in one.gaps] == [("BW000003", 1, "BW000004")]
    assert answer.findings == ()


@pytest.mark.parametrize(
    "ask",
    [
        lambda book: BALANCE.respond(book, BalanceQuestion()),
        lambda book: PRODUCTION_CHECK.respond(book, ProductionQuestion()),
        lambda book: NUMBERS.respond(book, NumbersQuestion()),
    ],
)
def test_somebody_has_to_be_named(trader: Trader, ask: object) -> None:
    assert callable(ask)
    with pytest.raises(QuestionError, match="participant: "):
        ask(trader.ledger.book)
