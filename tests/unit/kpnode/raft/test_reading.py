"""Linearizable reads: who may answer them, and from when on."""

from lab.simulator.cluster import Cluster, between

from kpnode.raft import (
    AppendReply,
    ConfigProposed,
    Configuration,
    Dropped,
    DropReason,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    NodeId,
    Proposed,
    RaftConfig,
    ReadGrant,
    ReadRequested,
    Role,
    Term,
)


def led(names: str = "abc", config: RaftConfig | None = None) -> Cluster:
    cluster = Cluster(names, settings=config)
    cluster.elect("a")
    cluster.settle()
    return cluster


def read(cluster: Cluster, *tickets: int, node: str = "a") -> None:
    cluster.give(node, *(ReadRequested(ticket) for ticket in tickets))


def reads(cluster: Cluster) -> list[ReadGrant]:
    return cluster.members["a"].reads


def test_read_waits_for_a_round_of_heartbeats() -> None:
    cluster = led()
    read(cluster, 1, 2)
    assert reads(cluster) == []
    cluster.settle()
    assert reads(cluster) == [ReadGrant(1, Index(1)), ReadGrant(2, Index(1))]


def test_older_round_proves_nothing_for_a_newer_read() -> None:
    cluster = led()
    read(cluster, 1)
    cluster.deliver(between("a", "b"))
    read(cluster, 2)
    cluster.deliver(between("b", "a"))
    assert reads(cluster) == [ReadGrant(1, Index(1))]
    cluster.settle()
    assert reads(cluster) == [ReadGrant(1, Index(1)), ReadGrant(2, Index(1))]


def test_answer_to_a_heartbeat_of_an_earlier_term_confirms_nothing() -> None:
    """Beside the current term it must not carry the round of the earlier one."""
    cluster = led()
    for ticket in range(1, 4):
        read(cluster, ticket)
        cluster.settle()
    cluster.members["a"].reads.clear()
    old = HeartbeatRequest(Term(1), Index(1), round=3)
    cluster.elect("b")
    cluster.elect("a")
    cluster.settle()
    term = cluster.status("a").term
    answers = cluster.tell("b", "a", old)
    assert answers == (HeartbeatReply(term, round=0, commit=cluster.status("b").commit),)
    read(cluster, 9)
    cluster.drop()
    cluster.tell("a", "b", *answers)
    assert reads(cluster) == []


def test_answer_to_a_round_that_was_never_begun_confirms_nothing() -> None:
    cluster = led()
    read(cluster, 1)
    cluster.drop()
    cluster.tell("a", "b", HeartbeatReply(Term(1), round=2, commit=Index(1)))
    assert reads(cluster) == []
    cluster.tell("a", "b", HeartbeatReply(Term(1), round=1, commit=Index(1)))
    assert reads(cluster) == [ReadGrant(1, Index(1))]


def test_answers_of_different_nodes_make_a_round() -> None:
    cluster = led("abcde")
    read(cluster, 1)
    cluster.drop()
    reply = HeartbeatReply(Term(1), 1, Index(1))
    for _ in range(2):
        cluster.tell("a", "b", reply)
    assert reads(cluster) == []
    cluster.tell("a", "c", reply)
    assert reads(cluster) == [ReadGrant(1, Index(1))]


def test_late_answer_to_an_older_round_takes_nothing_back() -> None:
    cluster = led("abcde")
    read(cluster, 1)
    read(cluster, 2)
    cluster.drop()
    for name, number in (("b", 2), ("b", 1), ("c", 2)):
        cluster.tell("a", name, HeartbeatReply(Term(1), number, Index(1)))
    assert reads(cluster) == [ReadGrant(1, Index(1)), ReadGrant(2, Index(1))]


def test_answer_to_a_round_that_never_began_confirms_nothing() -> None:
    cluster = led()
    cluster.tell("a", "b", HeartbeatReply(Term(1), 99, Index(1)))
    read(cluster, 1)
    assert reads(cluster) == []


def test_lost_round_is_made_good_by_the_next_heartbeat() -> None:
    cluster = led()
    read(cluster, 1)
    cluster.drop()
    cluster.tick("a", 2)
    cluster.settle()
    assert reads(cluster) == [ReadGrant(1, Index(1))]


def test_read_waits_for_an_entry_of_the_own_term() -> None:
    """Before that the leader does not know what is committed (etcd, TiKV #6340)."""
    cluster = Cluster("abc", logs={"a": [1], "b": [1]})
    while cluster.status("a").role is not Role.LEADER:
        cluster.tick("a")
        cluster.deliver(between("a", "b"))
        cluster.deliver(between("b", "a"))
    read(cluster, 1)
    cluster.drop()
    cluster.tell("a", "b", HeartbeatReply(Term(2), 0, Index(0)))
    assert reads(cluster) == []
    cluster.tick("a", 2)
    cluster.settle()
    assert reads(cluster) == [ReadGrant(1, Index(2))]


def test_read_sees_what_was_committed_before_it() -> None:
    cluster = led()
    cluster.give("a", Proposed(1, b"x"))
    cluster.settle()
    read(cluster, 2)
    cluster.settle()
    assert reads(cluster) == [ReadGrant(2, Index(2))]


def test_only_voter_reads_at_once() -> None:
    cluster = led("a")
    read(cluster, 1)
    assert reads(cluster) == [ReadGrant(1, Index(1))]


def test_read_does_not_wait_for_voters_that_were_removed() -> None:
    """With nobody left to ask, no answer will ever come to wait for."""
    cluster = led("ab")
    read(cluster, 1)
    cluster.drop()
    cluster.give("a", ConfigProposed(2, Configuration((NodeId("a"),))))
    cluster.tell("a", "b", AppendReply(Term(1), accepted=True, index=Index(2)))
    assert cluster.status("a").commit == 2
    assert reads(cluster) == [ReadGrant(1, Index(1))]


def test_read_needs_answers_from_the_voters_of_both_configurations() -> None:
    cluster = led("abcde")
    cluster.give("a", ConfigProposed(2, Configuration((NodeId("a"), NodeId("b")))))
    read(cluster, 1)
    cluster.drop()
    reply = HeartbeatReply(Term(1), 1, Index(1))
    for name in "cd":
        cluster.tell("a", name, reply)
    assert reads(cluster) == []
    cluster.tell("a", "b", reply)
    assert reads(cluster) == [ReadGrant(1, Index(1))]


def test_deposed_leader_answers_no_read() -> None:
    cluster = led()
    read(cluster, 1)
    cluster.drop()
    read(cluster, 2)
    cluster.drop()
    cluster.elect("b")
    assert reads(cluster) == []
    assert [(item.ticket, item.reason) for item in cluster.members["a"].dropped] == [
        (1, DropReason.NOT_LEADER),
        (2, DropReason.NOT_LEADER),
    ]


def test_follower_answers_no_read() -> None:
    cluster = led()
    read(cluster, 1, node="b")
    assert cluster.members["b"].dropped == [Dropped(1, DropReason.NOT_LEADER, NodeId("a"))]


def test_waiting_reads_are_limited() -> None:
    cluster = led(config=RaftConfig(NodeId("any"), max_waiting_reads=2))
    read(cluster, 1)
    read(cluster, 2, 3)
    assert cluster.members["a"].dropped == [Dropped(3, DropReason.TOO_MANY_READS, NodeId("a"))]
