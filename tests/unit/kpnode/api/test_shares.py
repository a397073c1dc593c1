"""Shares of a bounded capacity, and turns at what few may do at once."""

import asyncio
from contextlib import ExitStack

import pytest

from kpnode.api.problems import ProblemError
from kpnode.api.shares import Shares, Turns

ONE, OTHER, THIRD = "192.0.2.1", "192.0.2.2", "2001:db8::/64"


def refusal(shares: Shares, client: str, count: int = 1) -> tuple[int, str] | None:
    try:
        with shares.take(client, count):
            return None
    except ProblemError as error:
        return error.problem.status, error.problem.detail


def test_one_client_has_at_most_its_share() -> None:
    shares = Shares(8, "downloads are under way")
    with shares.take(ONE), shares.take(ONE):
        told = "2 downloads are under way for this client alone; send this again later"
        assert refusal(shares, ONE) == (429, told)
        assert refusal(shares, OTHER) is None
    assert refusal(shares, ONE) is None


def test_all_clients_together_have_at_most_the_whole() -> None:
    shares = Shares(2, "downloads are under way", share=1)
    with shares.take(ONE), shares.take(OTHER):
        told = "2 downloads are under way; send this again later"
        assert refusal(shares, THIRD) == (503, told)
    assert refusal(shares, THIRD) is None


def test_what_is_held_grows_and_is_given_back_whole() -> None:
    shares = Shares(100, "bytes are being read", share=60)
    with shares.take(ONE, 10) as held:
        held.add(50)
        with pytest.raises(ProblemError):
            held.add(1)
        assert held.count == 60
        assert refusal(shares, OTHER, 40) is None
        assert refusal(shares, OTHER, 41) is not None
    assert refusal(shares, OTHER, 60) is None


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Running:
    """Clients at turns; each says when it has one, and ends when it is told to."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.begun: list[str] = []
        self._ends: list[asyncio.Event] = []

    async def one(self, client: str) -> None:
        end = asyncio.Event()
        async with self.turns.take(client):
            self.begun.append(client)
            self._ends.append(end)
            await end.wait()

    async def begin(self, *clients: str) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self.one(client)) for client in clients]
        await settle()
        return tasks

    async def end_first(self) -> None:
        self._ends.pop(0).set()
        await settle()

    async def end_all(self) -> None:
        while self._ends:
            await self.end_first()


async def test_clients_take_turns() -> None:
    running = Running(Turns(1, Shares(100, "questions wait")))
    tasks = await running.begin(ONE, ONE, ONE, OTHER, OTHER, THIRD)
    await running.end_all()
    assert running.begun == [ONE, ONE, OTHER, THIRD, ONE, OTHER]
    await asyncio.gather(*tasks)


async def test_one_place_is_left_for_others() -> None:
    running = Running(Turns(3, Shares(100, "questions wait")))
    tasks = await running.begin(*[ONE] * 9)
    assert running.begun == [ONE, ONE]
    tasks += await running.begin(OTHER)
    assert running.begun == [ONE, ONE, OTHER]
    await running.end_all()
    assert len(running.begun) == 10
    await asyncio.gather(*tasks)


async def test_whoever_leaves_gives_back_its_turn_and_its_place_in_the_queue() -> None:
    shares = Shares(4, "questions wait", share=4)
    running = Running(Turns(1, shares))
    first, second, third, other = await running.begin(ONE, ONE, ONE, OTHER)
    # In one go: none of them has heard of it when the turn of the first is free.
    first.cancel()
    second.cancel()
    await settle()
    assert running.begun == [ONE, ONE]
    third.cancel()
    await settle()
    assert running.begun == [ONE, ONE, OTHER]
    other.cancel()
    await settle()
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(shares.take(ONE))


async def test_what_waits_is_bounded_for_each_client() -> None:
    running = Running(Turns(1, Shares(8, "questions wait")))
    tasks = await running.begin(ONE, ONE, ONE)
    error = tasks[2].exception()
    assert isinstance(error, ProblemError)
    assert error.problem.status == 429
    await running.end_all()
