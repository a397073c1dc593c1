"""The Central African Republic: suspended, back from compliant zones, and back in full.

Suspended on 23 May 2013. A decision of 17 July 2015 (30 supports, no objection) let exports begin
again from compliant zones, each approved beforehand by a monitoring team: Berberati first, then
Boda, Carnot and Nola. From November 2019 the approval became a cross-check afterwards; in November
2024 all restrictions ended. (Which thirty supported it, the sources do not tell.) The ledger of
this story begins to write it down in January 2016; the standings are recorded with their own dates.
"""

import pytest
from chronicle import Refused, Town

pytestmark = pytest.mark.slow

ZONES = ["CF/berberati", "CF/boda", "CF/carnot", "CF/nola"]


def test_what_is_refused(refused: list[Refused]) -> None:
    assert refused == [
        # Suspended.
        ("certificate_issued", "CF00000001", "E4", "author"),
        # Not approved yet; approved by who is no monitor; approved for less.
        ("certificate_issued", "CF00000001", "E4", "subject"),
        ("shipment_approved", "CF00000001", "E1", "author"),
        ("certificate_issued", "CF00000001", "E4", "body.certificate.carat_thousandths"),
        # Approved, but from a zone that is not compliant, or that nobody names.
        ("certificate_issued", "CF00000002", "E4", "body.certificate.origin.zones"),
        ("certificate_issued", "CF00000002", "E4", "body.certificate.origin.zones"),
        # Declined.
        ("certificate_issued", "CF00000003", "E4", "subject"),
        # Afterwards the zones still count.
        ("certificate_issued", "CF00000006", "E4", "body.certificate.origin.zones"),
    ]


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize(
    ("day", "standing"),
    [
        ("2013-05-22", "ACTIVE"),
        ("2013-05-23", "SUSPENDED"),
        ("2015-07-16", "SUSPENDED"),
        ("2015-07-17", "ACTIVE"),
    ],
)
def test_standings_have_dates_of_their_own(town: Town, day: str, standing: str) -> None:
    assert town.standing("CF", day) == standing


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize(
    ("day", "restrictions"),
    [
        ("2016-01-11", []),
        ("2016-01-12", [("compliant-zones", "PRE", ZONES[:1])]),
        ("2019-11-21", [("compliant-zones", "PRE", ZONES[:1])]),
        ("2019-11-22", [("cross-check", "POST", ZONES)]),
        ("2024-11-15", []),
    ],
)
def test_restrictions_of_any_day(
    town: Town, day: str, restrictions: list[tuple[str, str, list[str]]]
) -> None:
    assert town.restrictions("CF", day) == restrictions


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize(
    ("number", "state"),
    [
        pytest.param("CF00000001", "CONFIRMED", id="approved beforehand"),
        pytest.param("CF00000004", "VALIDATED", id="cross-checked"),
        pytest.param("CF00000005", "VALIDATED", id="not cross-checked yet"),
        pytest.param("CF00000007", "VALIDATED", id="no restriction any more"),
    ],
)
def test_states(town: Town, number: str, state: str) -> None:
    assert town.state(number) == state


@pytest.mark.usefixtures("refused")
def test_a_missing_cross_check_is_flagged_after_a_month(town: Town) -> None:
    assert town.flags("CF", "F9", at="2020-01-02") == []
    assert town.flags("CF", "F9", at="2020-01-03") == [("F9", "CF00000005")]
