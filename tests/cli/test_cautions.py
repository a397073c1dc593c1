"""What accuses somebody, or cannot be undone, is asked about first, in words that say whom."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from office import Ledger, new_number

pytestmark = pytest.mark.slow

EXPORTER, IMPORTER = ("--key", "gaborone"), ("--key", "mumbai")
LAW = ("--reason", "ORDER", "--law", "Act 12")
SHIPPED = ("--carrier", "Air", "--waybill", "083-1")
STATES: dict[str, tuple[tuple[str, ...], ...]] = {
    "VOIDED": (("void", "--reason", "ERROR", *EXPORTER),),
    "RETURNED_UNUSED": (("return-unused", *EXPORTER),),
    "LOST": (("lost", "--circumstances", "robbed", *EXPORTER),),
    "CONFIRMED": (("confirm", *IMPORTER),),
    "CONFIRMED_DISCREPANT": (("confirm", "--discrepant", "--found-carats", "11", *IMPORTER),),
    "SEIZED": (("arrive", *IMPORTER), ("seize", *LAW, "--custody", "Vault", *IMPORTER, "--yes")),
    "IN_TRANSIT": (("notify", *SHIPPED, *EXPORTER),),
}
"""How a certificate comes to where something is asked first."""
ASKED = [
    ("VOIDED", ("arrive", *IMPORTER), "took it back. This opens a case"),
    ("RETURNED_UNUSED", ("arrive", *IMPORTER), "took it back. This opens a case"),
    ("CONFIRMED", ("arrive", *IMPORTER), "has come already. This opens a case"),
    ("CONFIRMED_DISCREPANT", ("arrive", *IMPORTER), "has come already. This opens a case"),
    ("SEIZED", ("arrive", *IMPORTER), "has come already. This opens a case"),
    ("LOST", ("arrive", *IMPORTER), "was reported lost"),
    ("VOIDED", ("detain", *LAW, *IMPORTER), "it accuses BW"),
    ("IN_TRANSIT", ("void", "--reason", "ERROR", *EXPORTER), "cannot be undone"),
    ("IN_TRANSIT", ("seize", *LAW, "--custody", "V", *IMPORTER), "accuses whoever sent them"),
]


def bring(ledger: Ledger, state: str) -> str:
    number = ledger.issue()
    for name, *words in STATES[state]:
        ledger.ask(name, number, *words)
    assert ledger.state(number) == state
    return number


@pytest.mark.parametrize(("state", "words", "says"), ASKED)
def test_without_a_terminal_it_has_to_be_said_that_it_is_meant(
    ledger: Ledger, state: str, words: tuple[str, ...], says: str
) -> None:
    number, (name, *options) = bring(ledger, state), words
    if name == "seize":
        ledger.ask("arrive", number, *IMPORTER)
    size = ledger.size()
    result = ledger.run(name, number, *options)
    assert (result.exit_code, says in result.stderr, "--yes" in result.stderr) == (2, True, True)
    assert ledger.size() == size
    # A rehearsal changes nothing, and says what would be asked.
    assert says in ledger.run(name, number, *options, "--dry-run").stderr
    assert ledger.ask(name, number, *options, "--yes")["status"] == "committed"


def test_what_accuses_nobody_asks_nothing(ledger: Ledger) -> None:
    number = ledger.issue()
    for words in (("notify", *SHIPPED, *EXPORTER), ("arrive", *IMPORTER), ("confirm", *IMPORTER)):
        assert ledger.ask(words[0], number, *words[1:])["status"] == "committed"
    voided = ledger.issue()
    assert ledger.ask("void", voided, "--reason", "ERROR", *EXPORTER)["status"] == "committed"


def test_suspicion_names_whom_it_is_about(ledger: Ledger) -> None:
    report = ("suspect", f"IN/suspect/{new_number().lower()}", "--issuer", "SL", *IMPORTER)
    result = ledger.run(*report)
    assert (result.exit_code, "in the name of SL" in result.stderr) == (2, True)
    assert ledger.ask(*report, "--yes")["status"] == "committed"


def test_file_that_accuses_needs_one_word_for_all(ledger: Ledger, tmp_path: Path) -> None:
    """Also where a line before has ended the life of the certificate."""
    number = ledger.issue()
    found = {"arrived_on": "2026-01-01", "seals_intact": True, "opened": False, "remarks": ""}
    lines = [
        ("certificate_voided", "gaborone", {"reason": "ERROR", "remarks": ""}),
        ("arrival_recorded", "mumbai", found | {"found_carat_thousandths": None}),
    ]
    file = tmp_path / "day.ndjson"
    file.write_text(
        "".join(
            json.dumps({"type": kind, "subject": number, "keys": [key], "body": body}) + "\n"
            for kind, key, body in lines
        ).replace("2026-01-01", ledger.ask("show", number)["certificate"]["issued_on"])  # type: ignore[index]
    )
    result = ledger.run("submit", file)
    assert (result.exit_code, "line 2" in result.stderr, "--yes" in result.stderr) == (
        2,
        True,
        True,
    )
    assert ledger.ask("submit", file, "--yes")["refusals"] == []
    assert ledger.ask("show", f"{number}/1")["state"] == "OPEN"


@pytest.mark.parametrize(("answer", "code"), [("n", 2), ("y", 0)])
def test_on_a_terminal_it_is_asked(ledger: Ledger, answer: str, code: int) -> None:
    number = bring(ledger, "CONFIRMED")
    size, (controller, terminal) = ledger.size(), pty.openpty()
    process = subprocess.Popen(
        (sys.executable, "-m", "kpclient.cli", "arrive", number, *IMPORTER),
        stdin=terminal,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | ledger.environment(),
    )
    os.close(terminal)
    os.write(controller, f"{answer}\n".encode())
    _, told = process.communicate(timeout=60)
    os.close(controller)
    assert process.returncode == code, told
    assert b"has come already" in told
    assert ledger.size() == size + (answer == "y")
