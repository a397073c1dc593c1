"""``kpledger status --at`` against a real network."""

import pytest
from office import Ledger

pytestmark = pytest.mark.slow


def test_the_scheme_is_shown_at_a_date(ledger: Ledger) -> None:
    found = ledger.ask("status", "--at", "now")
    participants = found["participants"]
    assert isinstance(participants, list)
    assert {"BW", "IN", "ZA"} <= {one["code"] for one in participants if one["may_trade"]}
    shown = ledger.run("status", "--at", "2099-12-31").stdout
    for words in ("Botswana", "restrictions in force", "max_validity_days"):
        assert words in shown


def test_what_makes_no_sense_is_said(ledger: Ledger) -> None:
    assert ledger.run("status", "--at", "then").exit_code == 1
    assert ledger.run("status", "--replay").exit_code == 2
