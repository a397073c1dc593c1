"""``kpledger rules`` says what the rules say, without asking anybody."""

import json

from typer.testing import CliRunner

from kpclient.cli import app
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.guards import guarded_types

RUNNER = CliRunner()


def test_all_rules_are_listed_with_clause_and_events() -> None:
    result = RUNNER.invoke(app, ["rules", "--json"])
    found = json.loads(result.stdout)["rules"]
    assert [(one["rule"], one["clause"], one["text"]) for one in found] == [
        (rule.code, rule.clause, rule.text) for rule in Rule
    ]
    assert {one["rule"]: tuple(one["events"]) for one in found} == {
        rule.code: types for rule, types in guarded_types().items()
    }


def test_a_table_is_printed_for_people_and_one_rule_with_all_its_events() -> None:
    table = RUNNER.invoke(app, ["rules"]).stdout
    assert all(rule.text in table for rule in Rule)
    assert "every event" in table
    one = RUNNER.invoke(app, ["rules", "e8"]).stdout
    assert "import_confirmed_discrepant" in one
    assert RUNNER.invoke(app, ["rules", "E99"]).exit_code == 2
