"""The simulator finds the bugs that real systems had; else its silence would say nothing."""

import pytest
from lab.planted import PLANTED, bug
from lab.planted.bug import PlantedBug
from lab.simulator.hunt import MAX_SEEDS, TICKS, catch, hunt
from lab.simulator.world import World

SHOWS_AS_NO_PROGRESS = {"lost-window"}
"""What only shows as a lack of progress is hardly found; this one shows as nothing else."""

CLIMATES = ("FREQUENT_ELECTIONS", "DIVERGING_LOGS", "CHANGING_VOTERS", "READING")


def test_registry_has_the_bugs_that_it_must_have() -> None:
    assert len(PLANTED) >= 24
    assert {
        "vote-forgotten-at-restart",
        "vote-forgotten-on-step-down",
        "commit-of-older-term",
        "persisted-without-term",
        "ack-beyond-verified",
        "no-log-match",
        "commit-from-nack",
        "union-quorum",
        "set-order",
        "clock-in-state",
        "ack-before-save",
    } <= set(PLANTED)


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_planted_bug_is_caught(name: str) -> None:
    found = catch(name)
    assert found.seed is not None
    assert (found.checker == "Liveness") == (name in SHOWS_AS_NO_PROGRESS)


@pytest.mark.parametrize("climate", CLIMATES)
def test_sound_nodes_are_not_accused_in_the_climate_of_a_bug(climate: str) -> None:
    sound = PlantedBug(climate={**getattr(bug, climate), "ledger": 0})
    for seed in range(5):
        world = World(seed, bug=sound)
        world.run_safety(TICKS)
        world.run_liveness()


def test_hunt_reports_every_bug_in_order_and_one_that_escapes() -> None:
    names = ("vote-not-saved", "answer-before-commit")
    assert [found.bug for found in hunt(names, jobs=2)] == list(names)
    assert [found.bug for found in hunt(names, jobs=1)] == list(names)
    escaped = catch("vote-not-saved", seeds=())
    assert (escaped.seed, escaped.violation) == (None, "not caught by 0 seeds")
    assert MAX_SEEDS > 0
