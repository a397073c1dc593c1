"""The table of rules and events is that of the checks, and leaves nothing out."""

import re

import pytest

from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.catalogue import CATALOGUE
from kpledger.scheme.v1.context import Check
from kpledger.scheme.v1.guards import guarded_types, rules_of

CHECKS = sorted(
    {check for row in CATALOGUE.values() for check in row.checks}, key=lambda one: one.__qualname__
)
GUARDS = guarded_types()


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_guards_something(rule: Rule) -> None:
    assert GUARDS[rule]


@pytest.mark.parametrize("check", CHECKS, ids=lambda one: one.__qualname__)
def test_a_check_can_refuse_with_the_rules_that_its_docstring_names(check: Check) -> None:
    named = set(re.findall(r"\bE[0-9]+\b", (check.__doc__ or "").splitlines()[0]))
    assert named
    assert named <= {rule.code for rule in rules_of(check)}


def test_author_and_form_are_looked_at_everywhere() -> None:
    types = tuple(sorted(body.TYPE for body in CATALOGUE))
    assert GUARDS[Rule.E1] == GUARDS[Rule.E12] == types


def test_a_rule_of_confirmations_guards_confirmations_alone() -> None:
    assert GUARDS[Rule.E7] == ("import_confirmed", "import_confirmed_discrepant")
    assert GUARDS[Rule.E9] == ("certificate_replaced",)


def test_something_else_than_a_rule_refuses_nothing() -> None:
    assert rules_of(len) == rules_of(None) == frozenset()
