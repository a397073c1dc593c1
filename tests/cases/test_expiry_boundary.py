"""The sixtieth day: what an expiry means, to the last minute of its last day.

The European Union says that a shipment must have left by the day of expiry (EXPORT_BY, the default
of the network); Australia that it must have arrived (JOURNEY). All certificates here are of 3 March
2025, so the sixtieth day after is 2 May. Block time decides on the notice of export, so the clocks
of the network stand at 23:58 of that day, and at the first instant of the next; the last
millisecond is tested beside the rule itself (``tests/unit/kpledger/scheme/test_exporting.py``).
"""

import pytest
from chronicle import Refused, Town

pytestmark = pytest.mark.slow


def test_what_is_refused(refused: list[Refused]) -> None:
    assert refused == [
        # No certificate is valid for longer than sixty days.
        ("certificate_issued", "NA00000001", "E5", "body.certificate.expires_on"),
        # Announced at midnight.
        ("export_notified", "NA00000002", "E6", "subject"),
        # Left on the sixty-first day, and arrived on it from nobody knows when.
        ("import_confirmed", "NA00000003", "E8", "body.exported_on"),
        ("import_confirmed", "NA00000004", "E8", "body.received_on"),
        # JOURNEY: it left in time, and arrived on the sixty-first day.
        ("import_confirmed", "AU00000002", "E8", "body.received_on"),
    ]


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize(
    ("number", "state"),
    [
        pytest.param("NA00000001", "CONFIRMED", id="announced on the last evening"),
        pytest.param("NA00000003", "CONFIRMED arrival_not_recorded", id="left on day 60"),
        pytest.param("AU00000001", "CONFIRMED arrival_not_recorded", id="arrived on day 60"),
        pytest.param("NA00000002", "VALIDATED", id="announced too late"),
        pytest.param("NA00000004", "VALIDATED", id="arrived too late"),
        pytest.param("AU00000002", "VALIDATED", id="arrived too late for a journey"),
    ],
)
def test_states(town: Town, number: str, state: str) -> None:
    assert town.state(number) == state


@pytest.mark.usefixtures("refused")
def test_each_certificate_keeps_the_meaning_of_its_issuer(town: Town) -> None:
    assert town.certificate("NA00000001")["expiry"] == "EXPORT_BY"
    assert town.certificate("AU00000001")["expiry"] == "JOURNEY"
    assert town.certificate("AU00000001")["expires_on"] == "2025-05-02"


@pytest.mark.usefixtures("refused")
def test_what_nobody_confirmed_is_flagged_thirty_days_after(town: Town) -> None:
    assert town.flags("NA", "F1", at="2025-06-01") == []
    assert town.flags("NA", "F1", at="2025-06-02") == [("F1", "NA00000004"), ("F1", "NA00000002")]
