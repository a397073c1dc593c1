"""Flags and the analysts' tables from the command line."""

import json
from pathlib import Path

import msgspec
import pytest
from office import Ledger
from typer.testing import CliRunner

from kpclient.cli import app
from kpledger.books.flags.search import Finding, FlagsAnswer

RUNNER = CliRunner()


def test_the_list_explains_every_flag_and_asks_nobody(tmp_path: Path) -> None:
    nowhere = {"KPLEDGER_HOME": str(tmp_path), "KPLEDGER_NODE": ""}
    result = RUNNER.invoke(app, ["flags", "--list", "--json"], env=nowhere)
    assert result.exit_code == 0, result.output
    flags = json.loads(result.stdout)["flags"]
    assert [one["flag"] for one in flags] == [f"F{number}" for number in range(1, 20)]
    assert flags[0]["settings"] == [
        {"name": "F1.days", "default": 30, "meaning": "days after expiry without news"}
    ]
    text = RUNNER.invoke(app, ["flags", "--list"], env=nowhere).stdout
    assert "F5 Negative balance" in text
    assert "F8.seals = true" in text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[F1]\ndays = 'soon'\n", "F1.days: 'soon'"),
        ("days = 3\n", "days is not in a table"),
        ("[F1\n", "is not a TOML file"),
        ("[F99]\nx = 1\n", "there is no flag 'F99'"),
    ],
)
def test_a_wrong_file_of_thresholds_is_wrong_usage(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "flags.toml"
    path.write_text(content)
    env = {"KPLEDGER_HOME": str(tmp_path)}
    result = RUNNER.invoke(app, ["flags", "--config", str(path)], env=env)
    assert result.exit_code == 2
    assert says in result.stderr


@pytest.mark.slow
def test_thresholds_of_a_file_and_of_the_line_reach_the_node(
    ledger: Ledger, tmp_path: Path
) -> None:
    number = ledger.issue()
    shown = ledger.ask("show", number)["certificate"]
    assert isinstance(shown, dict)
    year = int(shown["expires_on"][:4]) + 1
    asked = ("flags", "--flag", "F1", "--at", f"{year}-12-31", "--from", "2020-01-01")
    path = tmp_path / "flags.toml"
    path.write_text("[F1]\ndays = 3000\n[F8]\nseals = false\n")
    subjects = [one.subject for one in _findings(ledger, *asked, "--limit", "1000")]
    assert number in subjects
    assert _findings(ledger, *asked, "--config", str(path)) == ()
    again = _findings(ledger, *asked, "--config", str(path), "--set", "F1.days=10")
    assert number in [one.subject for one in again]


def _findings(ledger: Ledger, *asked: str) -> tuple[Finding, ...]:
    return msgspec.convert(ledger.ask(*asked), FlagsAnswer).findings


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("flags",), "as of"),
        (("mirror", "BW", "IN", "2026"), "2026Q1"),
        (("balance", "BW", "--months", "3"), "3 in all"),
        (("production-check", "BW"), "4 in all"),
        (("unconfirmed",), "per thousand"),
        (("numbers", "BW"), "gaborone"),
    ],
)
def test_each_table_is_printed_and_told_to_programs(
    ledger: Ledger, command: tuple[str, ...], says: str
) -> None:
    ledger.issue()
    result = ledger.run(*command)
    assert result.exit_code == 0, result.output
    assert says in result.stdout
    assert ledger.ask(*command)
