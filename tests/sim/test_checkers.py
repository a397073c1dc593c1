"""Each checker notices the one thing it is there for, and nothing in what is right."""

import pytest

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Configuration,
    Dropped,
    DropReason,
    Entry,
    EntryKind,
    Envelope,
    HardState,
    HeartbeatRequest,
    Index,
    Message,
    NodeId,
    ReadGrant,
    Role,
    RoleChange,
    Term,
    VoteReply,
    VoteRequest,
)
from kpnode.sim.checkers import (
    AckOnDisk,
    Answers,
    CommitByOwnTerm,
    CommitForever,
    HardStateForward,
    LogMatching,
    OneLeader,
    ViolationError,
    VoteOnce,
)
from kpnode.sim.disk import SimDisk
from kpnode.sim.node import Applied

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
GENESIS = Applied(Entry(Index(0), Term(0), EntryKind.NOOP, b""), b"", Configuration((A, B, C)))


def entry(index: int, term: int, payload: bytes = b"") -> Entry:
    return Entry(Index(index), Term(term), EntryKind.BLOCK, payload)


def disk(term: int = 0, vote: NodeId | None = None, *terms: int) -> SimDisk:
    made = SimDisk(lambda: None)
    made.write(
        HardState(Term(term), vote),
        tuple(entry(index, entry_term) for index, entry_term in enumerate(terms, 1)),
    )
    return made


def said(sender: NodeId, recipient: NodeId, message: Message) -> Envelope:
    return Envelope(sender, recipient, message)


def vote(term: int) -> VoteReply:
    return VoteReply(Term(term), granted=True)


def ack(term: int, index: int) -> AppendReply:
    return AppendReply(Term(term), accepted=True, index=Index(index))


def applied(index: int, term: int = 1, payload: bytes = b"") -> Applied:
    return Applied(entry(index, term, payload), b"%d" % index, GENESIS.configuration)


def leads(term: int) -> RoleChange:
    return RoleChange(Role.LEADER, Term(term), None)


def test_second_vote_in_a_term_is_noticed() -> None:
    checker = VoteOnce()
    checker.on_message(said(A, B, vote(1)), disk(1, B))
    checker.on_message(said(A, B, vote(1)), disk(1, B))
    checker.on_message(said(A, C, vote(2)), disk(2, C))
    with pytest.raises(ViolationError, match="VoteOnce: a votes for b and c in 1"):
        checker.on_message(said(A, C, vote(1)), disk(1, C))


def test_vote_for_another_after_the_own_is_noticed() -> None:
    checker = VoteOnce()
    request = VoteRequest(Term(1), Index(0), Term(0), transfer=False)
    checker.on_message(said(A, B, request), disk(1, A))
    with pytest.raises(ViolationError, match="a votes for a and b in 1"):
        checker.on_message(said(A, B, vote(1)), disk(1, B))


@pytest.mark.parametrize("saved", [disk(0), disk(1), disk(1, C), disk(2, B)])
def test_vote_that_is_not_on_disk_is_noticed(saved: SimDisk) -> None:
    with pytest.raises(ViolationError, match="a votes for b with HardState"):
        VoteOnce().on_message(said(A, B, vote(1)), saved)


@pytest.mark.parametrize("after", [disk(1), disk(2), disk(2, C)])
def test_hard_state_that_goes_back_is_noticed(after: SimDisk) -> None:
    checker = HardStateForward()
    checker.on_save(A, disk(1, A))
    checker.on_save(A, disk(2))
    checker.on_save(A, disk(2, B))
    with pytest.raises(ViolationError, match=r"a (falls back|replaces)"):
        checker.on_start(A, after, GENESIS)


def test_message_ahead_of_the_disk_is_noticed() -> None:
    checker = HardStateForward()
    checker.on_message(said(A, B, ack(1, 0)), disk(1))
    with pytest.raises(ViolationError, match="leaves with"):
        checker.on_message(said(A, B, ack(2, 0)), disk(1))


def test_acknowledgement_of_what_is_not_on_disk_is_noticed() -> None:
    checker = AckOnDisk(lambda _node, _term: None)
    checker.on_message(said(A, B, ack(1, 2)), disk(1, None, 1, 1))
    with pytest.raises(ViolationError, match="a acknowledges 3, not on its disk"):
        checker.on_message(said(A, B, ack(1, 3)), disk(1, None, 1, 1))


def test_acknowledgement_of_another_entry_than_the_leaders_is_noticed() -> None:
    checker = AckOnDisk(lambda _node, _term: disk(2, B, 1, 2))
    with pytest.raises(ViolationError, match="not the leader's entry"):
        checker.on_message(said(A, B, ack(2, 2)), disk(2, None, 1, 1))


def test_acknowledged_entry_may_only_go_in_a_later_term() -> None:
    checker = AckOnDisk(lambda _node, _term: None)
    checker.on_save(A, disk())
    checker.on_message(said(A, B, ack(1, 2)), disk(1, None, 1, 1))
    checker.on_message(said(A, B, ack(1, 1)), disk(1, None, 1, 1))
    checker.on_save(A, disk(2, None, 1))
    with pytest.raises(ViolationError, match="a lost entry 2, acknowledged in term 1"):
        checker.on_start(A, disk(1, None, 1), GENESIS)


def test_second_leader_of_a_term_is_noticed() -> None:
    checker = OneLeader()
    checker.on_role(A, leads(1), disk())
    checker.on_role(B, RoleChange(Role.FOLLOWER, Term(1), A), disk())
    checker.on_role(B, leads(2), disk())
    with pytest.raises(ViolationError, match="a and b both lead term 1"):
        checker.on_message(said(B, C, HeartbeatRequest(Term(1), Index(0), 0)), disk())


def test_commit_of_an_older_term_by_counting_is_noticed() -> None:
    checker = CommitByOwnTerm()

    def append(commit: int) -> Envelope:
        return said(A, B, AppendRequest(Term(2), Index(3), Term(2), (), Index(commit)))

    log = disk(2, A, 1, 1, 2)
    checker.on_message(append(1), log)
    checker.on_message(append(3), log)
    with pytest.raises(ViolationError, match="a commits 2 in 2"):
        checker.on_message(append(2), log)


def test_logs_that_differ_below_an_equal_entry_are_noticed() -> None:
    checker = LogMatching()
    checker.on_save(A, disk(3, None, 1, 1, 3))
    checker.on_save(A, disk(3, None, 1, 2))
    checker.on_save(B, disk(3, None, 1, 1))
    with pytest.raises(ViolationError, match="b holds another log up to 3"):
        checker.on_save(B, disk(3, None, 1, 2, 3))


def commits(*disks: SimDisk) -> CommitForever:
    checker = CommitForever(GENESIS, dict(zip((A, B, C), disks, strict=True)))
    for node, each in zip((A, B, C), disks, strict=True):
        checker.on_start(node, each, GENESIS)
    return checker


def test_commit_without_a_majority_of_disks_is_noticed() -> None:
    checker = commits(disk(1, None, 1, 1), disk(1, None, 1), disk())
    checker.on_applied(A, Term(1), applied(1))
    with pytest.raises(ViolationError, match=r"2 is committed on \['a'\]"):
        checker.on_applied(A, Term(1), applied(2))


@pytest.mark.parametrize("index", [1, 3])
def test_repeat_and_gap_are_noticed(index: int) -> None:
    checker = commits(*(disk(1, None, 1, 1, 1) for _ in range(3)))
    checker.on_applied(A, Term(1), applied(1))
    with pytest.raises(ViolationError, match=f"a applies {index} instead of 2"):
        checker.on_applied(A, Term(1), applied(index))


@pytest.mark.parametrize(
    "other", [applied(1, 2), Applied(entry(1, 1), b"?", GENESIS.configuration)]
)
def test_other_entry_and_other_result_are_noticed(other: Applied) -> None:
    checker = commits(*(disk(1, None, 1) for _ in range(3)))
    checker.on_applied(A, Term(1), applied(1))
    with pytest.raises(ViolationError, match="b applies another entry, or result, at 1"):
        checker.on_applied(B, Term(1), other)


def test_leader_without_a_committed_entry_is_noticed() -> None:
    checker = commits(disk(1, None, 1), disk(1, None, 1), disk())
    checker.on_applied(A, Term(1), applied(1))
    checker.on_role(B, leads(2), disk(1, None, 1))
    checker.on_role(C, leads(1), disk())
    with pytest.raises(ViolationError, match="c leads term 2 without entry 1"):
        checker.on_role(C, leads(2), disk())


def test_stale_read_is_noticed() -> None:
    log = commits(*(disk(1, None, 1, 1) for _ in range(3)))
    checker = Answers(log)
    log.on_applied(A, Term(1), applied(1))
    checker.on_request(7)
    log.on_applied(A, Term(1), applied(2))
    checker.on_read(B, ReadGrant(7, Index(1)))
    with pytest.raises(ViolationError, match="b reads at 0, but 1 was committed"):
        checker.on_read(B, ReadGrant(7, Index(0)))


@pytest.mark.parametrize("dropped_first", [True, False])
def test_dropped_proposal_that_happens_is_noticed(*, dropped_first: bool) -> None:
    checker = Answers(commits(disk(), disk(), disk()))
    happens = applied(1, 1, b"7   ")
    drop = Dropped(7, DropReason.OVERWRITTEN, None)
    if dropped_first:
        checker.on_dropped(drop)
        with pytest.raises(ViolationError, match="dropped proposal b'7' is committed"):
            checker.on_applied(A, Term(1), happens)
    else:
        checker.on_applied(A, Term(1), happens)
        with pytest.raises(ViolationError, match="dropped proposal b'7' is committed"):
            checker.on_dropped(drop)
