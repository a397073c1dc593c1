"""What was told is sound: an auditor who trusts only the genesis file comes to the same answers."""

import pytest
from chronicle import Town

pytestmark = pytest.mark.slow


def test_the_audit_finds_the_ledger_sound(town: Town) -> None:
    node = town.ledger.seen.nodes[-1].api
    report = town.ledger.ask("audit", "--genesis", town.ledger.seen.genesis, "--node", node)
    assert report["verdict"] == "SOUND"


def test_a_replay_flags_what_the_node_flags(town: Town) -> None:
    question = ("flags", "--from", "2003-06-01", "--limit", "1000")
    assert town.ledger.ask(*question, "--replay") == town.ledger.ask(*question)
