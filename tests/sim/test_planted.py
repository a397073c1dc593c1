"""The simulator finds the bugs that real systems had; else its silence would say nothing."""

import pytest

from kpnode.sim.__main__ import run_seed
from kpnode.sim.planted import PLANTED

SEEDS_BUDGET = 60
TICKS = 1500

# Where the search begins (it saves time and decides nothing), and who may notice: a bug that only
# ever shows as a lack of progress is not really found.
CAUGHT = {
    "vote-forgotten-at-restart": (66, {"HardStateForward", "VoteOnce"}),
    "vote-forgotten-on-step-down": (60, {"HardStateForward", "VoteOnce"}),
    "ack-before-save": (50, {"AckOnDisk", "HardStateForward", "CommitForever"}),
    "commit-of-older-term": (7, {"CommitByOwnTerm"}),
    "persisted-without-term": (130, {"AckOnDisk", "Invariant", "LogMatching"}),
    "no-log-match": (44, {"LogMatching", "AckOnDisk"}),
    "truncation-without-conflict": (35, {"AckOnDisk"}),
    "read-without-round": (47, {"Answers"}),
    "no-joint-quorum": (17, {"CommitForever", "LogMatching"}),
}


def test_every_planted_bug_is_looked_for() -> None:
    assert sorted(CAUGHT) == sorted(PLANTED)


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_planted_bug_is_caught(name: str) -> None:
    first, checkers = CAUGHT[name]
    for seed in range(first, first + SEEDS_BUDGET):
        violation = run_seed(seed, ticks=TICKS, planted=name).violation
        if violation is not None and violation.split(":")[0] in checkers:
            return
    pytest.fail(f"{name} is not caught by {SEEDS_BUDGET} seeds from {first} on")
