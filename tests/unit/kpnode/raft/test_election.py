"""Pre-vote, vote, and when either is refused."""

import pytest

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Envelope,
    HardState,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Message,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    RaftConfig,
    Received,
    Role,
    Term,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from kpnode.sim.cluster import Cluster, between, every, touching


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


def ticks_to_campaign(cluster: Cluster, name: str = "a") -> int:
    cluster.drop()
    ticks = 0
    while not cluster.wire:
        cluster.tick(name)
        ticks += 1
    return ticks


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


def test_timeouts_differ_by_node_and_term_and_never_by_run() -> None:
    def wait(name: str, term: int) -> int:
        return ticks_to_campaign(Cluster("abc", logs={name: [term]}), name)

    drawn = {(name, term): wait(name, term) for name in "abc" for term in range(1, 6)}
    assert drawn == {key: wait(*key) for key in drawn}
    assert all(10 <= ticks < 20 for ticks in drawn.values())
    assert len({drawn[name, 1] for name in "abc"} | {drawn["a", t] for t in range(1, 6)}) > 3


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
    reply = cluster.tell("a", "b", pre_vote(5, 9, 5))
    assert reply == (PreVoteReply(Term(5), granted=False),)


def test_refused_pre_vote_lifts_the_asker_to_the_higher_term() -> None:
    cluster = Cluster("abc", logs={"b": [5], "c": [5]})
    cluster.tick("a", 20)
    cluster.deliver(between("a", "b"))
    cluster.deliver(between("b", "a"))
    status = cluster.status("a")
    assert (status.role, status.term, status.voted_for) == (Role.FOLLOWER, 5, None)


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
    "message",
    [
        VoteReply(Term(9), granted=False),
        AppendReply(Term(9), accepted=False, index=Index(0)),
        HeartbeatReply(Term(9), 0, Index(0)),
        PreVoteReply(Term(9), granted=False),
    ],
)
def test_stranger_with_a_high_term_deposes_nobody(
    message: VoteReply | AppendReply | HeartbeatReply | PreVoteReply,
) -> None:
    cluster = Cluster("abcx", voters="abc")
    cluster.elect("a")
    cluster.tell("a", "x", message)
    assert cluster.status("a").role is Role.LEADER
    cluster.tell("a", "c", message)
    assert (cluster.status("a").role, cluster.status("a").term) == (Role.FOLLOWER, 9)


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
    for reply in (PreVoteReply(Term(1), granted=True), VoteReply(Term(1), granted=True)):
        cluster.tell("a", "b", reply)
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


def test_message_of_a_term_that_ended_before_it_could_leave_is_gone() -> None:
    """What leaves a node is on its disk; this vote was superseded before it got there."""
    cluster = Cluster("abc")
    assert cluster.tell("a", "b", vote(1), vote(2)) == granted(2)


def test_pre_candidate_learns_from_a_reply_what_is_committed() -> None:
    cluster = Cluster("abc", logs={"a": [1, 1, 2]})
    cluster.tick("a", 20)
    for index, term in ((2, 2), (9, 2), (2, 1)):
        reply = PreVoteReply(
            Term(2), granted=False, commit_index=Index(index), commit_term=Term(term)
        )
        cluster.tell("a", "b", reply)
    assert cluster.status("a").commit == 2


def test_every_answer_goes_to_who_asked() -> None:
    cluster = Cluster("abc", logs={"a": [3]})
    append = AppendRequest(Term(2), Index(0), Term(0), (), Index(0))
    late = AppendRequest(Term(4), Index(9), Term(4), (), Index(0))
    early = AppendRequest(Term(4), Index(0), Term(0), (), Index(0))
    messages: list[Message] = [
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
    for message in messages:
        cluster.give("a", Received(Envelope(NodeId("b"), NodeId("a"), message)))
        assert [(e.sender, e.recipient) for e in cluster.drop()] == [("a", "b")]


def test_settings_reach_the_core() -> None:
    settings = RaftConfig(NodeId("any"), election_ticks=4, heartbeat_ticks=1)
    cluster = Cluster("ab", settings=settings)
    cluster.tick("a", 7)
    assert cluster.status("a").role is Role.PRE_CANDIDATE
