"""A leader that is stopped on purpose: another one leads before it goes."""

import asyncio
from dataclasses import replace
from pathlib import Path

from neighbours import NAMES, neighbours

from kpnode.raft import Index, NodeId, PeerStatus, Role, Status, Term
from kpnode.runtime import Committed
from kpnode.runtime.handover import choose_successor

EVERYBODY = ("b", "c", "d")


def peer(name: str, match: int, *, active: bool) -> PeerStatus:
    return PeerStatus(
        NodeId(name), Index(match), Index(match + 1), 0, probing=False, recently_active=active
    )


def leading(*peers: PeerStatus) -> Status:
    zero, term = Index(0), Term(1)
    return Status(
        node=NodeId("a"),
        role=Role.LEADER,
        term=term,
        leader=NodeId("a"),
        voted_for=None,
        commit=zero,
        applied=zero,
        persisted=zero,
        last_index=zero,
        last_term=term,
        configurations=(),
        peers=peers,
        transfer_target=None,
    )


def test_successor_has_most_of_the_log_among_those_who_were_heard() -> None:
    status = leading(
        peer("b", 9, active=False), peer("c", 7, active=True), peer("d", 8, active=True)
    )
    assert choose_successor(status, EVERYBODY) == "d"


def test_who_has_no_link_is_no_successor() -> None:
    status = leading(peer("b", 9, active=True), peer("c", 7, active=True))
    assert choose_successor(status, ("c",)) == "c"


def test_right_after_a_quorum_check_a_link_is_enough() -> None:
    status = leading(peer("b", 7, active=False), peer("c", 9, active=False))
    assert choose_successor(status, EVERYBODY) == "c"


def test_first_by_name_is_chosen_among_equals() -> None:
    status = leading(peer("b", 9, active=True), peer("c", 9, active=True))
    assert choose_successor(status, EVERYBODY) == "b"


def test_without_anybody_there_is_no_successor() -> None:
    assert choose_successor(leading(), EVERYBODY) is None
    follower = replace(leading(), role=Role.FOLLOWER, leader=NodeId("b"))
    assert choose_successor(follower, EVERYBODY) is None


async def test_leader_hands_over_to_the_next_term_without_an_election_timeout(
    tmp_path: Path,
) -> None:
    async with neighbours(tmp_path) as network:
        for _ in NAMES:
            leader = await network.leader()
            term = network.node(leader).raft.term
            await network.node(leader).hand_over()
            status = network.node(leader).raft
            # One term further and a leader known: nobody had to time out and campaign.
            assert (status.role, status.term) == (Role.FOLLOWER, term + 1)
            assert status.leader not in (None, leader)
            event = network.note()
            (outcome,) = await network.node(leader).submit([event], 10)
            assert isinstance(outcome, Committed)


async def test_events_under_way_survive_a_hand_over(tmp_path: Path) -> None:
    async with neighbours(tmp_path) as network:
        leader = network.node(await network.leader())
        waiting = leader.submit([network.note() for _ in range(200)], 20)
        outcomes, _ = await asyncio.gather(waiting, leader.hand_over())
        assert {type(one) for one in outcomes} == {Committed}


async def test_leader_without_anybody_to_take_over_is_not_kept(tmp_path: Path) -> None:
    async with neighbours(tmp_path) as network:
        leader = await network.leader()
        for name in NAMES:
            if name != leader:
                await network.stop(name)
        async with asyncio.timeout(30):
            await network.node(leader).hand_over()


async def test_node_that_follows_has_nothing_to_hand_over(tmp_path: Path) -> None:
    async with neighbours(tmp_path) as network:
        leader = await network.leader()
        for name in NAMES:
            if name != leader:
                await network.node(name).hand_over()
        assert await network.leader() == leader
