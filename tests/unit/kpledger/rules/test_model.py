"""Random authorities against a ledger and against a naive model of it, side by side.

The model knows nothing of records, keys or layers: a number, who issued it to whom, one letter for
its state, and how many events there were. Both must say the same to every event, at every time.
"""

from typing import Final

from founding import (
    OFFICES,
    make_certificate,
    make_event,
    number_of,
    open_trade,
    vary,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from statements import REPLACEMENT, SOUND

from kpledger.events.certificate import CertificateIssued
from kpledger.lifecycle import CertificateState

# State letter, event letter: the next state. C confirms, X confirms something else.
STEPS: Final = {
    "v": {"V": "o", "P": "p", "A": "a", "C": "c", "X": "x", "D": "d"},
    "a": {"C": "c", "X": "x", "D": "d", "R": "r", "S": "s"},
    "d": {"L": "a", "R": "r", "S": "s"},
}
STATES: Final = {
    "v": CertificateState.VALIDATED,
    "a": CertificateState.ARRIVED,
    "d": CertificateState.DETAINED,
    "c": CertificateState.CONFIRMED,
    "x": CertificateState.CONFIRMED_DISCREPANT,
    "r": CertificateState.RETURNED,
    "s": CertificateState.SEIZED,
    "o": CertificateState.VOIDED,
    "p": CertificateState.REPLACED,
}
EVENTS: Final = {
    "V": "certificate_voided",
    "A": "arrival_recorded",
    "C": "import_confirmed",
    "X": "import_confirmed_discrepant",
    "D": "shipment_detained",
    "L": "shipment_released",
    "R": "import_refused_returned",
    "S": "shipment_seized",
}

offices = st.sampled_from(OFFICES)
serials = st.integers(1, 4)
events = st.sampled_from(sorted(EVENTS))


def _refused_step(letter: str, event: str) -> str | None:
    """Say by which rule a state refuses an event, or None."""
    if event in STEPS.get(letter, {}):
        return None
    if event in "CX":
        return "E7" if letter in "cx" else "E8"
    return "E6"


class Trade(RuleBasedStateMachine):
    """Offices issue, replace, receive and detain, often what they may not."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = open_trade()
        self.states: dict[str, str] = {}
        self.routes: dict[str, tuple[str, str]] = {}
        self.nonce = 0

    def _say(self, encoded: bytes, expected: str | None) -> bool:
        """Compare what both say to an event, and record it if they accept."""
        refusal = self.ledger.attempt(encoded)
        assert (refusal.rule.code if refusal else None) == expected, str(refusal)
        if refusal is None:
            self.ledger.record(encoded)
        return refusal is None

    def _judge_new(self, author: str, number: str, destination: str) -> str | None:
        if author[:2] == destination:
            return "E4"
        if number in self.states or number[:2] != author[:2]:
            return "E3"
        return None

    @rule(author=offices, of=offices, serial=serials, to=offices)
    def issue(self, author: str, of: str, serial: int, to: str) -> None:
        number, destination = number_of(of[:2], serial), to[:2]
        self.nonce += 1
        certificate = make_certificate(number, destination)
        encoded = make_event(author, CertificateIssued(certificate=certificate), nonce=self.nonce)
        if self._say(encoded, self._judge_new(author, number, destination)):
            self.states[number] = "v"
            self.routes[number] = (author[:2], destination)

    def _draw_number(self, data: st.DataObject) -> str:
        """Draw a number that is in use, or one that never is."""
        return data.draw(st.sampled_from([*sorted(self.states), number_of("BW", 9)]))

    @rule(data=st.data(), author=offices, event=events, stale=st.sampled_from([False, False, True]))
    def act(self, data: st.DataObject, author: str, event: str, *, stale: bool) -> None:
        number = self._draw_number(data)
        body = SOUND[EVENTS[event]][1]
        if event in "CX":
            body = vary(body, number=number)
        self.nonce += 1
        known = number in self.states
        prev = self.ledger.certificate(number).head if known and not stale else None
        encoded = make_event(author, body, subject=number, prev=prev, nonce=self.nonce)
        if self._say(encoded, self._judge_step(author, number, event, stale=stale)):
            self.states[number] = STEPS[self.states[number]][event]

    def _judge_step(self, author: str, number: str, event: str, *, stale: bool) -> str | None:
        if number not in self.states:
            return "E6"
        issuer, destination = self.routes[number]
        if author[:2] != (issuer if event in "VP" else destination):
            return "E2"
        return _refused_step(self.states[number], event) or ("E6" if stale else None)

    @rule(data=st.data(), author=offices, serial=serials, to=offices)
    def replace(self, data: st.DataObject, author: str, serial: int, to: str) -> None:
        old = self._draw_number(data)
        new, destination = number_of(author[:2], serial), to[:2]
        self.nonce += 1
        body = vary(REPLACEMENT, certificate=make_certificate(new, destination))
        prev = self.ledger.certificate(old).head if old in self.states else None
        encoded = make_event(author, body, subject=old, prev=prev, nonce=self.nonce)
        expected = self._judge_step(author, old, "P", stale=False)
        if expected is None:
            expected = "E9" if old == new else self._judge_new(author, new, destination)
        if self._say(encoded, expected):
            self.states[old] = "p"
            self.states[new] = "v"
            self.routes[new] = (author[:2], destination)

    @rule()
    def open_term(self) -> None:
        self.ledger.open_term(self.ledger.tip.term + 1)

    @invariant()
    def ledger_and_model_agree(self) -> None:
        found = {number: self.ledger.certificate(number) for number in self.states}
        assert {number: record.state for number, record in found.items()} == {
            number: STATES[letter] for number, letter in self.states.items()
        }
        routes = {number: (record.issuer, record.destination) for number, record in found.items()}
        assert routes == self.routes


Trade.TestCase.settings = settings(max_examples=40, stateful_step_count=30)
TestTrade = Trade.TestCase
