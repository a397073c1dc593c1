"""One file tells what many authors say: certificates, cases and proceedings, each in its order."""

import json
from pathlib import Path

import pytest
from office import PARTIES_IN_DRAFTS, Ledger, new_number, today

pytestmark = pytest.mark.slow


def line(kind: str, subject: str, *keys: str, **body: object) -> str:
    return json.dumps({"type": kind, "subject": subject, "keys": keys, "body": body})


def issued(number: str) -> str:
    certificate = PARTIES_IN_DRAFTS | {
        "number": number,
        "destination": "IN",
        "origin": ["BW"],
        "lines": [{"hs": "710210", "carats": "1.5", "value_usd": 100}],
    }
    return line("certificate_issued", number, "gaborone", certificate=certificate)


def submit(ledger: Ledger, tmp_path: Path, *lines: str) -> dict[str, object]:
    file = tmp_path / "case.ndjson"
    file.write_text("".join(f"{one}\n" for one in lines))
    return ledger.ask("submit", file, "--yes")


def arrived(number: str) -> str:
    found: dict[str, object] = {"arrived_on": today(), "seals_intact": True, "opened": False}
    return line(
        "arrival_recorded", number, "mumbai", **found, found_carat_thousandths=None, remarks=""
    )


def test_a_case_under_a_dead_certificate_is_told_by_both_ends(
    ledger: Ledger, tmp_path: Path
) -> None:
    number = new_number()
    case, again = f"{number}/1", f"{number}/2"
    law = {"reason": "INVALID_CERTIFICATE", "remarks": ""}
    answer = submit(
        ledger,
        tmp_path,
        issued(number),
        line("certificate_voided", number, "gaborone", reason="ERROR", remarks=""),
        arrived(number),
        line("shipment_detained", case, "mumbai", legal_reference="Act 3", **law),
        line("import_refused_returned", case, "mumbai", technical_certificate=None, **law),
        arrived(number),
        line(
            "return_received",
            case,
            "gaborone",
            received_on=today(),
            carat_thousandths=1500,
            condition="",
        ),
    )
    assert answer["refusals"] == []
    shown = ledger.ask("show", case)
    assert (shown["kind"], shown["state"]) == ("case", "RETURN_CLOSED")
    history = shown["history"]
    assert isinstance(history, list)
    assert [one["type"] for one in history] == [
        "arrival_recorded",
        "shipment_detained",
        "import_refused_returned",
        "return_received",
    ]
    assert ledger.ask("show", again)["state"] == "OPEN"
    assert ledger.state(number) == "VOIDED"


def test_a_concern_is_raised_answered_and_closed_by_three_authors(
    ledger: Ledger, tmp_path: Path
) -> None:
    subject = "IN/concern/2026-7"
    paper: dict[str, object] = {"text": "Why", "document": None}
    answer = submit(
        ledger,
        tmp_path,
        line("concern_raised", subject, "bw-root", participant="IN", answer_due_on=None, **paper),
        line("concern_answered", subject, "in-root", **paper),
        line("concern_answered", subject, "in-root", **paper),
        line("concern_closed", subject, "chair", text="Solved"),
    )
    assert answer["refusals"] == []
    assert ledger.ask("show", subject)["state"] == "CLOSED"


def test_a_second_author_signs_a_line_with_the_first(ledger: Ledger, tmp_path: Path) -> None:
    number = new_number()
    change = {"field": "importer.name", "old": "A", "new": "B", "reason": "typing error"}
    both = line("amendment_endorsed", number, "gaborone", "mumbai", **change)
    assert submit(ledger, tmp_path, issued(number), arrived(number), both)["refusals"] == []
    alone = tmp_path / "alone.ndjson"
    change |= {"old": "B", "new": "A"}
    alone.write_text(line("amendment_endorsed", number, "gaborone", **change))
    result = ledger.run("submit", alone, "--json")
    (refused,) = json.loads(result.stdout)["refusals"]
    assert (refused["line"], refused["problem"]["rule"]) == (1, "E1")
    assert "signatures" in refused["problem"]["field"]


def test_a_key_that_is_not_there_ends_the_run(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "case.ndjson"
    file.write_text(line("note_filed", "BW", "nobody", text="", references=[], document=None))
    result = ledger.run("submit", file)
    assert (result.exit_code, "nobody" in result.stderr) == (2, True)


def test_line_that_names_no_key_is_named(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "misspelt.ndjson"
    note: dict[str, object] = {"text": "seen"}
    lines = [line("note_filed", "BW00000001", key, **note) for key in ("gaborone", "gaboron")]
    file.write_text("\n".join(lines))
    result = ledger.run("submit", file)
    assert (result.exit_code, "line 2: there is no key 'gaboron'" in result.stderr) == (2, True)
