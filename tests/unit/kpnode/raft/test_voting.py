"""Who gets a pre-vote or a vote, and when either is refused."""

import pytest
from lab.simulator.cluster import Cluster

from kpnode.raft import (
    HardState,
    HeartbeatRequest,
    Index,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    Role,
    Term,
    VoteReply,
    VoteRequest,
)


def pre_vote(term: int, last_index: int = 0, last_term: int = 0) -> PreVoteRequest:
    return PreVoteRequest(Term(term), Index(last_index), Term(last_term))


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


def test_pre_vote_changes_nothing_at_the_receiver() -> None:
    """Neither term nor vote nor timer, whatever the answer."""
    cluster = Cluster("abc", logs={"a": [1]})
    cluster.tick("a", 9)
    before = cluster.status("a")
    reply = cluster.tell("a", "b", pre_vote(7, 1, 1))
    assert reply == (PreVoteReply(Term(7), granted=True),)
    assert cluster.status("a") == before
    untouched = Cluster("abc", logs={"a": [1]})
    untouched.tick("a", 9)
    while not untouched.wire:
        untouched.tick("a")
        cluster.tick("a")
    assert cluster.wire == untouched.wire


@pytest.mark.parametrize(("last_index", "last_term"), [(1, 2), (3, 1), (0, 0)])
def test_pre_vote_and_vote_are_refused_to_a_shorter_log(last_index: int, last_term: int) -> None:
    cluster = Cluster("abc", logs={"a": [1, 2]})
    reply = cluster.tell("a", "b", pre_vote(7, last_index, last_term))
    assert reply == (PreVoteReply(Term(2), granted=False),)
    assert cluster.tell("a", "b", vote(7, last_index, last_term)) == refused(7)
    assert cluster.members["a"].storage.hard_state == HardState(Term(7), None)


@pytest.mark.parametrize(("last_index", "last_term"), [(2, 2), (3, 2), (1, 3)])
def test_vote_is_given_to_a_log_that_is_up_to_date(last_index: int, last_term: int) -> None:
    cluster = Cluster("abc", logs={"a": [1, 2]})
    assert cluster.tell("a", "b", vote(7, last_index, last_term)) == granted(7)
    assert cluster.members["a"].storage.hard_state == HardState(Term(7), NodeId("b"))


def test_repeated_request_gets_the_same_answer() -> None:
    cluster = Cluster("abc")
    for _ in range(2):
        assert cluster.tell("a", "b", vote(1)) == granted(1)
        assert cluster.tell("a", "c", vote(1)) == refused(1)


def test_repeated_request_is_granted_after_the_candidate_won() -> None:
    """The log has grown meanwhile, by what this very candidate appended."""
    cluster = Cluster("abc")
    cluster.elect("b")
    assert cluster.tell("a", "b", vote(1)) == granted(1)
    assert cluster.status("a").leader == "b"


def test_vote_survives_a_restart() -> None:
    cluster = Cluster("abc")
    cluster.tell("a", "b", vote(1))
    cluster.restart("a")
    assert cluster.tell("a", "c", vote(1)) == refused(1)
    assert cluster.tell("a", "b", vote(1)) == granted(1)


def test_stepping_down_within_a_term_keeps_the_vote() -> None:
    cluster = Cluster("abc")
    cluster.elect("a")
    cluster.tick("a", 20)
    assert (cluster.status("a").role, cluster.status("a").term) == (Role.FOLLOWER, 1)
    assert cluster.tell("a", "b", vote(1, 9, 1)) == refused(1)


def test_no_vote_in_a_term_that_has_a_leader() -> None:
    cluster = Cluster("abc")
    cluster.tell("a", "b", heartbeat(3))
    assert cluster.tell("a", "c", vote(3)) == refused(3)


def test_request_of_an_older_term_learns_the_newer_one() -> None:
    cluster = Cluster("abc", logs={"a": [5]})
    assert cluster.tell("a", "b", vote(3, 9, 3)) == refused(5)
    for term in (4, 5):
        reply = cluster.tell("a", "b", pre_vote(term, 9, 5))
        assert reply == (PreVoteReply(Term(5), granted=False),)


def test_vote_of_an_older_term_is_not_one_of_the_current() -> None:
    cluster = Cluster("abc", logs={"a": [1]})
    assert cluster.tell("a", "b", vote(5)) == refused(5)
    assert cluster.tell("a", "b", vote(3, 9, 2)) == refused(5)
    assert cluster.status("a").voted_for is None


def test_request_of_an_older_term_ends_no_campaign() -> None:
    cluster = Cluster("abc", logs={"a": [5]})
    cluster.tick("a", 20)
    cluster.tell("a", "b", PreVoteReply(Term(6), granted=True))
    assert cluster.tell("a", "b", vote(5, 9, 5)) == refused(6)
    assert cluster.status("a").role is Role.CANDIDATE


def test_node_that_hears_a_leader_refuses_others() -> None:
    cluster = Cluster("abc")
    cluster.tell("a", "b", heartbeat(1))
    cluster.tick("a", 9)
    assert cluster.tell("a", "c", pre_vote(2)) == (PreVoteReply(Term(1), granted=False),)
    assert cluster.tell("a", "c", vote(2)) == ()
    assert cluster.status("a").term == 1


def test_node_that_hears_a_leader_does_not_refuse_that_leader() -> None:
    """It may have lost its quorum and want it back (hashicorp #605)."""
    cluster = Cluster("abc")
    cluster.tell("a", "b", heartbeat(1))
    assert cluster.tell("a", "b", pre_vote(2)) == (PreVoteReply(Term(2), granted=True),)
    assert cluster.tell("a", "b", vote(2)) == granted(2)


def test_leader_refuses_others_while_it_has_its_quorum() -> None:
    cluster = Cluster("abc")
    cluster.elect("a")
    reply = cluster.tell("a", "c", pre_vote(2, 9, 1))
    assert reply == (
        PreVoteReply(Term(1), granted=False, commit_index=Index(1), commit_term=Term(1)),
    )
    assert cluster.tell("a", "c", vote(2, 9, 1)) == ()
    assert cluster.status("a").role is Role.LEADER


def test_vote_that_the_leader_asked_for_is_given_although_it_is_heard() -> None:
    cluster = Cluster("abc")
    cluster.tell("a", "b", heartbeat(1))
    assert cluster.tell("a", "c", vote(2, transfer=True)) == granted(2)


def test_stranger_that_says_the_leader_asked_for_it_disturbs_nobody() -> None:
    """It was removed meanwhile, and the nomination reached it late."""
    cluster = Cluster("abcx", voters="abc")
    cluster.elect("a")
    cluster.settle()
    for name in "abc":
        assert cluster.tell(name, "x", vote(2, 9, 1, transfer=True)) == ()
    assert cluster.status("a").role is Role.LEADER


def test_message_of_a_term_that_ended_before_it_could_leave_is_gone() -> None:
    """What leaves a node is on its disk; this vote was superseded before it got there."""
    cluster = Cluster("abc")
    assert cluster.tell("a", "b", vote(1), vote(2)) == granted(2)


def test_pre_candidate_that_votes_for_another_stops_asking() -> None:
    cluster = Cluster("abc", logs={"a": [3]})
    cluster.tick("a", 20)
    assert cluster.status("a").role is Role.PRE_CANDIDATE
    assert cluster.tell("a", "b", vote(3, 1, 3)) == granted(3)
    assert cluster.status("a").role is Role.FOLLOWER
