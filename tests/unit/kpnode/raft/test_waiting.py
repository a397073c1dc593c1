"""How long a node waits for a leader, and a leader for its quorum."""

import pytest
from lab.simulator.cluster import Cluster

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    NodeId,
    PreVoteReply,
    RaftConfig,
    Role,
    Term,
    VoteReply,
    VoteRequest,
)


def vote(
    term: int, last_index: int = 0, last_term: int = 0, *, transfer: bool = False
) -> VoteRequest:
    return VoteRequest(Term(term), Index(last_index), Term(last_term), transfer)


def heartbeat(term: int, commit: int = 0) -> HeartbeatRequest:
    return HeartbeatRequest(Term(term), Index(commit), 0)


def granted(term: int) -> tuple[VoteReply]:
    return (VoteReply(Term(term), granted=True),)


def refused(term: int) -> tuple[VoteReply]:
    return (VoteReply(Term(term), granted=False),)


def ticks_to_campaign(cluster: Cluster, name: str = "a") -> int:
    cluster.drop()
    ticks = 0
    while not cluster.wire:
        cluster.tick(name)
        ticks += 1
    return ticks


def test_timeouts_differ_by_node_and_term_and_never_by_run() -> None:
    def wait(name: str, term: int) -> int:
        return ticks_to_campaign(Cluster("abc", logs={name: [term]}), name)

    drawn = {(name, term): wait(name, term) for name in "abc" for term in range(1, 6)}
    assert drawn == {key: wait(*key) for key in drawn}
    assert all(10 <= ticks < 20 for ticks in drawn.values())
    assert len({drawn[name, 1] for name in "abc"} | {drawn["a", t] for t in range(1, 6)}) > 3


def test_giving_a_vote_gives_the_candidate_time() -> None:
    cluster = Cluster("abc")
    cluster.tick("a", 9)
    assert cluster.tell("a", "b", vote(1)) == granted(1)
    assert ticks_to_campaign(cluster) == ticks_to_campaign(Cluster("abc", logs={"a": [1]}))


def test_sign_of_life_of_a_leader_starts_the_wait_anew() -> None:
    cluster = Cluster("abc", logs={"a": [1]})
    full = ticks_to_campaign(Cluster("abc", logs={"a": [1]}))
    cluster.tick("a", 9)
    cluster.tell("a", "b", heartbeat(1))
    assert ticks_to_campaign(cluster) == full
    cluster.tell("a", "b", AppendRequest(Term(1), Index(1), Term(1), (), Index(0)))
    assert ticks_to_campaign(cluster) == full


def test_refused_candidate_costs_no_time() -> None:
    cluster = Cluster("abc", logs={"a": [1, 1]})
    cluster.tick("a", 9)
    assert cluster.tell("a", "b", vote(7, 1, 1)) == refused(7)
    full = ticks_to_campaign(Cluster("abc", logs={"a": [7]}))
    assert ticks_to_campaign(cluster) == full - 9


def test_term_with_a_shorter_wait_may_end_it_at_once() -> None:
    waits = {term: ticks_to_campaign(Cluster("abc", logs={"a": [term]})) for term in range(1, 30)}
    longest = max(waits, key=lambda term: waits[term])
    shorter = next(term for term in range(longest, 30) if waits[term] < waits[longest] - 2)
    cluster = Cluster("abc", logs={"a": [longest]})
    cluster.tick("a", waits[longest] - 1)
    cluster.tell("a", "b", vote(shorter))
    assert ticks_to_campaign(cluster) == 1


def test_vain_campaign_is_repeated_after_a_timeout() -> None:
    cluster = Cluster("abc")
    full = ticks_to_campaign(cluster)
    assert ticks_to_campaign(cluster) == full


def test_deposed_leader_gives_its_successor_time() -> None:
    cluster = Cluster("abc")
    cluster.elect("a")
    cluster.tick("a", 9)
    cluster.tell("a", "b", HeartbeatReply(Term(9), 0, Index(0)))
    cluster.drop()
    cluster.tick("a", 9)
    assert cluster.drop() == []


def test_leader_without_a_quorum_steps_down_in_its_term() -> None:
    cluster = Cluster("abc")
    cluster.elect("a")
    cluster.tick("a", 20)
    status = cluster.status("a")
    assert (status.role, status.term, status.leader) == (Role.FOLLOWER, 1, None)


def test_quorum_is_checked_once_in_an_election_timeout() -> None:
    cluster = Cluster("abc")
    cluster.elect("a")
    for ticks, role in ((9, Role.LEADER), (1, Role.LEADER), (9, Role.LEADER), (1, Role.FOLLOWER)):
        cluster.tick("a", ticks)
        assert cluster.status("a").role is role


def test_leader_that_nobody_ever_answers_steps_down() -> None:
    cluster = Cluster("abc")
    cluster.tick("a", 20)
    cluster.tell("a", "b", PreVoteReply(Term(1), granted=True))
    cluster.tick("a", 5)
    cluster.tell("a", "b", VoteReply(Term(1), granted=True))
    cluster.tick("a", 9)
    assert cluster.status("a").role is Role.LEADER
    cluster.tick("a")
    assert cluster.status("a").role is Role.FOLLOWER


def test_candidate_waits_for_a_timeout_of_its_term() -> None:
    cluster = Cluster("abc")
    cluster.tick("a", 20)
    cluster.tell("a", "b", PreVoteReply(Term(1), granted=True))
    assert cluster.status("a").role is Role.CANDIDATE
    assert ticks_to_campaign(cluster) == ticks_to_campaign(Cluster("abc", logs={"a": [1]}))


def test_refusals_keep_a_leader_in_office() -> None:
    """A follower that diverged for long is alive all the same."""
    cluster = Cluster("abc")
    cluster.elect("a")
    for _ in range(8):
        cluster.tick("a", 5)
        cluster.tell("a", "b", AppendReply(Term(1), accepted=False, index=Index(0)))
    assert cluster.status("a").role is Role.LEADER


def test_settings_reach_the_core() -> None:
    settings = RaftConfig(NodeId("any"), election_ticks=4, heartbeat_ticks=1)
    cluster = Cluster("ab", settings=settings)
    cluster.tick("a", 7)
    assert cluster.status("a").role is Role.PRE_CANDIDATE


@pytest.mark.parametrize("why", ["it does not vote", "its disk has lost entries", "it campaigns"])
def test_leader_that_is_silent_for_an_election_timeout_is_forgotten(why: str) -> None:
    voters = "bcd" if why == "it does not vote" else "abc"
    cluster = Cluster("abc", voters=voters, logs={"a": [1]})
    if why == "its disk has lost entries":
        cluster.restart("a", applied=2)
    cluster.tell("a", "b", heartbeat(2))
    cluster.tick("a", 9)
    assert cluster.status("a").leader == "b"
    cluster.tick("a", 10)
    assert cluster.status("a").leader is None
    assert (cluster.status("a").role is Role.FOLLOWER) == (why != "it campaigns")
    cluster.tell("a", "b", heartbeat(2))
    assert cluster.status("a").leader == "b"


def test_term_whose_leader_was_forgotten_needs_no_vote() -> None:
    """The leader may have had this node's, which a disk that was rolled back does not know."""
    cluster = Cluster("abc", voters="bcd")
    cluster.tell("a", "b", heartbeat(1))
    cluster.tick("a", 20)
    assert cluster.tell("a", "c", vote(1)) == refused(1)
    assert cluster.tell("a", "c", vote(2)) == granted(2)
