"""Every type of statement has a sound one, and the rules accept it."""

import pytest
from founding import open_trade
from scheme_statements import STATEMENTS, prepare, state


@pytest.mark.parametrize("name", list(STATEMENTS))
def test_sound_statement_is_accepted(name: str) -> None:
    ledger = prepare(open_trade(), name)
    assert ledger.attempt(state(ledger, name)) is None
