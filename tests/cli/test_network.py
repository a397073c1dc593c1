"""The commands against a real network: processes, sockets, disks."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from founding import make_genesis
from network import PATIENCE_S, NetworkSeen
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpledger.envelope import decode_envelope, format_envelope_json, sign_event
from kpledger.events import Author, encode_event
from kpledger.events.governance import KeyAdded
from kpledger.keys import SigningKey

pytestmark = pytest.mark.slow

PARTIES = (
    *("--exporter-name", "Exporter", "--exporter-address", "Gaborone"),
    *("--importer-name", "Importer", "--importer-address", "Mumbai"),
)
_serials = itertools.count(1)
_decoder = msgspec.json.Decoder(NetworkSeen, dec_hook=lambda _, text: Path(text))


@dataclass(frozen=True, slots=True)
class Ledger:
    """A running network and the home of somebody who holds every key of it."""

    seen: NetworkSeen
    home: Path

    def environment(self) -> dict[str, str]:
        return {
            "KPLEDGER_NODE": ",".join(node.api for node in self.seen.nodes),
            "KPLEDGER_GENESIS": str(self.seen.genesis),
            "KPLEDGER_HOME": str(self.home),
            "KPLEDGER_PASSPHRASE": "secret",
        }

    def run(self, *arguments: str | Path, **environment: str) -> Result:
        words = [*map(str, arguments)]
        return CliRunner().invoke(app, words, env=self.environment() | environment)

    def ask(self, *arguments: str | Path) -> dict[str, object]:
        """Run a command that has to succeed; gives its JSON."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return msgspec.json.decode(result.stdout, type=dict[str, object])

    def refusal(self, *arguments: str | Path) -> tuple[str, str]:
        """Run a command that has to be refused; gives rule and field."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 1, result.output
        problem = json.loads(result.stdout)["problem"]
        return problem["rule"], problem["field"]

    def issue(self, *options: str, number: str = "") -> str:
        number = number or new_number()
        assert self.ask(*issuing(number), *options)["status"] == "committed"
        return number

    def state(self, number: str) -> object:
        certificate = self.ask("show", number)["certificate"]
        assert isinstance(certificate, dict)
        return certificate["state"]

    def size(self) -> int:
        """Give how many events are on the ledger."""
        size = self.ask("status")["tree_size"]
        assert isinstance(size, int)
        return size


def new_number() -> str:
    return f"BW{next(_serials):08d}"


def issuing(number: str) -> tuple[str, ...]:
    certificate = ("--number", number, "--destination", "IN", "--origin", "BW", *PARTIES)
    goods = ("--carats", "12.345", "--value", "1234.50")
    return ("issue", "--key", "gaborone", *certificate, *goods)


def start_devnet(directory: Path, *options: str) -> subprocess.Popen[bytes]:
    words = (sys.executable, "-m", "kpnode", "devnet", str(directory), "--port", "0", *options)
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.communicate(timeout=PATIENCE_S)


def read_seen(process: subprocess.Popen[bytes]) -> NetworkSeen:
    assert process.stdout is not None
    return _decoder.decode(process.stdout.readline())


def open_home(seen: NetworkSeen, home: Path) -> Ledger:
    """Take over the development keys, and open an office in Botswana and one in India."""
    ledger = Ledger(seen, home)
    for name, author, seed in (
        ("chair", "KPCS/chair", "chair"),
        ("bw-root", "BW/root", "root-BW"),
        ("in-root", "IN/root", "root-IN"),
        ("gaborone", "BW/gaborone", ""),
        ("mumbai", "IN/mumbai", ""),
    ):
        file = ("--seed-file", seen.keys / f"{seed}.seed") if seed else ()
        ledger.ask("keys", "new", "--author", author, "--name", name, *file)
    for office, root in (("gaborone", "bw-root"), ("mumbai", "in-root")):
        public_key = ledger.run("keys", "export", office).stdout.strip()
        roles = ("--role", "EXPORTING", "--role", "IMPORTING")
        named = ("--title", "Office", "--place", "There", *roles)
        first = ("--key", root, "--cosign", "chair")
        ledger.ask("propose", "authority", office, *named, *first)
        ledger.ask("propose", "key", office, public_key, "--key", root)
    last = ("--first", "0", "--last", "99999", "--use-from", "2020-01-01")
    ledger.ask("propose", "range", "gaborone", "--prefix", "BW", *last, "--key", "bw-root")
    return ledger


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    place = tmp_path_factory.mktemp("network")
    process = start_devnet(place / "net", "--voters", "3")
    try:
        yield open_home(read_seen(process), place / "home")
    finally:
        stop(process)


def test_a_certificate_is_issued_received_and_confirmed(ledger: Ledger) -> None:
    number = ledger.issue()
    ledger.ask("arrive", number, "--key", "mumbai", "--opened", "--found-carats", "12.345")
    ledger.ask("confirm", number, "--key", "mumbai")
    shown = ledger.ask("show", number)
    history = shown["history"]
    assert isinstance(history, list)
    kinds = ["certificate_issued", "arrival_recorded", "import_confirmed"]
    assert [one["type"] for one in history] == kinds
    assert [one["prev"] for one in history[1:]] == [one["id"] for one in history[:-1]]
    assert ledger.state(number) == "CONFIRMED"
    assert ledger.ask("show", history[0]["id"]) == history[0]
    text = ledger.run("show", number).stdout
    assert all(word in text for word in (number, "CONFIRMED", "12.345", "US$ 1234.50", *kinds))
    assert history[0]["id"] in ledger.run("show", history[0]["id"]).stdout


def test_each_fate_of_a_shipment_has_its_command(ledger: Ledger) -> None:
    law = ("--law", "Act 12")
    broken = ("--reason", "BROKEN_SEALS")
    by = ("--key", "mumbai")
    number = ledger.issue()
    ledger.ask("detain", number, *broken, *law, *by)
    assert ledger.state(number) == "DETAINED"
    ledger.ask("release", number, "--remedy", "list sent", *by)
    assert ledger.state(number) == "ARRIVED"
    ledger.ask("seize", number, *broken, *law, "--custody", "vault", *by)
    assert ledger.state(number) == "SEIZED"
    number = ledger.issue()
    ledger.ask("arrive", number, "--broken-seals", *by)
    ledger.ask("refuse", number, *broken, *by)
    assert ledger.state(number) == "RETURNED"
    number = ledger.issue()
    found = ("--found-carats", "11", "--found-value", "1000", "--found-parcels", "2")
    ledger.ask("confirm", number, "--discrepant", "--cause", "WEIGHING", *found, *by)
    assert ledger.state(number) == "CONFIRMED_DISCREPANT"
    number = ledger.issue()
    ledger.ask("void", number, "--reason", "NOT_EXPORTED", "--key", "gaborone")
    assert ledger.state(number) == "VOIDED"
    old, new = ledger.issue(), new_number()
    ledger.ask("replace", old, "--reason", "ERROR", *issuing(new)[1:])
    assert (ledger.state(old), ledger.state(new)) == ("REPLACED", "VALIDATED")


def test_a_draft_in_a_file_is_issued(ledger: Ledger, tmp_path: Path) -> None:
    number = new_number()
    draft = tmp_path / "draft.toml"
    draft.write_text(
        f'number = "{number}"\ndestination = "IN"\norigin = ["BW", "NA"]\n'
        'exporter = { name = "A", address = "B" }\nimporter = { name = "C", address = "D" }\n'
        '[[lines]]\nhs = "710210"\ncarats = 0.1\nvalue_usd = 7\n'
        '[[lines]]\nhs = "710231"\ncarats = 1.25\nvalue_usd = 12.34\n'
    )
    ledger.ask("issue", "--draft", draft, "--key", "gaborone")
    certificate = ledger.ask("show", number)["certificate"]
    assert isinstance(certificate, dict)
    assert certificate["origins"] == ["BW", "NA"]
    assert (certificate["carat_thousandths"], certificate["value_usd_cents"]) == (1350, 1934)


def test_what_the_rules_refuse_is_refused_and_a_rehearsal_foresees_it(ledger: Ledger) -> None:
    confirmed, issued, unused = ledger.issue(), ledger.issue(), new_number()
    ledger.ask("confirm", confirmed, "--key", "mumbai")
    by = ("--key", "mumbai")
    # Options that are repeated overrule earlier ones.
    cases = {
        (*issuing(issued),): ("E3", "body.certificate.number"),
        (*issuing("ZA00000001"),): ("E3", "body.certificate.number"),
        (*issuing(unused), "--destination", "BW"): ("E4", "body.certificate.destination"),
        (*issuing(unused), "--destination", "XX"): ("E4", "body.certificate.destination"),
        (*issuing(unused), "--origin", "BW"): ("E5", "origin"),
        (*issuing(unused), "--expires-on", "2090-01-01"): ("E5", "body.certificate.expires_on"),
        (*issuing(unused), "--destination", "ZA", *by): ("E3", "body.certificate.number"),
        ("confirm", confirmed, *by): ("E7", "subject"),
        ("confirm", issued, *by, "--found-carats", "11"): ("E8", "body.carat_thousandths"),
        ("confirm", issued, "--key", "gaborone"): ("E2", "author"),
        ("void", confirmed, "--reason", "ERROR", "--key", "gaborone"): ("E6", "type"),
        ("release", issued, "--remedy", "", *by): ("E6", "type"),
    }
    size = ledger.size()
    for words, expected in cases.items():
        rule, field = ledger.refusal(*words)
        assert (rule, expected[1] in field) == (expected[0], True), (words, rule, field)
        assert ledger.refusal(*words, "--dry-run") == (rule, field), words
    assert ledger.size() == size
    assert ledger.ask(*issuing(unused), "--dry-run")["status"] == "acceptable"
    assert ledger.run("show", unused).exit_code == 1


def test_governance_is_proposed_and_foreseen(ledger: Ledger, tmp_path: Path) -> None:
    ledger.ask("keys", "new", "--author", "XK/root", "--name", "xk-root")
    root_key = ledger.run("keys", "export", "xk-root").stdout.strip()
    admit = ("propose", "admit", "XK", "--name", "Kosovo", "--decision", "Plenary")
    admit = (*admit, "--root-key", root_key, "--key", "chair")
    assert ledger.ask(*admit, "--dry-run")["status"] == "acceptable"
    ledger.ask(*admit)
    assert ledger.refusal(*admit) == ledger.refusal(*admit, "--dry-run") == ("E6", "body.code")

    office = ("propose", "authority", "pristina", "--title", "T", "--place", "P")
    office = (*office, "--role", "EXPORTING", "--key", "xk-root")
    assert ledger.refusal(*office) == ("E1", "signatures")
    handed = tmp_path / "first.json"
    written = ledger.ask(*office, "--offline", handed)
    assert ledger.run(*office, "--offline", handed).exit_code == 2
    sent = ledger.ask("cosign", handed, "--key", "chair")
    assert (sent["id"], sent["status"]) == (written["id"], "committed")

    ledger.ask("keys", "new", "--author", "XK/pristina", "--name", "pristina")
    key = ledger.run("keys", "export", "pristina").stdout.strip()
    ledger.ask("propose", "key", "pristina", key, "--key", "xk-root")
    numbers = ("--prefix", "XK", "--first", "1", "--last", "9", "--width", "4")
    ledger.ask("propose", "range", "pristina", *numbers, "--key", "xk-root")
    revoke = ("propose", "revoke", key, "--reason", "COMPROMISED", "--key", "xk-root")
    assert ledger.refusal(*revoke) == ("E5", "body.suspect_since")
    ledger.ask(*revoke, "--suspect-since", "2026-01-01")
    change = ("propose", "status", "XK", "SUSPENDED", "--decision", "N", "--key", "chair")
    ledger.ask(*change)
    found = ledger.ask("participants", "XK")["participant"]
    assert isinstance(found, dict)
    assert (found["status"], found["authorities"][0]["authority"]) == ("SUSPENDED", "pristina")
    assert found["ranges"][0]["range"]["last"] == 9
    for word in ("Kosovo", "SUSPENDED", "pristina", "XK 0001 to 0009"):
        assert word in ledger.run("participants", "XK").stdout
    assert "Kosovo" in ledger.run("participants").stdout
    assert ledger.run("participants", "QQ").exit_code == 1


def test_certificates_are_listed_by_what_is_wanted(ledger: Ledger) -> None:
    number = ledger.issue()
    ledger.ask("void", number, "--reason", "ERROR", "--key", "gaborone")
    wanted = ("list", "--state", "VOIDED", "--issuer", "BW", "--destination", "IN")
    found = ledger.ask(*wanted)["certificates"]
    assert isinstance(found, list)
    assert number in [one["number"] for one in found]
    assert {one["state"] for one in found} == {"VOIDED"}
    assert ledger.ask("list", "--issuer", "IN") == {"certificates": []}
    assert number in ledger.run(*wanted).stdout
    limited = ledger.ask("list", "--limit", "1")["certificates"]
    assert isinstance(limited, list)
    assert len(limited) == 1
    assert ledger.run("list", "--issuer", "Botswana").exit_code == 2


def test_what_is_signed_without_a_line_is_sent_when_there_is_one(ledger: Ledger) -> None:
    number = new_number()
    off = {"KPLEDGER_NODE": "http://127.0.0.1:9"}
    patience = ("--timeout", "0.2")
    result = ledger.run(*issuing(number), *patience, **off)
    assert result.exit_code == 2
    assert ledger.ask("outbox", "list") == {"waiting": []}
    result = ledger.run(*issuing(number), *patience, "--offline-ok", "--json", **off)
    assert result.exit_code == 0, result.output
    event_id = json.loads(result.stdout)["id"]
    assert event_id in ledger.run("outbox", "list").stdout
    assert ledger.run("outbox", "send", *patience, **off).exit_code == 2
    assert event_id in ledger.run("outbox", "list").stdout
    assert ledger.ask("outbox", "send")["sent"] == 1
    assert ledger.ask("outbox", "list") == {"waiting": []}
    assert ledger.ask("outbox", "send")["sent"] == 0
    assert ledger.ask("show", event_id)["subject"] == number


def test_what_was_refused_is_set_aside_by_the_outbox(ledger: Ledger) -> None:
    taken = ledger.issue()
    off = {"KPLEDGER_NODE": "http://127.0.0.1:9"}
    ledger.run(*issuing(taken), "--timeout", "0.2", "--offline-ok", **off)
    result = ledger.run("outbox", "send")
    assert result.exit_code == 1
    assert "E3" in result.stderr
    assert ledger.ask("outbox", "list") == {"waiting": []}
    assert len(list((ledger.home / "outbox").rglob("*.refused"))) == 1


def drafts(count: int, *, confirmed: bool = False) -> list[str]:
    """Give the lines that issue so many certificates, or confirm them."""
    party = {"name": "A", "address": "B", "licence": ""}
    texts: list[str] = []
    for _ in range(count):
        number = new_number()
        certificate = {"number": number, "destination": "IN", "origin": ["BW"]}
        certificate |= {"exporter": party, "importer": party}
        line = {"hs": "710210", "carats": "1.5", "value_usd": 100}
        body: dict[str, object] = {"certificate": certificate | {"lines": [line]}}
        texts.append(write_draft("certificate_issued", number, body))
        if confirmed:
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
    file = write_file(tmp_path, drafts(40, confirmed=True))
    size = ledger.size()
    expected = {"committed": 80, "duplicate": 0, "refused": 0, "undecided": 0, "refusals": []}
    assert ledger.ask("submit", file, "--key", "gaborone") == expected
    assert ledger.ask("submit", file, "--key", "gaborone") == expected
    assert ledger.size() == size + 80
    assert not Path(f"{file}.refused").exists()


def test_a_submission_that_is_killed_goes_on_and_submits_nothing_twice(
    ledger: Ledger, tmp_path: Path
) -> None:
    file = write_file(tmp_path, drafts(600))
    journal = Path(f"{file}.progress")
    size = ledger.size()
    words = (sys.executable, "-m", "kpclient.cli", "submit", str(file), "--key", "gaborone")
    environment = os.environ | ledger.environment()
    kills = 0
    for wanted in (1, 120, 350):
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
    assert ledger.size() == size + 600


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
    root = SigningKey.from_seed(bytes.fromhex((ledger.seen.keys / "root-BW.seed").read_text()))
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
    signed = format_envelope_json(sign_event(payload, [root])).decode()
    file = write_file(tmp_path, [bad, *good, signed, "", "{", twice, twice])
    result = ledger.run("submit", file, "--key", "gaborone", "--json")
    assert result.exit_code == 1, result.output
    answer = json.loads(result.stdout)
    counts = [answer[name] for name in ("committed", "duplicate", "refused", "undecided")]
    assert counts == [3, 0, 3, 0]
    refused = [json.loads(text) for text in Path(f"{file}.refused").read_text().splitlines()]
    assert refused == answer["refusals"]
    named = [(one["line"], one["problem"]["rule"], one["problem"]["field"]) for one in refused]
    assert named == [(1, "", "lines[0].carats"), (5, "", ""), (7, "E6", "type")]
    assert "line 7: E6" in result.stderr
    event = decode_envelope(sign_event(payload, [root]))
    assert ledger.ask("show", event.event_id.hex())["type"] == "key_added"


def test_a_file_that_was_changed_is_not_gone_on_with(ledger: Ledger, tmp_path: Path) -> None:
    file = write_file(tmp_path, drafts(2))
    ledger.ask("submit", file, "--key", "gaborone")
    file.write_text(file.read_text().replace("1.5", "1.6"))
    result = ledger.run("submit", file, "--key", "gaborone")
    assert result.exit_code == 2
    assert "line 1 was changed" in result.stderr


def test_without_a_node_a_submission_ends_with_2_and_goes_on_later(
    ledger: Ledger, tmp_path: Path
) -> None:
    file = write_file(tmp_path, drafts(3))
    words = ("submit", file, "--key", "gaborone", "--timeout", "0.2")
    assert ledger.run(*words, KPLEDGER_NODE="http://127.0.0.1:9").exit_code == 2
    assert ledger.ask("submit", file, "--key", "gaborone")["committed"] == 3


def test_the_status_is_shown_and_the_audit_finds_it_sound(ledger: Ledger) -> None:
    found = ledger.ask("status")
    assert (found["chain"], found["voters"]) == (ledger.seen.chain, ["ae-3", "bw-1", "za-2"])
    assert ledger.seen.chain in ledger.run("status").stdout
    node = ledger.seen.nodes[0].api
    result = ledger.run("audit", "--genesis", ledger.seen.genesis, "--node", node)
    assert result.exit_code == 0, result.output
    assert "SOUND" in result.stdout


def test_another_ledger_than_the_pinned_one_ends_with_1(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "genesis.json").write_bytes(make_genesis().encoded)
    result = ledger.run("status", KPLEDGER_GENESIS=str(tmp_path / "genesis.json"))
    assert result.exit_code == 1
    assert "cannot be trusted" in result.stderr


def test_a_ledger_that_contradicts_what_was_seen_ends_with_1(ledger: Ledger) -> None:
    ledger.ask("status")
    memory = ledger.home / "seen" / f"{ledger.seen.chain}.json"
    seen = json.loads(memory.read_text())
    try:
        memory.write_text(json.dumps(seen | {"tree_size": 10**9}))
        # A new block is needed: at one height the heads would still agree.
        result = ledger.run("list")
        assert result.exit_code == 1
        assert "but seen before was" in result.stderr
    finally:
        memory.write_text(json.dumps(seen))


@pytest.mark.parametrize("words", [("show", "BW99999999"), ("show", "ab" * 32)])
def test_what_is_not_on_the_ledger_ends_with_1(ledger: Ledger, words: tuple[str, ...]) -> None:
    assert ledger.run(*words).exit_code == 1


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("show", "bw1"), id="no number"),
        pytest.param(("issue", "--draft", "none.json", "--key", "gaborone"), id="no draft"),
        pytest.param((*issuing("BW00000000"), "--carats", "1.0001"), id="too fine"),
        pytest.param(("issue", "--number", "BW1"), id="half a certificate"),
        pytest.param((*issuing("BW1"), "--draft", "x.json"), id="draft and options"),
        pytest.param((*issuing("BW1"), "--key", "nobody"), id="unknown key"),
        pytest.param((*issuing("BW1"), "--key", ""), id="no key"),
        pytest.param(("propose", "key", "gaborone", "ab", "--key", "bw-root"), id="no public key"),
        pytest.param(("seize", "BW1", "--reason", "ORDER"), id="options missing"),
        pytest.param(("submit", "none.ndjson"), id="no file"),
    ],
)
def test_what_makes_no_sense_ends_with_2(ledger: Ledger, words: tuple[str, ...]) -> None:
    assert ledger.run(*words).exit_code == 2


def test_over_tls_the_pinned_key_is_asked_for(tmp_path: Path) -> None:
    process = start_devnet(tmp_path / "net", "--voters", "1", "--api-tls")
    try:
        ledger = Ledger(read_seen(process), tmp_path / "home")
        assert ledger.seen.nodes[0].api.startswith("https://")
        assert ledger.ask("status")["chain"] == ledger.seen.chain
        other = make_genesis().encoded
        (tmp_path / "other.json").write_bytes(other)
        result = ledger.run("status", KPLEDGER_GENESIS=str(tmp_path / "other.json"))
        assert result.exit_code == 1
        assert "TLS key" in result.stderr
    finally:
        stop(process)
