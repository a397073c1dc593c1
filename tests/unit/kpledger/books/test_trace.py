"""Lineage: back through sources, replacements and cases, and forward to re-exports."""

import pytest
from booked import BookedLedger, open_booked_trade
from founding import TODAY, make_certificate, make_confirmation, vary

from kpledger.books.question import QuestionError
from kpledger.books.trace import TRACE, LinkKind, TraceAnswer, TraceQuestion
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateKind,
    CertificateReplaced,
    CertificateVoided,
    Origin,
    OriginKind,
    ReplacementReason,
    Source,
    VoidReason,
)
from kpledger.scheme.v1.events.importing import ArrivalRecorded

ARRIVAL = ArrivalRecorded(
    arrived_on=TODAY, seals_intact=True, opened=False, found_carat_thousandths=None, remarks=""
)


def bring_in(ledger: BookedLedger, number: str) -> None:
    """Issue a certificate of Botswana to the EU, and confirm it there."""
    certificate = make_certificate(number)
    head = ledger.say("BW/gaborone", CertificateIssued(certificate=certificate))
    ledger.say("EU/antwerp", make_confirmation(certificate), prev=head)


def reexport(number: str, *sources: tuple[str, int]) -> Certificate:
    named = tuple(Source(number=one, carat_thousandths=carats) for one, carats in sources)
    origin = Origin(kind=OriginKind.SINGLE, countries=("BW",))
    return vary(make_certificate(number, "ZA"), sources=named, origin=origin)


def trace(ledger: BookedLedger, subject: str, limit: int = 500) -> TraceAnswer:
    return TRACE.respond(ledger.books, TraceQuestion(subject=subject, limit=limit))


def steps(links: object) -> list[tuple[str, str, LinkKind]]:
    assert isinstance(links, tuple)
    return [(one.earlier, one.later, one.link) for one in links]


@pytest.fixture
def ledger() -> BookedLedger:
    """Two imports, mixed into one re-export; that is replaced; the goods arrive twice."""
    ledger = open_booked_trade()
    for number in ("BW000001", "BW000002"):
        bring_in(ledger, number)
    first = reexport("EU000001", ("BW000001", 30_000), ("BW000002", 70_000))
    head = ledger.say("EU/antwerp", CertificateIssued(certificate=first))
    second = vary(first, number="EU000002")
    body = CertificateReplaced(reason=ReplacementReason.ERROR, certificate=second)
    old = ledger.say("EU/antwerp", body, subject="EU000001", prev=head)
    ledger.say("ZA/joburg", ARRIVAL, subject="EU000001", prev=old)
    return ledger


def test_a_re_export_leads_back_to_its_sources_and_what_it_replaced(ledger: BookedLedger) -> None:
    found = trace(ledger, "EU000002")
    assert steps(found.back) == [
        ("BW000001", "EU000002", LinkKind.SOURCE),
        ("BW000002", "EU000002", LinkKind.SOURCE),
        ("EU000001", "EU000002", LinkKind.REPLACEMENT),
        ("BW000001", "EU000001", LinkKind.SOURCE),
        ("BW000002", "EU000001", LinkKind.SOURCE),
    ]
    assert [link.carat_thousandths for link in found.back[:3]] == [30_000, 70_000, None]
    assert (found.forward, found.complete) == ((), True)


def test_an_import_leads_forward_to_every_re_export_and_case(ledger: BookedLedger) -> None:
    found = trace(ledger, "BW000001")
    assert found.back == ()
    assert steps(found.forward) == [
        ("BW000001", "EU000001", LinkKind.SOURCE),
        ("BW000001", "EU000002", LinkKind.SOURCE),
        ("EU000001", "EU000002", LinkKind.REPLACEMENT),
        ("EU000001", "EU000001/1", LinkKind.CASE),
    ]
    assert [(one.subject, one.state) for one in found.shipments] == [
        ("BW000001", "CONFIRMED"),
        ("EU000001", "REPLACED"),
        ("EU000002", "VALIDATED"),
        ("EU000001/1", "OPEN"),
    ]


def test_a_case_leads_back_to_its_certificate(ledger: BookedLedger) -> None:
    found = trace(ledger, "EU000001/1")
    assert steps(found.back)[0] == ("EU000001", "EU000001/1", LinkKind.CASE)
    assert ("BW000001", "EU000001", LinkKind.SOURCE) in steps(found.back)


def test_a_source_that_is_not_on_the_ledger_is_named_without_a_state(ledger: BookedLedger) -> None:
    ledger.say("EU/antwerp", CertificateIssued(certificate=reexport("EU000003", ("NA000009", 1))))
    found = trace(ledger, "EU000003")
    assert [(one.subject, one.state) for one in found.shipments] == [
        ("EU000003", "VALIDATED"),
        ("NA000009", None),
    ]


def test_a_lineage_that_is_cut_says_so_and_names_no_more_than_it_shows(
    ledger: BookedLedger,
) -> None:
    found = trace(ledger, "BW000001", limit=2)
    assert [one.subject for one in found.shipments] == ["BW000001", "EU000001"]
    assert (steps(found.forward), found.complete) == (
        [("BW000001", "EU000001", LinkKind.SOURCE)],
        False,
    )


@pytest.mark.parametrize("subject", ["", "BW000404", "BW000001/1", "BW/case/none"])
def test_what_is_not_there_cannot_be_traced(ledger: BookedLedger, subject: str) -> None:
    with pytest.raises(QuestionError) as caught:
        trace(ledger, subject)
    assert caught.value.field == "subject"


def test_a_certificate_that_was_taken_back_alone_has_no_lineage() -> None:
    ledger = open_booked_trade()
    head = ledger.say("BW/gaborone", CertificateIssued(certificate=make_certificate()))
    body = CertificateVoided(reason=VoidReason.ERROR, remarks="")
    ledger.say("BW/gaborone", body, subject="BW000001", prev=head)
    found = trace(ledger, "BW000001")
    assert (len(found.shipments), found.back, found.forward) == (1, (), ())


def test_a_technical_certificate_moves_the_goods_of_a_case(ledger: BookedLedger) -> None:
    moved = vary(
        make_certificate("ZA000001", "EU"), kind=CertificateKind.TECHNICAL, case="EU000001/1"
    )
    ledger.project("ZA/joburg", CertificateIssued(certificate=moved), subject=moved.number)
    step = ("EU000001/1", "ZA000001", LinkKind.TECHNICAL)
    assert steps(trace(ledger, "ZA000001").back)[0] == step
    assert step in steps(trace(ledger, "BW000001").forward)
