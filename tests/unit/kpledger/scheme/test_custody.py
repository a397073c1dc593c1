"""Who has the goods before it, and what that allows: detained on their way, lost, diverted."""

import pytest
from founding import (
    CHAIR,
    FOUNDED_MS,
    NOW_MS,
    TODAY,
    MemoryLedger,
    make_event,
    open_trade,
    signing_key,
    vary,
)
from journey import judge, make_step, start_journey, travel
from statements import NUMBER, SOUND

from kpledger.base.units import DAY_MS, add_days
from kpledger.scheme.v1.events.governance import (
    AuthorityRegistered,
    AuthorityRole,
    KeyAdded,
    ParticipantStatusChanged,
    Standing,
)
from kpledger.scheme.v1.lifecycles import CertificateState

_S = CertificateState


def _detain_at(ledger: MemoryLedger, office: str) -> None:
    ledger.record(make_step(ledger, "shipment_detained", author=office))


def _open_exporting_office(ledger: MemoryLedger, office: str) -> None:
    code, _, authority = office.partition("/")
    registered = AuthorityRegistered(
        authority=authority,
        title="Office",
        place="Here",
        roles=(AuthorityRole.EXPORTING,),
        contact="",
    )
    added = KeyAdded(authority=authority, key=signing_key(office).public_key, valid_from=FOUNDED_MS)
    ledger.record(*(make_event(f"{code}/root", body) for body in (registered, added)))


@pytest.mark.parametrize("path", [(), ("export_notified",)])
def test_goods_detained_on_their_way_go_on_from_where_they_were(path: tuple[str, ...]) -> None:
    ledger = start_journey(*path)
    before = ledger.certificate(NUMBER)
    _detain_at(ledger, "ZA/joburg")
    held = ledger.certificate(NUMBER)
    assert (held.state, held.holder, held.prior) == (_S.DETAINED, "ZA", before.state)
    travel(ledger, "shipment_released")
    after = ledger.certificate(NUMBER)
    assert (after.state, after.holder, after.prior) == (before.state, None, None)
    assert judge(ledger, "import_confirmed") is None


def test_goods_detained_before_validation_go_on_unvalidated() -> None:
    ledger = start_journey(validated=False)
    _detain_at(ledger, "ZA/joburg")
    travel(ledger, "shipment_released")
    assert ledger.certificate(NUMBER).state is _S.ISSUED


def test_goods_released_at_the_destination_have_arrived() -> None:
    ledger = start_journey("shipment_detained", "shipment_released")
    record = ledger.certificate(NUMBER)
    assert (record.state, record.holder, record.prior) == (_S.ARRIVED, "EU", None)


@pytest.mark.parametrize(
    "name",
    ["shipment_released", "import_refused_returned", "shipment_seized", "shipment_detained"],
)
@pytest.mark.parametrize("author", ["EU/antwerp", "BW/gaborone"])
def test_only_the_holder_goes_on_with_detained_goods(name: str, author: str) -> None:
    ledger = start_journey()
    _detain_at(ledger, "ZA/joburg")
    assert judge(ledger, name, author=author) == ("E2", "author")


@pytest.mark.parametrize("name", ["import_refused_returned", "shipment_seized"])
def test_holder_on_the_way_sends_back_or_seizes(name: str) -> None:
    ledger = start_journey()
    _detain_at(ledger, "ZA/joburg")
    assert judge(ledger, name) is None


def test_goods_of_another_are_not_detained_once_they_arrived() -> None:
    ledger = start_journey("arrival_recorded")
    assert judge(ledger, "shipment_detained", author="ZA/joburg") == ("E2", "author")


def test_lost_certificate_stays_lost_over_its_arrival_until_it_is_found() -> None:
    ledger = start_journey("certificate_lost", "arrival_recorded")
    assert ledger.certificate(NUMBER).lost
    assert judge(ledger, "import_confirmed") == ("E8", "subject")
    assert judge(ledger, "import_confirmed_discrepant") is None
    travel(ledger, "certificate_found")
    assert not ledger.certificate(NUMBER).lost
    assert judge(ledger, "import_confirmed") is None


def test_lost_certificate_stays_lost_over_its_detention() -> None:
    ledger = start_journey("certificate_lost", "shipment_detained", "shipment_released")
    assert judge(ledger, "import_confirmed") == ("E8", "subject")


@pytest.mark.parametrize("path", [(), ("export_notified",)])
def test_found_certificate_stands_where_it_stood(path: tuple[str, ...]) -> None:
    ledger = start_journey(*path)
    before = ledger.certificate(NUMBER)
    travel(ledger, "certificate_lost", "certificate_found")
    after = ledger.certificate(NUMBER)
    assert (after.state, after.lost, after.prior) == (before.state, False, None)


def test_goods_of_a_lost_certificate_released_on_their_way_leave_it_lost() -> None:
    ledger = start_journey("export_notified", "certificate_lost")
    _detain_at(ledger, "ZA/joburg")
    travel(ledger, "shipment_released")
    record = ledger.certificate(NUMBER)
    assert (record.state, record.lost, record.prior) == (_S.LOST, True, _S.IN_TRANSIT)
    travel(ledger, "certificate_found")
    assert ledger.certificate(NUMBER).state is _S.IN_TRANSIT


def test_certificate_found_during_a_detention_on_the_way_travels_on() -> None:
    ledger = start_journey("export_notified", "certificate_lost")
    _detain_at(ledger, "ZA/joburg")
    travel(ledger, "certificate_found", "shipment_released")
    record = ledger.certificate(NUMBER)
    assert (record.state, record.lost) == (_S.IN_TRANSIT, False)


@pytest.mark.parametrize("path", ["arrival_recorded", "shipment_detained"])
def test_what_was_not_lost_is_not_found(path: str) -> None:
    assert judge(start_journey(path), "certificate_found") == ("E6", "type")


@pytest.mark.parametrize("author", ["BW/gaborone", "EU/antwerp"])
@pytest.mark.parametrize("name", ["certificate_lost", "certificate_found"])
def test_issuer_and_destination_report_lost_and_found(name: str, author: str) -> None:
    ledger = start_journey(*(("certificate_lost",) if name == "certificate_found" else ()))
    assert judge(ledger, name, author=author) is None


def test_exporting_office_of_the_destination_reports_no_loss() -> None:
    ledger = start_journey()
    _open_exporting_office(ledger, "EU/lisbon")
    assert judge(ledger, "certificate_lost", author="EU/lisbon") == ("E2", "author")


def test_diverted_goods_are_in_the_hands_of_whoever_found_them() -> None:
    ledger = start_journey("export_notified", "shipment_diverted")
    assert ledger.certificate(NUMBER).holder == "ZA"
    for name in ("shipment_detained", "import_refused_returned", "shipment_seized"):
        assert judge(ledger, name) is None
        assert judge(ledger, name, author="EU/antwerp") == ("E2", "author")


def test_diverted_goods_released_stay_with_whoever_found_them() -> None:
    ledger = start_journey(
        "export_notified", "shipment_diverted", "shipment_detained", "shipment_released"
    )
    record = ledger.certificate(NUMBER)
    assert (record.state, record.holder) == (_S.DIVERTED, "ZA")


@pytest.mark.parametrize("day", ["2026-03-01", "2026-03-04", "2026-02-30"])
def test_goods_surface_between_issue_and_now(day: str) -> None:
    ledger = start_journey("export_notified")
    author, body = SOUND["shipment_diverted"]
    found = judge(ledger, "shipment_diverted", vary(body, found_on=day), author=author)
    assert found == ("E5", "body.found_on")


def test_returned_goods_are_with_the_issuer_in_the_end() -> None:
    ledger = start_journey("arrival_recorded", "import_refused_returned")
    assert ledger.certificate(NUMBER).holder == "EU"
    assert judge(ledger, "return_received", author="ZA/joburg") == ("E2", "author")
    travel(ledger, "return_received")
    record = ledger.certificate(NUMBER)
    assert (record.state, record.holder) == (_S.RETURN_CLOSED, "BW")


def test_goods_come_back_on_a_day_that_was() -> None:
    ledger = start_journey("arrival_recorded", "import_refused_returned")
    _, body = SOUND["return_received"]
    for day in ("2026-03-04", "2026-02-30"):
        found = judge(ledger, "return_received", vary(body, received_on=day))
        assert found == ("E5", "body.received_on")


def test_goods_come_back_no_earlier_than_they_arrived() -> None:
    ledger = start_journey()
    ledger.now_ms += 2 * DAY_MS
    _, arrival = SOUND["arrival_recorded"]
    arrived = vary(arrival, arrived_on=add_days(TODAY, 2))
    ledger.record(make_step(ledger, "arrival_recorded", arrived))
    travel(ledger, "import_refused_returned")
    _, body = SOUND["return_received"]
    found = {
        days: judge(ledger, "return_received", vary(body, received_on=add_days(TODAY, days)))
        for days in (1, 2)
    }
    assert found == {1: ("E5", "body.received_on"), 2: None}


def test_goods_that_surfaced_come_back_after_the_issue() -> None:
    ledger = start_journey("export_notified", "shipment_diverted", "import_refused_returned")
    _, body = SOUND["return_received"]
    found = judge(ledger, "return_received", vary(body, received_on=add_days(TODAY, -1)))
    assert found == ("E5", "body.received_on")


def test_who_was_removed_opens_no_case() -> None:
    ledger = open_trade()
    removed = ParticipantStatusChanged(
        code="ZA", status=Standing.REMOVED, effective_from=NOW_MS, decision="N-1", interim=True
    )
    ledger.record(make_event(CHAIR, removed))
    assert judge(ledger, "case_opened", subject="ZA/case/1") == ("E4", "author")


@pytest.mark.parametrize(("code", "office"), [("ZA", "ZA/joburg"), ("EU", "EU/antwerp")])
def test_who_was_removed_holds_back_only_what_was_sent_to_it(code: str, office: str) -> None:
    ledger = start_journey("export_notified")
    removed = ParticipantStatusChanged(
        code=code, status=Standing.REMOVED, effective_from=NOW_MS, decision="N-1", interim=True
    )
    ledger.record(make_event(CHAIR, removed))
    expected = None if code == "EU" else ("E4", "author")
    assert judge(ledger, "shipment_detained", author=office) == expected
    if code == "ZA":
        assert judge(ledger, "shipment_diverted", author=office) == expected
