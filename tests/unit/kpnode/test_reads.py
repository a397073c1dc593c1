"""Linearizable reads: what is asked is answered by a round begun later, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from neighbours import NAMES, Neighbours, neighbours, wait_until

from kpnode.raft import Index, NodeId
from kpnode.runtime.reads import Reads
from kpnode.submission import Committed


class Rounds:
    """Rounds of proof that end when the test says so."""

    def __init__(self) -> None:
        self.begun: list[asyncio.Future[Index | None]] = []
        self.changed = asyncio.Event()

    async def begin(self) -> Index | None:
        self.begun.append(asyncio.get_running_loop().create_future())
        self.changed.set()
        return await self.begun[-1]

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.begun) < count:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def running(limit: int = 100) -> AsyncIterator[tuple[Reads, Rounds]]:
    rounds = Rounds()
    reads = Reads(rounds.begin, limit)
    task = asyncio.create_task(reads.run())
    try:
        yield reads, rounds
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def asked(reads: Reads) -> asyncio.Task[Index | None]:
    task = asyncio.create_task(reads.confirm())
    await asyncio.sleep(0)
    return task


async def test_no_question_shares_a_round_begun_before_it() -> None:
    async with running() as (reads, rounds):
        first = await asked(reads)
        await rounds.wait_for(1)
        late = [await asked(reads) for _ in range(50)]
        rounds.begun[0].set_result(Index(7))
        assert await first == 7
        await rounds.wait_for(2)
        assert not any(task.done() for task in late)
        rounds.begun[1].set_result(Index(9))
        assert await asyncio.gather(*late) == [9] * 50
        assert len(rounds.begun) == 2


async def test_round_that_came_to_nothing_is_repeated_for_all_who_wait() -> None:
    async with running() as (reads, rounds):
        first = await asked(reads)
        await rounds.wait_for(1)
        second = await asked(reads)
        rounds.begun[0].set_result(None)
        await rounds.wait_for(2)
        rounds.begun[1].set_result(Index(3))
        assert [await first, await second] == [3, 3]


async def test_who_has_given_up_is_forgotten() -> None:
    async with running() as (reads, rounds):
        task = await asked(reads)
        await rounds.wait_for(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(reads) == 0
        rounds.begun[0].set_result(None)
        last = await asked(reads)
        await rounds.wait_for(2)
        rounds.begun[1].set_result(Index(1))
        assert await last == 1


async def test_more_than_the_limit_are_turned_away() -> None:
    async with running(limit=1) as (reads, rounds):
        first = await asked(reads)
        assert await reads.confirm() is None
        await rounds.wait_for(1)
        reads.give_up()
        assert await first is None


async def test_question_waits_until_the_ledger_is_there() -> None:
    async with running() as (reads, _):
        assert await reads.reach(Index(5), 5)
        task = asyncio.create_task(reads.reach(Index(6), 5))
        await asyncio.sleep(0)
        reads.applied(5)
        await asyncio.sleep(0)
        assert not task.done()
        reads.applied(6)
        assert await task
        assert len(reads) == 0


async def test_nobody_is_left_waiting_for_a_node_that_stops() -> None:
    async with running() as (reads, _):
        task = asyncio.create_task(reads.reach(Index(6), 5))
        await asyncio.sleep(0)
        reads.give_up()
        assert not await task


async def record(network: Neighbours, name: str) -> Committed:
    (outcome,) = await network.node(name).submit([network.note()], 10)
    assert isinstance(outcome, Committed), outcome
    return outcome


async def test_every_node_answers_with_what_was_acknowledged_anywhere(tmp_path: Path) -> None:
    async with neighbours(tmp_path) as network:
        await network.leader()
        for turn in range(30):
            writer = NAMES[turn % 3]
            outcome = await record(network, writer)
            waits = (network.node(name).catch_up(10) for name in NAMES)
            assert await asyncio.gather(*waits) == [None] * 3
            for name in NAMES:
                assert network.node(name).ledger.event(outcome.event_id) is not None


async def test_read_survives_the_loss_of_the_leader(tmp_path: Path) -> None:
    async with neighbours(tmp_path) as network:
        leader = await network.leader()
        outcome = await record(network, leader)
        await network.stop(leader)
        for name in network.running:
            assert await network.node(name).catch_up(20) is None
            assert network.node(name).ledger.event(outcome.event_id) is not None


async def test_node_without_a_majority_confirms_nothing(tmp_path: Path) -> None:
    async with neighbours(tmp_path) as network:
        leader = await network.leader()
        node = network.node(leader)
        for name in NAMES:
            if name != leader:
                await network.stop(name)
        # Until the quorum check it still believes that it leads.
        assert await node.catch_up(0.1) is not None
        await wait_until(lambda: node.raft.leader is None)
        assert await node.catch_up(0.05) == "there is no leader"


async def test_answer_is_taken_only_from_who_was_asked(tmp_path: Path) -> None:
    async with neighbours(tmp_path) as network:
        leader = await network.leader()
        follower, other = (name for name in NAMES if name != leader)
        node = network.node(follower)
        question = asyncio.create_task(node.catch_up(10))
        while node._rounds._last is None:  # noqa: ASYNC110 (it is there after a few turns)
            await asyncio.sleep(0)
        ticket = node._rounds._last.ticket
        node.on_index_reply(NodeId(other), ticket, 1 << 40)
        node.on_index_reply(NodeId(leader), ticket - 1, 1 << 40)
        assert await question is None


@pytest.mark.parametrize("name", NAMES)
async def test_who_does_not_lead_gives_no_index(tmp_path: Path, name: str) -> None:
    async with neighbours(tmp_path) as network:
        leader = await network.leader()
        index = await network.node(name).answer_index(10)
        assert (index is not None) == (name == leader)
