"""An opened container: detained on arrival, and returned to where it came from.

Canadian law: a container that was opened is ordered back to the issuing participant, and the goods
are not seized. They travel under a technical certificate, which moves the goods of a case and is no
trade; the issuer of the first certificate has them back.
"""

import pytest
from chronicle import Refused, Town

pytestmark = pytest.mark.slow


def test_what_is_refused(refused: list[Refused]) -> None:
    assert refused == [
        # A technical certificate for goods that nobody detained.
        ("certificate_issued", "CA00000101", "E10", "body.certificate.case"),
        # Detained goods are not confirmed.
        ("import_confirmed", "BW00000001", "E8", "subject"),
        # Only the issuer has them back.
        ("return_received", "BW00000001", "E2", "author"),
    ]


@pytest.mark.usefixtures("refused")
def test_the_goods_are_back(town: Town) -> None:
    assert town.state("BW00000001") == "RETURN_CLOSED"
    assert [one["type"] for one in town.events("BW00000001")] == [
        "certificate_issued",
        "export_notified",
        "arrival_recorded",
        "shipment_detained",
        "import_refused_returned",
        "return_received",
    ]


@pytest.mark.usefixtures("refused")
def test_they_travelled_under_a_technical_certificate(town: Town) -> None:
    technical = town.certificate("CA00000101")
    assert (technical["kind"], technical["case"]) == ("TECHNICAL", "BW00000001")
    assert technical["state"] == "CONFIRMED"


@pytest.mark.usefixtures("refused")
def test_the_broken_seal_is_flagged(town: Town) -> None:
    assert town.flags("BW", "F1,F2", at="2025-12-31") == [("F2", "BW00000001")]


@pytest.mark.usefixtures("refused")
def test_the_way_back_is_traced(town: Town) -> None:
    assert town.trace("BW00000001") == [("TECHNICAL", "BW00000001", "CA00000101")]


@pytest.mark.usefixtures("refused")
def test_the_way_back_is_no_trade(town: Town) -> None:
    table = town.ledger.ask("stats", "annex3", "--participant", "CA", "--period", "2025Q3")
    assert (table["trade"], table["counts"]) == ([], [])
