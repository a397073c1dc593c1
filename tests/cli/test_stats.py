"""``kpledger stats`` against a running network: what a node says, and what its chain says."""

import csv
import io

from office import Ledger

from kpledger.base.units import day_of


def test_a_node_answers_what_its_chain_answers(ledger: Ledger) -> None:
    """The replay trusts no node: it derives the same figures from the blocks alone."""
    ledger.issue()
    block_time_ms = ledger.ask("status")["block_time_ms"]
    assert isinstance(block_time_ms, int)
    year = day_of(block_time_ms)[:4]
    question = ("stats", "annex3", "--participant", "BW", "--period", year)
    told, derived = ledger.ask(*question), ledger.ask(*question, "--replay")
    assert told == derived
    assert told["trade"]


def test_csv_comes_from_a_node_too(ledger: Ledger) -> None:
    result = ledger.run("stats", "summary", "--year", "2022", "--format", "csv")
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {"BW", "IN", "GLOBAL", "OTHERS"} <= {row["participant"] for row in rows}


def test_a_nodes_refusal_names_the_parameter(ledger: Ledger) -> None:
    result = ledger.run("stats", "annex3", "--participant", "BW", "--period", "2022Q9")
    assert result.exit_code == 2
    assert "  field: --period" in result.stderr
