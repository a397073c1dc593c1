"""Voters come and go; old and new ones both have their say until the change is committed."""

from lab.simulator.cluster import Cluster, between, touching

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    ConfigProposed,
    Configuration,
    Dropped,
    DropReason,
    EntryKind,
    HeartbeatRequest,
    Index,
    Message,
    NodeId,
    PreVoteReply,
    Proposed,
    Received,
    Role,
    Term,
    TimeoutNow,
    VoteReply,
    VoteRequest,
    encode_configuration,
)


def config(voters: str) -> Configuration:
    return Configuration(tuple(NodeId(name) for name in voters), b"why")


def change(cluster: Cluster, voters: str, node: str = "a") -> None:
    cluster.give(node, ConfigProposed(1, config(voters)))


def converse(cluster: Cluster, left: str, right: str) -> None:
    while cluster.deliver(between(left, right)) or cluster.deliver(between(right, left)):
        pass


def active(cluster: Cluster, name: str) -> list[str]:
    return ["".join(c.voters) for c in cluster.status(name).configurations]


def led(names: str, voters: str) -> Cluster:
    cluster = Cluster(names, voters=voters)
    cluster.elect("a")
    cluster.settle()
    return cluster


def test_change_is_active_on_append_and_alone_once_committed() -> None:
    cluster = led("abcd", "abc")
    change(cluster, "bcd")
    assert active(cluster, "a") == ["abc", "bcd"]
    cluster.deliver(touching("b"))
    assert active(cluster, "b") == ["abc", "bcd"]
    cluster.settle()
    assert [active(cluster, name) for name in "abcd"] == [["bcd"]] * 4
    entry = cluster.members["b"].applied[1]
    assert (entry.kind, entry.payload) == (EntryKind.CONFIG, encode_configuration(config("bcd")))


def test_attachment_is_carried_along() -> None:
    cluster = led("ab", "ab")
    change(cluster, "ab")
    cluster.settle()
    assert cluster.status("b").configurations == (config("ab"),)


def test_change_needs_a_majority_of_the_new_voters() -> None:
    cluster = led("abcde", "abc")
    change(cluster, "ade")
    cluster.settle(without="de")
    assert cluster.status("a").commit == 1
    cluster.tick("a", 2)
    cluster.settle(without="e")
    assert cluster.status("a").commit == 2


def test_change_needs_a_majority_of_the_old_voters() -> None:
    cluster = led("abcde", "abc")
    change(cluster, "ade")
    cluster.settle(without="bc")
    assert cluster.status("a").commit == 1
    cluster.tick("a", 2)
    cluster.settle(without="b")
    assert cluster.status("a").commit == 2


def test_election_needs_a_majority_of_both() -> None:
    cluster = led("abcde", "abc")
    change(cluster, "ade")
    converse(cluster, "a", "d")
    cluster.drop()
    cluster.tick("d", 20)
    for voters, role in (("e", "PRE_CANDIDATE"), ("a", "PRE_CANDIDATE"), ("b", "CANDIDATE")):
        cluster.tell("d", voters, PreVoteReply(Term(2), granted=True))
        assert cluster.status("d").role is Role[role]
    for voters, role in (("b", "CANDIDATE"), ("c", "CANDIDATE"), ("e", "LEADER")):
        cluster.tell("d", voters, VoteReply(Term(2), granted=True))
        assert cluster.status("d").role is Role[role]


def test_leader_of_both_needs_signs_of_life_from_both() -> None:
    """Never from their union: three of five are alive, but one of the three old voters only."""
    cluster = led("abcde", "abc")
    change(cluster, "ade")
    for _ in range(15):
        cluster.tick("a", 2)
        cluster.settle(without="bc")
    assert cluster.status("a").role is Role.FOLLOWER


def test_new_voters_get_time_to_answer() -> None:
    cluster = led("abc", "a")
    cluster.tick("a", 9)
    change(cluster, "abc")
    cluster.tick("a")
    assert cluster.status("a").role is Role.LEADER
    cluster.tick("a", 10)
    assert cluster.status("a").role is Role.FOLLOWER


def test_commit_of_a_change_commits_what_waited_for_the_old_voters() -> None:
    cluster = led("abcde", "abc")
    change(cluster, "ade")
    cluster.give("a", Proposed(2, b"x"))
    cluster.drop()
    for name, index in (("d", 3), ("e", 3)):
        cluster.tell("a", name, AppendReply(Term(1), accepted=True, index=Index(index)))
    assert cluster.status("a").commit == 1
    cluster.tell("a", "b", AppendReply(Term(1), accepted=True, index=Index(2)))
    assert (cluster.status("a").commit, active(cluster, "a")) == (3, ["ade"])


def test_change_forgets_nothing_about_those_who_stay() -> None:
    cluster = led("abcd", "abc")
    change(cluster, "abd")
    peers = {peer.node: (peer.match, peer.probing) for peer in cluster.status("a").peers}
    assert peers == {"b": (1, False), "c": (1, False), "d": (0, True)}


def test_second_change_waits_for_the_first() -> None:
    cluster = led("abcd", "abc")
    change(cluster, "abcd")
    change(cluster, "ab")
    assert cluster.members["a"].dropped == [Dropped(1, DropReason.CONFIG_PENDING, NodeId("a"))]
    assert active(cluster, "a") == ["abc", "abcd"]


def test_new_leader_treats_an_inherited_change_as_pending() -> None:
    cluster = led("abcd", "abc")
    change(cluster, "abcd")
    cluster.deliver(between("a", "b"))
    cluster.drop()
    cluster.tick("b", 20)
    for name in "cd":
        cluster.tell("b", name, PreVoteReply(Term(2), granted=True))
    for name in "cd":
        cluster.tell("b", name, VoteReply(Term(2), granted=True))
    assert cluster.status("b").role is Role.LEADER
    change(cluster, "ab", node="b")
    assert cluster.members["b"].dropped == [Dropped(1, DropReason.CONFIG_PENDING, NodeId("b"))]


def test_change_waits_for_an_entry_of_the_own_term() -> None:
    """Or two leaders could each change one voter and no quorum would overlap (Ongaro, 2015)."""
    cluster = Cluster("abc")
    while cluster.status("a").role is not Role.LEADER:
        cluster.tick("a")
        cluster.deliver(between("a", "b"))
        cluster.deliver(between("b", "a"))
    cluster.drop()
    assert cluster.status("a").commit == 0
    change(cluster, "ab")
    assert cluster.members["a"].dropped == [Dropped(1, DropReason.TERM_NOT_OPEN, NodeId("a"))]


def test_overwritten_change_is_rolled_back() -> None:
    cluster = led("abcd", "abc")
    change(cluster, "ad")
    cluster.drop()
    assert active(cluster, "a") == ["abc", "ad"]
    cluster.elect("b", without="a")
    cluster.tick("b", 2)
    cluster.settle()
    assert active(cluster, "a") == ["abc"]
    assert cluster.members["a"].dropped == [Dropped(1, DropReason.OVERWRITTEN, NodeId("b"))]


def test_change_overwritten_by_the_first_of_many_entries_is_rolled_back() -> None:
    cluster = led("abcd", "abc")
    change(cluster, "ad")
    cluster.drop()
    assert active(cluster, "a") == ["abc", "ad"]
    cluster.elect("b", without="a")
    cluster.give("b", Proposed(2, b"x"), Proposed(3, b"y"))
    cluster.settle(without="a")
    entries = cluster.members["b"].storage.entries(Index(2), Index(4), 99)
    assert len(entries) == 3
    cluster.tell("a", "b", AppendRequest(Term(2), Index(1), Term(1), entries, Index(2)))
    assert active(cluster, "a") == ["abc"]
    assert cluster.members["a"].dropped == [Dropped(1, DropReason.OVERWRITTEN, NodeId("b"))]


def test_pending_change_survives_a_restart() -> None:
    cluster = led("abcd", "abc")
    change(cluster, "abcd")
    cluster.deliver(between("a", "b"))
    cluster.restart("b", applied=1)
    assert active(cluster, "b") == ["abc", "abcd"]


def test_change_found_at_a_restart_still_needs_both_majorities() -> None:
    cluster = led("abcde", "abc")
    change(cluster, "ade")
    cluster.deliver(between("a", "b"))
    cluster.drop()
    cluster.restart("b", applied=1)
    cluster.tick("b", 20)
    cluster.drop()
    for voters, role in (("c", "PRE_CANDIDATE"), ("d", "PRE_CANDIDATE"), ("e", "CANDIDATE")):
        cluster.tell("b", voters, PreVoteReply(Term(2), granted=True))
        assert cluster.status("b").role is Role[role]
    for voters in "cde":
        cluster.tell("b", voters, VoteReply(Term(2), granted=True))
    assert cluster.status("b").role is Role.LEADER
    for voters, commit in (("c", 1), ("d", 1), ("e", 3)):
        cluster.tell("b", voters, AppendReply(Term(2), accepted=True, index=Index(3)))
        assert cluster.status("b").commit == commit


def test_committed_change_survives_a_restart() -> None:
    cluster = led("abcd", "abc")
    change(cluster, "bcd")
    cluster.settle()
    cluster.restart("b", applied=2)
    assert active(cluster, "b") == ["bcd"]


def test_removed_leader_leads_until_the_removal_is_committed() -> None:
    cluster = led("abc", "abc")
    change(cluster, "bc")
    cluster.give("a", Proposed(2, b"x"))
    assert cluster.status("a").role is Role.LEADER
    cluster.drop()
    cluster.tell("a", "b", AppendReply(Term(1), accepted=True, index=Index(2)))
    assert cluster.status("a").role is Role.LEADER


def test_removed_leader_does_not_count_itself_among_the_new_voters() -> None:
    cluster = led("abc", "ab")
    change(cluster, "bc")
    converse(cluster, "a", "b")
    assert cluster.status("a").commit == 1
    converse(cluster, "a", "c")
    assert cluster.status("a").commit == 2


def test_removed_leader_hands_over_to_the_voter_that_is_furthest() -> None:
    cluster = led("abcde", "abcde")
    change(cluster, "bcde")
    cluster.give("a", Proposed(2, b"x"))
    cluster.drop()
    for name, index in (("c", 2), ("d", 3), ("e", 2)):
        assert cluster.status("a").role is Role.LEADER
        reply = AppendReply(Term(1), accepted=True, index=Index(index))
        cluster.give("a", Received(Message(NodeId(name), NodeId("a"), reply)))
    assert cluster.status("a").role is Role.FOLLOWER
    assert [e.recipient for e in cluster.wire if isinstance(e.body, TimeoutNow)] == ["d"]


def test_removed_node_is_told_and_never_campaigns_again() -> None:
    cluster = led("abc", "abc")
    change(cluster, "ab")
    cluster.settle()
    assert active(cluster, "c") == ["ab"]
    assert [peer.node for peer in cluster.status("a").peers] == ["b"]
    cluster.tick("c", 50)
    assert cluster.drop() == []


def test_removed_node_that_does_not_know_it_disturbs_nobody() -> None:
    cluster = led("abc", "abc")
    change(cluster, "ab")
    cluster.settle(without="c")
    for _ in range(40):
        for name in "abc":
            cluster.tick(name)
        cluster.settle()
    assert [cluster.status(name).term for name in "ab"] == [1, 1]


def test_removed_leader_does_not_strand_its_successor() -> None:
    """The successor does not know of the commit, and the removed node has a longer log."""
    cluster = led("ab", "ab")
    change(cluster, "b")
    cluster.give("a", Proposed(2, b"beyond the removal"))
    cluster.drop(touching("a"))
    member = cluster.members["b"]
    entries = cluster.members["a"].storage.entries(Index(2), Index(2), 99)
    member.storage.save(None, entries)
    cluster.restart("b", applied=1)
    cluster.tell("a", "b", AppendReply(Term(1), accepted=True, index=Index(2)))
    assert (active(cluster, "a"), cluster.status("a").role) == (["b"], Role.FOLLOWER)
    assert active(cluster, "b") == ["ab", "b"]
    cluster.drop()
    for _ in range(60):
        for name in "ab":
            cluster.tick(name)
        cluster.settle()
    assert cluster.status("b").role is Role.LEADER
    assert active(cluster, "b") == ["b"]


def test_node_that_learns_of_its_removal_ends_its_campaign() -> None:
    cluster = led("ab", "ab")
    change(cluster, "b")
    cluster.deliver(between("a", "b"))
    cluster.drop()
    cluster.tick("a", 20)
    cluster.drop()
    cluster.tick("a", 20)
    assert cluster.status("a").role is Role.PRE_CANDIDATE
    reply = PreVoteReply(Term(1), granted=False, commit_index=Index(2), commit_term=Term(1))
    cluster.tell("a", "b", reply)
    assert (cluster.status("a").role, active(cluster, "a")) == (Role.FOLLOWER, ["b"])


def test_removed_node_that_knows_it_still_votes_and_acknowledges() -> None:
    """The others may not know yet, and then they need it (CCF's premature retirement)."""
    cluster = led("abc", "abc")
    change(cluster, "ab")
    cluster.settle()
    assert active(cluster, "c") == ["ab"]
    cluster.tick("c", 10)
    vote = VoteRequest(Term(2), Index(2), Term(1), transfer=False)
    assert cluster.tell("c", "b", vote) == (VoteReply(Term(2), granted=True),)
    append = AppendRequest(Term(2), Index(2), Term(1), (), Index(2))
    assert cluster.tell("c", "b", append) == (AppendReply(Term(2), accepted=True, index=Index(2)),)


def test_all_voters_may_be_replaced_at_once() -> None:
    cluster = led("abcdef", "abc")
    change(cluster, "def")
    cluster.settle()
    leaders = [name for name in "abcdef" if cluster.status(name).role is Role.LEADER]
    assert len(leaders) == 1
    assert leaders[0] in "def"
    cluster.give(leaders[0], Proposed(2, b"x"))
    cluster.settle(without="abc")
    assert [cluster.status(name).commit for name in "def"] == [4, 4, 4]


def test_voters_may_shrink_to_one_that_was_outvoted() -> None:
    """Safe since the old majority has its say; from then on one node is all there is."""
    cluster = led("abc", "abc")
    change(cluster, "c")
    converse(cluster, "a", "b")
    assert cluster.status("a").commit == 1
    cluster.settle()
    assert (cluster.status("c").role, active(cluster, "c")) == (Role.LEADER, ["c"])


def test_voter_that_is_far_behind_holds_up_nobody_who_has_a_majority_without_it() -> None:
    cluster = led("abcd", "abc")
    change(cluster, "abcd")
    cluster.give("a", Proposed(2, b"x"))
    cluster.settle(without="d")
    assert [cluster.status(name).commit for name in "abc"] == [3, 3, 3]


def test_only_remaining_voter_may_remove_itself_in_favour_of_another() -> None:
    cluster = led("ab", "a")
    change(cluster, "b")
    cluster.settle()
    assert (cluster.status("b").role, cluster.status("a").role) == (Role.LEADER, Role.FOLLOWER)
    assert cluster.status("b").commit == 3


def test_new_voter_gets_the_whole_log() -> None:
    cluster = led("ab", "a")
    for ticket in range(5):
        cluster.give("a", Proposed(ticket, b"x"))
    change(cluster, "ab")
    cluster.settle()
    assert cluster.terms("b") == cluster.terms("a") == [1] * 7
    assert cluster.status("b").commit == 7


def test_leader_from_outside_the_own_configuration_is_followed() -> None:
    cluster = Cluster("ax", voters="a")
    cluster.tell("x", "z", HeartbeatRequest(Term(3), Index(0), 0))
    assert cluster.status("x").leader == "z"
