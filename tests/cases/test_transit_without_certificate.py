"""Transit without a certificate: goods that pass through Singapore and have no paper.

A transit country issues nothing and confirms nothing (KPCS III(d)), but what passes has to have a
certificate. Two parcels without one are found; each gets a case. One is forfeited, the other goes
back to where it is said to come from, under a technical certificate, and is received there.
"""

import pytest
from chronicle import Refused, Town

pytestmark = pytest.mark.slow


def test_what_is_refused(refused: list[Refused]) -> None:
    assert refused == [
        # Only goods without a certificate, and samples, have cases that somebody opens.
        ("case_opened", "SG/case/2025-3", "E5", "body.kind"),
        # Who has not got the goods cannot detain them.
        ("shipment_detained", "SG/case/2025-1", "E2", "author"),
        # What is forfeited stays so.
        ("shipment_released", "SG/case/2025-1", "E6", "type"),
    ]


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize(
    ("name", "events", "state"),
    [
        ("2025-1", ["case_opened", "shipment_detained", "shipment_seized"], "SEIZED"),
        (
            "2025-2",
            ["case_opened", "shipment_detained", "import_refused_returned", "return_received"],
            "RETURN_CLOSED",
        ),
    ],
)
def test_each_parcel_has_a_case(town: Town, name: str, events: list[str], state: str) -> None:
    subject = f"SG/case/{name}"
    assert town.state(subject) == state
    assert [one["type"] for one in town.events(subject)] == events


@pytest.mark.usefixtures("refused")
def test_the_second_one_went_back_under_a_technical_certificate(town: Town) -> None:
    technical = town.certificate("SG00000001")
    assert (technical["kind"], technical["case"]) == ("TECHNICAL", "SG/case/2025-2")


@pytest.mark.usefixtures("refused")
def test_the_way_back_is_traced_to_the_case(town: Town) -> None:
    assert town.trace("SG00000001") == [("TECHNICAL", "SG/case/2025-2", "SG00000001")]
