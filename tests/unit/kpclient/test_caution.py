"""The table of what is asked about first speaks of events and states that there are."""

import pytest
from statements import CERTIFICATE, SOUND

from kpclient.net.heads import Head
from kpclient.statements.caution import find_caution
from kpledger.scheme.v1.events import BODIES
from kpledger.scheme.v1.lifecycles import OPENS_CASE, CertificateState

NUMBER = CERTIFICATE.number
ARRIVAL = SOUND["arrival_recorded"][1]
DAY = getattr(ARRIVAL, "arrived_on", "")


def head(state: str, **known: str) -> Head:
    return Head(bytes(32), state=state, known={"issuer": "BW", "destination": "EU", **known})


@pytest.mark.parametrize("name", ["arrival_recorded", "shipment_detained"])
def test_whatever_opens_a_case_is_asked_about_and_says_whom_it_accuses(name: str) -> None:
    asked = [
        state for state in CertificateState if find_caution(SOUND[name][1], NUMBER, head(state))
    ]
    assert set(asked) == {*OPENS_CASE, CertificateState.LOST}
    for state in OPENS_CASE:
        words = find_caution(SOUND[name][1], NUMBER, head(state))
        assert f"{NUMBER} is {state}" in words
        assert "opens a case" in words
        assert "accuses BW" in words


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ({"expires_on": DAY}, False),
        ({"expires_on": "2026-01-31"}, True),
        ({"expires_on": "2026-01-31", "expiry": "EXPORT_BY", "exported_on": "2026-01-31"}, False),
        ({"expires_on": "2026-01-31", "expiry": "EXPORT_BY", "exported_on": "2026-02-01"}, True),
        ({"expires_on": "2026-01-31", "expiry": "JOURNEY", "exported_on": "2026-01-31"}, True),
    ],
)
def test_late_arrival_is_asked_about_by_what_expiry_means(
    known: dict[str, str], *, asked: bool
) -> None:
    words = find_caution(ARRIVAL, NUMBER, head("IN_TRANSIT", **known))
    assert ("expired on 2026-01-31" in words) is asked


def test_table_is_about_events_that_there_are_and_needs_no_knowledge() -> None:
    types = {name for name, _ in BODIES}
    asked = {name for name in types if name in SOUND and find_caution(SOUND[name][1], "X", None)}
    assert asked == {"shipment_seized", "suspect_reported", "concern_raised"}
