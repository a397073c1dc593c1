"""``kpledger calendar`` against a real network."""

from datetime import UTC, datetime

import pytest
from office import Ledger

pytestmark = pytest.mark.slow


def _in_nine_years() -> str:
    """Give a day that the calendar of the node's clock still reaches."""
    return f"{datetime.now(tz=UTC).year + 9}-01-01"


def test_what_is_due_is_listed_for_people_and_programs(ledger: Ledger) -> None:
    ledger.issue()
    words = ("calendar", "--participant", "BW", "--until", _in_nine_years())
    found = ledger.ask(*words)["entries"]
    assert isinstance(found, list)
    assert {one["participant"] for one in found} == {"BW"}
    assert "ANNUAL_REPORT" in {one["kind"] for one in found}
    assert "annual report of" in ledger.run(*words).stdout
    assert ledger.run("calendar", "--from", "tomorrow").exit_code == 2
