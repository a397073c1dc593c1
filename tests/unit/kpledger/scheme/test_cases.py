"""Cases: further shipments under closed certificates, goods without any, samples."""

from typing import Final

import pytest
from founding import TODAY, MemoryLedger, open_trade, vary
from journey import OFFICE_OF, PATHS, judge, ledger_in, make_step, start_journey, travel
from statements import NUMBER, SOUND

from kpledger.base.units import add_days
from kpledger.scheme.v1.events.importing import ArrivalRecorded, CaseKind, CaseOpened
from kpledger.scheme.v1.lifecycles import (
    CASE_TRANSITIONS,
    DEAD,
    OPENS_CASE,
    CaseState,
    CertificateState,
)
from kpledger.scheme.v1.records import CaseCountRecord, CaseRecord, CertificateRecord

FIRST, SECOND = f"{NUMBER}/1", f"{NUMBER}/2"
NAMED: Final = "ZA/case/2026-1"
PATHS_OF_CASES: Final[dict[CaseState, tuple[str, ...]]] = {
    CaseState.OPEN: (),
    CaseState.DETAINED: ("shipment_detained",),
    CaseState.RETURNED: ("import_refused_returned",),
    CaseState.RETURN_CLOSED: ("import_refused_returned", "return_received"),
    CaseState.SEIZED: ("shipment_seized",),
    CaseState.WITHDRAWN: ("opening_withdrawn",),
}
# The same table as the library's, written down a second time.
ALLOWED: Final = {
    CaseState.OPEN: {
        "shipment_detained": CaseState.DETAINED,
        "import_refused_returned": CaseState.RETURNED,
        "shipment_seized": CaseState.SEIZED,
        "opening_withdrawn": CaseState.WITHDRAWN,
    },
    CaseState.DETAINED: {
        "shipment_released": CaseState.OPEN,
        "import_refused_returned": CaseState.RETURNED,
        "shipment_seized": CaseState.SEIZED,
        "opening_withdrawn": CaseState.WITHDRAWN,
    },
    CaseState.RETURNED: {
        "return_received": CaseState.RETURN_CLOSED,
        "opening_withdrawn": CaseState.DETAINED,
    },
    CaseState.RETURN_CLOSED: {},
    CaseState.SEIZED: {"opening_withdrawn": CaseState.DETAINED},
    CaseState.WITHDRAWN: {},
}
ON_CASES: Final = (
    "shipment_detained",
    "shipment_released",
    "import_refused_returned",
    "shipment_seized",
    "return_received",
    "opening_withdrawn",
)
OPENED = SOUND["case_opened"][1]
ARRIVAL = SOUND["arrival_recorded"][1]


def _case(ledger: MemoryLedger, case: str) -> CaseRecord:
    return ledger.read(CaseRecord.key_for(case), CaseRecord)


def _voided_and_presented() -> MemoryLedger:
    return start_journey("certificate_voided", "arrival_recorded")


@pytest.mark.parametrize("state", list(OPENS_CASE))
@pytest.mark.parametrize(
    ("name", "stands"),
    [("arrival_recorded", CaseState.OPEN), ("shipment_detained", CaseState.DETAINED)],
)
def test_shipment_under_a_closed_certificate_has_a_case_and_leaves_it_untouched(
    state: CertificateState, name: str, stands: CaseState
) -> None:
    ledger = ledger_in(state)
    before = ledger.state.get(CertificateRecord.key_for(NUMBER))
    encoded = make_step(ledger, name, author="EU/antwerp")
    ledger.record(encoded)
    assert ledger.state.get(CertificateRecord.key_for(NUMBER)) == before
    case = _case(ledger, FIRST)
    assert case == CaseRecord(
        case=FIRST,
        kind=CaseKind.DEAD_ARRIVAL if state in DEAD else CaseKind.REPRESENTATION,
        state=stands,
        head=case.head,
        number=NUMBER,
        holder="EU",
        returned_to="BW",
        carat_thousandths=None,
        opened_at=ledger.now_ms,
    )
    assert case.head != ledger.certificate(NUMBER).head


def test_cases_of_a_certificate_are_counted() -> None:
    ledger = _voided_and_presented()
    ledger.record(make_step(ledger, "shipment_detained", author="ZA/joburg"))
    assert ledger.read(CaseCountRecord.key_for(NUMBER), CaseCountRecord).count == len(
        (FIRST, SECOND)
    )
    assert (_case(ledger, FIRST).holder, _case(ledger, SECOND).holder) == ("EU", "ZA")


def test_what_was_weighed_on_arrival_stands_in_the_case() -> None:
    assert isinstance(ARRIVAL, ArrivalRecorded)
    ledger = start_journey("certificate_voided")
    body = vary(ARRIVAL, found_carat_thousandths=7)
    ledger.record(make_step(ledger, "arrival_recorded", body))
    assert _case(ledger, FIRST).carat_thousandths == 7


def test_arrival_under_a_closed_certificate_is_recorded_by_its_destination() -> None:
    ledger = start_journey("certificate_voided")
    assert judge(ledger, "arrival_recorded", author="ZA/joburg") == ("E2", "author")


def test_presenting_needs_the_newest_event_on_the_certificate() -> None:
    ledger = start_journey("certificate_voided")
    refusal = ledger.attempt(make_step(ledger, "shipment_detained", prev=None))
    assert refusal is not None
    assert (refusal.rule.code, refusal.field) == ("E6", "prev")


def test_certificate_on_its_way_opens_no_case() -> None:
    ledger = start_journey("arrival_recorded")
    assert ledger.state.get(CaseRecord.key_for(FIRST)) is None
    for state in set(PATHS) - set(OPENS_CASE):
        assert judge(ledger_in(state), "shipment_detained", subject=FIRST) == ("E6", "subject")


def test_table_of_cases_is_the_one_of_the_scheme() -> None:
    assert CASE_TRANSITIONS == ALLOWED
    assert set(PATHS_OF_CASES) == set(CaseState)


@pytest.mark.parametrize("state", list(CaseState))
def test_every_event_moves_a_case_as_the_table_says_or_is_refused(state: CaseState) -> None:
    ledger = _voided_and_presented()
    travel(ledger, *PATHS_OF_CASES[state], subject=FIRST)
    before = _case(ledger, FIRST)
    assert before.state is state
    for name in ON_CASES:
        moved = ALLOWED[state].get(name)
        found = judge(ledger, name, author=None if moved else _may(before, name), subject=FIRST)
        assert found == (None if moved else ("E6", "type"))


def _may(case: CaseRecord, name: str) -> str:
    return OFFICE_OF["BW" if name == "return_received" else case.holder]


@pytest.mark.parametrize(
    ("state", "name"), [(state, name) for state, steps in ALLOWED.items() for name in steps]
)
def test_accepted_event_on_a_case_writes_its_state_and_head(state: CaseState, name: str) -> None:
    ledger = _voided_and_presented()
    travel(ledger, *PATHS_OF_CASES[state], subject=FIRST)
    before, certificate = _case(ledger, FIRST), ledger.certificate(NUMBER)
    travel(ledger, name, subject=FIRST)
    after = _case(ledger, FIRST)
    holder = "BW" if name == "return_received" else "EU"
    expected = vary(before, state=ALLOWED[state][name], head=after.head, holder=holder)
    assert (after, after.head != before.head) == (expected, True)
    assert ledger.certificate(NUMBER) == certificate


@pytest.mark.parametrize(
    "name", ["shipment_detained", "import_refused_returned", "shipment_seized", "return_received"]
)
def test_others_may_not_act_on_a_case(name: str) -> None:
    ledger = _voided_and_presented()
    assert judge(ledger, name, author="ZA/joburg", subject=FIRST) == ("E2", "author")


def test_author_must_have_seen_the_newest_event_on_the_case() -> None:
    ledger = _voided_and_presented()
    for prev in (None, ledger.certificate(NUMBER).head):
        refusal = ledger.attempt(make_step(ledger, "shipment_seized", prev=prev, subject=FIRST))
        assert refusal is not None
        assert (refusal.rule.code, refusal.field) == ("E6", "prev")
        assert refusal.accepted == _case(ledger, FIRST).head.hex()


def test_events_of_certificates_are_refused_on_a_case() -> None:
    ledger = _voided_and_presented()
    for name in ("certificate_voided", "arrival_recorded", "amendment_endorsed"):
        assert judge(ledger, name, subject=FIRST) == ("E6", "type")


def test_goods_without_a_certificate_have_a_case_by_name() -> None:
    ledger = open_trade()
    travel(ledger, "case_opened", subject=NAMED)
    case = _case(ledger, NAMED)
    assert case == CaseRecord(
        case=NAMED,
        kind=CaseKind.NO_CERTIFICATE,
        state=CaseState.OPEN,
        head=case.head,
        number=None,
        holder="ZA",
        returned_to="BW",
        carat_thousandths=5_000,
        opened_at=ledger.now_ms,
    )
    travel(ledger, "import_refused_returned", "return_received", subject=NAMED)
    assert _case(ledger, NAMED).state is CaseState.RETURN_CLOSED


def test_goods_of_unknown_provenance_come_back_to_nobody() -> None:
    assert isinstance(OPENED, CaseOpened)
    ledger = open_trade()
    body = vary(OPENED, claimed_provenance=None)
    ledger.record(make_step(ledger, "case_opened", body, subject=NAMED))
    travel(ledger, "import_refused_returned", subject=NAMED)
    assert judge(ledger, "return_received", subject=NAMED) == ("E2", "author")


@pytest.mark.parametrize("kind", [CaseKind.NO_CERTIFICATE, CaseKind.SAMPLE])
def test_case_is_opened_by_name_for_these(kind: CaseKind) -> None:
    assert isinstance(OPENED, CaseOpened)
    found = judge(open_trade(), "case_opened", vary(OPENED, kind=kind), subject=NAMED)
    assert found is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": CaseKind.DEAD_ARRIVAL}, "body.kind"),
        ({"kind": CaseKind.REPRESENTATION}, "body.kind"),
        ({"opened_on": add_days(TODAY, 2)}, "body.opened_on"),
        ({"opened_on": "2026-02-30"}, "body.opened_on"),
    ],
)
def test_unsound_case_is_refused(changes: dict[str, object], field: str) -> None:
    assert isinstance(OPENED, CaseOpened)
    found = judge(open_trade(), "case_opened", vary(OPENED, **changes), subject=NAMED)
    assert found == ("E5", field)


@pytest.mark.parametrize(
    "subject",
    ["BW/case/2026-1", "ZA/case", "ZA/case/", "ZA/case/A", "ZA/cases/1", NUMBER, FIRST],
)
def test_case_stands_under_the_code_of_whoever_opens_it(subject: str) -> None:
    assert judge(open_trade(), "case_opened", subject=subject) == ("E5", "subject")


def test_case_is_opened_once() -> None:
    ledger = open_trade()
    travel(ledger, "case_opened", subject=NAMED)
    again = make_step(ledger, "case_opened", prev=None, subject=NAMED, nonce=1)
    refusal = ledger.attempt(again)
    assert refusal is not None
    assert (refusal.rule.code, refusal.field) == ("E6", "subject")
    assert judge(ledger, "case_opened", subject=NAMED) == ("E6", "prev")
