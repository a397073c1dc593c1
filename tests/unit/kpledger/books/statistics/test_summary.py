"""The annual summary of all participants."""

import pytest
from booked import BookedLedger, open_booked_trade
from founding import (
    PARTICIPANTS,
    event_id_of,
    issue,
    make_certificate,
    make_confirmation,
)

from kpledger.books.question import QuestionError
from kpledger.books.statistics import (
    SUMMARY,
    Basis,
    SummaryAnswer,
    SummaryQuestion,
    SummaryRow,
)
from kpledger.scheme.v1.events.certificate import HsCode
from kpledger.scheme.v1.events.statistics import (
    CountRow,
    CountStatisticsSubmitted,
    Flow,
    ProductionStatisticsSubmitted,
    TradeRow,
    TradeStatisticsSubmitted,
)

BW = "BW/gaborone"


@pytest.fixture
def ledger() -> BookedLedger:
    ledger = open_booked_trade()
    certificate = make_certificate()
    issued = event_id_of(issue(ledger, certificate))
    ledger.wait_until("2026-03-20")
    ledger.say("EU/antwerp", make_confirmation(certificate), prev=issued)
    return ledger


def ask(
    ledger: BookedLedger, source: Basis = Basis.DERIVED, *, year: str = "2026", known_at: str = ""
) -> SummaryAnswer:
    question = SummaryQuestion(year=year, known_at=known_at, source=source)
    return SUMMARY.respond(ledger.books, question)


def row_of(answer: SummaryAnswer, code: str) -> SummaryRow:
    return next(row for row in answer.participants if row.participant == code)


def produce(ledger: BookedLedger, half_year: str, carats: int, value: int) -> None:
    body = ProductionStatisticsSubmitted(
        half_year=half_year,
        edition=1,
        carat_thousandths=carats,
        value_usd_cents=value,
        remarks="",
    )
    ledger.project(BW, body, subject=f"BW/production/{half_year}")


def test_every_participant_has_a_row_and_all_have_totals(ledger: BookedLedger) -> None:
    answer = ask(ledger)
    assert [row.participant for row in answer.participants] == sorted(PARTICIPANTS)
    nothing = SummaryRow(
        participant="IN",
        name="India",
        production_carat_thousandths=0,
        production_value_usd_cents=0,
        production_usd_cents_per_carat=None,
        import_carat_thousandths=0,
        import_value_usd_cents=0,
        export_carat_thousandths=0,
        export_value_usd_cents=0,
        certificates_issued=0,
        certificates_received=0,
        half_years_submitted=0,
    )
    assert row_of(answer, "IN") == nothing
    exporter, importer, totals = row_of(answer, "BW"), row_of(answer, "EU"), answer.totals
    assert (exporter.export_carat_thousandths, exporter.certificates_issued) == (100_000, 1)
    assert (importer.import_value_usd_cents, importer.certificates_received) == (5_000_000, 1)
    assert (totals.participant, totals.export_value_usd_cents) == ("", 5_000_000)
    assert (totals.import_carat_thousandths, totals.certificates_issued) == (100_000, 1)


def test_production_of_both_half_years_has_a_price_per_carat(ledger: BookedLedger) -> None:
    produce(ledger, "2026H1", 2_000, 100)
    produce(ledger, "2026H2", 1_000, 101)
    produce(ledger, "2025H2", 9_000, 900)
    row = row_of(ask(ledger), "BW")
    assert (row.production_carat_thousandths, row.production_value_usd_cents) == (3_000, 201)
    assert (row.production_usd_cents_per_carat, row.half_years_submitted) == (67, 2)
    assert ask(ledger).totals.production_carat_thousandths == 3_000


@pytest.mark.parametrize(("value", "price"), [(149, 50), (148, 49), (1, 0), (2, 1)])
def test_a_price_is_rounded_half_up(ledger: BookedLedger, value: int, price: int) -> None:
    produce(ledger, "2026H1", 3_000 if value > 100 else 4_000, value)
    assert row_of(ask(ledger), "BW").production_usd_cents_per_carat == price


def test_submitted_trade_takes_the_place_of_what_was_derived(ledger: BookedLedger) -> None:
    def row(flow: Flow, carats: int) -> TradeRow:
        return TradeRow(
            flow=flow,
            partner="EU",
            origin="",
            hs=HsCode.UNSORTED,
            carat_thousandths=carats,
            value_usd_cents=2 * carats,
        )

    rows = (row(Flow.EXPORT, 11), row(Flow.IMPORT, 22))
    trade = TradeStatisticsSubmitted(quarter="2026Q2", edition=1, rows=rows, remarks="")
    ledger.project(BW, trade, subject="BW/trade/2026Q2")
    counted = CountRow(partner="EU", issued=3, received=4)
    counts = CountStatisticsSubmitted(quarter="2026Q2", edition=1, rows=(counted,), remarks="")
    ledger.project(BW, counts, subject="BW/counts/2026Q2")
    found = row_of(ask(ledger, Basis.SUBMITTED), "BW")
    assert (found.export_carat_thousandths, found.export_value_usd_cents) == (11, 22)
    assert (found.import_carat_thousandths, found.import_value_usd_cents) == (22, 44)
    assert (found.certificates_issued, found.certificates_received) == (3, 4)
    assert row_of(ask(ledger, Basis.SUBMITTED), "EU").certificates_received == 0


def test_it_is_given_as_known_at_a_day(ledger: BookedLedger) -> None:
    answer = ask(ledger, known_at="2026-03-19")
    assert row_of(answer, "EU").certificates_received == 0
    assert row_of(answer, "BW").certificates_issued == 1
    assert row_of(ask(ledger, known_at="2026-03-20"), "EU").certificates_received == 1


@pytest.mark.parametrize("year", ["", "26", "2026Q1", "2026H1", "year", "02026"])
def test_anything_but_a_year_is_refused(ledger: BookedLedger, year: str) -> None:
    with pytest.raises(QuestionError) as refused:
        ask(ledger, year=year)
    assert refused.value.field == "year"


def test_a_summary_is_of_one_source(ledger: BookedLedger) -> None:
    with pytest.raises(QuestionError) as refused:
        ask(ledger, Basis.COMPARED)
    assert (refused.value.field, "annex3" in refused.value.accepted) == ("source", True)
