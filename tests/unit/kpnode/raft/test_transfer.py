"""Leadership on its way to another node."""

import pytest
from lab.simulator.cluster import Cluster, between, touching

from kpnode.raft import (
    ConfigProposed,
    Dropped,
    DropReason,
    NodeId,
    Proposed,
    Role,
    Term,
    TimeoutNow,
    TransferRequested,
)


def led() -> Cluster:
    cluster = Cluster("abcx", voters="abc")
    cluster.elect("a")
    cluster.settle()
    return cluster


def transfer(cluster: Cluster, target: str, node: str = "a") -> None:
    cluster.give(node, TransferRequested(7, NodeId(target)))


def dropped(cluster: Cluster, node: str = "a") -> list[tuple[int, DropReason]]:
    return [(item.ticket, item.reason) for item in cluster.members[node].dropped]


def test_target_leads_after_a_transfer() -> None:
    cluster = led()
    transfer(cluster, "b")
    assert cluster.status("a").transfer_target == "b"
    cluster.settle()
    assert (cluster.status("b").role, cluster.status("b").term) == (Role.LEADER, 2)
    assert (cluster.status("a").role, cluster.status("a").leader) == (Role.FOLLOWER, "b")
    assert dropped(cluster) == []


def test_leadership_goes_in_any_direction() -> None:
    cluster = Cluster("abc")
    cluster.elect("b")
    transfer(cluster, "a", node="b")
    cluster.settle()
    assert cluster.status("a").role is Role.LEADER


def test_target_is_brought_up_to_date_first() -> None:
    cluster = led()
    cluster.give("a", Proposed(1, b"x"))
    cluster.drop(touching("b"))
    transfer(cluster, "b")
    assert [e for e in cluster.wire if isinstance(e.body, TimeoutNow)] == []
    cluster.tick("a", 2)
    cluster.settle()
    assert (cluster.status("b").role, cluster.terms("b")) == (Role.LEADER, [1, 1, 2])


def test_nothing_is_taken_in_meanwhile() -> None:
    cluster = led()
    transfer(cluster, "b")
    cluster.give("a", Proposed(1, b"x"))
    cluster.give("a", ConfigProposed(2, cluster.genesis))
    cluster.give("a", TransferRequested(3, NodeId("c")))
    assert dropped(cluster) == [(ticket, DropReason.TRANSFERRING) for ticket in (1, 2, 3)]


def test_transfer_ends_after_an_election_timeout() -> None:
    cluster = led()
    cluster.tick("a", 3)
    transfer(cluster, "b")
    for _ in range(10):
        assert (cluster.status("a").transfer_target, dropped(cluster)) == ("b", [])
        cluster.tick("a")
        cluster.settle(without="b")
    assert dropped(cluster) == [(7, DropReason.TRANSFER_TIMED_OUT)]
    assert cluster.status("a").transfer_target is None
    cluster.give("a", Proposed(1, b"x"))
    cluster.settle(without="b")
    assert cluster.status("a").commit == 2


def test_lost_nomination_is_repeated() -> None:
    cluster = led()
    transfer(cluster, "b")
    cluster.drop(between("a", "b"))
    cluster.tick("a", 2)
    cluster.settle()
    assert cluster.status("b").role is Role.LEADER


def test_transfer_ends_with_the_leadership() -> None:
    """A new term of the same leader starts without it (hashicorp #696)."""
    cluster = led()
    transfer(cluster, "b")
    cluster.drop()
    cluster.tick("a", 20)
    cluster.drop()
    assert cluster.status("a").role is not Role.LEADER
    cluster.elect("a")
    assert cluster.status("a").transfer_target is None
    cluster.members["a"].dropped.clear()
    cluster.give("a", Proposed(1, b"x"))
    assert dropped(cluster) == []


@pytest.mark.parametrize("target", ["a", "x", "stranger"])
def test_leadership_only_goes_to_another_voter(target: str) -> None:
    cluster = led()
    transfer(cluster, target)
    assert dropped(cluster) == [(7, DropReason.BAD_TARGET)]


def test_follower_cannot_transfer() -> None:
    cluster = led()
    transfer(cluster, "c", node="b")
    assert cluster.members["b"].dropped == [Dropped(7, DropReason.NOT_LEADER, NodeId("a"))]


def test_second_nomination_does_not_start_another_campaign() -> None:
    cluster = led()
    transfer(cluster, "b")
    cluster.settle()
    cluster.tell("b", "a", TimeoutNow(Term(1)))
    assert (cluster.status("b").role, cluster.status("b").term) == (Role.LEADER, 2)
