"""``kpledger status --at`` against a real network."""

from pathlib import Path

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
    assert ledger.run("status", "--at", "then").exit_code == 2
    assert ledger.run("status", "--replay").exit_code == 2


def test_the_schemes_own_offices_are_shown(ledger: Ledger, tmp_path: Path) -> None:
    ledger.ask("keys", "new", "--author", "KPCS/wdc", "--name", "wdc")
    key = ledger.run("keys", "export", "wdc").stdout.strip()
    body = tmp_path / "observer.toml"
    body.write_text(
        f'observer = "wdc"\ntitle = "World Diamond Council"\nkind = "INDUSTRY"\nkey = "{key}"\n'
        'contact = ""\n'
    )
    ledger.ask("make", "observer_registered", "--body", body, "--key", "chair")
    observers = ledger.ask("participants", "KPCS")["observers"]
    assert isinstance(observers, list)
    assert "wdc" in [one["authority"] for one in observers]
    assert "KPCS/wdc: World Diamond Council: observer, INDUSTRY" in (
        ledger.run("participants", "KPCS").stdout
    )
