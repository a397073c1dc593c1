"""How a node comes to lead, and what ends its campaign."""

import pytest
from lab.simulator.cluster import Cluster, between, every, touching

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Message,
    MessageBody,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    Received,
    Role,
    Term,
    TimeoutNow,
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


def roles(cluster: Cluster) -> dict[str, Role]:
    return {name: cluster.status(name).role for name in cluster.members}


def test_first_leader_opens_its_term_with_a_noop() -> None:
    cluster = Cluster("abc")
    cluster.elect("a")
    assert roles(cluster) == {"a": Role.LEADER, "b": Role.FOLLOWER, "c": Role.FOLLOWER}
    assert [cluster.terms(name) for name in "abc"] == [[1], [1], [1]]
    entry = cluster.members["a"].applied[0]
    assert (entry.kind.name, entry.payload, entry.term) == ("NOOP", b"", 1)
    assert cluster.status("b").leader == "a"


def test_only_voter_elects_itself() -> None:
    cluster = Cluster("a")
    cluster.elect("a")
    assert cluster.status("a").commit == 1


def test_node_that_does_not_vote_does_not_campaign() -> None:
    cluster = Cluster("ab", voters="b")
    cluster.tick("a", 50)
    assert cluster.drop() == []
    assert cluster.status("a").role is Role.FOLLOWER


def test_refused_pre_vote_lifts_the_asker_to_the_higher_term() -> None:
    cluster = Cluster("abc", logs={"b": [5], "c": [5]})
    cluster.tick("a", 20)
    cluster.deliver(between("a", "b"))
    cluster.deliver(between("b", "a"))
    status = cluster.status("a")
    assert (status.role, status.term, status.voted_for) == (Role.FOLLOWER, 5, None)


def test_node_back_from_a_partition_disturbs_nobody() -> None:
    cluster = Cluster("abc")
    cluster.elect("a")
    for _ in range(5):
        cluster.tick("c", 10)
        cluster.drop(touching("c"))
    for _ in range(30):
        for name in "abc":
            cluster.tick(name)
        cluster.settle()
    assert [cluster.status(name).term for name in "abc"] == [1, 1, 1]
    assert cluster.status("c").leader == "a"


def test_votes_count_once_per_sender() -> None:
    cluster = Cluster("abcde")
    cluster.tick("a", 20)
    cluster.drop()
    for _ in range(3):
        cluster.tell("a", "b", PreVoteReply(Term(1), granted=True))
    assert cluster.status("a").role is Role.PRE_CANDIDATE
    cluster.tell("a", "c", PreVoteReply(Term(1), granted=True))
    for _ in range(3):
        cluster.tell("a", "b", VoteReply(Term(1), granted=True))
    assert cluster.status("a").role is Role.CANDIDATE
    cluster.tell("a", "c", VoteReply(Term(1), granted=True))
    assert cluster.status("a").role is Role.LEADER


def test_votes_count_only_for_their_own_campaign() -> None:
    cluster = Cluster("abc", logs={"a": [4]})
    cluster.tell("a", "b", VoteReply(Term(4), granted=True))
    assert cluster.status("a").role is Role.FOLLOWER
    cluster.tick("a", 20)
    cluster.tell("a", "b", VoteReply(Term(4), granted=True))
    cluster.tell("a", "b", PreVoteReply(Term(4), granted=True))
    cluster.tell("a", "b", PreVoteReply(Term(6), granted=True))
    assert (cluster.status("a").role, cluster.status("a").term) == (Role.PRE_CANDIDATE, 4)
    cluster.tell("a", "b", PreVoteReply(Term(5), granted=True))
    cluster.tell("a", "b", VoteReply(Term(4), granted=True))
    cluster.tell("a", "b", VoteReply(Term(5), granted=False))
    assert (cluster.status("a").role, cluster.status("a").term) == (Role.CANDIDATE, 5)


def test_stranger_has_no_vote() -> None:
    cluster = Cluster("abcx", voters="abc")
    cluster.tick("a", 20)
    cluster.tell("a", "x", PreVoteReply(Term(1), granted=True))
    assert cluster.status("a").role is Role.PRE_CANDIDATE


@pytest.mark.parametrize(
    "body",
    [
        VoteReply(Term(9), granted=False),
        AppendReply(Term(9), accepted=False, index=Index(0)),
        HeartbeatReply(Term(9), 0, Index(0)),
        PreVoteReply(Term(9), granted=False),
    ],
)
def test_stranger_with_a_high_term_deposes_nobody(
    body: VoteReply | AppendReply | HeartbeatReply | PreVoteReply,
) -> None:
    cluster = Cluster("abcx", voters="abc")
    cluster.elect("a")
    cluster.tell("a", "x", body)
    assert cluster.status("a").role is Role.LEADER
    cluster.tell("a", "c", body)
    assert (cluster.status("a").role, cluster.status("a").term) == (Role.FOLLOWER, 9)


def test_candidate_asks_for_votes_on_its_own_behalf() -> None:
    """Only who was asked to campaign by the leader may say so."""
    cluster = Cluster("abc", logs={"a": [1, 1]})
    cluster.tick("a", 20)
    assert {(e.recipient, e.body) for e in cluster.drop()} == {
        (name, pre_vote(2, 2, 1)) for name in "bc"
    }
    requests = cluster.tell("a", "b", PreVoteReply(Term(2), granted=True))
    assert requests == (vote(2, 2, 1), vote(2, 2, 1))


def test_split_vote_is_followed_by_another_term() -> None:
    cluster = Cluster("ab")
    for name in "ab":
        cluster.tick(name, 20)
    cluster.deliver(every)
    cluster.deliver(every)
    assert roles(cluster) == {"a": Role.CANDIDATE, "b": Role.CANDIDATE}
    cluster.settle()
    for _ in range(60):
        for name in "ab":
            cluster.tick(name)
        cluster.settle()
    assert sorted(role.value for role in roles(cluster).values()) == ["follower", "leader"]
    assert cluster.status("a").term > 1


def test_leader_of_the_same_term_ends_a_campaign() -> None:
    cluster = Cluster("abc")
    cluster.tick("a", 20)
    cluster.tell("a", "b", PreVoteReply(Term(1), granted=True))
    assert cluster.status("a").role is Role.CANDIDATE
    cluster.tell("a", "c", heartbeat(1))
    status = cluster.status("a")
    assert (status.role, status.leader, status.voted_for) == (Role.FOLLOWER, "c", "a")


def test_second_leader_of_a_term_is_not_listened_to() -> None:
    cluster = Cluster("abc")
    cluster.elect("a")
    assert cluster.tell("a", "b", heartbeat(1)) == ()
    assert cluster.tell("c", "b", heartbeat(1)) == ()
    assert (cluster.status("a").role, cluster.status("c").leader) == (Role.LEADER, "a")


def test_leader_of_an_older_term_learns_of_the_newer_one() -> None:
    cluster = Cluster("abc", logs={"a": [5]})
    append = AppendRequest(Term(4), Index(7), Term(4), (), Index(0))
    assert cluster.tell("a", "b", append) == (AppendReply(Term(5), accepted=False, index=Index(0)),)
    assert cluster.tell("a", "b", heartbeat(4)) == (HeartbeatReply(Term(5), 0, Index(0)),)
    assert cluster.status("a").leader is None


def test_nomination_of_an_older_term_is_ignored() -> None:
    cluster = Cluster("abc", logs={"a": [5]})
    assert cluster.tell("a", "b", TimeoutNow(Term(4))) == ()
    assert cluster.status("a").role is Role.FOLLOWER


def test_nomination_by_another_than_the_leader_is_ignored() -> None:
    cluster = Cluster("abc")
    cluster.tell("a", "b", heartbeat(1))
    assert cluster.tell("a", "c", TimeoutNow(Term(1))) == ()
    assert cluster.status("a").term == 1


def test_nominated_node_campaigns_without_pre_vote() -> None:
    cluster = Cluster("abc")
    cluster.tell("a", "b", heartbeat(1))
    requests = cluster.tell("a", "b", TimeoutNow(Term(1)))
    assert requests == (vote(2, transfer=True), vote(2, transfer=True))


def test_nominated_node_that_does_not_vote_stays_where_it_is() -> None:
    cluster = Cluster("ax", voters="a")
    assert cluster.tell("x", "a", TimeoutNow(Term(1))) == ()


def test_pre_candidate_learns_from_a_reply_what_is_committed() -> None:
    cluster = Cluster("abc", logs={"a": [1, 1, 2]})
    cluster.tick("a", 20)
    # Of entry 2 it holds another one, entry 9 not at all.
    for index, term, commit in ((2, 2, 0), (9, 2, 0), (2, 1, 2)):
        reply = PreVoteReply(
            Term(2), granted=False, commit_index=Index(index), commit_term=Term(term)
        )
        cluster.tell("a", "b", reply)
        assert cluster.status("a").commit == commit


def test_every_answer_goes_to_who_asked() -> None:
    cluster = Cluster("abc", logs={"a": [3]})
    append = AppendRequest(Term(2), Index(0), Term(0), (), Index(0))
    late = AppendRequest(Term(4), Index(9), Term(4), (), Index(0))
    early = AppendRequest(Term(4), Index(0), Term(0), (), Index(0))
    messages: list[MessageBody] = [
        pre_vote(2),
        pre_vote(9, 9, 9),
        vote(2),
        vote(4, 9, 3),
        append,
        heartbeat(2),
        late,
        early,
        heartbeat(4),
    ]
    for body in messages:
        cluster.give("a", Received(Message(NodeId("b"), NodeId("a"), body)))
        assert [(e.sender, e.recipient) for e in cluster.drop()] == [("a", "b")]


def test_pre_vote_reply_means_nothing_to_who_does_not_ask() -> None:
    """Neither as a vote nor as news: only a pre-candidate needs the latter."""
    cluster = Cluster("abc", logs={"a": [1, 1]})
    replies = [
        PreVoteReply(Term(term), granted=True, commit_index=Index(2), commit_term=Term(1))
        for term in (2, 3)
    ]
    cluster.tell("a", "b", *replies)
    assert (cluster.status("a").role, cluster.status("a").commit) == (Role.FOLLOWER, 0)
    cluster.tick("a", 20)
    cluster.tell("a", "b", PreVoteReply(Term(2), granted=True))
    cluster.tell("a", "c", *replies)
    assert (cluster.status("a").role, cluster.status("a").commit) == (Role.CANDIDATE, 0)
