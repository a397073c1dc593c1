"""Rules are total: an event is executed or refused, and there is nothing in between."""

from typing import Final

from drawing import variations
from founding import NOW_MS, issue, make_event, open_trade, subject_of
from hypothesis import given
from hypothesis import strategies as st
from statements import CERTIFICATE, NUMBER, SOUND

from kpledger.state import ChangeSet
from kpledger.units import MAX_TIME_MS

BEFORE: Final = open_trade()
AFTER: Final = open_trade()
issue(AFTER, CERTIFICATE)
HEAD: Final = AFTER.certificate(NUMBER).head

times = st.just(NOW_MS) | st.integers(0, MAX_TIME_MS)


@given(st.data(), st.sampled_from(sorted(SOUND)), times, times)
def test_no_event_makes_a_rule_raise_and_a_refusal_writes_nothing(
    data: st.DataObject, name: str, occurred_at: int, now_ms: int
) -> None:
    author, sound = SOUND[name]
    body = data.draw(variations(sound))
    on_certificate = author in {"BW/gaborone", "EU/antwerp"} and name != "certificate_issued"
    ledger, prev = (AFTER, HEAD) if on_certificate else (BEFORE, None)
    subject = NUMBER if on_certificate else subject_of(author, body)
    event = make_event(author, body, subject=subject, prev=prev, occurred_at=occurred_at)
    changes = ChangeSet(ledger.state)
    refusal = ledger.execute(event, changes, now_ms=now_ms)
    assert (refusal is None) == bool(changes.written)
