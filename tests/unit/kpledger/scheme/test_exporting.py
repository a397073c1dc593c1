"""C2, C3, C8 and C9: validating, announcing, coming back unused, passing through."""

import pytest
from founding import CHAIR, DECISION, NOW_MS, TODAY, MemoryLedger, make_event, vary
from journey import judge, make_step, start_journey, travel
from statements import CERTIFICATE, NUMBER, SOUND

from kpledger.base.units import DAY_MS, add_days, end_of_day_ms, start_of_day_ms
from kpledger.scheme.v1.events.certificate import (
    CertificateReturnedUnused,
    CertificateValidated,
    ExportNotified,
    TransitNoted,
)
from kpledger.scheme.v1.events.governance import ParticipantStatusChanged, Standing
from kpledger.scheme.v1.lifecycles import CertificateState

SKEW_MS = 10_000
YESTERDAY, TOMORROW = add_days(TODAY, -1), add_days(TODAY, 1)
EXPIRY = CERTIFICATE.expires_on
VALIDATION = SOUND["certificate_validated"][1]
NOTICE = SOUND["export_notified"][1]
TRANSIT = SOUND["transit_noted"][1]


def _suspend(ledger: MemoryLedger, code: str) -> None:
    body = ParticipantStatusChanged(
        code=code, status=Standing.SUSPENDED, effective_from=NOW_MS, decision=DECISION
    )
    ledger.record(make_event(CHAIR, body))


def test_certificate_without_validation_is_issued_and_validated_later() -> None:
    ledger = start_journey(validated=False)
    assert ledger.certificate(NUMBER).state is CertificateState.ISSUED
    travel(ledger, "certificate_validated")
    assert ledger.certificate(NUMBER).state is CertificateState.VALIDATED


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"validated_at": NOW_MS + SKEW_MS}, None),
        ({"validated_at": NOW_MS + SKEW_MS + 1}, "body.validated_at"),
        ({"validated_at": start_of_day_ms(TODAY) - DAY_MS - SKEW_MS}, None),
        ({"validated_at": start_of_day_ms(TODAY) - DAY_MS - SKEW_MS - 1}, "body.validated_at"),
        ({"seals": ("b", "a")}, None),
        ({"seals": ("a", "b", "a")}, "body.seals"),
    ],
)
def test_validation_lies_between_issue_and_now_and_names_each_seal_once(
    changes: dict[str, object], field: str | None
) -> None:
    assert isinstance(VALIDATION, CertificateValidated)
    found = judge(
        start_journey(validated=False), "certificate_validated", vary(VALIDATION, **changes)
    )
    assert found == (field and ("E5", field))


def test_certificate_is_validated_while_it_is_valid() -> None:
    assert isinstance(VALIDATION, CertificateValidated)
    ledger = start_journey(validated=False)
    end = end_of_day_ms(EXPIRY)
    found = [
        judge(ledger, "certificate_validated", vary(VALIDATION, validated_at=at), now_ms=end + 1)
        for at in (end, end + 1)
    ]
    assert found == [None, ("E5", "body.validated_at")]


@pytest.mark.parametrize(("code", "field"), [("BW", "author"), ("EU", "subject")])
@pytest.mark.parametrize(
    ("name", "validated"), [("certificate_validated", False), ("export_notified", True)]
)
def test_trade_is_judged_anew_at_validation_and_export(
    code: str, field: str, name: str, *, validated: bool
) -> None:
    ledger = start_journey(validated=validated)
    _suspend(ledger, code)
    assert judge(ledger, name) == ("E4", field)


def test_shipment_leaves_until_the_end_of_the_last_day_and_no_later() -> None:
    ledger = start_journey()
    last = end_of_day_ms(EXPIRY)
    assert judge(ledger, "export_notified", now_ms=last) is None
    assert judge(ledger, "export_notified", now_ms=last + 1) == ("E6", "subject")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"exported_on": EXPIRY, "expected_on": None}, None),
        ({"exported_on": TOMORROW, "expected_on": TOMORROW}, None),
        ({"exported_on": YESTERDAY}, "body.exported_on"),
        ({"exported_on": add_days(EXPIRY, 1), "expected_on": None}, "body.exported_on"),
        ({"exported_on": "2026-02-30"}, "body.exported_on"),
        ({"exported_on": TOMORROW, "expected_on": TODAY}, "body.expected_on"),
        ({"expected_on": "2026-02-30"}, "body.expected_on"),
        ({"transit": ("ZA", "NA", "ZA")}, None),
        ({"transit": ("XX",)}, "body.transit"),
    ],
)
def test_notice_names_days_on_which_it_can_be_and_countries_that_are(
    changes: dict[str, object], field: str | None
) -> None:
    assert isinstance(NOTICE, ExportNotified)
    found = judge(start_journey(), "export_notified", vary(NOTICE, **changes))
    assert found == (field and ("E5", field))


def test_day_of_the_notice_is_kept() -> None:
    assert start_journey("export_notified").certificate(NUMBER).exported_on == TODAY


@pytest.mark.parametrize(
    ("day", "refused"),
    [(TODAY, False), (TOMORROW, False), (YESTERDAY, True), (add_days(TODAY, 2), True)],
)
def test_unused_certificate_comes_back_between_issue_and_now(day: str, *, refused: bool) -> None:
    body = CertificateReturnedUnused(returned_on=day)
    found = judge(start_journey(), "certificate_returned_unused", body)
    assert found == (("E5", "body.returned_on") if refused else None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"left_on": TODAY}, None),
        ({"entered_on": YESTERDAY}, "body.entered_on"),
        ({"entered_on": add_days(TODAY, 2)}, "body.entered_on"),
        ({"entered_on": TOMORROW, "left_on": TODAY}, "body.left_on"),
        ({"left_on": "2026-03-32"}, "body.left_on"),
    ],
)
def test_transit_begins_after_issue_and_ends_after_it_begins(
    changes: dict[str, object], field: str | None
) -> None:
    assert isinstance(TRANSIT, TransitNoted)
    found = judge(start_journey(), "transit_noted", vary(TRANSIT, **changes))
    assert found == (field and ("E5", field))


def test_note_of_transit_leaves_what_the_issuer_has_seen() -> None:
    """Anybody may note one: it must not make what the parties have prepared out of date."""
    ledger = start_journey()
    notified = make_step(ledger, "export_notified")
    before = ledger.certificate(NUMBER)
    travel(ledger, "transit_noted")
    assert ledger.certificate(NUMBER) == before
    assert ledger.attempt(notified) is None


def test_transit_is_noted_by_members() -> None:
    ledger = start_journey()
    removed = ParticipantStatusChanged(
        code="ZA", status=Standing.REMOVED, effective_from=NOW_MS, decision="N-1", interim=True
    )
    ledger.record(make_event(CHAIR, removed))
    assert judge(ledger, "transit_noted") == ("E4", "author")


@pytest.mark.parametrize("author", ["BW/gaborone", "EU/antwerp"])
def test_transit_is_noted_by_neither_end(author: str) -> None:
    found = judge(start_journey(), "transit_noted", author=author)
    assert found == ("E2", "author")
