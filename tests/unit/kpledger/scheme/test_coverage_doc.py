"""The table of what is covered speaks of events and rules that there are, and of all of them."""

import re
from pathlib import Path

from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events import BODIES

PAGE = (Path(__file__).parents[4] / "docs" / "coverage.md").read_text(encoding="utf-8")
TYPES = {name for name, _ in BODIES}


def test_every_event_is_in_the_table_and_no_other() -> None:
    assert set(re.findall(r"`([a-z]+(?:_[a-z0-9]+)+)`", PAGE)) == TYPES


def test_every_rule_is_in_the_table_and_no_other() -> None:
    assert set(re.findall(r"\bE[0-9]{1,2}\b", PAGE)) == {rule.code for rule in Rule}
