"""A disk that was wiped or rolled back: it is noticed, repaired, and elects nobody meanwhile."""

import pytest
from lab.simulator.cluster import Cluster, between, touching

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Entry,
    EntryKind,
    HardState,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    Proposed,
    RaftCore,
    Recovered,
    Role,
    Term,
    TimeoutNow,
    TransferRequested,
    VoteReply,
    VoteRequest,
)

LOSSES = [
    pytest.param(0, HardState(Term(0), None), id="wiped"),
    pytest.param(0, None, id="log wiped"),
    pytest.param(2, HardState(Term(1), None), id="rolled back"),
    pytest.param(4, None, id="last entry lost"),
]
"""How many of five entries are left, and the hard state if it is not the last one."""


def led(names: str = "abc") -> Cluster:
    """Node a leads; five entries are committed and everybody knows."""
    cluster = Cluster(names)
    cluster.elect("a")
    cluster.give("a", *(Proposed(ticket, b"%d" % ticket) for ticket in range(4)))
    cluster.settle()
    return cluster


def lose(cluster: Cluster, name: str, keep: int = 0, hard_state: HardState | None = None) -> None:
    """Cut the disk of a node and start it again."""
    storage = cluster.members[name].storage
    del storage.log[keep:]
    if hard_state is not None:
        storage.hard_state = hard_state
    cluster.restart(name)


def beat(term: int, commit: int) -> HeartbeatRequest:
    return HeartbeatRequest(Term(term), Index(commit), 0)


def append(term: int, prev: tuple[int, int], *terms: int) -> AppendRequest:
    entries = tuple(
        Entry(Index(index), Term(entry_term), EntryKind.BLOCK, b"")
        for index, entry_term in enumerate(terms, prev[0] + 1)
    )
    return AppendRequest(Term(term), Index(prev[0]), Term(prev[1]), entries, Index(0))


def peer(cluster: Cluster, name: str) -> tuple[int, int, bool]:
    found = next(p for p in cluster.status("a").peers if p.node == name)
    return (found.match, found.next, found.probing)


def wait(cluster: Cluster, ticks: int, *, without: str = "") -> None:
    """Let time pass for all, delivering everything in between."""
    for _ in range(ticks):
        for name in cluster.members:
            if name not in without:
                cluster.tick(name)
        cluster.settle(without=without)


@pytest.mark.parametrize(("keep", "hard_state"), LOSSES)
def test_lost_entries_are_noticed_and_brought_back_in_the_same_term(
    keep: int, hard_state: HardState | None
) -> None:
    cluster = led()
    lose(cluster, "b", keep, hard_state)
    cluster.tick("a", 2)
    cluster.deliver(between("a", "b"))
    assert (cluster.status("b").lost_up_to, cluster.status("b").last_index) == (5, keep)
    cluster.settle()
    status = cluster.status("b")
    assert (status.lost_up_to, status.last_index, status.commit) == (0, 5, 5)
    assert cluster.terms("b") == [1] * 5
    assert (cluster.status("a").role, cluster.status("a").term) == (Role.LEADER, 1)
    assert peer(cluster, "b") == (5, 6, False)


@pytest.mark.parametrize(("keep", "hard_state"), LOSSES)
def test_lost_entries_are_brought_back_by_the_leader_of_a_new_term(
    keep: int, hard_state: HardState | None
) -> None:
    cluster = led()
    lose(cluster, "b", keep, hard_state)
    cluster.elect("c", without="b")
    wait(cluster, 4)
    assert [cluster.terms(name) for name in "abc"] == [[1] * 5 + [2]] * 3
    assert [entry.index for entry in cluster.members["b"].applied] == [1, 2, 3, 4, 5, 6]
    assert cluster.status("b").lost_up_to == 0


@pytest.mark.parametrize(("keep", "hard_state"), LOSSES)
def test_lost_entries_are_brought_back_by_an_append_as_well(
    keep: int, hard_state: HardState | None
) -> None:
    """New entries find the gap before any heartbeat does."""
    cluster = led()
    lose(cluster, "b", keep, hard_state)
    cluster.give("a", Proposed(9, b"9"))
    cluster.settle()
    assert cluster.terms("b") == [1] * 6


@pytest.mark.parametrize(("keep", "hard_state"), LOSSES)
def test_disk_may_be_lost_again_while_it_is_being_repaired(
    keep: int, hard_state: HardState | None
) -> None:
    cluster = led()
    lose(cluster, "b", keep, hard_state)
    cluster.tick("a", 2)
    for _ in range(4):
        cluster.deliver(touching("b"))
    cluster.drop(between("b", "a"))
    lose(cluster, "b", keep, hard_state)
    wait(cluster, 6)
    assert cluster.terms("b") == [1] * 5


def test_repair_survives_lost_and_late_messages() -> None:
    """Among them what the node acknowledged before it lost its disk."""
    cluster = led()
    cluster.give("a", Proposed(9, b"9"))
    cluster.deliver(between("a", "b"))
    late = cluster.drop(between("b", "a"))
    lose(cluster, "b")
    for _ in range(8):
        cluster.tick("a", 2)
        cluster.deliver(between("a", "b"))
        cluster.deliver(between("b", "a"))
        cluster.drop(between("a", "b"))
        for message in late:
            cluster.tell("a", "b", message.body)
    wait(cluster, 4)
    assert cluster.terms("b") == [1] * 6
    assert cluster.status("b").commit == 6


def test_node_with_a_sound_disk_knows_of_no_loss_after_a_restart() -> None:
    cluster = led()
    cluster.restart("b")
    cluster.tell("b", "a", beat(1, 5))
    assert (cluster.status("b").lost_up_to, cluster.status("b").commit) == (0, 0)
    wait(cluster, 4)
    assert cluster.status("b").commit == 5


def test_commit_within_the_log_is_no_loss() -> None:
    cluster = Cluster("abc", logs={"b": [1, 1, 1]})
    for commit in (1, 3):
        cluster.tell("b", "a", beat(2, commit))
        assert cluster.status("b").lost_up_to == 0


def test_commit_beyond_the_log_of_a_stale_leader_means_nothing() -> None:
    cluster = led()
    cluster.elect("b")
    cluster.tell("c", "a", beat(1, 99))
    assert cluster.status("c").lost_up_to == 0


def test_node_that_lost_entries_does_not_campaign() -> None:
    cluster = led()
    lose(cluster, "b", 4)
    cluster.tell("b", "a", beat(1, 5))
    cluster.tick("b", 50)
    assert cluster.drop(between("b", "c")) == []
    assert cluster.tell("b", "a", TimeoutNow(Term(1))) == ()
    assert (cluster.status("b").role, cluster.status("b").term) == (Role.FOLLOWER, 1)


def test_node_that_got_its_entries_back_campaigns_again() -> None:
    cluster = led()
    lose(cluster, "b", 4)
    wait(cluster, 4)
    cluster.elect("b")
    assert cluster.terms("b") == [1, 1, 1, 1, 1, 2]


def test_node_that_lost_entries_elects_nobody_without_them() -> None:
    """Node a and node b had acknowledged entry 5; now only node a has it."""
    cluster = Cluster("abc", logs={"a": [1] * 5, "b": [], "c": [1] * 4})
    cluster.tell("b", "a", beat(1, 5))
    cluster.tick("b", 20)
    cluster.drop()
    short = PreVoteRequest(Term(2), Index(4), Term(1))
    assert cluster.tell("b", "c", short) == (PreVoteReply(Term(1), granted=False),)
    refusal = (VoteReply(Term(2), granted=False),)
    assert (
        cluster.tell("b", "c", VoteRequest(Term(2), Index(4), Term(1), transfer=False)) == refusal
    )
    wait(cluster, 60, without="a")
    assert Role.LEADER not in {cluster.status("b").role, cluster.status("c").role}
    wait(cluster, 60)
    assert [cluster.terms(name)[:5] for name in "abc"] == [[1] * 5] * 3
    assert cluster.status("b").commit > 5


@pytest.mark.parametrize(("last_index", "last_term"), [(5, 1), (6, 1), (1, 2)])
def test_node_that_lost_entries_votes_for_who_must_have_them(
    last_index: int, last_term: int
) -> None:
    """As long a log of that term, or any log of a later one, holds all that was committed."""
    cluster = led()
    lose(cluster, "b", 2)
    cluster.tell("b", "a", beat(1, 5))
    cluster.tick("b", 10)
    term = Term(last_term + 1)
    request = PreVoteRequest(term, Index(last_index), Term(last_term))
    assert cluster.tell("b", "c", request) == (PreVoteReply(term, granted=True),)
    vote = VoteRequest(term, Index(last_index), Term(last_term), transfer=False)
    assert cluster.tell("b", "c", vote) == (VoteReply(term, granted=True),)


def test_old_entries_that_are_long_enough_replace_no_newer_ones() -> None:
    """A log of an older term may reach the index and still lack what was acknowledged there."""
    cluster = Cluster("abc", logs={"b": [1]})
    cluster.tell("b", "a", beat(3, 5))
    assert cluster.status("b").lost_up_to == 5
    cluster.tick("b", 10)
    request = PreVoteRequest(Term(4), Index(9), Term(2))
    assert cluster.tell("b", "c", request) == (PreVoteReply(Term(3), granted=False),)
    cluster.tell("b", "a", append(3, (1, 1), 1, 1, 1, 1))
    assert cluster.status("b").lost_up_to == 5
    cluster.tell("b", "a", append(3, (5, 1), 3))
    assert cluster.status("b").lost_up_to == 0


def test_loss_is_as_large_as_the_furthest_commit_that_is_heard_of() -> None:
    cluster = Cluster("abc")
    for commit, lost in ((4, 4), (7, 7), (6, 7)):
        cluster.tell("b", "a", beat(1, commit))
        assert cluster.status("b").lost_up_to == lost


@pytest.mark.parametrize("claimed", [6, 1000, (1 << 53) - 1, 1 << 70])
def test_later_leader_that_claims_too_much_is_not_believed(claimed: int) -> None:
    """What this node acknowledged since it heard the leader before, it knows."""
    cluster = led("abcde")
    for name in "bcd":
        cluster.tell(name, "e", beat(2, claimed))
        assert (cluster.status(name).lost_up_to, cluster.status(name).leader) == (0, "e")
    cluster.elect("b", without="ae")
    cluster.tell("c", "e", beat(9, claimed))
    assert cluster.status("c").lost_up_to == 0


@pytest.mark.parametrize("claimed", [(1 << 53) - 1, 1 << 70])
def test_absurd_claim_of_the_first_leader_is_not_believed(claimed: int) -> None:
    cluster = Cluster("abc")
    for name in "bc":
        cluster.tell(name, "a", beat(1, claimed))
        assert cluster.status(name).lost_up_to == 0
    cluster.elect("b", without="a")


def test_claim_of_the_first_leader_ends_with_an_entry_of_a_later_term() -> None:
    cluster = led("abcde")
    for name in "de":
        cluster.restart(name)
        cluster.tell(name, "a", beat(1, 1000))
        assert cluster.status(name).lost_up_to == 1000
    cluster.elect("b")
    wait(cluster, 4)
    assert [cluster.status(name).lost_up_to for name in "de"] == [0, 0]
    cluster.elect("d", without="a")


def test_claim_of_the_first_leader_ends_with_a_restart() -> None:
    cluster = led()
    for name in "bc":
        cluster.restart(name)
        cluster.tell(name, "a", beat(1, 1000))
        assert cluster.status(name).lost_up_to == 1000
        cluster.restart(name)
        assert cluster.status(name).lost_up_to == 0
    cluster.elect("b", without="a")


def test_log_that_ends_before_what_was_applied_has_lost_entries() -> None:
    """The state machine remembers what the log forgot, before any leader says so."""
    cluster = led()
    del cluster.members["b"].storage.log[3:]
    cluster.restart("b", applied=5)
    assert (cluster.status("b").lost_up_to, cluster.status("b").commit) == (5, 3)
    cluster.tick("b", 50)
    assert cluster.drop(between("b", "c")) == []
    wait(cluster, 4)
    assert (cluster.status("b").lost_up_to, cluster.status("b").commit) == (0, 5)
    cluster.give("a", Proposed(9, b"9"))
    cluster.settle()
    assert cluster.members["b"].applied[-1].index == 6


def test_log_that_ends_with_what_was_applied_has_lost_nothing() -> None:
    cluster = led()
    cluster.members["b"].storage.hard_state = HardState(Term(3), None)
    cluster.restart("b", applied=5)
    assert cluster.status("b").lost_up_to == 0


@pytest.mark.parametrize(("lost_up_to", "noted"), [(5, 5), (4, 0), (3, 0)])
def test_driver_may_know_what_the_disk_has_lost(lost_up_to: int, noted: int) -> None:
    cluster = led()
    member = cluster.members["b"]
    del member.storage.log[4:]
    state = member.storage.hard_state
    recovered = Recovered(state, cluster.genesis, Index(0), lost_up_to=Index(lost_up_to))
    member.core = RaftCore(member.config, recovered, member.storage)
    assert cluster.status("b").lost_up_to == noted


def test_copy_that_was_lost_is_not_counted() -> None:
    """The leader's disk is slow; the only other copy is gone again before it is done."""
    cluster = led()
    cluster.give("a", Proposed(9, b"9"))
    cluster.drop()
    refusal = AppendReply(Term(1), accepted=False, index=Index(5))
    cluster.tell("a", "b", refusal)
    assert peer(cluster, "b") == (5, 1, True)
    cluster.tell("a", "b", AppendReply(Term(1), accepted=True, index=Index(2)))
    assert (peer(cluster, "b"), cluster.status("a").commit) == ((5, 7, False), 5)
    cluster.tell("a", "b", AppendReply(Term(1), accepted=True, index=Index(6)))
    assert (peer(cluster, "b"), cluster.status("a").commit) == ((6, 7, False), 6)


def test_heartbeat_goes_on_telling_what_was_acknowledged() -> None:
    """Or a node that restarts in the middle of its repair would think that it lost nothing."""
    cluster = led()
    cluster.tell("a", "b", AppendReply(Term(1), accepted=False, index=Index(5)))
    cluster.tick("a", 2)
    beats = [
        e.body.commit
        for e in cluster.drop(between("a", "b"))
        if isinstance(e.body, HeartbeatRequest)
    ]
    assert beats == [5]


def test_leadership_does_not_go_to_a_node_that_lost_entries() -> None:
    cluster = led()
    lose(cluster, "b")
    cluster.tell("a", "b", AppendReply(Term(1), accepted=False, index=Index(5)))
    cluster.drop()
    cluster.give("a", TransferRequested(7, NodeId("b")))
    assert [e for e in cluster.wire if isinstance(e.body, TimeoutNow)] == []
    cluster.tick("a", 2)
    cluster.settle()
    assert (cluster.status("b").role, cluster.terms("b")) == (Role.LEADER, [1] * 5 + [2])


def test_stalled_repair_is_resumed_by_a_heartbeat() -> None:
    """All that was streamed is lost; the peer once acknowledged the whole log."""
    cluster = led()
    cluster.tell("a", "b", AppendReply(Term(1), accepted=False, index=Index(5)))
    cluster.tell("a", "b", AppendReply(Term(1), accepted=True, index=Index(2)))
    cluster.drop()
    cluster.tell("a", "b", HeartbeatReply(Term(1), 0, Index(5)))
    cluster.give("a")
    assert peer(cluster, "b") == (5, 6, False)
