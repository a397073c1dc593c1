"""Each checker of votes and leaders notices what it is there for, and nothing that is right."""

import pytest
from lab.invariants import (
    ElectionQuorum,
    ElectionSafety,
    HardStateForward,
    Sticky,
    TermByCampaign,
    ViolationError,
    VoteOnce,
)
from lab.simulator.disk import SimDisk
from sim.sightings import GENESIS, A, B, C, ack, change, disk, heard, leads, picture, said, vote

from kpnode.raft import (
    AppendReply,
    HardState,
    HeartbeatRequest,
    Index,
    MessageBody,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    Role,
    RoleChange,
    Term,
    Tick,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)


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


def test_acknowledgement_that_is_taken_back_within_its_term_is_noticed() -> None:
    def acknowledged(term: int, index: int) -> SimDisk:
        saved = disk(term)
        saved.hard_state = HardState(Term(term), None, Index(index))
        return saved

    checker = HardStateForward()
    checker.on_save(A, acknowledged(1, 5))
    checker.on_save(A, acknowledged(2, 3))
    checker.on_save(A, acknowledged(2, 4))
    with pytest.raises(ViolationError, match="a takes back what it acknowledged"):
        checker.on_save(A, acknowledged(2, 3))


def test_vote_may_stand_beside_an_acknowledgement() -> None:
    saved = disk(1, B)
    saved.hard_state = HardState(Term(1), B, Index(5))
    VoteOnce().on_message(said(A, B, vote(1)), saved)


def test_message_ahead_of_the_disk_is_noticed() -> None:
    checker = HardStateForward()
    checker.on_message(said(A, B, ack(1, 0)), disk(1))
    with pytest.raises(ViolationError, match="leaves with"):
        checker.on_message(said(A, B, ack(2, 0)), disk(1))


def test_second_leader_of_a_term_is_noticed() -> None:
    checker = ElectionSafety()
    checker.on_role(A, leads(1), disk())
    checker.on_role(B, RoleChange(Role.FOLLOWER, Term(1), A), disk())
    checker.on_role(B, leads(2), disk())
    with pytest.raises(ViolationError, match="a and b both lead term 1"):
        checker.on_message(said(B, C, HeartbeatRequest(Term(1), Index(0), 0)), disk())


def test_term_without_a_campaign_is_noticed() -> None:
    checker = TermByCampaign()
    checker.on_save(A, disk(1, A))
    checker.on_save(B, disk(1))
    with pytest.raises(ViolationError, match="b is in term 2, in which nobody campaigned"):
        checker.on_save(B, disk(2, A))


@pytest.mark.parametrize("voters", [(A, B, C), (A,)])
def test_election_is_counted_in_each_configuration(voters: tuple[NodeId, ...]) -> None:
    """Of a, b and c two are enough; but a alone is no majority of them, whatever comes after."""
    log = disk(1, A)
    log.write(None, (change(1, 0, *voters),))
    checker = ElectionQuorum()
    with pytest.raises(ViolationError, match=r"a leads term 1 by votes of \['a'\]"):
        checker.on_status(A, 0, picture(), log)
    checker.on_message(said(B, A, vote(2)), disk(2, A))
    checker.on_status(A, 0, picture(term=2), log)


def test_majority_of_the_union_is_none_of_each() -> None:
    log = disk(1, A)
    d, e = NodeId("d"), NodeId("e")
    log.write(None, (change(1, 0, A, d, e),))
    checker = ElectionQuorum()
    for voter in (d, e):
        checker.on_message(said(voter, A, vote(1)), disk(1, A))
    with pytest.raises(ViolationError, match=r"voters are \('a', 'b', 'c'\)"):
        checker.on_status(A, 0, picture(), log)


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (
            PreVoteRequest(Term(2), Index(0), Term(0)),
            PreVoteReply(Term(2), granted=True),
        ),
        (
            VoteRequest(Term(2), Index(0), Term(0), transfer=False),
            VoteReply(Term(2), granted=True),
        ),
    ],
)
@pytest.mark.parametrize("ticks", [4, 5])
def test_help_against_a_leader_that_is_heard_is_noticed(
    request_: MessageBody, reply: MessageBody, ticks: int
) -> None:
    checker = Sticky(election_ticks=5)
    checker.on_start(A, disk(1), GENESIS)
    heartbeat = heard(HeartbeatRequest(Term(1), Index(0), 0))
    asks = heard(request_, sender=C)
    checker.on_inputs(A, 0, [heartbeat, *[Tick()] * ticks, asks])
    if ticks < 5:
        with pytest.raises(ViolationError, match="a helps c to term 2, but hears b"):
            checker.on_message(said(A, C, reply), disk(2, C))
    else:
        checker.on_message(said(A, C, reply), disk(2, C))


@pytest.mark.parametrize(
    "first",
    [
        VoteRequest(Term(2), Index(0), Term(0), transfer=True),
        TimeoutNow(Term(1)),
        AppendReply(Term(2), accepted=False, index=Index(0)),
    ],
)
def test_help_is_right_once_the_leader_is_over(first: MessageBody) -> None:
    checker = Sticky(election_ticks=5)
    heartbeat = heard(HeartbeatRequest(Term(1), Index(0), 0))
    asks = heard(VoteRequest(Term(2), Index(0), Term(0), transfer=False), sender=C)
    checker.on_inputs(A, 0, [heartbeat, heard(first, sender=C), asks])
    checker.on_message(said(A, C, vote(2)), disk(2, C))
