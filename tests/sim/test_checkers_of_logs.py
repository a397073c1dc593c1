"""Each checker of logs notices the one thing it is there for, and nothing that is right."""

import pytest
from lab.invariants import (
    AckOnDisk,
    CommitByOwnTerm,
    CommitByQuorum,
    CommitTrue,
    LogMatching,
    MatchByAck,
    RefusalTrue,
    StateMachineSafety,
    ViolationError,
)
from lab.simulator.disk import SimDisk
from lab.simulator.machine import Applied
from sim.sightings import GENESIS, A, B, C, ack, applied, disk, entry, leads, picture, said

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Message,
    MessageBody,
    PreVoteReply,
    Term,
)


def commits(*disks: SimDisk) -> StateMachineSafety:
    checker = StateMachineSafety(GENESIS, dict(zip((A, B, C), disks, strict=True)))
    for node, each in zip((A, B, C), disks, strict=True):
        checker.on_start(node, each, GENESIS)
    return checker


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


def test_commit_of_an_older_term_by_counting_is_noticed() -> None:
    checker = CommitByOwnTerm()

    def append(commit: int) -> Message:
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


@pytest.mark.parametrize(
    "body",
    [
        AppendRequest(Term(1), Index(1), Term(1), (), Index(1)),
        HeartbeatRequest(Term(1), Index(1), 0),
        HeartbeatReply(Term(1), 0, Index(1)),
        PreVoteReply(Term(2), granted=True, commit_index=Index(1), commit_term=Term(1)),
    ],
)
def test_claim_of_a_commit_that_is_none_is_noticed(body: MessageBody) -> None:
    log = commits(*(disk(1, None, 1) for _ in range(3)))
    checker = CommitTrue(log)
    with pytest.raises(ViolationError, match="a calls 1 committed"):
        checker.on_message(said(A, B, body), disk(1, None, 1))
    log.on_applied(A, Term(1), applied(1))
    checker.on_message(said(A, B, body), disk(1, None, 1))
    with pytest.raises(ViolationError, match="a calls 1 committed"):
        checker.on_message(said(A, B, body), disk(2, None, 2))


def test_claim_of_a_commit_under_another_term_is_noticed() -> None:
    log = commits(*(disk(1, None, 1) for _ in range(3)))
    log.on_applied(A, Term(1), applied(1))
    claim = PreVoteReply(Term(3), granted=True, commit_index=Index(1), commit_term=Term(2))
    with pytest.raises(ViolationError, match="a calls 1 one of term 2"):
        CommitTrue(log).on_message(said(A, B, claim), disk(2, None, 1))


def test_leader_without_a_committed_entry_is_noticed() -> None:
    checker = commits(disk(1, None, 1), disk(1, None, 1), disk())
    checker.on_applied(A, Term(1), applied(1))
    checker.on_role(B, leads(2), disk(1, None, 1))
    checker.on_role(C, leads(1), disk())
    with pytest.raises(ViolationError, match="c leads term 2 without entry 1"):
        checker.on_role(C, leads(2), disk())


def test_match_that_nobody_acknowledged_is_noticed() -> None:
    checker = MatchByAck()
    checker.on_message(said(B, A, ack(1, 2)), disk())
    checker.on_message(said(B, A, AppendReply(Term(1), accepted=False, index=Index(3))), disk())
    checker.on_status(A, 0, picture(match={B: 2, C: 0}), disk())
    for status in (picture(match={B: 3}), picture(term=2, match={B: 2}), picture(match={C: 1})):
        with pytest.raises(ViolationError, match=r"a takes \w for \d, it acknowledged"):
            checker.on_status(A, 0, status, disk())


def test_heartbeat_with_a_commit_beyond_the_acknowledged_is_noticed() -> None:
    checker = MatchByAck()
    checker.on_message(said(B, A, ack(1, 2)), disk())
    checker.on_message(said(A, B, HeartbeatRequest(Term(1), Index(2), 0)), disk())
    with pytest.raises(ViolationError, match="which acknowledged 2"):
        checker.on_message(said(A, B, HeartbeatRequest(Term(1), Index(3), 0)), disk())


def test_commit_that_no_quorum_told_the_leader_is_noticed() -> None:
    checker = CommitByQuorum()
    checker.on_status(A, 0, picture(match={B: 2, C: 0}), disk())
    checker.on_status(A, 0, picture(commit=2, persisted=2, match={B: 2, C: 0}), disk())
    with pytest.raises(ViolationError, match="a commits 3 knowing"):
        checker.on_status(A, 0, picture(commit=3, persisted=2, match={B: 3, C: 0}), disk())


def test_refusal_of_what_the_logs_share_is_noticed() -> None:
    leader, follower = disk(2, B, 1, 1, 2), disk(2, None, 1, 1, 1)
    checker = RefusalTrue(lambda _node, _term: leader)
    checker.on_message(refusal(2, 3), follower)
    checker.on_message(refusal(2, 4), follower)
    checker.on_message(refusal(2, 0), follower)
    checker.on_message(said(A, B, ack(2, 2)), follower)
    with pytest.raises(ViolationError, match="a refuses what follows 2, but holds that"):
        checker.on_message(refusal(2, 2), follower)


def test_refusal_may_be_older_than_a_save_of_the_same_step() -> None:
    both = disk(2, B, 1)
    checker = RefusalTrue(lambda _node, _term: both)
    checker.on_save(A, both)
    checker.on_message(refusal(2, 1), both)
    checker.on_inputs(A, 0, [])
    with pytest.raises(ViolationError, match="a refuses what follows 1"):
        checker.on_message(refusal(2, 1), both)


def refusal(term: int, index: int) -> Message:
    return said(A, B, AppendReply(Term(term), accepted=False, index=Index(index)))
