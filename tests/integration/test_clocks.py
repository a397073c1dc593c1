"""A leader whose clock is set back: the others do not let it move block time."""

import time
from pathlib import Path

import aiohttp
import pytest
from attacks.voting import VOTERS, Watch, found, number
from chronicle import WallClock
from network import ending, sign_note, start_kpnode

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


async def test_leader_whose_clock_is_behind_is_replaced_and_named(tmp_path: Path) -> None:
    """No liar, but the same block: its clock is set back by 25 s while it leads."""
    network = found(tmp_path / "net")
    voters = network.nodes[:VOTERS]
    clocks = {node.name: WallClock(tmp_path / f"clock of {node.name}") for node in voters}
    processes = []
    for node in voters:
        clocks[node.name].set(time.time_ns() // 1_000_000)
        environment = clocks[node.name].environment()
        processes.append(
            await start_kpnode("run", "--config", node.config, environment=environment)
        )
    async with ending(processes), aiohttp.ClientSession() as session:
        watch = Watch(session, voters)
        await watch.until(lambda one: number(one, "height") > 0)
        await watch.until(lambda one: number(one, "uptime_s") >= 3)
        [slow] = {one["leader"] for one in await watch.until(lambda one: bool(one["leader"]))}
        assert isinstance(slow, str)
        clocks[slow].set(time.time_ns() // 1_000_000 - 25_000)
        await watch.commit(sign_note(network.directory / "keys", network.genesis.chain))
        found_then = await watch.until(lambda one: one.get("leader") not in (slow, None))
        others = [one for one in found_then if one["node"] != slow]
        assert all("time_ms" in str(one["refused_blocks"]) for one in others)
