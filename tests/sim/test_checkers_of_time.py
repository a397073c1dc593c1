"""Each checker of deadlines notices what comes too late, and nothing that comes in time."""

import pytest
from lab.invariants import QuorumChecked, Restless, TransferEnds, ViolationError
from sim.sightings import GENESIS, A, B, disk, heard, picture, said

from kpnode.raft import (
    ConfigProposed,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    MessageBody,
    PreVoteRequest,
    ReadRequested,
    Role,
    Term,
    Tick,
    TransferRequested,
    VoteReply,
    VoteRequest,
)


@pytest.mark.parametrize("answers", [True, False])
def test_leader_without_a_quorum_is_noticed(*, answers: bool) -> None:
    checker = QuorumChecked(election_ticks=5)
    checker.on_status(A, 0, picture(), disk(1))
    if answers:
        checker.on_inputs(A, 1, [heard(HeartbeatReply(Term(1), 0, Index(0)))])
        checker.on_status(A, 11, picture(), disk(1))
    else:
        checker.on_status(A, 10, picture(), disk(1))
        with pytest.raises(ViolationError, match="a leads on after 10 ticks without a quorum"):
            checker.on_status(A, 11, picture(), disk(1))


def test_voter_that_does_not_campaign_is_noticed() -> None:
    checker = Restless(election_ticks=5)
    silent = picture(Role.FOLLOWER)
    checker.on_status(A, 0, silent, disk(1))
    checker.on_status(A, 10, silent, disk(1))
    checker.on_inputs(A, 10, [Tick()])
    checker.on_status(A, 11, silent, disk(1))
    with pytest.raises(ViolationError, match="a does not campaign after 11 silent ticks"):
        checker.on_inputs(A, 11, [Tick()])


@pytest.mark.parametrize(
    "reason",
    [
        PreVoteRequest(Term(2), Index(0), Term(0)),
        VoteRequest(Term(2), Index(0), Term(0), transfer=False),
        VoteReply(Term(2), granted=True),
        None,
    ],
)
def test_voter_may_be_silent_with_a_reason(reason: MessageBody | None) -> None:
    checker = Restless(election_ticks=5)
    silent = picture(Role.FOLLOWER)
    checker.on_status(A, 0, silent, disk(1))
    if reason is None:
        checker.on_inputs(A, 1, [heard(HeartbeatRequest(Term(1), Index(0), 0))])
        checker.on_status(A, 11, silent, disk(1))
    else:
        checker.on_status(A, 11, silent, disk(1))
        checker.on_message(said(A, B, reason), disk(1))
    checker.on_inputs(A, 11, [Tick()])


def test_transfer_that_never_ends_is_noticed() -> None:
    checker = TransferEnds(election_ticks=5)
    going = picture(transfer=B)
    checker.on_status(A, 0, going, disk(1))
    checker.on_status(A, 5, going, disk(1))
    checker.on_inputs(A, 5, [Tick(), TransferRequested(2, B)])
    checker.on_inputs(A, 6, [ReadRequested(3), ConfigProposed(4, GENESIS.configuration)])
    checker.on_status(A, 6, going, disk(1))
    with pytest.raises(ViolationError, match="a hands over to b for 6 ticks"):
        checker.on_status(A, 12, going, disk(1))
    checker.on_status(A, 12, picture(), disk(1))


def test_transfer_that_outlives_the_leadership_is_noticed() -> None:
    with pytest.raises(ViolationError, match="a hands over to b, but does not lead"):
        TransferEnds(5).on_status(A, 0, picture(Role.FOLLOWER, transfer=B), disk(1))
