"""``kpledger status --at`` against a real network."""

from pathlib import Path

import pytest
from office import Ledger, issuing, new_number

pytestmark = pytest.mark.slow


def test_the_scheme_is_shown_at_a_date(ledger: Ledger) -> None:
    found = ledger.ask("status", "--at", "now")
    participants = found["participants"]
    assert isinstance(participants, list)
    assert {"BW", "IN", "ZA"} <= {one["code"] for one in participants if one["may_trade"]}
    shown = ledger.run("status", "--at", "2099-12-31").stdout
    for words in ("Botswana", "restrictions in force", "max_validity_days"):
        assert words in shown


def test_what_makes_no_sense_is_said(ledger: Ledger) -> None:
    for day in ("then", "2026-02-30", "2020-01-01"):
        result = ledger.run("status", "--at", day)
        assert (result.exit_code, "error: --at: " in result.stderr) == (2, True), result.output
    assert ledger.run("status", "--replay").exit_code == 2


def test_the_schemes_own_offices_are_shown(ledger: Ledger, tmp_path: Path) -> None:
    ledger.ask("keys", "new", "--author", "KPCS/wdc", "--name", "wdc")
    key = ledger.run("keys", "export", "wdc").stdout.strip()
    body = tmp_path / "observer.toml"
    body.write_text(
        f'observer = "wdc"\ntitle = "World Diamond Council"\nkind = "INDUSTRY"\nkey = "{key}"\n'
        'contact = ""\n'
    )
    ledger.ask("make", "observer_registered", "--body", body, "--key", "chair")
    observers = ledger.ask("participants", "KPCS")["observers"]
    assert isinstance(observers, list)
    assert "wdc" in [one["authority"] for one in observers]
    assert "KPCS/wdc: World Diamond Council: observer, INDUSTRY" in (
        ledger.run("participants", "KPCS").stdout
    )


def test_who_signed_for_a_decision_is_told_apart_from_whom_the_chair_names(
    ledger: Ledger, tmp_path: Path
) -> None:
    text = tmp_path / "ad.txt"
    text.write_text("What was decided")
    name, by = f"AD-{new_number()}", ("--document", text)
    what = ("--title", "T", *by, "--procedure", "PLENARY", "--support", "BW", "--support", "IN")
    sign = ("propose", "position", name)
    ledger.ask(*sign, "OBJECTION", *by, "--key", "za-root")
    record = ("propose", "decision", name, *what, "--key", "chair")
    assert ledger.refusal(*record) == ("E11", "body.decision")
    ledger.ask(*sign, "WITHDRAWN", *by, "--key", "za-root")
    ledger.ask(*record)
    decision = f"KPCS/decision/{name}"
    shown = " ".join(ledger.run("show", decision).stdout.split())
    assert "signed for it nobody" in shown
    assert "on the Chair's word alone BW, IN" in shown
    restriction = ("--scope", "EXPORT", "--mode", "PROHIBITED", "--zone", "ZA/kimberley")
    case = name.lower()
    ledger.ask(
        "propose", "restriction", "ZA", case, *restriction, "--decision", name, "--key", "chair"
    )
    assert rests_on(ledger, case) == "the Chair's word"
    ledger.ask(*sign, "SUPPORT", *by, "--key", "bw-root")
    shown = " ".join(ledger.run("show", decision).stdout.split())
    assert "signed for it BW objects to it nobody on the Chair's word alone IN" in shown
    assert rests_on(ledger, case) == "1 signed"
    ledger.ask("propose", "lift", "ZA", case, "--decision", name, "--key", "chair")


def rests_on(ledger: Ledger, restriction: str) -> object:
    found = ledger.ask("status", "--at", "now")["restrictions"]
    assert isinstance(found, list)
    return next(one["rests_on"] for one in found if one["restriction"] == restriction)


def test_restriction_of_one_operation_leaves_the_others_alone(ledger: Ledger) -> None:
    name = new_number().lower()
    what = ("--scope", "IMPORT", "--mode", "PROHIBITED", "--operation", "BW/jwaneng")
    decision = ("--decision", ledger.decide(), "--key", "chair")
    ledger.ask("propose", "restriction", "ZA", name, *what, *decision)
    to_za = issuing(new_number(), "--destination", "ZA")
    for zones in ((), ("--zone", "BW/jwaneng"), ("--zone", "BW/orapa", "--zone", "BW/jwaneng")):
        rule, field = ledger.refusal(*to_za, *zones)
        assert (rule, "--zone" in field or "zones" in field) == ("E4", True), field
    ledger.issue("--destination", "ZA", "--zone", "BW/orapa")
    found = ledger.ask("status", "--at", "now")["restrictions"]
    assert isinstance(found, list)
    assert ["BW/jwaneng"] in [one["operations"] for one in found if one["restriction"] == name]
    ledger.ask("propose", "lift", "ZA", name, *decision)
    ledger.issue("--destination", "ZA")
