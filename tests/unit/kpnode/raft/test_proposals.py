"""What becomes of a proposal: taken in, refused, overwritten or committed."""

from lab.simulator.cluster import Cluster, between

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Dropped,
    DropReason,
    Entry,
    EntryKind,
    Index,
    NodeId,
    PreVoteReply,
    Proposed,
    RaftConfig,
    Role,
    Term,
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


def ack(term: int, index: int) -> AppendReply:
    return AppendReply(Term(term), accepted=True, index=Index(index))


def test_follower_refuses_proposals_and_names_the_leader() -> None:
    cluster = led()
    propose(cluster, 7, node="b")
    assert cluster.members["b"].dropped == [Dropped(7, DropReason.NOT_LEADER, NodeId("a"))]
    assert cluster.terms("b") == [1]


def test_leader_that_inherits_too_much_takes_in_nothing() -> None:
    logs = {name: [1, 1, 1, 1, 1] for name in "abc"}
    cluster = Cluster("abc", logs=logs, settings=settings(count=3))
    cluster.tick("a", 20)
    for reply in (PreVoteReply(Term(2), granted=True), VoteReply(Term(2), granted=True)):
        cluster.tell("a", "b", reply)
    assert cluster.status("a").role is Role.LEADER
    propose(cluster, 1)
    assert cluster.members["a"].dropped == [
        Dropped(1, DropReason.TOO_MUCH_UNCOMMITTED, NodeId("a"))
    ]
    cluster.tick("a", 2)
    cluster.settle()
    propose(cluster, 2)
    assert len(cluster.members["a"].dropped) == 1


def test_proposal_after_the_smallest_one_has_to_fit() -> None:
    cluster = led(config=settings(uncommitted=3))
    cluster.give("a", Proposed(1, b"1"), Proposed(2, b"234"), Proposed(3, b"23"))
    assert [item.ticket for item in cluster.members["a"].dropped] == [2]


def test_what_is_committed_makes_room_for_as_much() -> None:
    cluster = led("ab", config=settings(uncommitted=20, entries=1))
    cluster.give("a", *(Proposed(ticket, b"12345678") for ticket in (1, 2, 3)))
    assert [item.ticket for item in cluster.members["a"].dropped] == [3]
    cluster.drop()
    cluster.tell("a", "b", ack(1, 2))
    cluster.give("a", *(Proposed(ticket, b"12345678") for ticket in (4, 5)))
    assert [item.ticket for item in cluster.members["a"].dropped] == [3, 5]
    cluster.tell("a", "b", ack(1, 4))
    cluster.give("a", *(Proposed(ticket, b"12345678") for ticket in (6, 7, 8)))
    assert [item.ticket for item in cluster.members["a"].dropped] == [3, 5, 8]


def test_single_proposal_is_taken_however_large() -> None:
    cluster = led(config=settings(uncommitted=3))
    cluster.give("a", Proposed(1, b"longer than three"))
    cluster.settle()
    assert cluster.status("a").commit == 2
    assert cluster.members["a"].dropped == []


def test_overwritten_proposal_is_reported() -> None:
    cluster = led()
    propose(cluster, 1, 2)
    cluster.drop()
    cluster.elect("b", without="a")
    cluster.tick("b", 2)
    cluster.settle()
    assert cluster.members["a"].dropped == [
        Dropped(2, DropReason.OVERWRITTEN, NodeId("b")),
        Dropped(1, DropReason.OVERWRITTEN, NodeId("b")),
    ]
    assert cluster.terms("a") == cluster.terms("b") == [1, 2]


def test_proposal_overwritten_after_others_were_committed_is_reported() -> None:
    cluster = led()
    propose(cluster, 1, 2)
    cluster.drop()
    cluster.tell("a", "b", ack(1, 2))
    assert cluster.status("a").commit == 2
    blocks = cluster.members["a"].storage.entries(Index(2), Index(2), 99)
    for name in "bc":
        cluster.tell(name, "a", AppendRequest(Term(1), Index(1), Term(1), blocks, Index(1)))
    cluster.elect("b", without="a")
    cluster.tick("b", 2)
    cluster.settle()
    assert cluster.members["a"].dropped == [Dropped(2, DropReason.OVERWRITTEN, NodeId("b"))]


def test_only_what_is_overwritten_is_reported() -> None:
    cluster = led()
    propose(cluster, 1)
    cluster.deliver(between("a", "b"))
    cluster.drop()
    propose(cluster, 2)
    cluster.drop()
    cluster.elect("b", without="a")
    cluster.tick("b", 2)
    cluster.settle()
    assert cluster.members["a"].dropped == [Dropped(2, DropReason.OVERWRITTEN, NodeId("b"))]
    assert cluster.terms("a") == [1, 1, 2]


def test_committed_proposals_are_forgotten() -> None:
    cluster = led()
    propose(cluster, 100, 200)
    tickets = cluster.members["a"].core._state.tickets
    assert list(tickets) == [(2, 100), (3, 200)]
    cluster.settle()
    assert list(tickets) == []


def test_committed_proposal_is_never_reported_as_dropped() -> None:
    cluster = led()
    propose(cluster, 1)
    cluster.settle()
    cluster.elect("b")
    assert cluster.members["a"].dropped == []


def elect(cluster: Cluster, name: str, *voters: str) -> None:
    """Let a node be elected by some, and keep from all what it says as their leader."""
    for voter in voters:
        cluster.tick(voter, 2 * cluster.members[voter].config.election_ticks)
    cluster.drop()
    for _ in range(5 * cluster.members[name].config.election_ticks):
        cluster.tick(name)
        for voter in voters * 2:
            cluster.deliver(between(name, voter))
            cluster.deliver(between(voter, name))
            if cluster.status(name).role is Role.LEADER:
                cluster.drop()
                return
    raise RuntimeError(f"{name} does not become the leader: {cluster.status(name)}")


def replaced_at_its_leader() -> Cluster:
    """Block 7 is on a and b; c, which lacks it, leads term 2 and has its NOOP in a's log."""
    cluster = led("abcde")
    propose(cluster, 7)
    cluster.deliver(between("a", "b"))
    cluster.drop()
    elect(cluster, "c", "d", "e")
    noop = cluster.members["c"].storage.entries(Index(2), Index(2), 99)
    cluster.tell("a", "c", AppendRequest(Term(2), Index(1), Term(1), noop, Index(1)))
    assert cluster.terms("a") == [1, 2]
    return cluster


def test_replaced_proposal_that_may_still_be_committed_is_not_reported() -> None:
    cluster = replaced_at_its_leader()
    elect(cluster, "b", "d", "e")
    for _ in range(9):
        cluster.tick("b")
        cluster.settle(without="c")
    assert [entry.payload for entry in cluster.members["a"].applied] == [b"", b"7", b""]
    assert cluster.members["a"].dropped == []
    assert cluster.members["a"].core._state.overwritten == []


def test_replaced_proposal_is_reported_when_another_is_committed_in_its_place() -> None:
    cluster = replaced_at_its_leader()
    assert cluster.members["a"].dropped == []
    cluster.tell("a", "c", AppendRequest(Term(2), Index(2), Term(2), (), Index(2)))
    assert cluster.members["a"].dropped == [Dropped(7, DropReason.OVERWRITTEN, NodeId("c"))]


def test_replaced_proposals_count_as_uncommitted() -> None:
    cluster = led("abcde", settings(count=3))
    propose(cluster, 7)
    cluster.drop()
    elect(cluster, "c", "d", "e")
    noop = cluster.members["c"].storage.entries(Index(2), Index(2), 99)
    cluster.tell("a", "c", AppendRequest(Term(2), Index(1), Term(1), noop, Index(1)))
    elect(cluster, "a", "d", "e")
    propose(cluster, 8)
    assert [one.reason for one in cluster.members["a"].dropped] == [DropReason.TOO_MUCH_UNCOMMITTED]


def test_replaced_proposal_of_a_later_term_is_reported_when_its_place_is_committed() -> None:
    """Whoever replaced it had older entries and a newer term."""
    cluster = Cluster("abc", logs={"a": [1]})
    cluster.tell("a", "c", AppendRequest(Term(2), Index(1), Term(1), (), Index(1)))
    cluster.tick("a", 20)
    for reply in (PreVoteReply(Term(3), granted=True), VoteReply(Term(3), granted=True)):
        cluster.tell("a", "b", reply)
    propose(cluster, 7)
    assert cluster.terms("a") == [1, 3, 3]
    older = tuple(Entry(Index(index), Term(2), EntryKind.BLOCK, b"") for index in (2, 3))
    cluster.tell("a", "c", AppendRequest(Term(4), Index(1), Term(1), older, Index(2)))
    assert (cluster.status("a").commit, cluster.members["a"].dropped) == (2, [])
    cluster.tell("a", "c", AppendRequest(Term(4), Index(3), Term(2), (), Index(3)))
    assert cluster.members["a"].dropped == [Dropped(7, DropReason.OVERWRITTEN, NodeId("c"))]
