"""A leader whose clock is set back: it lets another lead, whose clock may be right."""

import time
from pathlib import Path

import aiohttp
import pytest
from attacks.voting import VOTERS, Watch, found, number
from chronicle import WallClock
from network import ending, sign_note, start_kpnode

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


async def test_leader_whose_clock_is_behind_lets_another_lead_and_says_why(tmp_path: Path) -> None:
    """Its clock is set back by 25 s while it leads: whose clock is right it cannot know."""
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
        others = Watch(session, [node for node in voters if node.name != slow])
        await others.commit(sign_note(network.directory / "keys", network.genesis.chain))
        await others.until(lambda one: one.get("leader") not in (slow, None))
        [behind] = [one for one in await watch.ask() if one["node"] == slow]
        assert "ahead of this node's clock" in str(behind["alarms"])
        assert behind["ready"] is False
