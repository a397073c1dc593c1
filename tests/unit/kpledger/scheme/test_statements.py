"""Statements about the scheme: a sound one of each type, and that no other makes a rule raise.

Totality on certificates and cases is tested beside (``test_totality``).
"""

from typing import Final

import pytest
from drawing import variations
from founding import NOW_MS, make_event, open_trade
from hypothesis import given, strategies as st
from scheme_statements import STATEMENTS, head_of, prepare, state

from kpledger.base.state import ChangeSet
from kpledger.base.units import MAX_TIME_MS

LEDGERS: Final = {name: prepare(open_trade(), name) for name in STATEMENTS}

times = st.just(NOW_MS) | st.integers(0, MAX_TIME_MS)


@pytest.mark.parametrize("name", list(STATEMENTS))
def test_sound_statement_is_accepted(name: str) -> None:
    assert LEDGERS[name].attempt(state(LEDGERS[name], name)) is None


@given(st.data(), st.sampled_from(sorted(STATEMENTS)), times)
def test_no_statement_makes_a_rule_raise_and_a_refusal_writes_nothing(
    data: st.DataObject, name: str, now_ms: int
) -> None:
    one, ledger = STATEMENTS[name], LEDGERS[name]
    body = data.draw(variations(one.body))
    subjects = [one.subject] if one.subject else [None, "BW"]
    event = make_event(
        one.author,
        body,
        subject=data.draw(st.sampled_from(subjects)),
        prev=head_of(ledger, name),
        signers=one.signers,
        occurred_at=min(now_ms, NOW_MS),
    )
    changes = ChangeSet(ledger.state)
    refusal = ledger.execute(event, changes, now_ms=now_ms)
    assert (refusal is None) == bool(changes.written)
