"""Whatever an event names has to be there: each refusal says by which rule it is not, and where."""

from typing import Final

import pytest
from founding import make_certificate, make_event, open_trade, signing_key, vary
from journey import make_step, start_journey
from scheme_statements import STATEMENTS, prepare, state
from statements import SOUND

from kpledger.scheme.event import Author, Body
from kpledger.scheme.outcome import Refusal
from kpledger.scheme.v1.catalogue import CATALOGUE
from kpledger.scheme.v1.events.certificate import CertificateIssued, CertificateKind
from kpledger.scheme.v1.events.life import CorrectionMade, EventCountersigned
from kpledger.scheme.v1.lifecycles import (
    CASE_TRANSITIONS,
    PROCEEDINGS,
    TRANSITIONS,
    ProceedingState,
)

NOBODY: Final = "QQ"
NO_KEY: Final = signing_key("nobody").public_key
NO_EVENT: Final = bytes(32)

OF_CERTIFICATES: Final = sorted({name for steps in TRANSITIONS.values() for name in steps})
OF_CASES: Final = sorted({name for steps in CASE_TRANSITIONS.values() for name in steps})
OF_PROCEEDINGS: Final = sorted(
    {
        name
        for table in PROCEEDINGS.values()
        for state, steps in table.items()
        if state is not ProceedingState.NONE
        for name in steps
        if name not in table[ProceedingState.NONE]
    }
)

NAMED: Final[dict[str, tuple[dict[str, object], str, str]]] = {
    "authority_closed": ({"authority": "nowhere"}, "E6", "body.authority"),
    "key_added": ({"authority": "nowhere"}, "E6", "body.authority"),
    "key_rotated": ({"old": NO_KEY}, "E2", "body.old"),
    "key_revoked": ({"key": NO_KEY}, "E2", "body.key"),
    "number_range_allocated": ({"authority": "nowhere"}, "E6", "body.authority"),
    "number_range_retired": ({"first": 7}, "E3", "body.first"),
    "participant_status_changed": ({"code": NOBODY}, "E6", "body.code"),
    "participant_recovered": ({"code": NOBODY}, "E6", "body.code"),
    "chair_recovered": ({"chair": NOBODY}, "E6", "body.chair"),
    "chair_rotated": ({"chair": NOBODY}, "E6", "body.chair"),
    "vice_chair_elected": ({"vice_chair": NOBODY}, "E6", "body.vice_chair"),
    "participant_admitted": ({"decision": "AD-NONE"}, "E11", "body.decision"),
    "restriction_set": (
        {"approver": Author(participant="KPCS", authority="nowhere")},
        "E6",
        "body.approver",
    ),
    "restriction_lifted": ({"restriction": "none"}, "E6", "body.restriction"),
    "shipment_approved": ({"restriction": "none"}, "E6", "body.restriction"),
    "shipment_declined": ({"restriction": "none"}, "E6", "body.restriction"),
    "decision_recorded": ({"ratifies": (NO_EVENT,)}, "E11", "body.ratifies[0]"),
    "body_composed": ({"observers": ("nobody",)}, "E5", "body.observers"),
    "observer_withdrawn": ({"observer": "nobody"}, "E6", "body.observer"),
    "meeting_held": ({"present": (NOBODY,)}, "E5", "body.present"),
    "review_requested": ({"participant": NOBODY}, "E5", "body.participant"),
    "concern_raised": ({"participant": NOBODY}, "E5", "body.participant"),
    "anomaly_questioned": ({"participant": NOBODY}, "E5", "body.participant"),
    "note_filed": ({"references": (NO_EVENT,)}, "E6", "body.references[0]"),
}
"""What each statement names that is not there, and how it is refused."""


OF_THE_SCHEME_ALONE: Final = {
    "authority_registered",
    "policy_set",
    "rules_activated",
    "annual_report_filed",
    "meeting_announced",
    "position_taken",
    "observer_registered",
    "suspect_reported",
    "trade_statistics_submitted",
    "production_statistics_submitted",
    "count_statistics_submitted",
    "certificate_format_notified",
    "case_opened",
}
"""Statements that name nothing that has to be there, or a paper that may never have been."""


def _place(refusal: Refusal | None) -> tuple[str, str] | None:
    return None if refusal is None else (refusal.rule.code, refusal.field)


def test_every_type_of_event_is_looked_at() -> None:
    others = {"certificate_issued", "event_countersigned", "correction_made"}
    seen = {*OF_CERTIFICATES, *OF_CASES, *OF_PROCEEDINGS, *NAMED, *OF_THE_SCHEME_ALONE, *others}
    assert seen == {body.TYPE for body in CATALOGUE}


@pytest.mark.parametrize("name", OF_CERTIFICATES)
def test_certificate_that_nobody_issued_is_said_to_be_unknown(name: str) -> None:
    refusal = open_trade().attempt(make_step(open_trade(), name))
    assert _place(refusal) == ("E6", "subject")
    assert refusal is not None
    assert refusal.problem == "there is no certificate or case BW000001"


@pytest.mark.parametrize("name", OF_CASES)
def test_case_that_nobody_opened_is_said_to_be_unknown(name: str) -> None:
    refusal = open_trade().attempt(make_step(open_trade(), name, subject="ZA/case/none"))
    assert _place(refusal) == ("E6", "subject")
    assert refusal is not None
    assert refusal.problem == "there is no certificate or case ZA/case/none"


@pytest.mark.parametrize("name", OF_PROCEEDINGS)
def test_proceeding_that_nobody_opened_is_said_to_be_unknown(name: str) -> None:
    refusal = open_trade().attempt(state(open_trade(), name))
    assert _place(refusal) == ("E6", "subject")
    assert refusal is not None
    assert refusal.problem.startswith("there is no ")


@pytest.mark.parametrize("name", sorted(NAMED))
def test_whatever_a_statement_names_has_to_be_there(name: str) -> None:
    changes, rule, field = NAMED[name]
    ledger, one = prepare(open_trade(), name), STATEMENTS[name]
    said = state(ledger, name, **changes)
    if one.subject is not None and "participant" in changes:
        # What is opened stands under whom it concerns.
        subject = NOBODY + one.subject[2:]
        said = make_event(one.author, vary(one.body, **changes), subject=subject)
    elif name == "participant_recovered":
        witnesses = (one.author, "EU/root", "ZA/root")
        said = make_event(one.author, vary(one.body, **changes), signers=witnesses)
    assert _place(ledger.attempt(said)) == (rule, field)


@pytest.mark.parametrize(
    "body",
    [
        EventCountersigned(event=NO_EVENT),
        CorrectionMade(event=NO_EVENT, body=b"x", reason="a slip"),
    ],
    ids=lambda one: one.TYPE,
)
def test_event_that_is_not_on_the_ledger_is_neither_signed_nor_corrected(body: Body) -> None:
    refusal = open_trade().attempt(make_event("BW/root", body, subject="BW"))
    assert _place(refusal) == ("E6", "body.event")


def test_technical_certificate_names_goods_that_are_there() -> None:
    moved = vary(make_certificate(), kind=CertificateKind.TECHNICAL, case="EU/case/none")
    refusal = open_trade().attempt(make_event("BW/gaborone", CertificateIssued(certificate=moved)))
    assert _place(refusal) == ("E10", "body.certificate.case")


def test_goods_go_back_under_a_certificate_that_is_there() -> None:
    ledger = start_journey("arrival_recorded")
    body = vary(SOUND["import_refused_returned"][1], technical_certificate="EU000009")
    refusal = ledger.attempt(make_step(ledger, "import_refused_returned", body))
    assert _place(refusal) == ("E10", "body.technical_certificate")
