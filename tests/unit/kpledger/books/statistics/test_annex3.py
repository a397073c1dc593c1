"""The tables of Annex III: derived, submitted, compared, and as known at a day."""

import pytest
from booked import BookedLedger, open_booked_trade
from founding import TODAY, issue, make_certificate, vary

from kpledger.books.question import QuestionError
from kpledger.books.statistics import (
    ANNEX3,
    Annex3Answer,
    Annex3Count,
    Annex3Production,
    Annex3Question,
    Annex3Submission,
    Annex3Trade,
    Basis,
)
from kpledger.scheme.v1.events.certificate import HsCode
from kpledger.scheme.v1.events.statistics import (
    CountRow,
    CountStatisticsSubmitted,
    Flow,
    ProductionStatisticsSubmitted,
    Series,
    TradeRow,
    TradeStatisticsSubmitted,
)

BW = "BW/gaborone"
GOOD = Annex3Question(participant="BW", period="2026Q1")


@pytest.fixture
def ledger() -> BookedLedger:
    return open_booked_trade()


def ask(
    ledger: BookedLedger,
    source: Basis = Basis.DERIVED,
    *,
    participant: str = "BW",
    period: str = "2026Q1",
    known_at: str = "",
) -> Annex3Answer:
    question = Annex3Question(
        participant=participant, period=period, known_at=known_at, source=source
    )
    return ANNEX3.respond(ledger.books, question)


def row(
    carats: int, value: int, *, hs: HsCode = HsCode.INDUSTRIAL, flow: Flow = Flow.EXPORT
) -> TradeRow:
    return TradeRow(
        flow=flow,
        partner="EU",
        origin="BW",
        hs=hs,
        carat_thousandths=carats,
        value_usd_cents=value,
    )


def submit_trade(
    ledger: BookedLedger, *rows: TradeRow, edition: int = 1, quarter: str = "2026Q1"
) -> None:
    body = TradeStatisticsSubmitted(quarter=quarter, edition=edition, rows=rows, remarks="")
    ledger.project(BW, body, subject=f"BW/trade/{quarter}")


def submit_counts(ledger: BookedLedger, *rows: CountRow, edition: int = 1) -> None:
    body = CountStatisticsSubmitted(quarter="2026Q1", edition=edition, rows=rows, remarks="")
    ledger.project(BW, body, subject="BW/counts/2026Q1")


def submit_production(
    ledger: BookedLedger, carats: int, value: int, *, edition: int = 1, half_year: str = "2026H1"
) -> None:
    body = ProductionStatisticsSubmitted(
        half_year=half_year,
        edition=edition,
        carat_thousandths=carats,
        value_usd_cents=value,
        remarks="",
    )
    ledger.project(BW, body, subject=f"BW/production/{half_year}")


def test_derived_tables_hold_what_was_traded(ledger: BookedLedger) -> None:
    issue(ledger, make_certificate())
    answer = ask(ledger)
    assert (answer.participant, answer.period, answer.known_at) == ("BW", "2026Q1", TODAY)
    assert answer.trade == (
        Annex3Trade(
            flow=Flow.EXPORT,
            partner="EU",
            origin="BW",
            hs="710221",
            carat_thousandths=40_000,
            value_usd_cents=1_000_000,
        ),
        Annex3Trade(
            flow=Flow.EXPORT,
            partner="EU",
            origin="BW",
            hs="710231",
            carat_thousandths=60_000,
            value_usd_cents=4_000_000,
        ),
    )
    assert answer.counts == (Annex3Count(partner="EU", issued=1, received=0),)
    assert answer.production == ()


def test_a_year_is_the_sum_of_its_quarters(ledger: BookedLedger) -> None:
    issue(ledger, make_certificate("BW000001"))
    ledger.wait_until("2026-04-10")
    later = vary(
        make_certificate("BW000002"),
        issued_on="2026-04-10",
        expires_on="2026-05-10",
        validated_at=ledger.now_ms,
    )
    issue(ledger, later)
    assert [one.carat_thousandths for one in ask(ledger, period="2026").trade] == [80_000, 120_000]
    assert [one.carat_thousandths for one in ask(ledger, period="2026H2").trade] == []
    assert [one.issued for one in ask(ledger, period="2026H1").counts] == [2]


def test_a_table_is_printed_as_known_at_a_day(ledger: BookedLedger) -> None:
    issue(ledger, make_certificate("BW000001"))
    ledger.wait_until("2026-03-09")
    issue(ledger, make_certificate("BW000002"))
    before, after = ask(ledger, known_at="2026-03-08"), ask(ledger, known_at="2026-03-09")
    assert [one.issued for one in before.counts] == [1]
    assert [one.issued for one in after.counts] == [2]
    assert (before.known_at, ask(ledger, known_at="2030-01-01").known_at) == (
        "2026-03-08",
        "2026-03-09",
    )
    assert ask(ledger, known_at="2026-01-01").trade == ()


def test_the_newest_edition_that_was_known_counts(ledger: BookedLedger) -> None:
    submit_trade(ledger, row(1, 10))
    submit_counts(ledger, CountRow(partner="EU", issued=4, received=5))
    ledger.wait_until("2026-03-04")
    submit_trade(ledger, row(2, 20), row(3, 30, hs=HsCode.NON_INDUSTRIAL), edition=2)
    submit_counts(ledger, CountRow(partner="IN", issued=6, received=7), edition=2)
    first = ask(ledger, Basis.SUBMITTED, known_at="2026-03-03")
    newest = ask(ledger, Basis.SUBMITTED)
    assert [one.submitted_carat_thousandths for one in first.trade] == [1]
    assert [one.submitted_carat_thousandths for one in newest.trade] == [2, 3]
    assert first.counts == (Annex3Count(partner="EU", submitted_issued=4, submitted_received=5),)
    assert newest.counts == (Annex3Count(partner="IN", submitted_issued=6, submitted_received=7),)
    assert [one.carat_thousandths for one in newest.trade] == [None, None]
    assert [one.edition for one in first.submissions] == [1, 1]
    assert [one.edition for one in newest.submissions] == [2, 2]


def test_compared_rows_say_how_far_they_are_apart(ledger: BookedLedger) -> None:
    issue(ledger, make_certificate())
    submit_trade(ledger, row(40_500, 990_000), row(5, 7, hs=HsCode.UNSORTED))
    submit_counts(ledger, CountRow(partner="EU", issued=3, received=0))
    answer = ask(ledger, Basis.COMPARED)
    assert [
        (one.hs, one.difference_carat_thousandths, one.difference_value_usd_cents)
        for one in answer.trade
    ] == [("710210", 5, 7), ("710221", 500, -10_000), ("710231", -60_000, -4_000_000)]
    assert [(one.difference_issued, one.difference_received) for one in answer.counts] == [(2, 0)]


def test_nothing_differs_from_what_was_not_submitted(ledger: BookedLedger) -> None:
    """A quarter that is missing is no quarter without trade."""
    issue(ledger, make_certificate())
    submit_trade(ledger, row(40_000, 1_000_000))
    year = ask(ledger, Basis.COMPARED, period="2026")
    assert [one.difference_carat_thousandths for one in year.trade] == [None, None]
    assert [one.submitted_carat_thousandths for one in year.trade] == [40_000, 0]
    assert [one.difference_issued for one in year.counts] == [None]


def test_what_was_never_submitted_is_no_table_of_zeros(ledger: BookedLedger) -> None:
    issue(ledger, make_certificate())
    answer = ask(ledger, Basis.COMPARED)
    assert [one.carat_thousandths for one in answer.trade] == [40_000, 60_000]
    assert {one.submitted_carat_thousandths for one in answer.trade} == {None}
    assert {one.submitted_value_usd_cents for one in answer.trade} == {None}
    [count] = answer.counts
    assert (count.issued, count.submitted_issued, count.submitted_received) == (1, None, None)


def test_production_is_what_was_submitted_for_whole_half_years(ledger: BookedLedger) -> None:
    submit_production(ledger, 7, 9)
    submit_production(ledger, 8, 10, edition=2)
    submit_production(ledger, 1, 2, half_year="2026H2")
    assert ask(ledger, period="2026").production == (
        Annex3Production(half_year="2026H1", carat_thousandths=8, value_usd_cents=10),
        Annex3Production(half_year="2026H2", carat_thousandths=1, value_usd_cents=2),
    )
    assert ask(ledger, period="2026Q1").production == ()


def test_the_first_edition_decides_whether_it_came_late(ledger: BookedLedger) -> None:
    """Annex III: within two months; the first quarter of 2026 is due by 31 May."""
    ledger.wait_until("2026-05-31")
    submit_trade(ledger, row(1, 1))
    ledger.wait_until("2026-06-01")
    submit_counts(ledger)
    submit_trade(ledger, row(2, 2), edition=2)
    ledger.open_term(2)
    trade, counts = ask(ledger, Basis.SUBMITTED, period="2026Q1").submissions
    assert (trade.series, trade.first_on, trade.newest_on) == (
        Series.TRADE,
        "2026-05-31",
        "2026-06-01",
    )
    assert (trade.due_on, trade.late, trade.edition) == ("2026-05-31", False, 2)
    assert (counts.first_on, counts.late) == ("2026-06-01", True)


def test_what_is_missing_is_late_once_its_day_has_passed(ledger: BookedLedger) -> None:
    ledger.wait_until("2026-04-01")
    certificate = vary(
        make_certificate(),
        issued_on="2026-04-01",
        expires_on="2026-05-01",
        validated_at=ledger.now_ms,
    )
    issue(ledger, certificate)
    ledger.wait_until("2026-09-01")
    submit_counts(ledger)
    expected = Annex3Submission(
        series=Series.TRADE,
        period="2026Q2",
        edition=0,
        event="",
        first_on="",
        newest_on="",
        due_on="2026-08-31",
        late=True,
    )
    assert ask(ledger, period="2026Q2").submissions[0] == expected
    assert not ask(ledger, period="2026Q2", known_at="2026-08-31").submissions[0].late
    assert not ask(ledger, period="2026Q3").submissions[0].late
    # The first quarter began before there was any trade on the ledger, as the calendar says, too.
    before = ask(ledger, period="2026Q1").submissions[0]
    assert (before.due_on, before.late) == ("", False)


@pytest.mark.parametrize(
    ("changes", "field", "accepted"),
    [
        ({"participant": "XX"}, "participant", "BW"),
        ({"participant": ""}, "participant", "BW"),
        ({"period": "2026Q7"}, "period", "2022Q1"),
        ({"known_at": "2026-02-30"}, "known_at", "2026-03-02"),
        ({"known_at": "tomorrow"}, "known_at", "2026-03-02"),
    ],
)
def test_a_question_without_an_answer_is_refused_by_its_parameter(
    ledger: BookedLedger, changes: dict[str, str], field: str, accepted: str
) -> None:
    with pytest.raises(QuestionError) as refused:
        ANNEX3.respond(ledger.books, vary(GOOD, **changes))
    assert refused.value.field == field
    assert accepted in refused.value.accepted
