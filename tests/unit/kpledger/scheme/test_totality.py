"""Rules are total: an event is executed or refused, and there is nothing in between."""

from typing import Final

from drawing import variations
from founding import NOW_MS, MemoryLedger, subject_of
from hypothesis import given, strategies as st
from journey import PATHS, ledger_in, make_step, travel
from statements import NUMBER, SOUND

from kpledger.base.state import ChangeSet
from kpledger.base.units import MAX_TIME_MS
from kpledger.scheme.event import Body
from kpledger.scheme.v1.lifecycles import OPENS_CASE

NAMED: Final = "ZA/case/2026-1"
PRESENTED: Final = f"{NUMBER}/1"


def _found_ledgers() -> dict[str, MemoryLedger]:
    ledgers = {str(state): ledger_in(state) for state in PATHS}
    for state in OPENS_CASE:
        travel(ledgers[state], "shipment_detained")
    for ledger in ledgers.values():
        travel(ledger, "case_opened", subject=NAMED)
    return ledgers


LEDGERS: Final = _found_ledgers()

times = st.just(NOW_MS) | st.integers(0, MAX_TIME_MS)


def _subjects(author: str, body: Body) -> list[str]:
    try:
        own = [subject_of(author, body)]
    except ValueError:
        own = []
    return [*own, NUMBER, PRESENTED, NAMED, "ZA/case/2026-2"]


@given(st.data(), st.sampled_from(sorted(SOUND)), times, times)
def test_no_event_makes_a_rule_raise_and_a_refusal_writes_nothing(
    data: st.DataObject, name: str, occurred_at: int, now_ms: int
) -> None:
    author, sound = SOUND[name]
    body = data.draw(variations(sound))
    subject = data.draw(st.sampled_from(_subjects(author, body)))
    ledger = LEDGERS[data.draw(st.sampled_from(sorted(LEDGERS)))]
    event = make_step(ledger, name, body, author=author, subject=subject, occurred_at=occurred_at)
    changes = ChangeSet(ledger.state)
    refusal = ledger.execute(event, changes, now_ms=now_ms)
    assert (refusal is None) == bool(changes.written)
