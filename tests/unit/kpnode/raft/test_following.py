"""What a follower takes in, acknowledges, refuses and commits."""

import pytest
from lab.simulator.cluster import Cluster

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Entry,
    EntryKind,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    InvariantError,
    Term,
)


def append(term: int, prev: tuple[int, int], *terms: int, commit: int = 0) -> AppendRequest:
    entries = tuple(
        Entry(Index(index), Term(entry_term), EntryKind.BLOCK, b"")
        for index, entry_term in enumerate(terms, prev[0] + 1)
    )
    return AppendRequest(Term(term), Index(prev[0]), Term(prev[1]), entries, Index(commit))


def accepted(term: int, index: int) -> tuple[AppendReply]:
    return (AppendReply(Term(term), accepted=True, index=Index(index)),)


def refused(term: int, index: int, hint: tuple[int, int]) -> tuple[AppendReply]:
    return (
        AppendReply(
            Term(term),
            accepted=False,
            index=Index(index),
            hint_index=Index(hint[0]),
            hint_term=Term(hint[1]),
        ),
    )


def follower(*terms: int) -> Cluster:
    return Cluster("abc", logs={"a": list(terms)})


def test_entries_that_continue_the_log_are_stored_and_acknowledged() -> None:
    cluster = follower(1)
    assert cluster.tell("a", "b", append(2, (1, 1), 2, 2)) == accepted(2, 3)
    assert cluster.terms("a") == [1, 2, 2]
    assert cluster.status("a").leader == "b"


def test_conflict_truncates() -> None:
    cluster = follower(1, 1, 1, 1)
    assert cluster.tell("a", "b", append(2, (1, 1), 1, 2)) == accepted(2, 3)
    assert cluster.terms("a") == [1, 1, 2]


def test_old_short_append_truncates_nothing() -> None:
    cluster = follower(1, 1, 1, 1)
    assert cluster.tell("a", "b", append(1, (0, 0), 1, 1)) == accepted(1, 2)
    assert cluster.terms("a") == [1, 1, 1, 1]


def test_only_what_was_compared_is_acknowledged() -> None:
    """Entries after it may stem from a leader that lost."""
    cluster = follower(1, 1, 1)
    assert cluster.tell("a", "b", append(2, (1, 1))) == accepted(2, 1)


def test_only_what_was_compared_is_committed() -> None:
    cluster = follower(1, 1, 1)
    cluster.tell("a", "b", append(2, (1, 1), commit=3))
    assert cluster.status("a").commit == 1
    cluster.tell("a", "b", append(2, (1, 1), 1, commit=3))
    assert cluster.status("a").commit == 2


def test_heartbeat_commits_only_what_was_compared_in_its_term() -> None:
    cluster = follower(1, 1, 1)
    beat = HeartbeatRequest(Term(2), Index(3), 4)
    assert cluster.tell("a", "b", beat) == (HeartbeatReply(Term(2), 4, Index(0)),)
    cluster.tell("a", "b", append(2, (2, 1)))
    assert cluster.tell("a", "b", beat) == (HeartbeatReply(Term(2), 4, Index(2)),)
    cluster.tell("a", "c", HeartbeatRequest(Term(3), Index(3), 4))
    assert cluster.status("a").commit == 2


def test_heartbeat_commits_no_more_than_the_leader_did() -> None:
    cluster = follower(1, 1, 1)
    cluster.tell("a", "b", append(2, (3, 1)), HeartbeatRequest(Term(2), Index(1), 0))
    assert cluster.status("a").commit == 1


def test_old_short_append_takes_nothing_back_of_what_was_compared() -> None:
    cluster = follower(1, 1, 1)
    cluster.tell("a", "b", append(2, (3, 1)), append(2, (1, 1)))
    cluster.tell("a", "b", HeartbeatRequest(Term(2), Index(3), 0))
    assert cluster.status("a").commit == 3


def test_what_was_compared_with_an_earlier_leader_does_not_count() -> None:
    cluster = follower(1, 1, 1)
    cluster.tell("a", "b", append(2, (3, 1)))
    cluster.tell("a", "c", HeartbeatRequest(Term(3), Index(3), 0))
    assert cluster.status("a").commit == 0
    cluster.tell("a", "c", append(3, (3, 1)))
    cluster.tell("a", "c", HeartbeatRequest(Term(3), Index(3), 0))
    assert cluster.status("a").commit == 3


def test_commit_index_never_falls() -> None:
    cluster = follower(1, 1, 1)
    cluster.tell("a", "b", append(2, (3, 1), commit=3))
    cluster.tell("a", "b", append(2, (3, 1), commit=1))
    assert cluster.status("a").commit == 3
    assert [entry.index for entry in cluster.members["a"].applied] == [1, 2, 3]


@pytest.mark.parametrize(
    ("terms", "prev", "hint"),
    [
        ((1, 1), (5, 1), (2, 1)),
        ((1, 1, 3, 3, 3), (4, 2), (2, 1)),
        ((1, 1, 3, 3, 3), (5, 4), (5, 3)),
        ((), (4, 2), (0, 0)),
        ((2, 2), (2, 1), (0, 0)),
    ],
)
def test_refusal_hints_where_the_logs_may_agree(
    terms: tuple[int, ...], prev: tuple[int, int], hint: tuple[int, int]
) -> None:
    """Past a whole term at once, not entry by entry."""
    cluster = follower(*terms)
    assert cluster.tell("a", "b", append(5, prev)) == refused(5, prev[0], hint)
    assert cluster.terms("a") == list(terms)


def test_hint_never_reaches_below_the_commit_index() -> None:
    cluster = follower(3, 3, 3)
    cluster.tell("a", "b", append(3, (2, 3), commit=2))
    assert cluster.tell("a", "c", append(4, (3, 2))) == refused(4, 3, (2, 3))


def test_repeated_append_gets_the_same_answer() -> None:
    cluster = follower(1)
    for _ in range(2):
        assert cluster.tell("a", "b", append(1, (1, 1), 1)) == accepted(1, 2)
        assert cluster.tell("a", "b", append(1, (5, 1), 1)) == refused(1, 5, (2, 1))


def test_append_that_contradicts_what_is_committed_stops_the_node() -> None:
    cluster = follower(1, 1, 1)
    cluster.tell("a", "b", append(1, (3, 1), commit=3))
    with pytest.raises(InvariantError, match="entry 2 does not fit a log committed to 3"):
        cluster.tell("a", "b", append(2, (1, 1), 2))


def test_acknowledged_entries_survive_a_restart() -> None:
    cluster = follower()
    cluster.tell("a", "b", append(1, (0, 0), 1, 1))
    cluster.restart("a")
    assert cluster.status("a").last_index == 2
    assert (cluster.status("a").term, cluster.status("a").commit) == (1, 0)


def test_log_that_lost_its_end_is_repaired() -> None:
    """The leader believes more of it than is there; nothing crashes, nothing is applied twice."""
    cluster = Cluster("abc")
    cluster.elect("b")
    member = cluster.members["a"]
    member.storage.log.clear()
    cluster.restart("a", applied=1)
    member.applied.clear()
    cluster.elect("c")
    assert cluster.terms("a") == [1, 2]
    assert [entry.index for entry in member.applied] == [2]
