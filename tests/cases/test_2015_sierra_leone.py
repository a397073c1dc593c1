"""Sierra Leone, 2015: a forged certificate with a number of another year.

Antwerp was shown a certificate with the number 4306. It lay in the range of 2014, and the number of
the parcel (JMI/GGDO/4199) did not end as the certificate's does. On a ledger the number says it at
once: nobody issued it, and its range was retired. Antwerp reports what it was shown; that it is
a fake, only Sierra Leone can say.
"""

import pytest
from chronicle import Refused, Town

pytestmark = pytest.mark.slow


def test_what_is_refused(refused: list[Refused]) -> None:
    assert refused == [
        # Even Sierra Leone itself can no longer issue it.
        ("certificate_issued", "SL004306", "E3", "body.certificate.number"),
        # Whoever reports it does not judge it.
        ("suspect_judged", "EU/suspect/2015-1", "E2", "author"),
    ]


@pytest.mark.usefixtures("refused")
def test_the_verdict_is_that_of_sierra_leone(town: Town) -> None:
    events = town.events("EU/suspect/2015-1")
    assert [(one["type"], one["author"]) for one in events] == [
        ("suspect_reported", "EU/antwerp"),
        ("suspect_judged", "SL/root"),
    ]
    assert "FAKE" in str(events[-1]["body"])


@pytest.mark.usefixtures("refused")
def test_numbers_that_were_issued_stay(town: Town) -> None:
    assert town.state("SL004001") == "CONFIRMED"
    assert town.state("SL005001") == "VALIDATED"
    assert town.ledger.run("show", "SL004306").exit_code == 1


@pytest.mark.usefixtures("refused")
def test_the_forgery_is_flagged_by_its_number(town: Town) -> None:
    assert town.flags("SL", "F7,F8", at="2015-12-31") == [("F7", "SL004306")]
    assert town.flags("EU", "F7,F8", at="2015-12-31") == [("F7", "SL004306")]
