"""Random authorities against a ledger and against a naive model of it, side by side.

The model knows nothing of records, keys or layers: a number, who issued it to whom, one letter for
its state, who has the goods, and how many cases there are. Both must say the same to every event,
at every time.
"""

from dataclasses import dataclass
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
from kpledger.records import CaseCountRecord, case_count_key
from kpledger.state import read_record

# State letter, event letter: the next state. C confirms, X confirms something else; "<" is the
# state before the loss or the detention, "=" the same state.
STEPS: Final = {
    "v": dict(zip("NVUPOTACXD", "toupl=acxd", strict=True)),
    "t": dict(zip("VPOTACXDW", "opl=acxdw", strict=True)),
    "l": dict(zip("FVPAD", "<opad", strict=True)),
    "w": dict(zip("PDRS", "pdrs", strict=True)),
    "a": dict(zip("FCXDRS", "=cxdrs", strict=True)),
    "d": dict(zip("FLRS", "=<rs", strict=True)),
    "r": {"B": "b"},
}
STATES: Final = {
    "v": CertificateState.VALIDATED,
    "t": CertificateState.IN_TRANSIT,
    "l": CertificateState.LOST,
    "w": CertificateState.DIVERTED,
    "a": CertificateState.ARRIVED,
    "d": CertificateState.DETAINED,
    "c": CertificateState.CONFIRMED,
    "x": CertificateState.CONFIRMED_DISCREPANT,
    "r": CertificateState.RETURNED,
    "b": CertificateState.RETURN_CLOSED,
    "s": CertificateState.SEIZED,
    "o": CertificateState.VOIDED,
    "p": CertificateState.REPLACED,
    "u": CertificateState.RETURNED_UNUSED,
}
EVENTS: Final = {
    "A": "arrival_recorded",
    "B": "return_received",
    "C": "import_confirmed",
    "D": "shipment_detained",
    "F": "certificate_found",
    "L": "shipment_released",
    "N": "export_notified",
    "O": "certificate_lost",
    "R": "import_refused_returned",
    "S": "shipment_seized",
    "T": "transit_noted",
    "U": "certificate_returned_unused",
    "V": "certificate_voided",
    "W": "shipment_diverted",
    "X": "import_confirmed_discrepant",
}
CLOSED: Final = "cxbsopu"

offices = st.sampled_from(OFFICES)
serials = st.integers(1, 4)
events = st.sampled_from(sorted(EVENTS))


@dataclass
class Paper:
    """What the model knows of a certificate."""

    issuer: str
    destination: str
    letter: str = "v"
    before: str = "v"
    """The letter before it was lost, or detained on its way."""
    lost: bool = False
    holder: str | None = None
    cases: int = 0

    def who_may(self, event: str) -> frozenset[str]:
        """Give the participants that may say this now."""
        everybody = frozenset(office[:2] for office in OFFICES)
        ends = frozenset({self.issuer, self.destination})
        if event == "D" and (self.holder is None or self.letter in CLOSED):
            return everybody
        named: dict[str, frozenset[str]] = {
            **dict.fromkeys("VUNPB", frozenset({self.issuer})),
            **dict.fromkeys("OF", ends),
            **dict.fromkeys("ACX", frozenset({self.destination})),
            "T": everybody - ends,
            "W": everybody - {self.destination},
        }
        return named.get(event, frozenset({self.holder or self.destination}))

    def judge(self, event: str) -> str | None:
        """Say by which rule the state refuses an event, or None."""
        if event in "AD" and self.letter in CLOSED:
            return None
        if event not in STEPS.get(self.letter, {}):
            if event in "CX":
                return "E7" if self.letter in "cx" else "E8"
            return "E6"
        if event == "F" and not self.lost:
            return "E6"
        return "E8" if event == "C" and self.lost else None

    def step(self, event: str, author: str) -> None:
        """Do what an accepted event does."""
        if event in "AD" and self.letter in CLOSED:
            self.cases += 1
            return
        following = STEPS[self.letter][event]
        if event == "O":
            self.before, self.lost = self.letter, True
        elif event == "F":
            self.lost = False
        elif event == "D" and self.letter != "l":
            self.before = self.letter
        elif event == "L":
            following = self._released()
        if event in "ACXDWB":
            self.holder = author
        if following == "<":
            following = self.before
        if following != "=":
            self.letter = following

    def _released(self) -> str:
        if self.holder == self.destination:
            return "a"
        if self.before != "w":
            self.holder = None
        return "l" if self.lost else "<"


class Trade(RuleBasedStateMachine):
    """Offices issue, replace, receive and detain, often what they may not."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = open_trade()
        self.papers: dict[str, Paper] = {}
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
        if number in self.papers or number[:2] != author[:2]:
            return "E3"
        return None

    @rule(author=offices, of=offices, serial=serials, to=offices)
    def issue(self, author: str, of: str, serial: int, to: str) -> None:
        number, destination = number_of(of[:2], serial), to[:2]
        self.nonce += 1
        encoded = make_event(
            author,
            CertificateIssued(certificate=make_certificate(number, destination)),
            nonce=self.nonce,
        )
        if self._say(encoded, self._judge_new(author, number, destination)):
            self.papers[number] = Paper(author[:2], destination)

    def _draw_number(self, data: st.DataObject) -> str:
        """Draw a number that is in use, or one that never is."""
        return data.draw(st.sampled_from([*sorted(self.papers), number_of("BW", 9)]))

    @rule(data=st.data(), author=offices, event=events, stale=st.sampled_from([False, False, True]))
    def act(self, data: st.DataObject, author: str, event: str, *, stale: bool) -> None:
        number = self._draw_number(data)
        body = SOUND[EVENTS[event]][1]
        if event in "CX":
            body = vary(body, number=number)
        self.nonce += 1
        known = number in self.papers
        prev = self.ledger.certificate(number).head if known and not stale else None
        encoded = make_event(author, body, subject=number, prev=prev, nonce=self.nonce)
        if self._say(encoded, self._judge_step(author, number, event, stale=stale)):
            self.papers[number].step(event, author[:2])

    def _judge_step(self, author: str, number: str, event: str, *, stale: bool) -> str | None:
        paper = self.papers.get(number)
        if paper is None:
            return "E6"
        if author[:2] not in paper.who_may(event):
            return "E2"
        refused = paper.judge(event)
        # The lock is looked at before whether a certificate that is to be confirmed is lost.
        if stale and (refused is None or event in STEPS.get(paper.letter, {})):
            return "E6"
        return refused

    @rule(data=st.data(), author=offices, serial=serials, to=offices)
    def replace(self, data: st.DataObject, author: str, serial: int, to: str) -> None:
        old = self._draw_number(data)
        new, destination = number_of(author[:2], serial), to[:2]
        self.nonce += 1
        body = vary(REPLACEMENT, certificate=make_certificate(new, destination))
        prev = self.ledger.certificate(old).head if old in self.papers else None
        encoded = make_event(author, body, subject=old, prev=prev, nonce=self.nonce)
        expected = self._judge_step(author, old, "P", stale=False)
        if expected is None:
            expected = "E9" if old == new else self._judge_new(author, new, destination)
        if self._say(encoded, expected):
            self.papers[old].letter = "p"
            self.papers[new] = Paper(author[:2], destination)

    @rule()
    def open_term(self) -> None:
        self.ledger.open_term(self.ledger.tip.term + 1)

    @invariant()
    def ledger_and_model_agree(self) -> None:
        for number, paper in self.papers.items():
            found = self.ledger.certificate(number)
            assert (found.state, found.lost) == (STATES[paper.letter], paper.lost)
            assert (found.issuer, found.destination) == (paper.issuer, paper.destination)
            assert found.holder == paper.holder
            count = read_record(self.ledger.state, case_count_key(number), CaseCountRecord)
            assert (count.count if count else 0) == paper.cases


Trade.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestTrade = Trade.TestCase
