"""A participant admitted from a day on: what it may do before that day, and from it."""

from typing import Final

import pytest
from founding import (
    CHAIR,
    NOW_MS,
    MemoryLedger,
    make_certificate,
    make_event,
    open_trade,
    opening_events,
    signing_key,
    vary,
)
from judging import judge, judgement
from scheme_statements import (
    ADMISSION,
    CONCERN,
    FORMAT,
    KEY,
    OFFICE,
    PAPER,
    POLICY,
    REVOCATION,
    ROTATION,
    STATUS,
    SUSPECT,
)

from kpledger.base.units import DAY_MS, day_of
from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.governance import AuthorityClosed, Standing
from kpledger.scheme.v1.events.importing import SuspectReported
from kpledger.scheme.v1.events.life import AnnualReportFiled, ConcernRaised

FIRST_DAY: Final = NOW_MS + 5 * DAY_MS
_FORM: Final = vary(FORMAT, masks=("NA######",))
_OWN_POLICY: Final = vary(POLICY, participant="NA")
READY: Final = [
    ("office", "NA/root", vary(OFFICE, authority="luderitz")),
    ("key", "NA/root", vary(KEY, authority="windhoek")),
    ("rotation", "NA/root", vary(ROTATION, old=signing_key("NA/windhoek").public_key)),
    ("revocation", "NA/root", vary(REVOCATION, key=signing_key("NA/windhoek").public_key)),
    ("form", "NA/root", _FORM),
    ("policy", "NA/root", vary(_OWN_POLICY, effective_from=FIRST_DAY)),
    ("closing", "NA/root", AuthorityClosed(authority="windhoek", reason="moved")),
]
"""What a participant that is admitted from a day on arranges before it."""
TOO_EARLY: Final = [
    ("report", "NA/root", AnnualReportFiled(year=2025, document=PAPER, remarks="")),
    ("concern", "NA/root", CONCERN),
    ("suspect", "NA/windhoek", SUSPECT),
]


def _await_namibia(**changes: object) -> MemoryLedger:
    ledger = open_trade()
    ledger.record(make_event(CHAIR, vary(ADMISSION, effective_from=FIRST_DAY, **changes)))
    return ledger


def _awaited() -> MemoryLedger:
    ledger = _await_namibia()
    ledger.record(*opening_events("NA/windhoek"))
    return ledger


@pytest.mark.parametrize(("author", "body"), [pytest.param(*row[1:], id=row[0]) for row in READY])
def test_participant_admitted_from_a_day_on_gets_ready_before_it(author: str, body: Body) -> None:
    assert judge(_awaited(), author, body) is None


@pytest.mark.parametrize(
    ("author", "body"), [pytest.param(*row[1:], id=row[0]) for row in TOO_EARLY]
)
def test_participant_admitted_from_a_day_on_takes_no_part_before_it(
    author: str, body: Body
) -> None:
    names = {ConcernRaised: "ZA/concern/1", SuspectReported: "NA/suspect/1"}
    ledger, subject = _awaited(), names.get(type(body))
    assert judge(ledger, author, body, subject) == (Rule.E4, "author")
    ledger.now_ms = FIRST_DAY
    assert judge(ledger, author, body, subject) is None


@pytest.mark.parametrize(
    ("number", "author", "destination", "field"),
    [
        ("NA000001", "NA/windhoek", "EU", "author"),
        ("BW000001", "BW/gaborone", "NA", "body.certificate.destination"),
    ],
)
def test_participant_admitted_from_a_day_on_trades_from_it(
    number: str, author: str, destination: str, field: str
) -> None:
    ledger = _awaited()
    outcomes = []
    for now_ms in (FIRST_DAY - 1, FIRST_DAY):
        ledger.now_ms = now_ms
        paper = make_certificate(number, destination=destination)
        paper = vary(paper, issued_on=day_of(now_ms), validated_at=now_ms)
        outcomes.append(judge(ledger, author, CertificateIssued(certificate=paper)))
    assert outcomes == [(Rule.E4, field), None]


def test_nobody_else_gets_ready() -> None:
    """Not who is no participant, was removed on its day, or whose admission has lapsed."""
    registered, _, _ = opening_events("NA/windhoek")
    removed = _await_namibia()
    removal = vary(STATUS, code="NA", status=Standing.REMOVED, effective_from=FIRST_DAY)
    removed.record(make_event(CHAIR, removal))
    removed.now_ms = FIRST_DAY
    assert judgement(removed.attempt(registered)) == (Rule.E4, "author")
    lapsed = _await_namibia(decision="CN-1", interim=True)
    assert lapsed.attempt(registered) is None
    lapsed.now_ms = FIRST_DAY + 90 * DAY_MS
    assert judgement(lapsed.attempt(registered)) == (Rule.E4, "author")
    stranger, _, _ = opening_events("XX/nowhere")
    assert judgement(open_trade().attempt(stranger)) == (Rule.E1, "signatures")


@pytest.mark.parametrize(("code", "home"), [("HK", "CN"), ("DK", "EU"), ("GL", "EU"), ("PR", "US")])
def test_a_territory_is_not_admitted_beside_its_participant(code: str, home: str) -> None:
    refusal = open_trade().attempt(make_event(CHAIR, vary(ADMISSION, code=code), subject=code))
    assert refusal is not None
    assert judgement(refusal) == (Rule.E6, "body.code")
    assert refusal.problem.endswith(f"{code} is part of {home}; use {home}")
