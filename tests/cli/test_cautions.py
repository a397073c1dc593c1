"""What accuses somebody, or cannot be undone, is asked about first, in words that say whom."""

import json
import os
import pty
import shutil
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
    ("CONFIRMED_DISCREPANT", ("withdraw", "--reason", "typo", *IMPORTER), "received as declared"),
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


def refuse(ledger: Ledger, says: str, *words: str | Path) -> None:
    """See that a command wants to be told that it is meant, and sends and writes nothing."""
    size = ledger.size()
    result = ledger.run(*words)
    told = (result.exit_code, says in result.stderr, "--yes" in result.stderr)
    assert told == (2, True, True), result.output
    assert ledger.size() == size


@pytest.mark.parametrize(("state", "words", "says"), ASKED)
def test_what_is_handed_on_is_asked_about_by_whoever_signs_and_by_whoever_sends(
    ledger: Ledger, tmp_path: Path, state: str, words: tuple[str, ...], says: str
) -> None:
    number, (name, *options), file = bring(ledger, state), words, tmp_path / "signed.json"
    if name == "seize":
        ledger.ask("arrive", number, *IMPORTER)
    refuse(ledger, says, name, number, *options, "--offline", file)
    assert not file.exists()
    assert ledger.ask(name, number, *options, "--offline", file, "--yes")["status"] == "written"
    refuse(ledger, says, "cosign", file, "--key", "chair")
    refuse(ledger, says, "cosign", file, "--key", "chair", "--offline", tmp_path / "both.json")
    refuse(ledger, says, "submit", file)
    assert ledger.ask("submit", file, "--yes")["committed"] == 1


def test_several_sign_what_accuses_and_each_is_asked(ledger: Ledger, tmp_path: Path) -> None:
    number, file = bring(ledger, "CONFIRMED"), tmp_path / "signed.json"
    ledger.ask("keys", "new", "--author", "IN/mumbai", "--name", "colleague")
    key = ledger.run("keys", "export", "colleague").stdout.strip()
    ledger.ask("propose", "key", "mumbai", key, "--key", "in-root")
    ledger.ask("arrive", number, *IMPORTER, "--offline", file, "--yes")
    refuse(ledger, "has come already", "cosign", file, "--key", "colleague")
    sent = ledger.ask("cosign", file, "--key", "colleague", "--yes")
    assert sent["status"] == "committed"
    # Whoever sends once more what is on the ledger opens nothing.
    assert ledger.ask("submit", file)["duplicate"] == 1


OFF = ("--timeout", "0.2", "--node", "http://127.0.0.1:9", "--offline-ok")


@pytest.mark.parametrize("seen", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize(("state", "words", "says"), [one for one in ASKED if one[1][0] != "seize"])
def test_what_is_made_without_a_line_is_asked_about_when_it_is_sent(
    ledger: Ledger,
    tmp_path: Path,
    state: str,
    words: tuple[str, ...],
    says: str,
    *,
    seen: bool,
) -> None:
    """Whoever makes it knows which event was the newest, or nothing, but not where that led."""
    number, (name, *options) = bring(ledger, state), words
    post = Ledger(ledger.seen, tmp_path / "post")
    shutil.copytree(ledger.home / "keys", post.home / "keys")
    post.home.chmod(0o700)
    if seen:
        post.ask("show", number)
    result = post.run(name, number, *options, *OFF)
    assert (result.exit_code, seen) == (0, "waiting" in result.stdout)
    refuse(post, says, "outbox", "send")
    if seen:  # what goes out behind it takes nothing along that was not meant
        refuse(post, says, "note", number, "--text", "Seen.", *IMPORTER)
    assert post.ask("outbox", "send", "--yes")["sent"] == 1


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
