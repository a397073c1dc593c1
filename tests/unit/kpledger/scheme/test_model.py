"""Random authorities act on random certificates against a ledger and a naive model, side by side.

The model (:mod:`naive`) is written from the scheme's documents in dictionaries of its own; it
knows nothing of the code it is compared with. After every step both must have given the same
answer, by the same rule, and must remember the same of whatever the step was about; whenever a
block ends, the same of everything. What is closed never changes again, byte for byte.

Hypothesis draws which areas act in which order, and how time passes, and shortens a walk that
finds a difference; what exactly is said is drawn from one number for each step. To take many more
steps than in the quick tests, by seeds beyond theirs:

    KPLEDGER_WALK_STEPS=200000 .venv/bin/pytest tests/unit/kpledger/scheme/test_model.py -k long
"""

import os
from collections import Counter
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from naive.order import QUESTIONS
from walk.bench import Catalogue, Disagreement, rules_of
from walk.comparing import Difference
from walk.preamble import open_walk
from walk.steps import PAUSES, flood, take_step, walk

from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.catalogue import CATALOGUE
from kpledger.scheme.v1.context import Context
from kpledger.scheme.v1.events import BODIES

seeds = st.integers(0, 2**48 - 1)
WALK_STEPS: Final = 400
"""Steps of one seeded walk: long enough for certificates to live their lives."""
QUICK_WALKS: Final = 13
LONG_STEPS: Final = int(os.environ.get("KPLEDGER_WALK_STEPS", "0"))


class Scheme(RuleBasedStateMachine):
    """Offices issue, ship, confirm, govern and file, often what they may not."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = open_walk()

    @rule(seed=seeds)
    def issue(self, seed: int) -> None:
        take_step(self.bench, "issue", seed)

    @rule(seed=seeds)
    def ship(self, seed: int) -> None:
        take_step(self.bench, "ship", seed)

    @rule(first=seeds, second=seeds)
    def ship_on(self, first: int, second: int) -> None:
        take_step(self.bench, "ship", first)
        take_step(self.bench, "ship", second)

    @rule(seed=seeds)
    def replace(self, seed: int) -> None:
        take_step(self.bench, "replace", seed)

    @rule(seed=seeds)
    def move_held_goods(self, seed: int) -> None:
        take_step(self.bench, "technical", seed)

    @rule(seed=seeds, area=st.sampled_from(["open_case", "case"]))
    def handle_case(self, seed: int, area: str) -> None:
        take_step(self.bench, area, seed)

    @rule(seed=seeds)
    def govern(self, seed: int) -> None:
        take_step(self.bench, "govern", seed)

    @rule(seed=seeds)
    def file(self, seed: int) -> None:
        take_step(self.bench, "file", seed)

    @rule(seed=seeds)
    def flood(self, seed: int) -> None:
        flood(self.bench, seed)

    @rule(pause=st.sampled_from(PAUSES))
    def wait(self, pause: int) -> None:
        self.bench.advance(pause)

    def teardown(self) -> None:
        self.bench.advance(0)


Scheme.TestCase.settings = settings(max_examples=50, stateful_step_count=70)
TestScheme = Scheme.TestCase


def _walk_from(seed: int, catalogue: Catalogue = CATALOGUE) -> tuple[Counter[str], Counter[str]]:
    """Take one seeded walk and give what was accepted and which rules refused."""
    bench = open_walk(rules_of(catalogue))
    walk(bench, seed, WALK_STEPS)
    return bench.accepted, bench.refused


def test_walks_accept_every_event_and_name_every_rule() -> None:
    accepted: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for seed in range(QUICK_WALKS):
        more = _walk_from(seed)
        accepted += more[0]
        refused += more[1]

    assert set(accepted) == set(QUESTIONS) == {kind for kind, _ in BODIES}
    assert set(refused) == {rule.code for rule in Rule}


@pytest.mark.skipif(not LONG_STEPS, reason="asked for by KPLEDGER_WALK_STEPS")
@pytest.mark.timeout(0)
def test_long_walks_agree() -> None:
    for seed in range(QUICK_WALKS, QUICK_WALKS + LONG_STEPS // WALK_STEPS):
        _walk_from(seed)


def _without(kind: str, check: str) -> Catalogue:
    """Give the catalogue with one check of one event taken out."""
    body = BODIES[kind, 1]
    row = CATALOGUE[body]
    checks = tuple(one for one in row.checks if one.__name__ != check)
    assert len(checks) < len(row.checks), f"{kind} has no {check}"
    return {**CATALOGUE, body: replace(row, checks=checks)}


def _finds_difference(catalogue: Catalogue) -> bool:
    try:
        for seed in range(QUICK_WALKS):
            _walk_from(seed, catalogue)
    except (Disagreement, Difference):
        return True
    return False


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("certificate_issued", "check_parties"),
        ("certificate_issued", "check_certificate_number"),
        ("certificate_issued", "check_technical"),
        ("certificate_issued", "check_lineage"),
        ("certificate_validated", "check_parties"),
        ("arrival_recorded", "check_prev"),
        ("arrival_recorded", "check_destination"),
        ("import_confirmed", "check_confirmed_once"),
        ("import_confirmed", "check_clean"),
        ("shipment_released", "check_holder"),
        ("participant_status_changed", "check_decision"),
        ("key_revoked", "check_own_key"),
    ],
)
def test_walk_finds_a_rule_that_is_missing(kind: str, check: str) -> None:
    assert _finds_difference(_without(kind, check))


def _do_nothing(_context: Context) -> None:
    pass


@pytest.mark.parametrize("kind", ["import_confirmed", "certificate_lost", "key_rotated"])
def test_walk_finds_an_effect_that_is_missing(kind: str) -> None:
    body = BODIES[kind, 1]
    assert _finds_difference({**CATALOGUE, body: replace(CATALOGUE[body], effect=_do_nothing)})
