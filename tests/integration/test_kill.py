"""kill -9 of any voter at any moment under load: nothing acknowledged is lost, service resumes.

Four real processes. Clients submit in closed loops through every node; one node after the other is
killed with SIGKILL, every other time the leader, at a moment nobody has chosen, and started again
on what its disk holds. At the end every node's directory is audited, and every event stands where
its submitter was told, on every one of them.
"""

import asyncio
import os
import random
import signal
from pathlib import Path

import aiohttp
import pytest
from load import Load, verify_copies, wait_until_caught_up
from network import (
    NodeSeen,
    end_all,
    ending,
    find_leader,
    running_network,
    start_kpnode,
    wait_until_ended,
    wait_until_level,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KILLS = 20
CLIENTS = 8


async def kill_and_restart(
    session: aiohttp.ClientSession, load: Load, pids: dict[str, int], victim: NodeSeen
) -> asyncio.subprocess.Process:
    """Kill a node under load, see that service goes on without it, and start it again."""
    os.kill(pids[victim.name], signal.SIGKILL)
    await load.wait_for_more(CLIENTS)
    await wait_until_ended(pids[victim.name])
    height = max(height for height, _ in load.acknowledged.values())
    process = await start_kpnode("run", "--config", victim.config)
    await wait_until_caught_up(session, victim, height)
    pids[victim.name] = process.pid
    return process


async def test_nothing_acknowledged_is_lost_by_killing_any_voter(tmp_path: Path) -> None:
    chance = random.Random(20)
    restarted: list[asyncio.subprocess.Process] = []
    timeout = aiohttp.ClientTimeout(total=8)
    async with (
        running_network(tmp_path / "net", "--voters", "4", "--no-quotas") as network,
        ending(restarted),
        aiohttp.ClientSession(timeout=timeout) as session,
    ):
        load = Load(network)
        async with load.running(session, CLIENTS):
            pids = {node.name: node.pid for node in network.seen.nodes}
            for turn in range(KILLS):
                await load.wait_for_more(chance.randrange(1, 40))
                leader = await find_leader(session, network)
                victim = leader if turn % 2 else chance.choice(network.seen.nodes)
                restarted.append(await kill_and_restart(session, load, pids, victim))
        await wait_until_level(session, network)
        await end_all(restarted)
        assert await network.stop() == 0
    assert len(load.acknowledged) > KILLS * CLIENTS
    verify_copies(load, network.seen.nodes, tmp_path)
