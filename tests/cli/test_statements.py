"""Commands for everyday statements against a real network: each says what it is meant to say."""

import json
from pathlib import Path

import pytest
from office import PARTIES_IN_DRAFTS, Ledger, new_number, today

from kpledger.base.hashing import sha256

pytestmark = pytest.mark.slow

EXPORTER = ("--key", "gaborone")
IMPORTER = ("--key", "mumbai")


def body_of(ledger: Ledger, *arguments: str | Path) -> dict[str, object]:
    """Make a statement and read it back from the ledger."""
    event = ledger.ask("show", str(ledger.ask(*arguments)["id"]))
    body = event["body"]
    assert isinstance(body, dict)
    return body


def test_a_certificate_is_validated_announced_and_amended(ledger: Ledger) -> None:
    number = ledger.issue("--unvalidated")
    assert ledger.state(number) == "ISSUED"
    body = body_of(ledger, "validate", number, "--seal", "A-1", *EXPORTER)
    assert body["seals"] == ["A-1"]
    way = ("--carrier", "Air", "--waybill", "083-1", "--transit", "AE")
    body = body_of(ledger, "notify", number, *way, *EXPORTER)
    assert (body["exported_on"], body["transit"], body["expected_on"]) == (today(), ["AE"], None)
    change = ("amend", number, "--field", "importer.name", "--reason", "typing", "--new")
    assert body_of(ledger, *change, "I", *EXPORTER)["old"] == "Importer"
    ledger.ask("arrive", number, *IMPORTER)
    assert ledger.refusal(*change, "J", *EXPORTER)[0] == "E1"
    ledger.ask(*change, "J", *EXPORTER, "--cosign", "mumbai")
    assert ledger.state(number) == "ARRIVED"


@pytest.mark.parametrize(
    "words",
    [
        ("arrive",),
        ("confirm",),
        ("confirm", "--discrepant", "--found-parcels", "2"),
        ("amend", "--field", "importer.name", "--new", "I", "--reason", "typing"),
        ("resolve", "--explanation", "scales"),
        ("seize", "--reason", "ORDER", "--law", "Act 12", "--custody", "Vault 3"),
        ("receive-back",),
        ("void", "--reason", "ERROR"),
        ("notify", "--carrier", "Air", "--waybill", "083-1"),
    ],
)
def test_a_statement_on_an_unknown_number_names_its_rule(
    ledger: Ledger, words: tuple[str, ...]
) -> None:
    command, *options = words
    said = (command, new_number(), *options, *EXPORTER)
    assert ledger.refusal(*said) == ("E6", "subject")


def test_a_statement_on_an_unknown_event_names_its_rule(ledger: Ledger, tmp_path: Path) -> None:
    right = tmp_path / "right.json"
    right.write_text('{"remarks": "none"}')
    unknown = "00" * 32
    correction = ("--reason", "a slip", "--body", str(right))
    assert ledger.refusal("countersign", unknown, *EXPORTER) == ("E6", "body.event")
    assert ledger.refusal("correct", unknown, *correction, *EXPORTER) == ("E6", "body.event")


def test_a_lost_certificate_is_found_and_an_unused_one_returned(ledger: Ledger) -> None:
    number = ledger.issue()
    ledger.ask("lost", number, "--circumstances", "robbed", "--with-goods", *EXPORTER)
    assert ledger.state(number) == "LOST"
    ledger.ask("found", number, "--circumstances", "mail", *EXPORTER)
    assert ledger.state(number) == "VALIDATED"
    assert body_of(ledger, "return-unused", number, *EXPORTER) == {"returned_on": today()}


def test_a_discrepancy_is_resolved_by_both_ends(ledger: Ledger) -> None:
    number = ledger.issue()
    ledger.ask("confirm", number, "--discrepant", "--found-carats", "12", *IMPORTER)
    settle = ("resolve", number, "--explanation", "scales")
    assert ledger.refusal(*settle, *EXPORTER) == ("E1", "signatures")
    body = body_of(ledger, *settle, *EXPORTER, "--cosign", "mumbai")
    assert (body["carat_thousandths"], body["value_usd_cents"]) == (12_000, 123_450)


def test_a_discrepancy_says_what_differs(ledger: Ledger) -> None:
    number, size = ledger.issue(), ledger.size()
    for cause in ((), ("--cause", "WEIGHING"), ("--cause", "UNKNOWN")):
        result = ledger.run("confirm", number, "--discrepant", *cause, *IMPORTER)
        assert (result.exit_code, "--found-carats" in result.stderr) == (2, True), result.output
    as_declared = ("confirm", number, "--discrepant", "--found-carats", "12.345", *IMPORTER)
    assert ledger.refusal(*as_declared)[0] == "E8"
    assert ledger.size() == size
    ledger.ask("confirm", number, "--discrepant", "--remarks", "The seals were broken", *IMPORTER)
    assert ledger.state(number) == "CONFIRMED_DISCREPANT"


def test_a_refused_shipment_is_received_back(ledger: Ledger) -> None:
    number = ledger.issue()
    ledger.ask("arrive", number, *IMPORTER)
    ledger.ask("refuse", number, "--reason", "CONTENTS_DIFFER", *IMPORTER)
    body = body_of(ledger, "receive-back", number, "--condition", "sealed", *EXPORTER)
    assert (body["carat_thousandths"], body["received_on"]) == (12_345, today())


def test_a_case_without_a_certificate_is_opened_and_seized(ledger: Ledger) -> None:
    case = f"IN/case/{new_number().lower()}"
    ledger.ask("case", case, "--kind", "NO_CERTIFICATE", "--provenance", "BW", *IMPORTER)
    ledger.ask("detain", case, "--reason", "NO_CERTIFICATE", "--law", "Act", *IMPORTER)
    ledger.ask("release", case, "--remedy", "none", *IMPORTER)
    why = ("--reason", "ORDER", "--law", "Act", "--custody", "Vault", *IMPORTER)
    assert ledger.run("seize", case, *why).exit_code == 2
    assert (
        body_of(ledger, "seize", case, *why, "--carats", "1", "--yes")["carat_thousandths"] == 1000
    )
    assert ledger.ask("show", case)["state"] == "SEIZED"


def test_a_shipment_that_surfaced_elsewhere_is_diverted(ledger: Ledger) -> None:
    number = ledger.issue("--destination", "ZA")
    ledger.ask("notify", number, "--carrier", "Air", "--waybill", "1", *EXPORTER)
    ledger.ask("transit", number, "--left-on", today(), *IMPORTER)
    ledger.ask("divert", number, "--place", "Mumbai", *IMPORTER)
    assert ledger.state(number) == "DIVERTED"


def test_a_suspect_certificate_is_reported_and_judged(ledger: Ledger, tmp_path: Path) -> None:
    scan = tmp_path / "scan.png"
    scan.write_bytes(b"scan")
    subject = f"IN/suspect/{new_number().lower()}"
    shown = ("--issuer", "BW", "--number", "BW 17", "--document", scan)
    body = body_of(ledger, "suspect", subject, *shown, *IMPORTER, "--yes")
    assert body["image"] == sha256(b"scan").hex()
    assert body_of(ledger, "judge", subject, "FAKE", *EXPORTER)["verdict"] == "FAKE"
    assert ledger.ask("show", subject)["state"] == "JUDGED"


def test_a_note_names_what_it_is_about_and_a_correction_what_was_meant(
    ledger: Ledger, tmp_path: Path
) -> None:
    number = ledger.issue()
    about = str(ledger.ask("note", number, "--text", "misspelt", *EXPORTER)["id"])
    body = body_of(ledger, "note", number, "--text", "two", "--reference", about, *EXPORTER)
    assert body["references"] == [about]
    right = tmp_path / "right.json"
    right.write_text(json.dumps({"text": "spelt"}))
    why = ("--reason", "typing error", *EXPORTER)
    assert body_of(ledger, "correct", about, "--body", right, *why)["event"] == about
    assert ledger.run("correct", "00" * 32, "--body", right, *why).exit_code == 1


def test_an_officer_whose_signature_is_not_recorded_adds_it(ledger: Ledger, tmp_path: Path) -> None:
    ledger.ask("keys", "new", "--author", "BW/gaborone", "--name", "gaborone-2")
    second = ledger.run("keys", "export", "gaborone-2").stdout.strip()
    ledger.ask("propose", "key", "gaborone", second, "--key", "bw-root")
    file = tmp_path / "note.json"
    note = ("note", "BW", "--text", "Two of us say so.", *EXPORTER)
    event = str(ledger.ask(*note, "--offline", file)["id"])
    handed = tmp_path / "handed.json"
    handed.write_bytes(file.read_bytes())
    ledger.ask("submit", handed)

    told = ledger.run("cosign", file, "--key", "gaborone-2")
    assert told.exit_code == 0
    assert "was recorded before, without the signature by key" in told.stderr
    assert f"kpledger countersign {event} --key NAME" in told.stderr
    assert ledger.ask("show", event)["countersigners"] == []
    ledger.ask("countersign", event, "--key", "gaborone-2")
    assert ledger.ask("show", event)["countersigners"] == [second]
    assert ledger.refusal("countersign", event, "--key", "gaborone-2") == ("E6", "signatures")
    again = ledger.run("countersign", event, "--key", "gaborone-2").stderr
    assert ("  option: --key\n" in again, "--cosign" in again) == (True, False)
    assert ledger.run("countersign", event, *EXPORTER).exit_code == 2


def test_policy_and_restrictions_are_settled(ledger: Ledger) -> None:
    given = ("--set", "officers=1", "--set", "expiry=JOURNEY", "--set", "strict_lineage=false")
    body = body_of(ledger, "propose", "policy", "ZA", *given, "--key", "za-root")
    values = body["values"]
    assert isinstance(values, dict)
    assert (values["officers"], values["expiry"], values["strict_lineage"]) == (1, "JOURNEY", False)
    assert ledger.run("propose", "policy", "ZA", "--set", "officers").exit_code == 2
    said = ledger.run("propose", "policy", "ZA", "--set", "overdue_days=20", "--key", "za-root")
    assert "holds from  2" in said.stdout
    chair = ("--key", "chair")
    limits = ("--scope", "EXPORT", "--mode", "PRE", "--approver", "KPCS/team")
    office = ("--title", "Team", "--place", "There", "--role", "MONITORING")
    ledger.ask("propose", "authority", "team", *office, *chair)
    ledger.ask("keys", "new", "--author", "KPCS/team", "--name", "team")
    key = ledger.run("keys", "export", "team").stdout.strip()
    ledger.ask("propose", "key", "team", key, *chair)
    under = ("propose", "restriction", "ZA", "zones", *limits, "--decision", ledger.decide())
    ledger.ask(*under, *chair)
    assert ledger.ask("show", "ZA/restriction/zones")["state"] == "HOLDS"
    passes = ("ZA00000001", "--under", "ZA/zones", "--key", "team")
    approved = ("propose", "approve", *passes, "--carats", "1.5", "--reference", "7")
    assert body_of(ledger, *approved)["carat_thousandths"] == 1500
    unknown = ledger.run("propose", "approve", *passes, "--reference", "7")
    assert (unknown.exit_code, "--carats" in unknown.stderr) == (2, True)
    ledger.ask("propose", "decline", *passes, "--reason", "zone")
    ledger.ask("propose", "lift", "ZA", "zones", "--decision", ledger.decide(), *chair)
    assert ledger.ask("show", "ZA/restriction/zones")["state"] == "ENDED"


def test_keys_numbers_and_forms_are_changed(ledger: Ledger) -> None:
    root = ("--key", "za-root")
    ledger.ask(
        "propose",
        "authority",
        "cape",
        "--title",
        "T",
        "--place",
        "P",
        "--role",
        "EXPORTING",
        *root,
        "--cosign",
        "chair",
    )
    keys = []
    for name in ("cape-1", "cape-2"):
        ledger.ask("keys", "new", "--author", "ZA/cape", "--name", name)
        keys.append(ledger.run("keys", "export", name).stdout.strip())
    ledger.ask("propose", "key", "cape", keys[0], "--officer", "one", *root)
    ledger.ask("propose", "rotate-key", *keys, *root)
    assert ledger.ask("show", keys[0])["state"] == "REVOKED"
    run = ("cape", "--prefix", "ZA", "--first", "0")
    ledger.ask("propose", "range", *run, "--last", "9", *root)
    ledger.ask("propose", "retire", *run, "--reason", "stolen", *root)
    ledger.ask("propose", "format", "--mask", "ZA########", "--specimen", "ab" * 32, *root)
    ledger.ask("propose", "close-authority", "cape", "--reason", "moved", *root)
    assert ledger.ask("show", "ZA/cape")["state"] == "CLOSED"


def test_what_a_body_is_about_needs_no_subject(ledger: Ledger, tmp_path: Path) -> None:
    number = new_number()
    certificate = PARTIES_IN_DRAFTS | {
        "number": number,
        "destination": "IN",
        "origin": ["BW"],
        "lines": [{"hs": "710210", "carats": "1.5", "value_usd": 100}],
    }
    body = tmp_path / "cert.json"
    body.write_text(json.dumps({"certificate": certificate}))
    ledger.ask("make", "certificate_issued", "--body", body, "--key", "gaborone")
    assert ledger.state(number) == "VALIDATED"


def test_any_event_is_made_from_a_file_and_explained(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "body.toml"
    file.write_text('participant = "IN"\nkind = "VISIT"\nreason = "due"\n')
    subject = f"IN/review/{new_number().lower()}"
    ledger.ask("make", "review_requested", "--subject", subject, "--body", file, "--key", "chair")
    assert ledger.ask("show", subject)["state"] == "REQUESTED"
    consent = tmp_path / "consent.json"
    consent.write_text('{"consented": true, "remarks": ""}')
    made = ("make", "review_consented", "--body", consent, "--key", "in-root")
    assert ledger.run(*made).exit_code == 2, "no subject"
    ledger.ask(*made, "--subject", subject)
    assert ledger.ask("show", subject)["state"] == "CONSENTED"
    types = ledger.ask("make", "--list")["types"]
    assert isinstance(types, list)
    assert {"type": "note_filed"}.items() <= next(
        one for one in types if one["type"] == "note_filed"
    ).items()
    fields = ledger.ask("make", "review_consented", "--fields")["fields"]
    assert isinstance(fields, list)
    assert [one["path"] for one in fields] == ["consented", "remarks"]
    assert fields[0]["meaning"] == "Whether it agrees."
    assert ledger.run("make", "nothing").exit_code == 2
