"""docs/data-model.md: it is the schema, and its examples run."""

import re
import subprocess
import sys
from pathlib import Path

from booked import open_booked_trade
from founding import event_id_of, make_certificate, make_confirmation, make_event, number_of

from kpledger.scheme.v1.events.certificate import CertificateIssued

ROOT = Path(__file__).parents[4]
PAGE = ROOT / "docs" / "data-model.md"


def test_the_page_is_generated_from_the_schema() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "data_model_doc.py"), "--check"]
    subprocess.run(command, check=True, timeout=60)


def test_the_examples_answer_what_they_ask() -> None:
    ledger = open_booked_trade()
    certificate = make_certificate(number_of("BW", 1))
    issued = make_event("BW/gaborone", CertificateIssued(certificate=certificate))
    ledger.record(issued)
    ledger.record(
        make_event("EU/antwerp", make_confirmation(certificate), prev=event_id_of(issued))
    )
    # The page asks about the first certificate of the demonstration.
    page = PAGE.read_text(encoding="utf-8").replace("'BW10000001'", f"'{certificate.number}'")
    examples = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    history, exports, late = (
        ledger.books.connection.execute(example).fetchall() for example in examples
    )
    assert [(kind, author) for _, kind, author, _ in history] == [
        ("certificate_issued", "BW/gaborone"),
        ("import_confirmed", "EU/antwerp"),
    ]
    assert history[0][3] == event_id_of(issued).hex()
    assert exports == [
        ("EU", "BW", "710221", 40.0, 10_000.0),
        ("EU", "BW", "710231", 60.0, 40_000.0),
    ]
    assert late == [("EU", 1, 0)]
