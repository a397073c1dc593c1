"""A number presented twice: a genuine certificate comes again, with other goods.

A certificate of Guinea was confirmed in Mumbai in July. In August a second parcel comes to Surat
under the same paper. It cannot be confirmed again; its arrival opens a case of its own, in which
the goods are detained and seized, and the certificate stays as it was. Mumbai types the number once
more, by mistake, and withdraws it.
"""

import pytest
from chronicle import Refused, Town

pytestmark = pytest.mark.slow


def test_what_is_refused(refused: list[Refused]) -> None:
    assert refused == [("import_confirmed", "GN00000001", "E7", "subject")]


@pytest.mark.usefixtures("refused")
def test_the_second_parcel_has_a_case_of_its_own(town: Town) -> None:
    case = town.record("GN00000001/1")
    assert (case["kind"], case["state"]) == ("REPRESENTATION", "SEIZED")
    assert (case["number"], case["holder"], case["returned_to"]) == ("GN00000001", "IN", "GN")
    assert [one["author"] for one in town.events("GN00000001/1")] == ["IN/surat"] * 3


@pytest.mark.usefixtures("refused")
def test_the_certificate_is_as_it_was(town: Town) -> None:
    certificate = town.certificate("GN00000001")
    assert town.state("GN00000001") == "CONFIRMED"
    assert certificate["found"] == {
        "parcels": 1,
        "carat_thousandths": 300_000,
        "value_usd_cents": 4_500_000,
        "received_on": "2025-07-08",
    }


@pytest.mark.usefixtures("refused")
def test_the_second_presentation_is_flagged(town: Town) -> None:
    assert town.flags("GN", "F8", at="2025-08-26") == [("F8", "GN00000001")]


@pytest.mark.usefixtures("refused")
def test_the_mistyped_number_accuses_nobody(town: Town) -> None:
    assert town.record("GN00000001/2")["state"] == "WITHDRAWN"
    found = town.ledger.ask("flags", "--flag", "F8", "--participant", "GN", "--at", "2025-12-31")
    findings = found["findings"]
    assert isinstance(findings, list)
    told = {one["measure"]: one["explanation"] for one in findings}
    assert sorted(told) == [0, 1]
    assert "Case GN00000001/2 was opened in IN by mistake" in told[0]


@pytest.mark.usefixtures("refused")
def test_the_second_parcel_is_traced_to_the_paper(town: Town) -> None:
    assert town.trace("GN00000001/1") == [("CASE", "GN00000001", "GN00000001/1")]
