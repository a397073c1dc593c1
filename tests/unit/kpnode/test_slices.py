"""Slices of long work: a few of each name in one turn of the loop."""

import asyncio

from kpnode.fairness import Slices

PATIENCE_S = 20.0


async def work(slices: Slices, name: str, count: int, done: list[str]) -> None:
    for _ in range(count):
        await slices.next(name)
        done.append(name)


async def test_one_of_each_name_is_done_in_a_turn_however_many_ask() -> None:
    slices, done = Slices(), list[str]()
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(work(slices, "crowd", 1, done))
        tasks.create_task(work(slices, "alone", 3, done))
    # Whoever comes behind a crowd has each of its slices after one or two of the crowd's.
    places = [at for at, name in enumerate(done) if name == "alone"]
    assert places[-1] < 2 * 3 + 1, done
    assert len(done) == 20 + 3


async def test_so_many_are_done_in_a_turn_as_are_allowed() -> None:
    slices, done, turns = Slices(3), list[str](), list[int]()
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        for _ in range(10):
            tasks.create_task(work(slices, "crowd", 1, done))
        while len(done) < 10:
            before = len(done)
            await asyncio.sleep(0)
            turns.append(len(done) - before)
    assert max(turns) <= 3, turns


async def test_whoever_left_while_it_waited_keeps_nobody_waiting() -> None:
    slices, done = Slices(), list[str]()
    async with asyncio.timeout(PATIENCE_S):
        waiting = [asyncio.create_task(work(slices, "crowd", 1, done)) for _ in range(10)]
        await asyncio.sleep(0)
        for one in waiting[1:9]:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await work(slices, "crowd", 2, done)
    assert len(done) == 2 + 2
