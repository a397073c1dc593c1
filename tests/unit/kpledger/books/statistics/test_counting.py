"""What each event adds to the tables of the trade, or takes back from them."""

import pytest
from booked import BookedLedger, open_booked_trade
from founding import (
    NOW_MS,
    event_id_of,
    issue,
    make_certificate,
    make_confirmation,
    make_event,
    vary,
)
from traded import NOTHING, Cell, Total, read_cells, read_lines, read_total

from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateKind,
    CertificateReplaced,
    CertificateReturnedUnused,
    CertificateValidated,
    CertificateVoided,
    GoodsLine,
    HsCode,
    Origin,
    OriginKind,
    ReplacementReason,
    VoidReason,
)
from kpledger.scheme.v1.events.importing import (
    DiscrepancyCause,
    DiscrepancyResolved,
    ImportConfirmedDiscrepant,
)
from kpledger.scheme.v1.events.statistics import Flow

BW, EU = "BW/gaborone", "EU/antwerp"
WHOLE = Total(100_000, 5_000_000, 1)
"""The certificate of the small world."""
LINES = {
    ("EU", "BW", "710221"): (40_000, 1_000_000),
    ("EU", "BW", "710231"): (60_000, 4_000_000),
}
VOID = CertificateVoided(reason=VoidReason.ERROR, remarks="")
VALIDATED = CertificateValidated(validated_at=NOW_MS, seals=())
RETURNED = CertificateReturnedUnused(returned_on="2026-03-02")


@pytest.fixture
def ledger() -> BookedLedger:
    return open_booked_trade()


def exports(ledger: BookedLedger, quarter: str = "2026Q1", known_at: str = "") -> Total:
    return read_total(ledger.books, "BW", Flow.EXPORT, quarter, known_at)


def imports(ledger: BookedLedger, quarter: str = "2026Q1", known_at: str = "") -> Total:
    return read_total(ledger.books, "EU", Flow.IMPORT, quarter, known_at)


def found_otherwise(certificate: Certificate, carats: int, value: int) -> ImportConfirmedDiscrepant:
    return ImportConfirmedDiscrepant(
        number=certificate.number,
        parcels=certificate.parcels,
        carat_thousandths=carats,
        value_usd_cents=value,
        exporter=certificate.exporter,
        importer=certificate.importer,
        received_on="2026-03-02",
        cause=DiscrepancyCause.WEIGHING,
        remarks="",
    )


def agreed(carats: int, value: int) -> DiscrepancyResolved:
    return DiscrepancyResolved(
        parcels=2, carat_thousandths=carats, value_usd_cents=value, explanation=""
    )


def test_an_issue_is_an_export_of_its_issuer_and_no_import_yet(ledger: BookedLedger) -> None:
    issue(ledger, make_certificate())
    assert read_lines(ledger.books, "BW", Flow.EXPORT, "2026Q1") == LINES
    assert exports(ledger) == WHOLE
    assert imports(ledger) == NOTHING


def test_the_period_of_an_export_is_that_of_its_day_of_issue(ledger: BookedLedger) -> None:
    """Recorded in the second quarter, issued on the last day of the first."""
    ledger.wait_until("2026-04-01")
    issue(ledger, vary(make_certificate(), issued_on="2026-03-31", validated_at=ledger.now_ms))
    assert (exports(ledger, "2026Q1"), exports(ledger, "2026Q2")) == (WHOLE, NOTHING)


def test_the_period_of_an_import_is_that_of_its_day_of_receipt(ledger: BookedLedger) -> None:
    certificate = make_certificate()
    issued = event_id_of(issue(ledger, certificate))
    ledger.wait_until("2026-04-03")
    confirmation = vary(
        make_confirmation(certificate), received_on="2026-04-02", exported_on="2026-03-30"
    )
    ledger.say(EU, confirmation, prev=issued)
    assert (imports(ledger, "2026Q1"), imports(ledger, "2026Q2")) == (NOTHING, WHOLE)
    lines = read_lines(ledger.books, "EU", Flow.IMPORT, "2026Q2")
    assert lines == {("BW", *cell[1:]): amounts for cell, amounts in LINES.items()}
    assert exports(ledger, "2026Q1") == WHOLE


@pytest.mark.parametrize("countries", [(), ("AO", "BW")])
def test_mixed_origin_has_a_cell_without_a_country(
    ledger: BookedLedger, countries: tuple[str, ...]
) -> None:
    mixed = Origin(kind=OriginKind.MIXED, countries=countries)
    issue(ledger, vary(make_certificate(), origin=mixed))
    lines = read_lines(ledger.books, "BW", Flow.EXPORT, "2026Q1")
    assert [origin for _, origin, _ in lines] == ["", ""]


def test_a_voided_certificate_is_taken_back_from_its_own_quarter(ledger: BookedLedger) -> None:
    issued = event_id_of(issue(ledger, make_certificate()))
    ledger.wait_until("2026-04-15")
    ledger.say(BW, VOID, subject="BW000001", prev=issued)
    assert exports(ledger) == NOTHING
    assert exports(ledger, "2026Q2") == NOTHING
    assert read_cells(ledger.books) == {}
    assert exports(ledger, known_at="2026-04-14") == WHOLE
    assert exports(ledger, known_at="2026-04-15") == NOTHING


def test_issue_and_void_in_one_block_leave_nothing(ledger: BookedLedger) -> None:
    issued = make_event(BW, CertificateIssued(certificate=make_certificate()))
    voided = make_event(BW, VOID, subject="BW000001", prev=event_id_of(issued))
    ledger.record(issued, voided)
    assert exports(ledger) == NOTHING


def test_a_replacement_counts_once_with_what_it_says(ledger: BookedLedger) -> None:
    issued = event_id_of(issue(ledger, make_certificate()))
    ledger.wait_until("2026-04-02")
    line = GoodsLine(hs=HsCode.UNSORTED, carat_thousandths=7, value_usd_cents=9)
    new = vary(
        make_certificate("BW000002"),
        issued_on="2026-04-02",
        expires_on="2026-05-30",
        carat_thousandths=7,
        value_usd_cents=9,
        lines=(line,),
        validated_at=ledger.now_ms,
    )
    body = CertificateReplaced(reason=ReplacementReason.ERROR, certificate=new)
    ledger.say(BW, body, subject="BW000001", prev=issued)
    assert exports(ledger) == NOTHING
    assert exports(ledger, "2026Q2") == Total(7, 9, 1)


def test_a_certificate_counts_when_it_is_validated(ledger: BookedLedger) -> None:
    """Annex III counts certificates validated for export; the quarter is that of the issue."""
    issued = event_id_of(issue(ledger, vary(make_certificate(), validated_at=None)))
    assert exports(ledger) == NOTHING
    ledger.wait_until("2026-04-09")
    ledger.say(BW, VALIDATED, subject="BW000001", prev=issued)
    assert exports(ledger) == WHOLE
    assert exports(ledger, known_at="2026-04-08") == NOTHING


@pytest.mark.parametrize("end", [VOID, RETURNED])
def test_what_was_never_validated_is_not_taken_back(
    ledger: BookedLedger, end: CertificateVoided | CertificateReturnedUnused
) -> None:
    issued = event_id_of(issue(ledger, vary(make_certificate(), validated_at=None)))
    ledger.say(BW, end, subject="BW000001", prev=issued)
    assert exports(ledger) == NOTHING
    assert read_cells(ledger.books, "2026-03-02") == {}


def test_a_certificate_returned_unused_is_taken_back(ledger: BookedLedger) -> None:
    issued = event_id_of(issue(ledger, make_certificate()))
    ledger.say(BW, RETURNED, subject="BW000001", prev=issued)
    assert exports(ledger) == NOTHING


def test_what_was_found_is_distributed_over_the_declared_codes(ledger: BookedLedger) -> None:
    certificate = make_certificate()
    issued = event_id_of(issue(ledger, certificate))
    ledger.say(EU, found_otherwise(certificate, 99_999, 4_999_999), prev=issued)
    assert read_lines(ledger.books, "EU", Flow.IMPORT, "2026Q1") == {
        ("BW", "BW", "710221"): (40_000, 1_000_000),
        ("BW", "BW", "710231"): (59_999, 3_999_999),
    }
    assert imports(ledger) == Total(99_999, 4_999_999, 1)
    assert exports(ledger) == WHOLE


def test_a_resolved_discrepancy_counts_what_both_sides_agreed_on(ledger: BookedLedger) -> None:
    certificate = make_certificate()
    issued = event_id_of(issue(ledger, certificate))
    found = ledger.say(EU, found_otherwise(certificate, 90_000, 4_000_000), prev=issued)
    ledger.wait_until("2026-05-01")
    resolved = agreed(100_000, 5_000_000)
    ledger.say(BW, resolved, subject="BW000001", prev=found, signers=(BW, EU))
    assert imports(ledger) == WHOLE
    assert imports(ledger, "2026Q2") == NOTHING
    assert imports(ledger, known_at="2026-04-30") == Total(90_000, 4_000_000, 1)


def test_technical_certificates_count_nowhere(ledger: BookedLedger) -> None:
    """Rule E10: goods that are detained, seized or sent back are not traded."""
    for number, *statements in (
        ("BW000001", (EU, make_confirmation(make_certificate()))),
        ("BW000002", (EU, found_otherwise(make_certificate(), 1, 1)), (BW, agreed(1, 1))),
        ("BW000003", (BW, VOID)),
    ):
        certificate = vary(
            make_certificate(number), kind=CertificateKind.TECHNICAL, case="EU/case/1"
        )
        for author, body in ((BW, CertificateIssued(certificate=certificate)), *statements):
            ledger.project(author, body, subject=number)
            assert read_cells(ledger.books) == {}
    assert exports(ledger) == imports(ledger) == NOTHING


def test_what_a_cell_held_is_known_for_each_day(ledger: BookedLedger) -> None:
    issue(ledger, make_certificate("BW000001"))
    issue(ledger, make_certificate("BW000002"))
    ledger.wait_until("2026-03-05")
    issue(ledger, make_certificate("BW000003"))
    cell = Cell("BW", "2026Q1", "EXPORT", "EU", "BW", "710221")
    held = [
        read_cells(ledger.books, day).get(cell)
        for day in ("2026-03-01", "2026-03-02", "2026-03-04", "2026-03-05")
    ]
    assert held == [
        None,
        Total(80_000, 2_000_000, 2),
        Total(80_000, 2_000_000, 2),
        Total(120_000, 3_000_000, 3),
    ]
