"""Which events name the one before them, and where the head of a subject goes."""

import pytest

from kpclient.net.heads import FOLLOWING, Head

FIRST, SECOND = bytes(32), bytes([1]) * 32


@pytest.mark.parametrize(
    "kind",
    [
        *("certificate_voided", "arrival_recorded", "shipment_released", "return_received"),
        *("review_consented", "recommendation_followed_up", "concern_closed", "suspect_judged"),
        *("anomaly_answered", "meeting_held", "meeting_announced"),
    ],
)
def test_events_on_certificates_cases_and_proceedings_follow(kind: str) -> None:
    assert kind in FOLLOWING


@pytest.mark.parametrize(
    "kind",
    [
        *("certificate_issued", "case_opened", "concern_raised", "review_requested"),
        *("note_filed", "shipment_approved", "policy_set", "decision_recorded"),
    ],
)
def test_what_opens_something_or_stands_alone_follows_nothing(kind: str) -> None:
    assert kind not in FOLLOWING


def test_an_event_becomes_the_head_until_the_life_is_closed() -> None:
    open_head = Head(FIRST).after("arrival_recorded", SECOND)
    assert open_head == Head(SECOND)
    closed = open_head.after("certificate_voided", FIRST)
    assert closed == Head(FIRST, closed=True)
    assert closed.after("arrival_recorded", SECOND) == closed
    assert closed.after("shipment_detained", SECOND) == closed


def test_a_note_of_transit_names_the_head_and_leaves_it() -> None:
    assert "transit_noted" in FOLLOWING
    assert Head(FIRST).after("transit_noted", SECOND) == Head(FIRST)


def test_a_discrepancy_is_resolved_on_a_closed_certificate_all_the_same() -> None:
    closed = Head(FIRST).after("import_confirmed_discrepant", FIRST)
    assert closed.after("discrepancy_resolved", SECOND) == Head(SECOND, closed=True)
