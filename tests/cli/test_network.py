"""The commands against a real network: processes, sockets, disks."""

import json
from pathlib import Path

import pytest
from founding import make_genesis
from office import Ledger, issuing, new_number, read_seen, start_devnet, stop

from kpclient.seen import Memory
from kpclient.sightings import Position

pytestmark = pytest.mark.slow


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
    assert ledger.ask("show", history[0]["id"]) == history[0] | {"countersigners": []}
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
    ledger.ask("seize", number, *broken, *law, "--custody", "vault", "--yes", *by)
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
    goods = "710210 0.100 ct US$ 7.00; 710231 1.250 ct US$ 12.34"
    assert goods in ledger.run("show", number).stdout


def test_certificate_that_is_presented_again_names_its_cases(ledger: Ledger) -> None:
    number = ledger.issue()
    ledger.ask("confirm", number, "--key", "mumbai")
    assert "cases" not in ledger.run("show", number).stdout
    for _ in range(2):
        ledger.ask("arrive", number, "--key", "mumbai", "--yes")
    assert f"{number}/1, {number}/2\n" in ledger.run("show", number).stdout
    mistake = ("--reason", "typed the wrong number")
    ledger.ask("withdraw", f"{number}/1", *mistake, "--key", "mumbai")
    assert f"{number}/1 (opened by mistake), {number}/2\n" in ledger.run("show", number).stdout
    assert "opened by mistake: typed the wrong number" in ledger.run("show", f"{number}/1").stdout
    found = ledger.ask("flags", "--flag", "F8")["findings"]
    assert isinstance(found, list)
    assert sorted(one["measure"] for one in found if one["subject"] == number) == [0, 1]


def test_what_the_rules_refuse_is_refused_and_a_rehearsal_foresees_it(ledger: Ledger) -> None:
    confirmed, issued, unused = ledger.issue(), ledger.issue(), new_number()
    ledger.ask("confirm", confirmed, "--key", "mumbai")
    by = ("--key", "mumbai")
    # Options that are repeated overrule earlier ones.
    cases = {
        (*issuing(issued),): ("E3", "body.certificate.number"),
        (*issuing("ZA00000001"),): ("E3", "body.certificate.number"),
        issuing(unused, "--destination", "BW"): ("E4", "body.certificate.destination"),
        issuing(unused, "--destination", "XX"): ("E4", "body.certificate.destination"),
        (*issuing(unused), "--origin", "BW"): ("E5", "origin"),
        issuing(unused, "--expires-on", "2090-01-01"): ("E5", "body.certificate.expires_on"),
        issuing(unused, "--destination", "ZA", *by): ("E3", "body.certificate.number"),
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


def own_keys(ledger: Ledger, suffix: str) -> tuple[str, ...]:
    """Make a root and a recovery key of XK, and give them as options."""
    options: list[str] = []
    for authority in ("root", "recovery"):
        name = f"xk-{authority}{suffix}"
        ledger.ask("keys", "new", "--author", f"XK/{authority}", "--name", name)
        key = ledger.run("keys", "export", name).stdout.strip()
        options += [f"--{authority}-key", key]
    return tuple(options)


def sign_far_apart(ledger: Ledger, folder: Path, *statement: str) -> dict[str, object]:
    """Let two participants witness what the Chair states, each on a machine of its own."""
    first, second = folder / "recovery.json", folder / "recovery-2.json"
    ledger.ask(*statement, "--offline", first)
    early = ledger.run("cosign", first, "--key", "in-root")
    assert early.exit_code == 1
    assert "1 of 2 participants besides XK have signed" in early.stderr
    assert "--offline FILE writes the statement for the next of them" in early.stderr
    ledger.ask("cosign", first, "--key", "in-root", "--offline", second)
    sent = ledger.ask("cosign", second, "--key", "bw-root")
    assert sent["status"] == "committed"
    return sent


def check_that_a_recovery_is_told(
    ledger: Ledger, subject: str, recovered: dict[str, object], since: object
) -> None:
    """See a recovery in the history of what it ended, and whose that may have been."""
    shown = ledger.ask("show", subject)
    history = shown["history"]
    assert isinstance(history, list)
    *earlier, last = [one["id"] for one in history]
    assert (last, shown["suspects"]) == (recovered["id"], earlier)
    told = ledger.run("show", subject).stdout
    assert f"block {recovered['height']} put back what was arranged from block {since} on" in told
    assert "its own among them, may be a thief's: see flag F16" in told


def test_governance_is_proposed_and_foreseen(ledger: Ledger, tmp_path: Path) -> None:
    keys = own_keys(ledger, "")
    named = ("--name", "Kosovo", "--decision", ledger.decide())
    admit = ("propose", "admit", "XK", *named, *keys, "--key", "chair")
    assert ledger.ask(*admit, "--dry-run")["status"] == "acceptable"
    ledger.ask(*admit)
    assert ledger.refusal(*admit) == ledger.refusal(*admit, "--dry-run") == ("E6", "body.code")

    what = ("--title", "T", "--place", "P", "--role", "EXPORTING")
    office = ("propose", "authority", "pristina", *what, "--key", "xk-root")
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
    change = (
        "propose",
        "status",
        "XK",
        "SUSPENDED",
        "--decision",
        ledger.decide(),
        "--key",
        "chair",
    )
    ledger.ask(*change)
    asked = ledger.ask("participants", "XK")
    found = asked["participant"]
    assert isinstance(found, dict)
    assert isinstance(asked["keys"], list)
    assert [one["reason"] for one in asked["keys"] if one["key"] == key] == ["COMPROMISED"]
    assert (found["status"], found["authorities"][0]["authority"]) == ("SUSPENDED", "pristina")
    assert found["ranges"][0]["range"]["last"] == 9
    for word in ("Kosovo", "SUSPENDED", "pristina", "XK 0001 to 0009", key, "its record"):
        assert word in ledger.run("participants", "XK").stdout
    assert "Kosovo" in ledger.run("participants").stdout
    assert ledger.run("participants", "QQ").exit_code == 1

    stolen = ("--suspect-height", str(sent["height"]), "--reason", "stolen", "--key", "chair")
    recover = ("propose", "recover", "XK", *own_keys(ledger, "-2"), *stolen)
    assert ledger.refusal(*recover) == ("E1", "signatures")
    recovered = sign_far_apart(ledger, tmp_path, *recover)
    check_that_a_recovery_is_told(ledger, "XK/pristina", recovered, since=sent["height"])
    ended = ledger.run("participants", "XK").stdout
    assert "XK/pristina: T, P: EXPORTING: closed 20" in ended
    assert "pristina (closed)" in ledger.run("participants").stdout
    again = ("propose", "authority", "prizren", *what)
    assert ledger.refusal(*again, "--key", "xk-root") == ("E1", "signatures")
    ledger.ask(*again, "--key", "xk-root-2")


def test_whoever_follows_what_a_stolen_key_has_signed_is_warned(ledger: Ledger) -> None:
    ledger.ask("keys", "new", "--author", "BW/gaborone", "--name", "second")
    key = ledger.run("keys", "export", "second").stdout.strip()
    ledger.ask("propose", "key", "gaborone", key, "--key", "bw-root")
    number, good = ledger.issue("--key", "second"), ledger.issue()
    since = ("--suspect-since", "2026-01-01", "--key", "bw-root")
    ledger.ask("propose", "revoke", key, "--reason", "COMPROMISED", *since)
    told = "a key that was stolen has signed on"
    for one, is_suspect in ((number, True), (good, False)):
        arrived = ledger.run("arrive", one, "--key", "mumbai", "--opened")
        confirmed = ledger.run("confirm", one, "--key", "mumbai")
        assert (arrived.exit_code, confirmed.exit_code) == (0, 0)
        assert (told in arrived.stderr, told in confirmed.stderr) == (is_suspect, is_suspect)
        assert ("F16" in ledger.run("show", one).stdout) is is_suspect


def test_what_the_genesis_file_says_is_told_as_of_the_founding(ledger: Ledger) -> None:
    shown = ledger.run("show", "BW").stdout
    assert "standing 1" in shown
    assert "status ACTIVE; effective from the founding; decision genesis" in shown
    listed = ledger.run("participants", "BW").stdout
    assert "ACTIVE from the founding (genesis)" in listed
    for text in (shown, listed, ledger.run("show", "KPCS/policy").stdout):
        assert "1970-" not in text
        assert "_" not in text
        assert "[0]" not in text


def test_certificates_are_listed_by_what_is_wanted(ledger: Ledger) -> None:
    number = ledger.issue()
    ledger.ask("void", number, "--reason", "ERROR", "--key", "gaborone")
    wanted = ("list", "--state", "VOIDED", "--issuer", "BW", "--destination", "IN")
    found = ledger.ask(*wanted)["certificates"]
    assert isinstance(found, list)
    assert number in [one["number"] for one in found]
    assert {one["state"] for one in found} == {"VOIDED"}
    assert ledger.ask("list", "--issuer", "IN") == {"certificates": [], "next": None}
    assert number in ledger.run(*wanted).stdout
    limited = ledger.ask("list", "--limit", "1")["certificates"]
    assert isinstance(limited, list)
    assert len(limited) == 1
    assert ledger.run("list", "--issuer", "Botswana").exit_code == 2
    unknown = ledger.run("list", "--issuer", "XX")
    assert (unknown.exit_code, unknown.stderr.splitlines()[1]) == (2, "  field: --issuer")


def test_what_is_signed_without_a_line_is_sent_when_there_is_one(ledger: Ledger) -> None:
    number = new_number()
    off = {"KPLEDGER_NODE": "http://127.0.0.1:9"}
    patience = ("--timeout", "0.2")
    result = ledger.run(*issuing(number), *patience, **off)
    assert result.exit_code == 2
    assert ledger.ask("outbox", "list") == {"waiting": [], "refused": []}
    result = ledger.run(*issuing(number), *patience, "--offline-ok", "--json", **off)
    assert result.exit_code == 0, result.output
    event_id = json.loads(result.stdout)["id"]
    assert event_id in ledger.run("outbox", "list").stdout
    assert ledger.run("outbox", "send", *patience, **off).exit_code == 2
    assert event_id in ledger.run("outbox", "list").stdout
    assert ledger.ask("outbox", "send")["sent"] == 1
    assert ledger.ask("outbox", "list") == {"waiting": [], "refused": []}
    assert ledger.ask("outbox", "send")["sent"] == 0
    assert ledger.ask("show", event_id)["subject"] == number


def test_what_was_refused_is_set_aside_by_the_outbox_until_it_is_dropped(ledger: Ledger) -> None:
    taken = ledger.issue()
    off = {"KPLEDGER_NODE": "http://127.0.0.1:9"}
    ledger.run(*issuing(taken), "--timeout", "0.2", "--offline-ok", **off)
    result = ledger.run("outbox", "send")
    assert result.exit_code == 1
    assert "E3" in result.stderr
    listed = ledger.run("outbox", "list")
    assert ("refused" in listed.stdout, "E3: " in listed.stderr) == (True, True)
    found = json.loads(ledger.run("outbox", "list", "--json").stdout)
    (refused,) = found["refused"]
    assert (found["waiting"], refused["problem"]["rule"]) == ([], "E3")
    assert ledger.ask("outbox", "drop", refused["id"])["status"] == "dropped"
    assert ledger.ask("outbox", "list") == {"waiting": [], "refused": []}
    assert ledger.run("outbox", "drop", refused["id"]).exit_code == 2


def test_what_waits_is_not_said_twice(ledger: Ledger) -> None:
    number = new_number()
    off = ("--timeout", "0.2", "--node", "http://127.0.0.1:9", "--offline-ok", "--json")
    first, again = (json.loads(ledger.run(*issuing(number), *off).stdout) for _ in range(2))
    assert (again["id"], again["status"]) == (first["id"], "waiting")
    assert "waiting_since" not in first
    assert "waiting_since" in again
    other = json.loads(ledger.run(*issuing(new_number()), *off).stdout)
    assert ledger.run("outbox", "drop", other["id"]).exit_code == 0
    sent = ledger.run(*issuing(number))
    assert (sent.exit_code, first["id"] in sent.stdout) == (0, True)
    assert "no second event was made" in sent.stdout
    assert ledger.ask("outbox", "list") == {"waiting": [], "refused": []}


def test_the_status_is_shown_and_the_audit_finds_it_sound(ledger: Ledger) -> None:
    found = ledger.ask("status")
    assert (found["chain"], found["voters"]) == (ledger.seen.chain, ["ae-3", "bw-1", "za-2"])
    assert ledger.seen.chain in ledger.run("status").stdout
    node = ledger.seen.nodes[0].api
    result = ledger.run("audit", "--genesis", ledger.seen.genesis, "--node", node)
    assert result.exit_code == 0, result.output
    assert "SOUND" in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("audit",),
        ("list",),
        ("list", "--replay"),
        ("flags", "--replay"),
        ("show", "BW000001"),
        ("books", "-o", "{place}/books.sqlite"),
        ("note", "BW000001", "--text", "x", "--key", "gaborone"),
    ],
    ids=" ".join,
)
def test_another_ledger_than_the_pinned_one_is_told_and_accuses_nobody(
    ledger: Ledger, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "genesis.json").write_bytes(make_genesis().encoded)
    words = tuple(word.format(place=tmp_path) for word in words)
    result = ledger.run(*words, KPLEDGER_GENESIS=str(tmp_path / "genesis.json"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"is of another ledger: its chain id is {ledger.seen.chain}, that of" in result.stderr
    assert "cannot be trusted" not in result.stderr


def test_a_ledger_that_contradicts_what_was_seen_ends_with_1(ledger: Ledger) -> None:
    memory = Memory(ledger.home / "seen", bytes.fromhex(ledger.seen.chain))
    proven = Position(height=0, head=bytes(32), tree_size=10**9, tree_root=bytes(32))
    # Another test may have verified the ledger before.
    (ledger.home / "seen" / f"{ledger.seen.chain}.json").unlink(missing_ok=True)
    try:
        memory.accept(proven, node="an audit", heads={}, now_ms=0)
        result = ledger.run("list")
        assert result.exit_code == 1, result.output
        assert "cannot be connected with what was verified here before" in result.stderr
    finally:
        (ledger.home / "seen" / f"{ledger.seen.chain}.json").unlink()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "BW99999999"), 1),
        (("show", "ab" * 32), 1),
        (("participants", "QQ"), 1),
        (("trace", "BW99999999"), 2),
        (("list", "--issuer", "QQ"), 2),
    ],
)
def test_what_is_shown_and_not_there_ends_with_1_and_a_question_about_it_with_2(
    ledger: Ledger, words: tuple[str, ...], code: int
) -> None:
    assert ledger.run(*words).exit_code == code


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("show", "bw 1"), id="no number"),
        pytest.param(("issue", "--draft", "none.json", "--key", "gaborone"), id="no draft"),
        pytest.param(issuing("BW00000000", "--carats", "1.0001"), id="too fine"),
        pytest.param(("issue", "--number", "BW1"), id="half a certificate"),
        pytest.param((*issuing("BW1"), "--draft", "x.json"), id="draft and options"),
        pytest.param(issuing("BW1", "--key", "nobody"), id="unknown key"),
        pytest.param(issuing("BW1", "--key", ""), id="no key"),
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
