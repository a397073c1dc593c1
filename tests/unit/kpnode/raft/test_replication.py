"""How a leader brings its log to the others, and what it commits."""

import pytest
from lab.simulator.cluster import Cluster, between, touching
from memory_storage import MemoryStorage

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Dropped,
    DropReason,
    EntryKind,
    HardState,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Message,
    NodeId,
    Persisted,
    PreVoteReply,
    Proposed,
    RaftConfig,
    RaftCore,
    Received,
    Recovered,
    Role,
    Term,
    Tick,
    Unreachable,
    VoteReply,
)


def settings(
    *, window: int = 16, entries: int = 256, uncommitted: int = 1 << 20, count: int = 99
) -> RaftConfig:
    return RaftConfig(
        NodeId("any"),
        window=window,
        max_append_entries=entries,
        max_uncommitted_bytes=uncommitted,
        max_uncommitted_entries=count,
    )


def led(names: str = "abc", config: RaftConfig | None = None) -> Cluster:
    cluster = Cluster(names, settings=config)
    cluster.elect("a")
    cluster.settle()
    return cluster


def propose(cluster: Cluster, *tickets: int, node: str = "a") -> None:
    cluster.give(node, *(Proposed(ticket, b"%d" % ticket) for ticket in tickets))


def appends(cluster: Cluster, recipient: str) -> list[tuple[int, list[int], int]]:
    """What waits for a node: previous index, entries, commit index."""
    return [
        (e.body.prev_index, [entry.index for entry in e.body.entries], e.body.commit)
        for e in cluster.wire
        if e.recipient == recipient and isinstance(e.body, AppendRequest)
    ]


def ack(term: int, index: int) -> AppendReply:
    return AppendReply(Term(term), accepted=True, index=Index(index))


def nack(term: int, index: int, hint_index: int = 0, hint_term: int = 0) -> AppendReply:
    return AppendReply(
        Term(term),
        accepted=False,
        index=Index(index),
        hint_index=Index(hint_index),
        hint_term=Term(hint_term),
    )


def peer(cluster: Cluster, name: str) -> tuple[int, int, bool]:
    found = next(p for p in cluster.status("a").peers if p.node == name)
    return (found.match, found.next, found.probing)


def test_proposal_is_committed_everywhere() -> None:
    cluster = led()
    propose(cluster, 1)
    cluster.settle()
    for name in "abc":
        applied = cluster.members[name].applied
        assert [(entry.kind, entry.payload) for entry in applied] == [
            (EntryKind.NOOP, b""),
            (EntryKind.BLOCK, b"1"),
        ]


def test_proposals_of_one_ready_travel_together() -> None:
    cluster = led()
    propose(cluster, 1, 2, 3)
    assert appends(cluster, "b") == [(1, [2, 3, 4], 1)]


def test_append_is_limited_in_entries_and_bytes() -> None:
    cluster = led(config=settings(entries=2))
    propose(cluster, 1, 2, 3)
    assert appends(cluster, "b") == [(1, [2, 3], 1), (3, [4], 1)]
    tight = RaftConfig(NodeId("any"), max_append_bytes=3)
    cluster = led(config=tight)
    propose(cluster, 1, 2, 333, 4444)
    assert appends(cluster, "b") == [(1, [2, 3], 1), (3, [4], 1), (4, [5], 1)]


def test_window_limits_what_is_in_flight() -> None:
    cluster = led(config=settings(entries=1, window=2))
    propose(cluster, 1, 2, 3, 4)
    assert [entries for _, entries, _ in appends(cluster, "b")] == [[2], [3]]
    cluster.drop(between("a", "c"))
    cluster.deliver(between("a", "b"))
    cluster.deliver(between("b", "a"))
    assert [entries for _, entries, _ in appends(cluster, "b")] == [[4], [5]]


def test_stalled_window_reopens_with_a_heartbeat() -> None:
    """All that was in flight is lost, and no answer will ever come (etcd #14633)."""
    cluster = led(config=settings(entries=1, window=2))
    propose(cluster, 1, 2, 3, 4)
    cluster.drop()
    cluster.tick("a", 2)
    cluster.settle()
    assert [cluster.terms(name) for name in "abc"] == [[1] * 5] * 3
    assert cluster.status("a").commit == 5


def test_lost_tail_is_repaired_without_new_proposals() -> None:
    cluster = led()
    propose(cluster, 1)
    cluster.drop()
    cluster.tick("a", 2)
    cluster.settle()
    assert cluster.terms("c") == [1, 1]


def test_followers_learn_of_a_commit_at_once() -> None:
    cluster = led()
    propose(cluster, 1)
    cluster.deliver()
    cluster.deliver(between("b", "a"))
    assert appends(cluster, "c") == [(2, [], 2)]


def test_restarted_follower_learns_the_commit_index_from_an_idle_leader() -> None:
    cluster = led()
    propose(cluster, 1)
    cluster.settle()
    cluster.restart("b")
    assert cluster.status("b").commit == 0
    cluster.tick("a", 2)
    cluster.settle()
    assert cluster.status("b").commit == 2


def test_leader_counts_itself_only_when_its_disk_reports() -> None:
    storage = MemoryStorage()
    cluster = Cluster("a")
    recovered = Recovered(storage.hard_state, cluster.genesis, Index(0))
    core = RaftCore(RaftConfig(NodeId("a")), recovered, storage)
    while core.status().role is not Role.LEADER:
        core.handle(Tick())
    ready = core.take_ready()
    storage.save(ready.hard_state, ready.entries)
    assert (core.status().commit, ready.committed) == (0, ())
    core.handle(Persisted(Index(1), Term(9)))
    assert core.status().commit == 0
    core.handle(Persisted(Index(1), Term(1)))
    assert core.take_ready().committed == ready.entries


def test_followers_alone_may_make_a_majority() -> None:
    """The leader's disk is one among the others (thesis 10.2.1)."""
    genesis = Cluster("abc").genesis
    recovered = Recovered(HardState(Term(0), None), genesis, Index(0))
    core = RaftCore(RaftConfig(NodeId("a")), recovered, MemoryStorage())
    while core.status().role is Role.FOLLOWER:
        core.handle(Tick())
    for reply in (PreVoteReply(Term(1), granted=True), VoteReply(Term(1), granted=True)):
        core.handle(Received(Message(NodeId("b"), NodeId("a"), reply)))
    entries = core.take_ready().entries
    for name in "bc":
        assert core.status().commit == 0
        core.handle(Received(Message(NodeId(name), NodeId("a"), ack(1, 1))))
    assert core.take_ready().committed == entries


def test_entry_of_an_older_term_is_not_committed_by_counting() -> None:
    """Raft's figure 8: it could still be overwritten, until an entry of the own term follows."""
    config = settings(entries=1)
    cluster = Cluster("abc", logs={"a": [1, 2], "b": [1], "c": [1]}, settings=config)
    while cluster.status("a").role is not Role.LEADER:
        cluster.tick("a")
        cluster.deliver(between("a", "b"))
        cluster.deliver(between("b", "a"))
    cluster.drop()
    assert cluster.tell("a", "b", ack(3, 2))[0] == AppendRequest(
        Term(3),
        Index(2),
        Term(2),
        cluster.members["a"].storage.entries(Index(3), Index(3), 99),
        Index(0),
    )
    assert cluster.status("a").commit == 0
    cluster.tell("a", "b", ack(3, 3))
    assert cluster.status("a").commit == 3


def test_acknowledgement_of_another_term_is_ignored() -> None:
    cluster = led()
    cluster.elect("b")
    cluster.elect("a")
    propose(cluster, 1)
    cluster.drop()
    index = cluster.status("a").last_index
    assert cluster.tell("a", "b", ack(1, index)) == ()
    assert cluster.status("a").commit == index - 1


def test_acknowledgement_beyond_the_log_is_ignored() -> None:
    cluster = led()
    cluster.tell("a", "b", ack(1, 9))
    assert peer(cluster, "b") == (1, 2, False)
    assert cluster.status("a").commit == 1


def test_refusal_commits_nothing() -> None:
    cluster = led()
    propose(cluster, 1)
    cluster.drop()
    cluster.tell("a", "b", nack(1, 2, 2, 1))
    assert (cluster.status("a").commit, peer(cluster, "b")[0]) == (1, 1)


def test_stale_refusal_never_lowers_what_was_acknowledged() -> None:
    cluster = led()
    propose(cluster, 1, 2)
    cluster.settle()
    for index in (2, 1, 0):
        cluster.tell("a", "b", nack(1, index))
        assert peer(cluster, "b") == (3, 4, False)
    cluster.tell("a", "b", nack(1, 3))
    assert peer(cluster, "b")[0] == 3


def test_every_refusal_of_a_probe_leads_further_back() -> None:
    """Whatever it hints at: a peer that repeats itself must not keep the leader where it is."""
    cluster = Cluster("abc", logs={name: [1, 1, 1] for name in "abc"})
    cluster.elect("a", without="c")
    for index in (3, 2, 1):
        cluster.tell("a", "c", nack(2, index, index, 2))
        assert peer(cluster, "c") == (0, index, True)


def test_divergent_log_is_replaced_in_a_round_per_term() -> None:
    ours = [1] * 10 + [4] * 10
    theirs = [1] * 5 + [2] * 20 + [3] * 20
    cluster = Cluster("abc", logs={"a": ours, "b": theirs[:5], "c": theirs})
    while cluster.status("a").role is not Role.LEADER:
        cluster.tick("a")
        cluster.settle(without="c")
    rounds = 0
    while cluster.terms("c") != cluster.terms("a"):
        cluster.tick("a", 2)
        cluster.drop(touching("b"))
        while cluster.deliver(between("a", "c")) and cluster.deliver(between("c", "a")):
            rounds += 1
    assert rounds <= 6
    assert cluster.terms("c") == [*ours, 5]


def test_reordered_appends_are_made_good() -> None:
    cluster = led(config=settings(entries=1))
    propose(cluster, 1, 2, 3)
    cluster.wire.reverse()
    cluster.settle()
    cluster.tick("a", 2)
    cluster.settle()
    assert [cluster.terms(name) for name in "abc"] == [[1] * 4] * 3


def test_heartbeat_of_an_idle_leader_is_followed_by_nothing() -> None:
    cluster = led()
    cluster.tick("a", 2)
    cluster.deliver()
    assert {type(e.body) for e in cluster.wire} == {HeartbeatReply}
    cluster.deliver()
    assert cluster.wire == []


@pytest.mark.parametrize("commit", [1, 2])
def test_peer_that_holds_everything_is_not_asked_again(commit: int) -> None:
    """Not for what nobody has committed, and not if it knows of more commits than the leader."""
    cluster = led("abcde")
    propose(cluster, 1)
    cluster.drop()
    cluster.tell("a", "b", ack(1, 2))
    assert (cluster.status("a").commit, peer(cluster, "b")) == (1, (2, 3, False))
    assert cluster.tell("a", "b", HeartbeatReply(Term(1), 0, Index(commit))) == ()


def test_heartbeat_never_tells_of_commits_that_are_none() -> None:
    """What the receiver holds is not committed for that."""
    cluster = led("abcde")
    propose(cluster, 1)
    cluster.drop()
    cluster.tell("a", "b", ack(1, 2))
    cluster.tick("a", 2)
    beats = cluster.drop(between("a", "b"))
    assert [e.body for e in beats] == [HeartbeatRequest(Term(1), Index(1), 0)]


def test_question_beyond_a_full_window_carries_nothing() -> None:
    cluster = led(config=settings(entries=1, window=2))
    propose(cluster, 1, 2, 3, 4)
    cluster.drop()
    asked = cluster.tell("a", "b", HeartbeatReply(Term(1), 0, Index(1)))
    assert asked == (AppendRequest(Term(1), Index(3), Term(1), (), Index(1)),)


def test_heartbeats_keep_their_time() -> None:
    cluster = led()
    for _ in range(3):
        cluster.tick("a")
        assert cluster.wire == []
        cluster.tick("a")
        assert [type(e.body) for e in cluster.drop()] == [HeartbeatRequest] * 2


def test_lost_connection_goes_back_to_probing() -> None:
    cluster = led()
    propose(cluster, 1)
    cluster.drop()
    assert peer(cluster, "b") == (1, 3, False)
    cluster.give("a", Unreachable(NodeId("b")), Unreachable(NodeId("stranger")))
    assert peer(cluster, "b") == (1, 2, True)
    cluster.give("b", Unreachable(NodeId("a")))
    cluster.settle()
    assert peer(cluster, "b") == (2, 3, False)


def test_probe_waits_for_a_heartbeat_if_nobody_answers() -> None:
    cluster = led()
    cluster.give("a", Unreachable(NodeId("b")))
    cluster.drop()
    propose(cluster, 1)
    assert appends(cluster, "b") == []
    cluster.drop()
    cluster.tick("a", 2)
    cluster.settle()
    assert cluster.terms("b") == [1, 1]


def test_heartbeat_never_tells_of_commits_beyond_what_the_receiver_holds() -> None:
    cluster = led()
    propose(cluster, 1)
    cluster.settle(without="c")
    cluster.tick("a", 2)
    beats = [e for e in cluster.wire if isinstance(e.body, HeartbeatRequest)]
    assert [(e.recipient, e.body) for e in beats] == [
        ("b", HeartbeatRequest(Term(1), Index(2), 0)),
        ("c", HeartbeatRequest(Term(1), Index(1), 0)),
    ]


@pytest.mark.parametrize("config", [settings(uncommitted=3), settings(count=3)])
def test_leader_without_a_quorum_takes_in_only_so_much(config: RaftConfig) -> None:
    cluster = led(config=config)
    propose(cluster, 1, 2, 3, 4)
    assert cluster.members["a"].dropped == [
        Dropped(4, DropReason.TOO_MUCH_UNCOMMITTED, NodeId("a"))
    ]
    cluster.settle()
    propose(cluster, 5)
    assert len(cluster.members["a"].dropped) == 1


def test_acknowledgement_that_brings_no_commit_is_followed_by_nothing() -> None:
    cluster = led()
    for index in (1, 1, 0):
        assert cluster.tell("a", "b", ack(1, index)) == ()
