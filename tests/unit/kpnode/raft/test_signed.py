"""The core where nodes may lie: what counts once it is signed, and what binds whoever signed it."""

import pytest
from lab.simulator.cluster import Cluster, between
from memory_storage import MemoryStorage

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Certified,
    ConfigProposed,
    Configuration,
    Dropped,
    DropReason,
    Entry,
    EntryKind,
    HardState,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Message,
    NodeId,
    PreVoteReply,
    Proposed,
    RaftConfig,
    RaftCore,
    ReadGrant,
    ReadRequested,
    Received,
    Recovered,
    Role,
    Term,
    Tick,
    TimeoutNow,
    TransferRequested,
    VoteReply,
    VoteRequest,
    VoteSigned,
)
from kpnode.raft.membership import encode_opening

SIGNED = RaftConfig(NodeId("any"), signed=True)
OF_A = b"the vote of a"
OF_B = b"the vote of b"


def signed(names: str = "abc", **logs: list[int]) -> Cluster:
    return Cluster(names, settings=SIGNED, logs=logs)


def block(index: int, term: int, payload: bytes = b"") -> Entry:
    return Entry(Index(index), Term(term), EntryKind.BLOCK, payload)


def append(term: int, *entries: Entry, prev: tuple[int, int] = (0, 0)) -> AppendRequest:
    return AppendRequest(Term(term), Index(prev[0]), Term(prev[1]), entries, Index(0))


def accepted(term: int, index: int) -> tuple[AppendReply]:
    return (AppendReply(Term(term), accepted=True, index=Index(index)),)


def campaigning(names: str = "abc") -> Cluster:
    """Let `a` ask for votes, which nobody has answered yet."""
    cluster = signed(names)
    while cluster.status("a").role is not Role.CANDIDATE:
        cluster.tick("a")
        for name in names[1:]:
            cluster.tell("a", name, PreVoteReply(Term(1), granted=True, attached=b"pre-vote"))
    cluster.drop()
    return cluster


def granted(attached: bytes, term: int = 1) -> VoteReply:
    return VoteReply(Term(term), granted=True, attached=attached)


def leading(names: str = "abc") -> Cluster:
    """Let `a` lead term 1, whose opening all hold and nobody certified."""
    cluster = campaigning(names)
    cluster.tell("a", "b", granted(OF_B))
    cluster.give("a", VoteSigned(Term(1), OF_A))
    cluster.settle()
    return cluster


def certify(cluster: Cluster, index: int, term: int = 1) -> None:
    cluster.give("a", Certified(Index(index), Term(term)))


def test_own_vote_counts_once_it_is_signed() -> None:
    cluster = campaigning()
    cluster.tell("a", "b", granted(OF_B))
    assert cluster.status("a").role is Role.CANDIDATE
    assert cluster.members["a"].storage.hard_state == HardState(Term(1), NodeId("a"))
    cluster.give("a", VoteSigned(Term(1), OF_A))
    assert cluster.status("a").role is Role.LEADER


def test_own_vote_is_one_among_the_others() -> None:
    cluster = campaigning()
    cluster.give("a", VoteSigned(Term(1), OF_A), VoteSigned(Term(1), OF_A))
    assert cluster.status("a").role is Role.CANDIDATE
    cluster.tell("a", "b", granted(OF_B))
    assert cluster.status("a").role is Role.LEADER


def test_candidate_alone_waits_for_its_own_vote() -> None:
    cluster = signed("a")
    cluster.tick("a", 20)
    assert (cluster.status("a").role, cluster.status("a").term) == (Role.CANDIDATE, 1)
    cluster.give("a", VoteSigned(Term(1), OF_A))
    assert cluster.status("a").role is Role.LEADER
    assert cluster.status("a").commit == 0
    certify(cluster, 1)
    assert cluster.status("a").commit == 1


def test_term_opens_with_the_votes_that_were_counted() -> None:
    cluster = campaigning("abcde")
    cluster.tell("a", "e", granted(b"the vote of e"))
    cluster.tell("a", "b", granted(OF_B), granted(b"the same again"))
    cluster.give("a", VoteSigned(Term(1), OF_A))
    opening = encode_opening({NodeId("e"): b"the vote of e", NodeId("a"): OF_A, NodeId("b"): OF_B})
    assert cluster.members["a"].storage.log == [Entry(Index(1), Term(1), EntryKind.NOOP, opening)]


def test_the_bytes_of_an_opening_do_not_change() -> None:
    votes = {NodeId("na-1"): b"\xaa\xbb", NodeId("bw-1"): b"\xcc"}
    assert encode_opening(votes).hex() == "0102" + "00000001cc" + "00000002aabb"


def test_others_may_elect_without_the_own_vote() -> None:
    cluster = campaigning()
    cluster.tell("a", "b", granted(OF_B))
    cluster.tell("a", "c", granted(b"the vote of c"))
    before = cluster.status("a")
    assert before.role is Role.LEADER
    cluster.give("a", VoteSigned(Term(1), OF_A))
    assert cluster.status("a") == before


@pytest.mark.parametrize("term", [0, 2])
def test_own_vote_of_another_term_is_passed_over(term: int) -> None:
    cluster = campaigning()
    cluster.tell("a", "b", granted(OF_B))
    cluster.give("a", VoteSigned(Term(term), OF_A))
    assert cluster.status("a").role is Role.CANDIDATE


def test_own_vote_of_a_campaign_that_is_over_is_passed_over() -> None:
    """Neither a follower counts it nor one that asks again whether it could win."""
    cluster = campaigning()
    cluster.tell("a", "b", HeartbeatRequest(Term(1), Index(0), 0))
    cluster.give("a", VoteSigned(Term(1), OF_A))
    assert cluster.status("a").role is Role.FOLLOWER
    cluster = campaigning()
    while cluster.status("a").role is not Role.PRE_CANDIDATE:
        cluster.tick("a")
    cluster.give("a", VoteSigned(Term(1), OF_A))
    assert (cluster.status("a").role, cluster.status("a").term) == (Role.PRE_CANDIDATE, 1)


def test_leader_commits_what_is_certified_and_nothing_by_counting() -> None:
    cluster = leading()
    cluster.give("a", Proposed(1, b"one"), Proposed(2, b"two"))
    cluster.settle()
    assert [peer.match for peer in cluster.status("a").peers] == [3, 3]
    assert cluster.status("a").commit == 0
    certify(cluster, 2)
    assert cluster.status("a").commit == 2
    certify(cluster, 1)
    assert cluster.status("a").commit == 2
    cluster.settle()
    assert cluster.status("b").commit == 2
    certify(cluster, 3)
    assert [entry.payload for entry in cluster.members["a"].applied[1:]] == [b"one", b"two"]


@pytest.mark.parametrize(("index", "term"), [(3, 1), (1, 0), (1, 2)])
def test_certificate_that_is_none_of_this_leadership_is_passed_over(index: int, term: int) -> None:
    cluster = leading()
    cluster.give("a", Proposed(1, b""))
    certify(cluster, index, term)
    assert cluster.status("a").commit == 0


def test_entry_of_an_earlier_term_is_not_committed_by_itself() -> None:
    """However many hold it: thesis 3.6.2."""
    cluster = signed("abc", a=[1, 1])
    while cluster.status("a").role is not Role.CANDIDATE:
        cluster.tick("a")
        cluster.tell("a", "b", PreVoteReply(Term(2), granted=True))
    cluster.tell("a", "b", granted(OF_B, 2))
    cluster.give("a", VoteSigned(Term(2), OF_A))
    certify(cluster, 2, 2)
    assert cluster.status("a").commit == 0
    certify(cluster, 3, 2)
    assert cluster.status("a").commit == 3


def test_certificate_does_nothing_at_a_node_that_does_not_lead() -> None:
    cluster = leading()
    cluster.give("b", Certified(Index(1), Term(1)))
    assert cluster.status("b").commit == 0


def test_reads_wait_for_the_certificate_of_the_opening() -> None:
    cluster = leading()
    cluster.give("a", ReadRequested(7))
    cluster.settle()
    assert cluster.members["a"].reads == []
    certify(cluster, 1)
    cluster.settle()
    assert cluster.members["a"].reads == [ReadGrant(7, Index(1))]


def test_transfer_needs_no_certificate_of_the_end() -> None:
    cluster = leading()
    cluster.give("a", TransferRequested(7, NodeId("b")))
    asked = [message.body for message in cluster.drop(between("a", "b"))]
    assert asked == [TimeoutNow(Term(1))]


def test_certified_change_of_voters_retires_who_is_left_out() -> None:
    cluster = leading()
    certify(cluster, 1)
    remaining = Configuration((NodeId("b"), NodeId("c")))
    cluster.give("a", ConfigProposed(7, remaining))
    cluster.settle()
    assert cluster.status("a").configurations == (cluster.genesis, remaining)
    certify(cluster, 2)
    assert cluster.status("a").role is Role.FOLLOWER
    assert cluster.status("a").configurations == (remaining,)


def test_certified_change_of_voters_leaves_the_rest_to_certificates() -> None:
    cluster = leading()
    certify(cluster, 1)
    cluster.give("a", ConfigProposed(7, Configuration((NodeId("a"), NodeId("b")))))
    cluster.give("a", Proposed(8, b""))
    cluster.settle()
    certify(cluster, 2)
    assert (cluster.status("a").role, cluster.status("a").commit) == (Role.LEADER, 2)


def test_uncommitted_room_comes_back_with_the_certificate() -> None:
    settings = RaftConfig(NodeId("any"), signed=True, max_uncommitted_entries=1)
    cluster = Cluster("a", settings=settings)
    cluster.tick("a", 20)
    cluster.give("a", VoteSigned(Term(1), OF_A), Proposed(1, b""))
    full = Dropped(1, DropReason.TOO_MUCH_UNCOMMITTED, NodeId("a"))
    assert cluster.members["a"].dropped == [full]
    certify(cluster, 1)
    cluster.give("a", Proposed(2, b""))
    assert cluster.members["a"].dropped == [full]


def test_what_is_acknowledged_is_saved_with_what_it_covers() -> None:
    cluster = signed()
    core = cluster.members["b"].core
    request = append(1, block(1, 1), block(2, 1))
    core.handle(Received(Message(NodeId("a"), NodeId("b"), request)))
    ready = core.take_ready()
    assert ready.hard_state == HardState(Term(1), None, Index(2))
    assert ready.entries == request.entries
    assert [message.body for message in ready.messages] == [*accepted(1, 2)]


def test_what_is_acknowledged_without_entries_is_saved_too() -> None:
    cluster = signed(b=[1, 1])
    assert cluster.tell("b", "a", append(2, prev=(2, 1))) == accepted(2, 2)
    assert cluster.members["b"].storage.hard_state == HardState(Term(2), None, Index(2))
    assert cluster.tell("b", "a", append(2, prev=(1, 1))) == accepted(2, 1)
    assert cluster.members["b"].storage.hard_state == HardState(Term(2), None, Index(2))


def test_leader_acknowledges_its_own_entries() -> None:
    cluster = leading()
    cluster.give("a", Proposed(1, b""))
    assert cluster.members["a"].storage.hard_state == HardState(Term(1), NodeId("a"), Index(2))


def test_new_term_has_acknowledged_nothing() -> None:
    cluster = signed()
    cluster.tell("b", "a", append(1, block(1, 1)))
    cluster.tell("b", "c", HeartbeatRequest(Term(2), Index(1), 0))
    assert cluster.members["b"].storage.hard_state == HardState(Term(2), None)
    assert cluster.status("b").commit == 0


BRANCHES = {
    "other block": (block(2, 2, b"second"),),
    "other block before one that is held": (block(2, 2, b"second"), block(3, 2)),
    "other term": (block(2, 1, b"first"), block(3, 2)),
    "other kind": (Entry(Index(2), Term(2), EntryKind.NOOP, b"first"),),
}


@pytest.mark.parametrize("branch", BRANCHES.values(), ids=BRANCHES)
@pytest.mark.parametrize("restarted", [False, True])
def test_within_a_term_nothing_acknowledged_is_overwritten(
    branch: tuple[Entry, ...], *, restarted: bool
) -> None:
    cluster = signed(b=[1])
    held = (block(2, 2, b"first"), block(3, 2))
    assert cluster.tell("b", "a", append(2, *held, prev=(1, 1))) == accepted(2, 3)
    if restarted:
        cluster.restart("b")
    assert cluster.tell("b", "a", append(2, *branch, prev=(1, 1))) == ()
    assert tuple(cluster.members["b"].storage.log[1:]) == held
    # It goes on with what it holds.
    more = append(2, held[1], block(4, 2), prev=(2, 2))
    assert cluster.tell("b", "a", more) == accepted(2, 4)


def test_leader_that_stepped_down_keeps_to_its_own_entries() -> None:
    cluster = leading()
    cluster.give("a", Proposed(1, b"mine"))
    held = list(cluster.members["a"].storage.log)
    cluster.restart("a")
    assert cluster.tell("a", "b", append(1, block(2, 1, b"other"), prev=(1, 1))) == ()
    assert cluster.members["a"].storage.log == held


@pytest.mark.parametrize("branch", BRANCHES.values(), ids=BRANCHES)
def test_later_term_overwrites_what_was_acknowledged_in_an_earlier_one(
    branch: tuple[Entry, ...],
) -> None:
    """An honest leader may do that to what was not committed."""
    cluster = signed(b=[1])
    cluster.tell("b", "a", append(2, block(2, 2, b"first"), block(3, 2), prev=(1, 1)))
    reply = cluster.tell("b", "c", append(3, *branch, prev=(1, 1)))
    assert reply == accepted(3, 1 + len(branch))
    assert tuple(cluster.members["b"].storage.log[1:]) == branch


def test_unacknowledged_rest_is_overwritten_within_a_term() -> None:
    """It stems from an earlier leader."""
    cluster = signed(b=[1, 1, 1])
    cluster.tell("b", "a", append(2, prev=(1, 1)))
    assert cluster.tell("b", "a", append(2, block(2, 2), prev=(1, 1))) == accepted(2, 2)
    assert cluster.terms("b") == [1, 2]


def test_openings_with_other_votes_are_one_entry() -> None:
    """What follows them is the same: what is held is kept, and nothing behind it truncated."""
    cluster = signed()
    shown, other = (Entry(Index(1), Term(1), EntryKind.NOOP, it) for it in (b"a, b", b"b, c"))
    held = [shown, block(2, 1)]
    cluster.tell("b", "a", append(1, *held))
    assert cluster.tell("b", "a", append(1, other)) == accepted(1, 1)
    assert cluster.tell("b", "c", append(2, other)) == accepted(2, 1)
    assert cluster.members["b"].storage.log == held


def test_follower_that_restarts_still_knows_what_it_compared() -> None:
    cluster = signed()
    cluster.tell("b", "a", append(1, block(1, 1), block(2, 1)))
    cluster.restart("b")
    beat = HeartbeatRequest(Term(1), Index(2), 0)
    assert cluster.tell("b", "a", beat) == (HeartbeatReply(Term(1), 0, Index(2)),)


def test_no_vote_in_a_term_in_which_something_was_acknowledged_before_a_restart() -> None:
    """It has its leader, whoever the other candidate is."""
    cluster = signed()
    cluster.tell("b", "a", append(1, block(1, 1)))
    cluster.restart("b")
    request = VoteRequest(Term(1), Index(1), Term(1), transfer=False)
    assert cluster.tell("b", "c", request) == (VoteReply(Term(1), granted=False),)


def lost(keep: int) -> Cluster:
    """Let `b` acknowledge three entries and find `keep` of them after a restart."""
    cluster = signed()
    cluster.tell("b", "a", append(1, block(1, 1), block(2, 1), block(3, 1)))
    del cluster.members["b"].storage.log[keep:]
    cluster.restart("b")
    return cluster


def test_log_shorter_than_what_was_acknowledged_has_lost_entries() -> None:
    """The disk says so itself, and before any leader does."""
    cluster = lost(1)
    assert cluster.status("b").lost_up_to == 3
    cluster.tick("b", 40)
    assert (cluster.status("b").role, cluster.wire) == (Role.FOLLOWER, [])
    shorter = VoteRequest(Term(2), Index(2), Term(1), transfer=False)
    assert cluster.tell("b", "c", shorter) == (VoteReply(Term(2), granted=False),)
    whole = VoteRequest(Term(2), Index(3), Term(1), transfer=False)
    assert cluster.tell("b", "a", whole) == (VoteReply(Term(2), granted=True),)


def test_lost_entries_are_remembered_over_another_restart() -> None:
    cluster = lost(1)
    assert cluster.tell("b", "a", append(1, block(2, 1), prev=(1, 1))) == accepted(1, 2)
    assert cluster.members["b"].storage.hard_state == HardState(Term(1), None, Index(3))
    cluster.restart("b")
    assert cluster.status("b").lost_up_to == 3
    assert cluster.tell("b", "a", append(1, block(3, 1), prev=(2, 1))) == accepted(1, 3)
    assert cluster.status("b").lost_up_to == 0


def test_heartbeat_commits_no_more_than_the_log_still_holds() -> None:
    cluster = lost(1)
    cluster.tell("b", "a", HeartbeatRequest(Term(1), Index(3), 0))
    assert cluster.status("b").commit == 1


@pytest.mark.parametrize("settings", [SIGNED, None])
def test_own_acknowledgement_that_comes_back_tells_of_a_loss(settings: RaftConfig | None) -> None:
    """Whatever the disk remembers of it, and whoever was heard first."""
    cluster = Cluster("abc", settings=settings, logs={"b": [1, 1]})
    cluster.tell("b", "c", HeartbeatRequest(Term(1), Index(0), 0))
    for acknowledged, lost_up_to in ((2, 0), (3, 3)):
        beat = HeartbeatRequest(Term(2), Index(0), 0, acknowledged=Index(acknowledged))
        cluster.tell("b", "a", beat)
        assert cluster.status("b").lost_up_to == (lost_up_to if settings else 0)


def test_without_signatures_nothing_of_this_applies() -> None:
    storage = MemoryStorage()
    recovered = Recovered(storage.hard_state, Configuration((NodeId("a"),)), Index(0))
    core = RaftCore(RaftConfig(NodeId("a")), recovered, storage)
    for _ in range(20):
        core.handle(Tick())
    ready = core.take_ready()
    assert ready.entries == (Entry(Index(1), Term(1), EntryKind.NOOP, b""),)
    assert ready.hard_state == HardState(Term(1), NodeId("a"))


def test_without_signatures_a_leader_is_believed_within_its_term() -> None:
    cluster = Cluster("abc")
    held = [block(1, 1, b"first"), block(2, 1)]
    cluster.tell("b", "a", append(1, *held))
    assert cluster.members["b"].storage.hard_state == HardState(Term(1), None)
    assert cluster.tell("b", "a", append(1, block(1, 1, b"second"))) == accepted(1, 1)
    assert cluster.members["b"].storage.log == held
    cluster.tell("b", "c", append(2, prev=(2, 1)))
    assert cluster.tell("b", "c", append(2, block(2, 2), prev=(1, 1))) == accepted(2, 2)
    assert cluster.members["b"].storage.log == [held[0], block(2, 2)]
