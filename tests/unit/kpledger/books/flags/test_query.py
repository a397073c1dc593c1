"""Flags are asked for in pages, by participant and by day."""

import itertools
from collections.abc import Callable

import msgspec
import pytest
from flagging import Trader

from kpledger.base.units import add_days
from kpledger.books.balance import BALANCE, BalanceQuestion
from kpledger.books.flags.search import FLAGS, FlagsQuestion, prepare_search
from kpledger.books.question import QuestionError

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
        answer = trader.ledger.ask(FLAGS, question)
        return [one.flag for one in answer.findings], answer.more

    assert [ask(skip) for skip in range(4)] == [
        (["F1"], True),
        (["F1"], True),
        (["F7"], False),
        ([], False),
    ]


def test_pages_are_the_parts_of_one_list_whatever_the_day_it_begins_with(trader: Trader) -> None:
    """Years are looked at in slices, the newest first."""
    for day, at in (("2015-01-01", "2029-01-01"), ("2026-10-01", "2026-12-31")):
        asked = FlagsQuestion(from_day=day, until=at, at=at, limit=1_000)
        whole = trader.ledger.ask(FLAGS, asked).findings
        pages = [
            trader.ledger.ask(FLAGS, msgspec.structs.replace(asked, limit=3, skip=skip)).findings
            for skip in range(0, len(whole), 3)
        ]
        assert tuple(itertools.chain(*pages)) == whole
        assert [one.day for one in whole] == sorted((one.day for one in whole), reverse=True)
        assert {one.flag for one in whole} >= {"F1", "F14"}


@pytest.mark.parametrize("from_day", ["2026-12-31", "2026-10-01", "2026-09-30", "1990-01-01"])
def test_slices_hold_every_day_once(trader: Trader, from_day: str) -> None:
    search = prepare_search(
        trader.ledger.books, FlagsQuestion(from_day=from_day, until="2026-12-31")
    )
    slices = [(one.from_day, one.until_day) for one in search.slices()]
    assert (slices[0][1], slices[-1][0]) == ("2026-12-31", from_day)
    for (first, _), (_, last) in itertools.pairwise(slices):
        assert add_days(last, 1) == first


def test_flags_of_one_participant_are_those_of_either_side(trader: Trader) -> None:
    def count(code: str) -> int:
        question = FlagsQuestion(flag="F1", participant=code, at="2026-10-15")
        return len(trader.ledger.ask(FLAGS, question).findings)

    assert {code: count(code) for code in ("BW", "EU", "ZA", "IN")} == {
        "BW": 2,
        "EU": 1,
        "ZA": 1,
        "IN": 0,
    }


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        (lambda: FlagsQuestion(flag="F99"), "flag"),
        (lambda: FlagsQuestion(participant="bw"), "participant"),
        (lambda: FlagsQuestion(at="2026-02-30"), "at"),
        (lambda: FlagsQuestion(at="0001-01-01"), "at"),
        (lambda: FlagsQuestion(at="2100-01-01"), "at"),
        (lambda: FlagsQuestion(until="soon"), "until"),
        (lambda: FlagsQuestion(from_day="2026-05-01", until="2026-04-01"), "from_day"),
        (lambda: FlagsQuestion(from_day="1990-01-01", until="2099-12-31"), "from_day"),
        (lambda: FlagsQuestion(settings="F1=3"), "settings"),
    ],
)
def test_a_question_without_sense_names_its_parameter(
    trader: Trader, ask: Callable[[], FlagsQuestion], field: str
) -> None:
    with pytest.raises(QuestionError) as caught:
        trader.ledger.ask(FLAGS, ask())
    assert caught.value.field == field


def test_a_stock_of_nobody_on_the_ledger_is_refused(trader: Trader) -> None:
    for query, question in (
        (FLAGS, FlagsQuestion(settings="stock.ZZ=1")),
        (BALANCE, BalanceQuestion(participant="BW", settings="stock.BW=1,stock.ZZ=1")),
    ):
        with pytest.raises(QuestionError, match="settings: there is no participant 'ZZ'"):
            query.reply(trader.ledger.books, question)
