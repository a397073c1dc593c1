"""The search finds a planted bug of each kind, and says which rule it breaks.

Each is searched for in a world of its own, just large enough; see `lab.explorer.bugs`.
"""

import pytest
from lab.explorer.bugs import BUGS, NOTHING
from lab.explorer.search import Finding, Search
from lab.explorer.share import Task
from lab.explorer.text import describe_move

pytestmark = pytest.mark.slow

# The rule that is broken first on the shortest way, and how many moves that takes.
CAUGHT = {
    "vote-forgotten-at-restart": ("HardStateForward", 6),
    "vote-forgotten-on-step-down": ("VoteOnce", 4),
    "vote-not-saved": ("VoteOnce", 2),
    "votes-counted-twice": ("ElectionSafety", 13),
    "vote-for-any-log": ("LeaderCompleteness", 7),
    "commit-of-older-term": ("CommitByOwnTerm", 13),
    "leader-counts-unsaved": ("CommittedIsDurable", 5),
    "ack-before-save": ("AckOnDisk", 5),
    "persisted-without-term": ("MatchByAck", 8),
    "no-log-match": ("LogMatching", 11),
    "truncation-without-conflict": ("MatchByAck", 6),
    "commit-from-nack": ("MatchByAck", 11),
    "commit-beyond-verified": ("StateMachineSafety", 9),
    "heartbeat-commits-all": ("NothingLost", 5),
    "commit-at-start": ("CommittedIsDurable", 2),
    "no-joint-quorum": ("CommittedIsDurable", 1),
    "union-quorum": ("CommittedIsDurable", 3),
    "change-active-at-commit": ("CommittedIsDurable", 3),
    "change-not-rolled-back": ("ActiveConfigurations", 6),
    "second-change-pending": ("OneChangeAtATime", 2),
    "read-without-round": ("ReadIsLinearizable", 7),
    "read-round-reused": ("ReadIsLinearizable", 10),
    "read-round-of-older-term": ("ReadIsLinearizable", 21),
    "read-before-term-opens": ("ReadIsLinearizable", 10),
}
LONG = {"no-log-match"}
# A million states lie before it, more than a test should take; `docs/testing.md` has the run.
BY_HAND = {"read-round-of-older-term"}


def find(name: str, planted: str | None) -> Finding | None:
    with Search(Task(NOTHING.with_(BUGS[name].world), planted)) as search:
        return search.run(CAUGHT[name][1], lambda _: None).finding


def test_every_planted_bug_is_looked_for() -> None:
    assert sorted(CAUGHT) == sorted(BUGS)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in LONG else ())
        for name in CAUGHT
        if name not in BY_HAND
    ],
)
def test_planted_bug_is_found_on_the_shortest_way(name: str) -> None:
    finding = find(name, name)
    assert finding is not None
    assert (finding.invariant.name, len(finding.moves)) == CAUGHT[name]
    assert finding.what.startswith(finding.invariant.name)
    assert all(describe_move(move) for move in finding.moves)


@pytest.mark.parametrize("name", sorted(name for name, (_, way) in CAUGHT.items() if way < 10))
def test_sound_core_breaks_no_rule_in_the_same_world(name: str) -> None:
    assert find(name, None) is None
