"""The life of a certificate: every state against every event on it, and nothing in between."""

from typing import Final

import pytest
from founding import MemoryLedger, issue, make_event, open_trade
from statements import CERTIFICATE, NUMBER, SOUND

from kpledger.lifecycle import NO_ARRIVAL, TRANSITIONS, CertificateState
from kpledger.outcome import Rule
from kpledger.state import ChangeSet

PATHS: Final[dict[CertificateState, tuple[str, ...]]] = {
    CertificateState.VALIDATED: (),
    CertificateState.ARRIVED: ("arrival_recorded",),
    CertificateState.DETAINED: ("shipment_detained",),
    CertificateState.CONFIRMED: ("arrival_recorded", "import_confirmed"),
    CertificateState.CONFIRMED_DISCREPANT: ("import_confirmed_discrepant",),
    CertificateState.RETURNED: ("arrival_recorded", "import_refused_returned"),
    CertificateState.SEIZED: ("shipment_detained", "shipment_seized"),
    CertificateState.VOIDED: ("certificate_voided",),
    CertificateState.REPLACED: ("certificate_replaced",),
}

# The same table as the library's, written down a second time from the scheme (V void, P replace,
# A arrival, C confirm, X discrepant, D detain, L release, R return, S seize).
ALLOWED: Final = {
    CertificateState.VALIDATED: "VPACXD",
    CertificateState.ARRIVED: "CXDRS",
    CertificateState.DETAINED: "LRS",
}
LETTERS: Final = {
    "V": ("certificate_voided", CertificateState.VOIDED),
    "P": ("certificate_replaced", CertificateState.REPLACED),
    "A": ("arrival_recorded", CertificateState.ARRIVED),
    "C": ("import_confirmed", CertificateState.CONFIRMED),
    "X": ("import_confirmed_discrepant", CertificateState.CONFIRMED_DISCREPANT),
    "D": ("shipment_detained", CertificateState.DETAINED),
    "L": ("shipment_released", CertificateState.ARRIVED),
    "R": ("import_refused_returned", CertificateState.RETURNED),
    "S": ("shipment_seized", CertificateState.SEIZED),
}

EVENTS: Final = {name: SOUND[name] for name, _ in LETTERS.values()}
CONFIRMED: Final = {CertificateState.CONFIRMED, CertificateState.CONFIRMED_DISCREPANT}


def _event(ledger: MemoryLedger, name: str) -> bytes:
    author, body = EVENTS[name]
    return make_event(author, body, subject=NUMBER, prev=ledger.certificate(NUMBER).head)


def _ledger_in(state: CertificateState) -> MemoryLedger:
    ledger = open_trade()
    issue(ledger, CERTIFICATE)
    for name in PATHS[state]:
        ledger.record(_event(ledger, name))
    return ledger


def _expected_refusal(state: CertificateState, name: str) -> tuple[Rule, str]:
    if name.startswith("import_confirmed"):
        if state in CONFIRMED:
            return Rule.E7, "subject"
        return Rule.E8, "subject"
    return Rule.E6, "type"


def test_table_is_the_one_of_the_scheme() -> None:
    found = {
        (state, name): step.state
        for state, steps in TRANSITIONS.items()
        for name, step in steps.items()
    }
    expected = {
        (state, LETTERS[letter][0]): LETTERS[letter][1]
        for state, letters in ALLOWED.items()
        for letter in letters
    }
    assert found == expected
    assert set(TRANSITIONS) == set(CertificateState) == set(PATHS)


@pytest.mark.parametrize("state", list(CertificateState))
def test_every_event_moves_as_the_table_says_or_is_refused(state: CertificateState) -> None:
    ledger = _ledger_in(state)
    before = ledger.certificate(NUMBER)
    assert before.state is state
    outcomes: dict[str, object] = {}
    expected: dict[str, object] = {}
    for name in EVENTS:
        changes = ChangeSet(ledger.state)
        refusal = ledger.execute(_event(ledger, name), changes)
        outcomes[name] = (refusal.rule, refusal.field) if refusal else "accepted"
        step = TRANSITIONS[state].get(name)
        expected[name] = "accepted" if step else _expected_refusal(state, name)
        assert bool(changes.written) == (step is not None)
    assert outcomes == expected


@pytest.mark.parametrize(
    ("state", "name"), [(state, name) for state, steps in TRANSITIONS.items() for name in steps]
)
def test_accepted_event_writes_state_head_and_mark(state: CertificateState, name: str) -> None:
    ledger = _ledger_in(state)
    before = ledger.certificate(NUMBER)
    encoded = _event(ledger, name)
    ledger.record(encoded)
    after = ledger.certificate(NUMBER)
    skipped = state is CertificateState.VALIDATED and name.startswith("import_confirmed")
    assert (after.state, after.marks) == (
        TRANSITIONS[state][name].state,
        (NO_ARRIVAL,) if skipped else (),
    )
    assert after.head != before.head
    assert after.replaced_by == ("BW000002" if name == "certificate_replaced" else None)


def test_detained_and_released_again_and_again() -> None:
    ledger = _ledger_in(CertificateState.ARRIVED)
    for name in ("shipment_detained", "shipment_released") * 3:
        ledger.record(_event(ledger, name))
    assert ledger.certificate(NUMBER).state is CertificateState.ARRIVED


@pytest.mark.parametrize("name", list(EVENTS))
def test_event_on_a_certificate_that_does_not_exist_is_refused(name: str) -> None:
    author, body = EVENTS[name]
    refusal = open_trade().attempt(make_event(author, body, subject="BW000009"))
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (Rule.E6, "subject")


@pytest.mark.parametrize("name", list(TRANSITIONS[CertificateState.VALIDATED]))
def test_author_must_have_seen_the_newest_event(name: str) -> None:
    ledger = _ledger_in(CertificateState.VALIDATED)
    author, body = EVENTS[name]
    for prev in (None, bytes(32)):
        refusal = ledger.attempt(make_event(author, body, subject=NUMBER, prev=prev))
        assert refusal is not None
        assert (refusal.rule, refusal.field) == (Rule.E6, "prev")
        assert refusal.accepted == ledger.certificate(NUMBER).head.hex()


@pytest.mark.parametrize(
    ("name", "author"),
    [(name, "EU/antwerp" if EVENTS[name][0] == "BW/gaborone" else "ZA/joburg") for name in EVENTS],
)
def test_others_may_not_act_on_the_certificate(name: str, author: str) -> None:
    ledger = _ledger_in(CertificateState.VALIDATED)
    prev = ledger.certificate(NUMBER).head
    encoded = make_event(author, EVENTS[name][1], subject=NUMBER, prev=prev)
    refusal = ledger.attempt(encoded)
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (Rule.E2, "author")
