"""Statistics from tables, against a real network: rows are sorted, editions are counted."""

from pathlib import Path

import pytest
from office import Ledger
from typer.testing import CliRunner

from kpclient.cli import app

pytestmark = pytest.mark.slow

BY = ("--key", "bw-root")
TRADE = "flow,partner,origin,hs,carats,value_usd\n"


def submit(ledger: Ledger, tmp_path: Path, kind: str, period: str, table: str) -> object:
    file = tmp_path / "table.csv"
    file.write_text(table)
    words = ("submit-stats", kind, "--period", period, "--file", file, *BY)
    return ledger.ask("show", str(ledger.ask(*words)["id"]))["body"]


def test_a_trade_table_is_submitted_and_restated(ledger: Ledger, tmp_path: Path) -> None:
    rows = "IMPORT,IN,,710210,0,0\nexport,IN,BW,710231,1.5,7\n"
    body = submit(ledger, tmp_path, "trade", "2026Q1", TRADE + rows)
    assert body == {
        "quarter": "2026Q1",
        "edition": 1,
        "rows": [
            ["EXPORT", "IN", "BW", "710231", 1500, 700],
            ["IMPORT", "IN", "", "710210", 0, 0],
        ],
        "remarks": "",
    }
    again = submit(ledger, tmp_path, "trade", "2026Q1", TRADE)
    assert isinstance(again, dict)
    assert again["edition"] == 2


def test_production_is_added_up_and_certificates_are_counted(
    ledger: Ledger, tmp_path: Path
) -> None:
    body = submit(ledger, tmp_path, "production", "2025H2", "carats,value_usd\n1.5,2\n2,3.50\n")
    assert isinstance(body, dict)
    assert (body["carat_thousandths"], body["value_usd_cents"]) == (3500, 550)
    table = "partner,issued,received\nZA,2,0\nIN,1,3\n"
    body = submit(ledger, tmp_path, "counts", "2026Q1", table)
    assert isinstance(body, dict)
    assert body["rows"] == [["IN", 1, 3], ["ZA", 2, 0]]


def test_production_without_a_line_is_not_taken_for_nothing(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("carats,value_usd\n")
    words = ["submit-stats", "production", "--period", "2026H1", "--file", str(file)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "  accepted: a line; 0,0 where nothing was mined" in result.stderr.splitlines()


@pytest.mark.parametrize(
    "table",
    [
        pytest.param("", id="empty"),
        pytest.param("flow,partner\n", id="a column missing"),
        pytest.param(TRADE + "EXPORT,IN,BW,710231,much,7\n", id="no weight"),
        pytest.param(TRADE + "EXPORT,IN,BW,710231,1,7,8\n", id="too much"),
        pytest.param(TRADE + "ELSEWHERE,IN,BW,710231,1,7\n", id="no such flow"),
    ],
)
def test_what_is_no_table_is_told_by_its_line(ledger: Ledger, tmp_path: Path, table: str) -> None:
    file = tmp_path / "table.csv"
    file.write_text(table)
    result = ledger.run("submit-stats", "trade", "--period", "2026Q1", "--file", file, *BY)
    assert result.exit_code == 2
    if table.count("\n") > 1:
        assert "line 2" in result.stderr
