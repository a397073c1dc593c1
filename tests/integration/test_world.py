"""A small world of real processes: all are current, after a cut as well, and none grows large.

It needs network namespaces, as root has them.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest
from lab.chaos.sites import SitesError
from lab.world.hosts import Host, heal, made_hosts, part
from lab.world.world import World, running_world

from kpnode.founding import KNOWN_TO_REPLICA
from kpnode.process import end_tasks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

VOTERS, REPLICAS = 4, 8
RATE = 10.0
BLOCKS = 40
"""So many new blocks everybody has to have, before the cut and after it."""
LARGEST_KIB = 120 << 10


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    """Make two hosts; skip the test where that cannot be, unless it has to be."""
    with ExitStack() as stack:
        try:
            made = stack.enter_context(made_hosts())
        except SitesError as error:
            if "CI" in os.environ:
                raise
            pytest.skip(f"no network namespaces: {error}")
        yield made


@asynccontextmanager
async def at_work(world: World) -> AsyncIterator[None]:
    """Trade, watch and sample until the end of the block."""
    work = (world.trade(RATE, world.nodes[0]), world.watch(), world.sample(1.0))
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
        assert not any(task.done() for task in tasks)
    finally:
        await end_tasks(tasks)


async def commit_more(world: World) -> int:
    """Wait until clients have heard of more blocks; gives the newest."""
    goal = world.newest + BLOCKS
    async with asyncio.timeout(120):
        while world.newest < goal:  # noqa: ASYNC110 (no event)
            await asyncio.sleep(0.05)
    return world.newest


async def test_all_nodes_are_current_and_become_so_again_after_a_cut(
    tmp_path: Path, hosts: tuple[Host, Host]
) -> None:
    first, second = hosts
    async with running_world(tmp_path / "net", VOTERS, REPLICAS, (first, second)) as world:
        assert sum(node.votes for node in world.nodes) == VOTERS
        assert max(len(node.plan.follows) for node in world.nodes) == KNOWN_TO_REPLICA
        far = [node for node in world.nodes if node.host == second]
        async with at_work(world):
            await world.reach(await commit_more(world))
            part(second)
            cut = time.monotonic()
            newest = await commit_more(world)
            assert max(node.heights[-1][1] for node in far) < newest - BLOCKS // 2
            heal(second)
            await world.reach(newest)
            assert all((node.reached(newest) or 0) > cut for node in far)
            await world.reach(await commit_more(world))
        assert len(await heads(world)) == 1
        assert max(max(sample.values()) for sample in world.memory) < LARGEST_KIB


async def heads(world: World) -> set[str]:
    """Wait until no block is on its way, and give what the nodes hold then."""
    async with asyncio.timeout(120):
        while True:
            found = [await world.look(node) for node in world.nodes]
            if len({seen.height for seen in found if seen}) == 1 and all(found):
                return {seen.head for seen in found if seen}
            await asyncio.sleep(0.1)
