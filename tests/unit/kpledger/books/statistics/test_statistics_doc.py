"""The statement in docs/statistics.md gives the table that the query gives."""

import re
from pathlib import Path

from booked import open_booked_trade
from founding import event_id_of, issue, make_certificate

from kpledger.books.statistics import ANNEX3, Annex3Question
from kpledger.scheme.v1.events.certificate import CertificateVoided, VoidReason

DOCUMENT = Path(__file__).parents[5] / "docs" / "statistics.md"


def test_the_statement_of_the_document_gives_the_table_as_known_at_a_day() -> None:
    ledger = open_booked_trade()
    spoilt = event_id_of(issue(ledger, make_certificate("BW000001")))
    issue(ledger, make_certificate("BW000002"))
    ledger.wait_until("2026-03-05")
    void = CertificateVoided(reason=VoidReason.ERROR, remarks="")
    ledger.say("BW/gaborone", void, subject="BW000001", prev=spoilt)
    (statement,) = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    statement = statement.replace("2022Q2", "2026Q1")
    for day, after, expected in (
        ("2026-03-04", "2026-03-05", [80_000, 120_000]),
        ("2026-03-05", "2026-03-06", [40_000, 60_000]),
    ):
        rows = ledger.books.connection.execute(statement.replace("2022-09-01", after)).fetchall()
        question = Annex3Question(participant="BW", period="2026Q1", known_at=day)
        table = ledger.ask(ANNEX3, question).trade
        assert rows == [
            (one.flow, one.partner, one.origin, one.hs, one.carat_thousandths, one.value_usd_cents)
            for one in table
        ]
        assert [row[4] for row in rows] == expected
