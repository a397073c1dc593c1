"""Canada: a certificate is replaced only before export, and the original is handed in.

That is Canadian law. The ledger keeps the record of both: a replacement before the export leaves
the old certificate REPLACED and nothing else; one after the export is possible, for a wrong paper
may be found out late, and leaves its mark on the old certificate. Whatever still arrives under
the old one gets a case of its own. A certificate that was used is never replaced.
"""

import pytest
from chronicle import Refused, Town

pytestmark = pytest.mark.slow


def test_what_is_refused(refused: list[Refused]) -> None:
    assert refused == [
        ("certificate_replaced", "CA00000001", "E9", "body.certificate.number"),
        ("certificate_replaced", "CA00000002", "E2", "author"),
        ("certificate_replaced", "CA00000002", "E6", "type"),
    ]


@pytest.mark.usefixtures("refused")
def test_replacement_before_the_export_is_clean(town: Town) -> None:
    old, new = town.certificate("CA00000001"), town.certificate("CA00000002")
    assert town.state("CA00000001") == "REPLACED"
    assert town.state("CA00000002") == "CONFIRMED"
    assert (old["replaced_by"], new["replaces"]) == ("CA00000002", "CA00000001")
    assert (old["carat_thousandths"], new["carat_thousandths"]) == (250_000, 245_000)


@pytest.mark.usefixtures("refused")
def test_replacement_after_the_export_leaves_a_mark(town: Town) -> None:
    assert town.state("CA00000004") == "REPLACED taken_back_after_export"
    assert town.state("CA00000005") == "VALIDATED"


@pytest.mark.usefixtures("refused")
def test_what_arrives_under_the_old_paper_has_a_case(town: Town) -> None:
    case = town.record("CA00000004/1")
    assert (case["kind"], case["state"]) == ("DEAD_ARRIVAL", "DETAINED")
    assert (case["number"], case["holder"], case["returned_to"]) == ("CA00000004", "IL", "CA")


@pytest.mark.usefixtures("refused")
def test_the_old_paper_that_arrived_is_flagged(town: Town) -> None:
    assert town.flags("CA", "F8", at="2025-12-31") == [("F8", "CA00000004")]


@pytest.mark.usefixtures("refused")
def test_what_took_its_place_is_traced(town: Town) -> None:
    assert sorted(town.trace("CA00000004")) == [
        ("CASE", "CA00000004", "CA00000004/1"),
        ("REPLACEMENT", "CA00000004", "CA00000005"),
    ]
