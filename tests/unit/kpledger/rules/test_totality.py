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
    subjects = [one for one in (NUMBER, OPENED, _own_subject(author, body)) if one is not None]
    subject = data.draw(st.sampled_from(subjects))
    state = data.draw(st.sampled_from(sorted(LEDGERS)))
    ledger = LEDGERS[state]
    event = make_step(
        ledger, name, body, author=author, subject=subject, occurred_at=occurred_at
    )
    changes = ChangeSet(ledger.state)
    refusal = ledger.execute(event, changes, now_ms=now_ms)
    assert (refusal is None) == bool(changes.written)
