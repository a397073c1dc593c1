"""The life of a certificate: every state against every event on it, and nothing in between."""

from typing import Final

import pytest
from founding import make_event, open_trade
from journey import PATHS, ledger_in, make_step, start_journey, travel
from statements import NUMBER, SOUND

from kpledger.base.state import ChangeSet
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.lifecycles import (
    OPENS_CASE,
    TRANSITIONS,
    USED,
    CertificateMark,
    CertificateState,
)
from kpledger.scheme.v1.records import CertificateRecord

_S = CertificateState

# The same table as the library's, written down a second time from the scheme.
ALLOWED: Final = {
    _S.ISSUED: "EMVPOUAD",
    _S.VALIDATED: "NMVPOUTACXD",
    _S.IN_TRANSIT: "MVPOTACXDW",
    _S.ARRIVED: "MFCXDRS",
    _S.DETAINED: "MFLRS",
    _S.LOST: "FVPAD",
    _S.DIVERTED: "PDRSZ",
    _S.CONFIRMED_DISCREPANT: "YZ",
    _S.RETURNED: "BZ",
    _S.SEIZED: "Z",
}
LETTERS: Final[dict[str, tuple[str, CertificateState | None]]] = {
    "A": ("arrival_recorded", _S.ARRIVED),
    "B": ("return_received", _S.RETURN_CLOSED),
    "C": ("import_confirmed", _S.CONFIRMED),
    "D": ("shipment_detained", _S.DETAINED),
    "E": ("certificate_validated", _S.VALIDATED),
    "F": ("certificate_found", None),
    "L": ("shipment_released", _S.ARRIVED),
    "M": ("amendment_endorsed", None),
    "N": ("export_notified", _S.IN_TRANSIT),
    "O": ("certificate_lost", _S.LOST),
    "P": ("certificate_replaced", _S.REPLACED),
    "R": ("import_refused_returned", _S.RETURNED),
    "S": ("shipment_seized", _S.SEIZED),
    "T": ("transit_noted", None),
    "U": ("certificate_returned_unused", _S.RETURNED_UNUSED),
    "V": ("certificate_voided", _S.VOIDED),
    "W": ("shipment_diverted", _S.DIVERTED),
    "X": ("import_confirmed_discrepant", _S.CONFIRMED_DISCREPANT),
    "Y": ("discrepancy_resolved", _S.RESOLVED),
    "Z": ("opening_withdrawn", None),
}
BACK_TO: Final = {
    _S.DIVERTED: _S.IN_TRANSIT,
    _S.CONFIRMED_DISCREPANT: _S.RESOLVED,
    _S.RETURNED: _S.DETAINED,
    _S.SEIZED: _S.DETAINED,
}
"""Where a certificate stands once what was stated by mistake is withdrawn."""
MARKS: Final = {
    (_S.ISSUED, "arrival_recorded"): CertificateMark.NOT_VALIDATED,
    (_S.ISSUED, "shipment_detained"): CertificateMark.NOT_VALIDATED,
    (_S.VALIDATED, "import_confirmed"): CertificateMark.NO_ARRIVAL,
    (_S.VALIDATED, "import_confirmed_discrepant"): CertificateMark.NO_ARRIVAL,
    (_S.IN_TRANSIT, "import_confirmed"): CertificateMark.NO_ARRIVAL,
    (_S.IN_TRANSIT, "import_confirmed_discrepant"): CertificateMark.NO_ARRIVAL,
    (_S.IN_TRANSIT, "certificate_voided"): CertificateMark.EXPORTED,
    (_S.IN_TRANSIT, "certificate_replaced"): CertificateMark.EXPORTED,
    (_S.IN_TRANSIT, "shipment_diverted"): CertificateMark.WAS_DIVERTED,
    (_S.LOST, "arrival_recorded"): CertificateMark.WAS_LOST,
    (_S.LOST, "shipment_detained"): CertificateMark.WAS_LOST,
    (_S.DIVERTED, "certificate_replaced"): CertificateMark.EXPORTED,
    (_S.DIVERTED, "opening_withdrawn"): CertificateMark.NO_DIVERSION,
    (_S.CONFIRMED_DISCREPANT, "opening_withdrawn"): CertificateMark.NO_DISCREPANCY,
    (_S.RETURNED, "opening_withdrawn"): CertificateMark.NO_REFUSAL,
    (_S.SEIZED, "opening_withdrawn"): CertificateMark.NO_SEIZURE,
}

EVENTS: Final = [name for name, _ in LETTERS.values()]
CLOSED_TO_THE_END: Final = {
    *(_S.VOIDED, _S.REPLACED, _S.RETURNED_UNUSED),
    *(_S.CONFIRMED, _S.CONFIRMED_DISCREPANT, _S.RESOLVED, _S.RETURN_CLOSED, _S.SEIZED),
}
STRANGERS: Final = {
    "BW/gaborone": "ZA/joburg",
    "EU/antwerp": "ZA/joburg",
    "ZA/joburg": "EU/antwerp",
}


def _needs_loss(state: CertificateState, name: str) -> bool:
    """Tell whether the table has this step only for certificates that were reported lost."""
    return name == "certificate_found" and state is not _S.LOST


def _expected(state: CertificateState, name: str) -> object:
    if name in {"arrival_recorded", "shipment_detained"} and state in CLOSED_TO_THE_END:
        return "a case"
    if name in TRANSITIONS[state] and not _needs_loss(state, name):
        return "accepted"
    if name.startswith("import_confirmed"):
        return (Rule.E7 if state in USED else Rule.E8), "subject"
    return Rule.E6, "type"


def test_table_is_the_one_of_the_scheme() -> None:
    found = {
        (state, name): step.state
        for state, steps in TRANSITIONS.items()
        for name, step in steps.items()
    }
    expected = {
        (state, LETTERS[letter][0]): BACK_TO[state] if letter == "Z" else LETTERS[letter][1]
        for state, letters in ALLOWED.items()
        for letter in letters
    }
    assert found == expected
    assert set(TRANSITIONS) == set(CertificateState) == set(PATHS)
    assert set(OPENS_CASE) == CLOSED_TO_THE_END


@pytest.mark.parametrize("state", list(CertificateState))
def test_every_event_moves_as_the_table_says_or_is_refused(state: CertificateState) -> None:
    ledger = ledger_in(state)
    assert ledger.certificate(NUMBER).state is state
    outcomes: dict[str, object] = {}
    for name in EVENTS:
        changes = ChangeSet(ledger.state)
        refusal = ledger.execute(make_step(ledger, name, nonce=1), changes)
        if refusal is not None:
            outcomes[name] = (refusal.rule, refusal.field)
            assert changes.written == {}
        else:
            in_a_case = any(key.startswith(b"case/") for key in changes.written)
            outcomes[name] = "a case" if in_a_case else "accepted"
            moved = CertificateRecord.key_for(NUMBER) in changes.written
            assert moved is not (in_a_case or name == "transit_noted")
    assert outcomes == {name: _expected(state, name) for name in EVENTS}


@pytest.mark.parametrize(
    ("state", "name"), [(state, name) for state, steps in TRANSITIONS.items() for name in steps]
)
def test_accepted_event_writes_state_head_and_mark(state: CertificateState, name: str) -> None:
    if _needs_loss(state, name):
        ledger = start_journey("certificate_lost", *PATHS[state])
    else:
        ledger = ledger_in(state)
    before = ledger.certificate(NUMBER)
    ledger.record(make_step(ledger, name))
    after = ledger.certificate(NUMBER)
    if name == "certificate_found" and state is _S.LOST:
        expected = _S.VALIDATED
    else:
        expected = TRANSITIONS[state][name].state or state
    mark = CertificateMark.AMENDED if name == "amendment_endorsed" else MARKS.get((state, name))
    added = () if mark is None else (mark,)
    assert (after.state, after.marks) == (expected, (*before.marks, *added))
    assert (after.head != before.head) is (name != "transit_noted")
    assert after.replaced_by == ("BW000002" if name == "certificate_replaced" else None)


def test_detained_and_released_again_and_again() -> None:
    ledger = ledger_in(_S.ARRIVED)
    travel(ledger, *("shipment_detained", "shipment_released") * 3)
    assert ledger.certificate(NUMBER).state is _S.ARRIVED


@pytest.mark.parametrize("name", EVENTS)
def test_event_on_a_certificate_that_does_not_exist_is_refused(name: str) -> None:
    author, body = SOUND[name]
    refusal = open_trade().attempt(make_event(author, body, subject="BW000009"))
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (Rule.E6, "subject")


@pytest.mark.parametrize(
    ("state", "name"), [(state, name) for state, steps in TRANSITIONS.items() for name in steps]
)
def test_author_must_have_seen_the_newest_event(state: CertificateState, name: str) -> None:
    ledger = ledger_in(state)
    head = ledger.certificate(NUMBER).head
    for prev in (None, bytes(32)):
        refusal = ledger.attempt(make_step(ledger, name, prev=prev))
        assert refusal is not None
        assert (refusal.rule, refusal.field) == (Rule.E6, "prev")
        assert refusal.accepted == head.hex()


@pytest.mark.parametrize("name", [name for name in EVENTS if name != "shipment_detained"])
def test_others_may_not_act_on_the_certificate(name: str) -> None:
    ledger = ledger_in(_S.VALIDATED)
    stranger = STRANGERS[SOUND[name][0]]
    encoded = make_step(ledger, name, author=stranger)
    refusal = ledger.attempt(encoded)
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (Rule.E2, "author")
