"""Germany and Belgium: the European Union is one participant with several authorities.

Antwerp may confirm what Idar-Oberstein was shipped. Nothing needs, or gets, a certificate on its
way from one to the other. Each office issues its own numbers.
"""

import pytest
from chronicle import Refused, Town

pytestmark = pytest.mark.slow


def test_what_is_refused(refused: list[Refused]) -> None:
    assert refused == [
        ("certificate_issued", "EU00000001", "E4", "body.certificate.destination"),
        ("certificate_issued", "EU50000001", "E3", "body.certificate.number"),
        ("import_confirmed", "ZA00000001", "E2", "author"),
    ]


@pytest.mark.usefixtures("refused")
def test_antwerp_confirms_what_idar_oberstein_was_shipped(town: Town) -> None:
    assert [(one["type"], one["author"]) for one in town.events("ZA00000001")] == [
        ("certificate_issued", "ZA/johannesburg"),
        ("export_notified", "ZA/johannesburg"),
        ("arrival_recorded", "EU/idar-oberstein"),
        ("import_confirmed", "EU/antwerp"),
    ]
    assert town.state("ZA00000001") == "CONFIRMED"


@pytest.mark.usefixtures("refused")
def test_goods_leave_the_union_from_another_office_than_they_came_to(town: Town) -> None:
    certificate = town.certificate("EU50000001")
    assert (certificate["issuer"], certificate["authority"]) == ("EU", "idar-oberstein")
    assert certificate["sources"] == [{"number": "ZA00000001", "carat_thousandths": 40_000}]


@pytest.mark.usefixtures("refused")
def test_the_re_export_is_traced_to_the_import(town: Town) -> None:
    assert town.trace("EU50000001") == [("SOURCE", "ZA00000001", "EU50000001")]
