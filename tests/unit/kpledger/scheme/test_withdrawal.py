"""What was opened by mistake is withdrawn by whoever opened it, before anybody else acts on it."""

from typing import Final

import pytest
from founding import MemoryLedger, issue, make_certificate, make_event, open_trade, vary
from journey import PATHS, judge, ledger_in, make_step, start_journey, travel
from scheme_statements import STATEMENTS, head_of, prepare, state
from statements import NUMBER

from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.certificate import CertificateIssued, CertificateKind
from kpledger.scheme.v1.events.life import OpeningWithdrawn
from kpledger.scheme.v1.lifecycles import CaseState, CertificateState, ProceedingState
from kpledger.scheme.v1.records import CaseRecord, ProceedingRecord
from kpledger.scheme.v1.rules.proceedings import KIND_OF

_S = CertificateState
FIRST: Final = f"{NUMBER}/1"
WITHDRAWN: Final = OpeningWithdrawn(reason="typed the wrong number")

OPENINGS: Final = {
    "review_requested": ("KPCS/chair", "ZA/root", "review_consented"),
    "meeting_announced": ("KPCS/chair", "BW/root", "meeting_held"),
    "concern_raised": ("BW/root", "ZA/root", "concern_answered"),
    "anomaly_questioned": ("KPCS/secretariat", "BW/root", "anomaly_answered"),
    "suspect_reported": ("EU/antwerp", "BW/gaborone", "suspect_judged"),
}
"""By what opens a proceeding: who may withdraw it, who may not, and what ends that."""


def _withdrawal(ledger: MemoryLedger, name: str, author: str, reason: str = "a slip") -> bytes:
    subject = STATEMENTS[name].subject
    body = OpeningWithdrawn(reason=reason)
    return make_event(author, body, subject=subject, prev=head_of(ledger, name))


def _opened(name: str) -> MemoryLedger:
    ledger = prepare(open_trade(), name)
    ledger.record(state(ledger, name))
    return ledger


def _refused(ledger: MemoryLedger, encoded: bytes) -> tuple[str, str] | None:
    refusal = ledger.attempt(encoded)
    return None if refusal is None else (refusal.rule.code, refusal.field)


def test_every_proceeding_that_is_opened_can_be_withdrawn() -> None:
    assert {KIND_OF[name] for name in OPENINGS} == set(KIND_OF.values())


@pytest.mark.parametrize("name", OPENINGS)
def test_opener_withdraws_a_proceeding_once(name: str) -> None:
    ledger, (opener, other, _) = _opened(name), OPENINGS[name]
    assert _refused(ledger, _withdrawal(ledger, name, other)) == ("E2", "author")
    assert _refused(ledger, _withdrawal(ledger, name, opener, " ")) == ("E5", "body.reason")
    ledger.record(_withdrawal(ledger, name, opener))
    key = ProceedingRecord.key_for(STATEMENTS[name].subject or "")
    assert ledger.read(key, ProceedingRecord).state is ProceedingState.WITHDRAWN
    again = _withdrawal(ledger, name, opener, "once more")
    assert _refused(ledger, again) == ("E6", "type")
    reopened = state(ledger, name, **_otherwise(STATEMENTS[name].body))
    assert _refused(ledger, reopened) == ("E6", "type")


def _otherwise(body: Body) -> dict[str, object]:
    """Give a change that makes it another statement."""
    text = next(
        one for one in ("reason", "place", "text", "question", "remarks") if one in dir(body)
    )
    return {text: "said anew"}


@pytest.mark.parametrize("name", OPENINGS)
def test_what_somebody_else_acted_on_goes_its_ordinary_way(name: str) -> None:
    ledger, (opener, _, following) = _opened(name), OPENINGS[name]
    ledger.record(state(ledger, following))
    assert _refused(ledger, _withdrawal(ledger, name, opener)) == ("E6", "type")


def test_root_and_any_office_of_the_opener_withdraw_a_report() -> None:
    for author in ("EU/root", "EU/antwerp"):
        ledger = _opened("suspect_reported")
        assert ledger.attempt(_withdrawal(ledger, "suspect_reported", author)) is None
    ledger = _opened("concern_raised")
    office = _withdrawal(ledger, "concern_raised", "BW/gaborone")
    assert _refused(ledger, office) == ("E2", "author")


def test_case_of_a_mistyped_number_is_withdrawn_by_whoever_opened_it() -> None:
    ledger = start_journey("certificate_voided", "arrival_recorded")
    for other in ("BW/gaborone", "BW/root", "ZA/joburg"):
        refused = judge(ledger, "opening_withdrawn", WITHDRAWN, author=other, subject=FIRST)
        assert refused == ("E2", "author")
    travel(ledger, "opening_withdrawn", subject=FIRST)
    assert ledger.read(CaseRecord.key_for(FIRST), CaseRecord).state is CaseState.WITHDRAWN
    # The next mistake, or the goods themselves, have a case of their own.
    travel(ledger, "arrival_recorded")
    second = ledger.read(CaseRecord.key_for(f"{NUMBER}/2"), CaseRecord)
    assert second.state is CaseState.OPEN


def test_withdrawn_discrepancy_leaves_what_was_declared() -> None:
    ledger = ledger_in(_S.CONFIRMED_DISCREPANT)
    assert judge(ledger, "opening_withdrawn", author="BW/gaborone") == ("E2", "author")
    travel(ledger, "opening_withdrawn")
    record = ledger.certificate(NUMBER)
    assert record.found is not None
    declared = record.parcels, record.carat_thousandths, record.value_usd_cents
    found = record.found
    assert (found.parcels, found.carat_thousandths, found.value_usd_cents) == declared


@pytest.mark.parametrize(
    ("path", "released"),
    [
        (("arrival_recorded", "shipment_seized"), _S.ARRIVED),
        (("arrival_recorded", "import_refused_returned"), _S.ARRIVED),
        (("export_notified", "shipment_diverted", "shipment_seized"), _S.DIVERTED),
        (("export_notified", "shipment_diverted", "import_refused_returned"), _S.DIVERTED),
    ],
)
def test_goods_seized_or_refused_by_mistake_go_on_from_where_they_stood(
    path: tuple[str, ...], released: CertificateState
) -> None:
    ledger = start_journey(*path, "opening_withdrawn")
    assert ledger.certificate(NUMBER).state is _S.DETAINED
    travel(ledger, "shipment_released")
    assert ledger.certificate(NUMBER).state is released


def test_diversion_by_mistake_lets_the_shipment_travel_on() -> None:
    ledger = start_journey(*PATHS[_S.DIVERTED], "opening_withdrawn")
    record = ledger.certificate(NUMBER)
    assert (record.state, record.holder) == (_S.IN_TRANSIT, None)
    travel(ledger, "arrival_recorded", "import_confirmed")


def test_goods_that_move_under_a_technical_certificate_are_not_put_back() -> None:
    ledger = start_journey("arrival_recorded", "shipment_seized")
    moved = vary(
        make_certificate("EU000001", destination="ZA"), kind=CertificateKind.TECHNICAL, case=NUMBER
    )
    issue(ledger, moved, "EU/antwerp")
    assert judge(ledger, "opening_withdrawn") == ("E10", "subject")
    voided = make_step(ledger, "certificate_voided", author="EU/antwerp", subject="EU000001")
    ledger.record(voided)
    assert judge(ledger, "opening_withdrawn") is None


def test_withdrawn_case_has_no_goods_to_move() -> None:
    ledger = start_journey("certificate_voided", "arrival_recorded")
    travel(ledger, "opening_withdrawn", subject=FIRST)
    moved = vary(
        make_certificate("EU000001", destination="ZA"), kind=CertificateKind.TECHNICAL, case=FIRST
    )
    encoded = make_event("EU/antwerp", CertificateIssued(certificate=moved))
    assert _refused(ledger, encoded) == ("E10", "body.certificate.case")
