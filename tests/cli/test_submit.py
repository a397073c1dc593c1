"""``kpledger submit`` against a real network: each line once, whatever happens."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from network import PATIENCE_S, read_key
from office import Ledger, new_number

from kpledger.base.keys import SigningKey
from kpledger.scheme.envelope import decode_envelope, format_envelope_json, sign_event
from kpledger.scheme.event import Author, encode_event
from kpledger.scheme.v1.events.governance import KeyAdded

pytestmark = pytest.mark.slow


def drafts(count: int, *, voided: bool = False) -> list[str]:
    """Give the lines that issue so many certificates, and take them back."""
    party = {"name": "A", "address": "B", "licence": ""}
    texts: list[str] = []
    for _ in range(count):
        number = new_number()
        certificate: dict[str, object] = {
            "number": number,
            "destination": "IN",
            "origin": ["BW"],
            "exporter": party,
            "importer": party,
            "lines": [{"hs": "710210", "carats": "1.5", "value_usd": 100}],
        }
        body: dict[str, object] = {"certificate": certificate}
        texts.append(write_draft("certificate_issued", number, body))
        if voided:
            body = {"reason": "NOT_EXPORTED", "remarks": ""}
            texts.append(write_draft("certificate_voided", number, body))
    return texts


def write_draft(kind: str, subject: str, body: dict[str, object]) -> str:
    return json.dumps({"type": kind, "subject": subject, "body": body})


def write_file(tmp_path: Path, texts: list[str]) -> Path:
    file = tmp_path / "file.ndjson"
    file.write_text("".join(f"{text}\n" for text in texts))
    return file


def test_a_file_is_submitted_and_a_second_run_changes_nothing(
    ledger: Ledger, tmp_path: Path
) -> None:
    file = write_file(tmp_path, drafts(40, voided=True))
    size = ledger.size()
    counts = {"committed": 80, "duplicate": 0, "refused": 0, "undecided": 0}
    for earlier in (0, 80):
        expected: dict[str, object] = {**counts, "decided_earlier": earlier, "refusals": []}
        assert ledger.ask("submit", file, "--key", "gaborone") == expected
    told = ledger.run("submit", file, "--key", "gaborone").stdout
    assert "80, 80 of them by an earlier run" in told
    assert ledger.size() == size + 80
    assert not Path(f"{file}.refused").exists()


EVENTS = 1_500
"""Several pieces of what is sent together, so that it is some time from the first to the end."""


def test_a_submission_that_is_killed_goes_on_and_submits_nothing_twice(
    ledger: Ledger, tmp_path: Path
) -> None:
    file = write_file(tmp_path, drafts(EVENTS))
    journal = Path(f"{file}.progress")
    size = ledger.size()
    words = (sys.executable, "-m", "kpclient.cli", "submit", str(file), "--key", "gaborone")
    environment = os.environ | ledger.environment()
    kills = 0
    for wanted in (1, 600, 1_200):
        process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE_S
        while process.poll() is None and time.monotonic() < deadline:
            if journal.exists() and journal.read_bytes().count(b"\n") > wanted:
                break
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills >= 1
    answer = ledger.ask("submit", file, "--key", "gaborone")
    assert (answer["refused"], answer["undecided"]) == (0, 0)
    assert ledger.size() == size + EVENTS


def test_events_that_are_lost_from_the_journal_are_known_by_the_ledger(
    ledger: Ledger, tmp_path: Path
) -> None:
    """As if it was killed after sending and before writing down the answers."""
    file = write_file(tmp_path, drafts(10))
    ledger.ask("submit", file, "--key", "gaborone")
    size = ledger.size()
    journal = Path(f"{file}.progress")
    entries = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(one for one in entries if b'"type":"done"' not in one))
    answer = ledger.ask("submit", file, "--key", "gaborone")
    assert (answer["committed"], answer["duplicate"]) == (0, 10)
    assert ledger.size() == size


def test_lines_that_are_refused_are_named_and_the_others_go_on(
    ledger: Ledger, tmp_path: Path
) -> None:
    taken = ledger.issue()
    good, bad = drafts(1), drafts(1)[0].replace("1.5", "-1")
    twice = write_draft("certificate_voided", taken, {"reason": "ERROR", "remarks": ""})
    own = [read_key(ledger.seen.keys, f"{one}-BW") for one in ("root", "recovery")]
    new_key = SigningKey.from_seed(os.urandom(32)).public_key
    payload = encode_event(
        chain=bytes.fromhex(ledger.seen.chain),
        author=Author(participant="BW", authority="root"),
        nonce=os.urandom(16),
        occurred_at=0,
        subject=new_key.hex(),
        prev=None,
        body=KeyAdded(authority="root", key=new_key, valid_from=0),
    )
    signed = format_envelope_json(sign_event(payload, own)).decode()
    file = write_file(tmp_path, [bad, *good, signed, "", "{", twice, twice])
    result = ledger.run("submit", file, "--key", "gaborone", "--json")
    assert result.exit_code == 1, result.output
    answer = json.loads(result.stdout)
    counts = [answer[name] for name in ("committed", "duplicate", "refused", "undecided")]
    assert counts == [3, 0, 3, 0]
    refused = [json.loads(text) for text in Path(f"{file}.refused").read_text().splitlines()]
    assert refused == answer["refusals"]
    named = [(one["line"], one["problem"]["rule"], one["problem"]["field"]) for one in refused]
    assert named == [(1, "", "body.certificate.lines[0].carats"), (5, "", ""), (7, "E6", "type")]
    assert "line 7: E6" in result.stderr
    event = decode_envelope(sign_event(payload, own))
    assert ledger.ask("show", event.event_id.hex())["type"] == "key_added"


def test_a_file_that_was_changed_is_not_gone_on_with(ledger: Ledger, tmp_path: Path) -> None:
    file = write_file(tmp_path, drafts(2))
    ledger.ask("submit", file, "--key", "gaborone")
    file.write_text(file.read_text().replace("1.5", "1.6"))
    result = ledger.run("submit", file, "--key", "gaborone")
    assert result.exit_code == 2
    assert f"error: {file}: line 1 was changed or moved" in result.stderr
    assert "it was committed" in result.stderr


def test_lines_that_were_deleted_since_are_not_counted(ledger: Ledger, tmp_path: Path) -> None:
    good = drafts(2)
    file = write_file(tmp_path, [*good, "{", "["])
    assert ledger.run("submit", file, "--key", "gaborone").exit_code == 1
    write_file(tmp_path, good)
    result = ledger.run("submit", file, "--key", "gaborone", "--json")
    assert result.exit_code == 0, result.output
    counts = {"committed": 2, "duplicate": 0, "refused": 0, "undecided": 0}
    assert json.loads(result.stdout) == {**counts, "decided_earlier": 2, "refusals": []}
    assert "no longer has: 2 refused" in result.stderr
    assert not Path(f"{file}.refused").exists()


def test_without_a_node_a_submission_ends_with_2_and_goes_on_later(
    ledger: Ledger, tmp_path: Path
) -> None:
    file = write_file(tmp_path, drafts(3))
    words = ("submit", file, "--key", "gaborone", "--timeout", "0.2")
    assert ledger.run(*words, KPLEDGER_NODE="http://127.0.0.1:9").exit_code == 2
    assert ledger.ask("submit", file, "--key", "gaborone")["committed"] == 3
