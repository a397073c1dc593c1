"""No projection fails: it runs after consensus, where there is nobody left to refuse."""

import pytest
from booked import open_booked_trade
from founding import event_id_of, make_certificate, make_confirmation, make_event, number_of, vary

from kpledger.base.units import MAX_AMOUNT
from kpledger.books.balance import BALANCE, BalanceQuestion
from kpledger.books.statistics import ANNEX3, SUMMARY, Annex3Question, SummaryQuestion
from kpledger.scheme.v1.events.certificate import CertificateIssued, GoodsLine, HsCode

ENOUGH = 2**64 // MAX_AMOUNT + 2
"""So many of the largest weights are more than 64 bits hold."""
BLOCK = 64


@pytest.mark.slow
def test_the_largest_weights_again_and_again_stop_no_node() -> None:
    """One authority is enough to declare them; every node would have to stop for good."""
    ledger = open_booked_trade()
    line = GoodsLine(hs=HsCode.UNSORTED, carat_thousandths=MAX_AMOUNT, value_usd_cents=MAX_AMOUNT)
    events = []
    for serial in range(1, ENOUGH + 1):
        certificate = vary(
            make_certificate(number_of("BW", serial)),
            carat_thousandths=MAX_AMOUNT,
            value_usd_cents=MAX_AMOUNT,
            lines=(line,),
            seals=(f"S{serial}",),
        )
        issued = make_event("BW/gaborone", CertificateIssued(certificate=certificate))
        confirmed = make_confirmation(certificate)
        events += [issued, make_event("EU/antwerp", confirmed, prev=event_id_of(issued))]
    for first in range(0, len(events), BLOCK):
        ledger.record(*events[first : first + BLOCK])
    totals = SUMMARY.respond(ledger.books, SummaryQuestion(year="2026")).totals
    assert (totals.import_carat_thousandths, totals.certificates_received) == (MAX_AMOUNT, ENOUGH)
    question = Annex3Question(participant="BW", period="2026")
    (row,) = ledger.ask(ANNEX3, question).trade
    assert row.carat_thousandths == MAX_AMOUNT
    balance = BALANCE.respond(ledger.books, BalanceQuestion(participant="BW", months=1))
    assert balance.rows[0].balance == -MAX_AMOUNT
