"""A leader that is waited for in vain, told from one that has nothing to do, or much."""

from dataclasses import replace

import pytest

from kpnode.raft import Index, NodeId, Role, Status, Term
from kpnode.stalls import MAX_PATIENCE, PATIENCE_ELECTIONS, StallWatch
from kpnode.step import LeaderStalled

ELECTION_TICKS = 10
PATIENCE = PATIENCE_ELECTIONS * ELECTION_TICKS
LEADER, OTHER = NodeId("eu-1"), NodeId("za-1")
STATUS = Status(
    node=NodeId("bw-1"),
    role=Role.FOLLOWER,
    term=Term(3),
    leader=LEADER,
    voted_for=None,
    commit=Index(5),
    applied=Index(5),
    persisted=Index(5),
    last_index=Index(5),
    last_term=Term(3),
    configurations=(),
    peers=(),
    transfer_target=None,
)
"""Of a node that follows, and holds nothing that is not final."""
LOST = replace(STATUS, leader=None)
BEHIND = replace(STATUS, last_index=Index(7))


@pytest.fixture
def watch() -> StallWatch:
    watch = StallWatch(ELECTION_TICKS)
    watch.tick(STATUS, 5, waits=False)
    return watch


def wait(
    watch: StallWatch, ticks: int, status: Status = STATUS, *, held: int = 5, waits: bool = True
) -> list[LeaderStalled]:
    found = (watch.tick(status, held, waits=waits) for _ in range(ticks))
    return [one for one in found if one is not None]


def test_leader_with_nothing_to_do_may_be_silent(watch: StallWatch) -> None:
    assert wait(watch, 10 * PATIENCE, waits=False) == []


def test_leader_is_told_once_and_by_name(watch: StallWatch) -> None:
    assert wait(watch, PATIENCE - 1) == []
    stalled = LeaderStalled(LEADER, Term(3), PATIENCE)
    assert wait(watch, PATIENCE) == [stalled]
    assert watch.stalled == stalled


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(BEHIND, id="what it has sent is not final"),
        pytest.param(replace(STATUS, last_term=Term(2)), id="its term is not opened"),
    ],
)
def test_what_the_log_waits_for_counts(watch: StallWatch, status: Status) -> None:
    assert len(wait(watch, PATIENCE, status, waits=False)) == 1


def test_what_is_sent_and_not_made_final_is_nothing(watch: StallWatch) -> None:
    found = [
        watch.tick(replace(BEHIND, last_index=Index(6 + tick)), 5, waits=False)
        for tick in range(PATIENCE)
    ]
    assert found[-1] is not None


def test_waiting_goes_on_when_somebody_asks_again(watch: StallWatch) -> None:
    found = []
    for _ in range(PATIENCE):
        found += wait(watch, 1)
        found += wait(watch, 3, waits=False)
        found += wait(watch, 3, LOST)
    assert len(found) == 1


@pytest.mark.parametrize("status", [STATUS, BEHIND])
def test_slow_leader_is_waited_for_as_long_as_more_is_held(
    watch: StallWatch, status: Status
) -> None:
    """Also while this node catches up, and commits nothing before it has all."""
    for held in range(6, 16):
        assert wait(watch, PATIENCE - 1, status, held=held) == []


def test_another_leader_is_waited_for_anew(watch: StallWatch) -> None:
    wait(watch, PATIENCE - 1)
    assert wait(watch, PATIENCE - 1, replace(STATUS, leader=OTHER, term=Term(4))) == []


@pytest.mark.parametrize("role", [Role.LEADER, Role.CANDIDATE])
def test_who_does_not_follow_waits_for_nobody(watch: StallWatch, role: Role) -> None:
    assert wait(watch, 2 * PATIENCE, replace(STATUS, role=role)) == []


def test_patience_doubles_until_something_is_final(watch: StallWatch) -> None:
    waited = [one.ticks for one in wait(watch, 1000 * PATIENCE)]
    least = [PATIENCE, 2 * PATIENCE, 4 * PATIENCE]
    assert (waited[:3], max(waited)) == (least, MAX_PATIENCE * PATIENCE)
    assert wait(watch, PATIENCE - 1, held=6) == []
    assert watch.stalled is None
    assert [one.ticks for one in wait(watch, 1, held=6)] == [PATIENCE]
