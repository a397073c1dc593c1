"""The Republic of Congo, 2004: exports of a hundred times the production.

Congo exported about a hundred times what it was thought to mine, and had no statistics of its
production. On 9 July 2004 the Chair removed it by notice, with immediate effect; in November 2007
it was readmitted. (The weights here are made up, in that proportion; the notice is made lasting in
writing, since on this ledger it would lapse after ninety days.)

Three shipments tell what a removal does to what was under way: one was issued and announced before
it and arrives after it, one was issued and not announced, one is issued after it.
"""

import json

import pytest
from chronicle import Refused, Story, Town

from kpledger.base.units import parse_time

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def refused(town: Town, story: Story) -> list[Refused]:
    found = story.tell(until="2004-07-31")
    ratify(town, removal=str(town.events("CG")[-1]["id"]))
    return found + story.tell()


def ratify(town: Town, removal: str) -> None:
    """Make the removal lasting: the event that does so names the one that it is about."""
    at = "2004-09-20T09:00:00Z"
    decision = {
        "decision": "AD-2004-1",
        "title": "The removal of the Republic of Congo lasts",
        "document": "00" * 32,
        "procedure": "WRITTEN",
        "decided_on": at[:10],
        "supports": ["BW", "CA", "CH", "EU", "IN", "ZA"],
        "objections": [],
        "ratifies": [removal],
    }
    line = {
        "occurred_at": at,
        "keys": ["secretariat"],
        "type": "decision_recorded",
        "subject": "KPCS/decision/AD-2004-1",
        "body": decision,
    }
    town.clock.move_to(parse_time(at))
    assert town.submit("ratified", [json.dumps(line)]) == []


def test_what_is_refused(refused: list[Refused]) -> None:
    assert refused == [
        # From the notice on, nobody issues to Congo, nor Congo to anybody.
        ("certificate_issued", "CG00000005", "E4", "author"),
        ("certificate_issued", "CH00000001", "E4", "body.certificate.destination"),
        # Nor does what was issued before leave any more.
        ("export_notified", "CG00000004", "E4", "author"),
    ]


@pytest.mark.usefixtures("refused")
def test_what_was_on_its_way_is_judged_by_its_own_time(town: Town) -> None:
    """E14: it was issued in good standing, so it is confirmed cleanly five days after."""
    assert town.state("CG00000003") == "CONFIRMED"


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize(
    ("day", "standing"),
    [
        ("2004-07-08", "ACTIVE"),
        ("2004-07-09", "REMOVED"),
        # After ninety days, the notice would have lapsed.
        ("2004-10-08", "REMOVED"),
        ("2007-11-07", "REMOVED"),
        ("2007-11-08", "ACTIVE"),
    ],
)
def test_standing_of_any_day(town: Town, day: str, standing: str) -> None:
    assert town.standing("CG", day) == standing


@pytest.mark.usefixtures("refused")
def test_trade_begins_again_with_the_readmission(town: Town) -> None:
    assert town.state("CG00000006") == "VALIDATED"


@pytest.mark.usefixtures("refused")
def test_a_year_of_exports_is_a_hundred_times_the_production(town: Town) -> None:
    """F6, as soon as the production of the first half of 2004 is overdue (F14)."""
    question = (
        "--participant",
        "CG",
        "--flag",
        "F6",
        "--at",
        "2004-09-15",
        "--until",
        "2004-09-15",
    )
    findings = town.ledger.ask("flags", *question)["findings"]
    assert isinstance(findings, list)
    newest = findings[0]
    assert (newest["day"], newest["measure"]) == ("2004-06-30", 100 * 100)
    assert "From 2003-07 to 2004-06 CG exported 2500000.000 ct" in newest["explanation"]
    assert ("F14", "CG/production/2004H1") in town.flags("CG", "F14", at="2004-09-15")
    assert ("F14", "CG/production/2004H1") not in town.flags("CG", "F14", at="2004-08-31")


@pytest.mark.usefixtures("refused")
def test_what_was_issued_before_and_presented_after_the_removal_is_flagged(town: Town) -> None:
    assert town.flags("CG", "F10", at="2004-12-31") == [
        ("F10", "CG00000003"),
        ("F10", "CG00000004"),
        ("F10", "CG00000003"),
    ]
