"""Disks that fail, fill up or forget, under real processes: what was acknowledged is never lost."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import plyvel
import pytest
from fullness import small_disk_at
from load import Load, verify_copies, wait_until_caught_up
from misbehaving import compile_shim
from neighbours import NAMES, found_three
from network import (
    Network,
    NodeSeen,
    end_all,
    ending,
    find_leader,
    read_line,
    run_kpnode,
    running_network,
    start_kpnode,
    wait_until_alarm,
    wait_until_ended,
    wait_until_level,
    wait_until_status,
)

from kpledger.log.layout import HARD_STATE_KEY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CLIENTS = 4
ROOM_BYTES = 64 << 10


@dataclass
class Town:
    """A network under load, and the processes that were started again."""

    network: Network
    session: aiohttp.ClientSession
    load: Load
    restarted: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def stop(self, node: NodeSeen) -> None:
        """Stop a node that was not restarted yet, as an operator does."""
        os.kill(node.pid, signal.SIGTERM)
        await wait_until_ended(node.pid)

    async def start(self, node: NodeSeen) -> asyncio.subprocess.Process:
        process = await start_kpnode("run", "--config", node.config)
        self.restarted.append(process)
        assert await read_line(process), await process.stderr.read()  # type: ignore[union-attr]
        return process

    async def follower(self) -> NodeSeen:
        leader = await find_leader(self.session, self.network)
        return next(node for node in self.network.seen.nodes if node != leader)

    async def catch_up(self, node: NodeSeen) -> None:
        """Wait until a node holds all that was acknowledged so far."""
        height = max(height for height, _ in self.load.acknowledged.values())
        await wait_until_caught_up(self.session, node, height)


@asynccontextmanager
async def town(directory: Path, **environment: str) -> AsyncIterator[Town]:
    """Run three voters under load; in the end no acknowledged event may be missing anywhere."""
    timeout = aiohttp.ClientTimeout(total=8)
    async with (
        running_network(
            directory / "net", "--voters", "3", "--no-quotas", environment=environment
        ) as network,
        aiohttp.ClientSession(timeout=timeout) as session,
    ):
        found = Town(network, session, Load(network))
        async with ending(found.restarted):
            async with found.load.running(session, CLIENTS):
                await found.load.wait_for_more(CLIENTS)
                yield found
            await wait_until_level(session, network)
            await end_all(found.restarted)
            assert await network.stop() == 0
        verify_copies(found.load, network.seen.nodes, directory)


async def verify_that_it_stopped(town: Town, node: NodeSeen, why: str) -> None:
    """See that a node has stopped by itself, says why, answers questions, and that others go on."""
    status = await wait_until_status(town.session, node, role="stopped")
    await town.load.wait_for_more(5 * CLIENTS)
    leader = await find_leader(town.session, town.network)
    assert leader != node
    assert why in str(status["failed"])
    assert status["storage"] == {
        "durability": "fsync before every acknowledgement",
        "failed": status["failed"],
    }
    assert "Make room on the disk or replace it" in str(status["alarms"])
    assert status["leader"] is None
    event_id = next(iter(town.load.acknowledged))
    for path, expected in (("/health/ready", 503), (f"/v1/events/{event_id}", 200)):
        async with town.session.get(f"{node.api}{path}") as response:
            assert response.status == expected


@pytest.fixture
def shim(tmp_path: Path) -> str:
    """Compile the library that makes syncs fail or take long."""
    return compile_shim(tmp_path)


async def test_leader_whose_disk_fills_up_stops_and_comes_back(tmp_path: Path) -> None:
    place = tmp_path / "net"
    with ExitStack() as disks:
        for name in NAMES:
            (place / name).mkdir(parents=True)
            disks.enter_context(small_disk_at(place / name, "24m"))
        found_three(place)
        async with town(tmp_path) as crowd:
            leader = await find_leader(crowd.session, crowd.network)
            filler = leader.directory / "filler"
            room = os.statvfs(leader.directory)
            # The books grow as well: some of the room may be gone before it is filled.
            with suppress(OSError):
                filler.write_bytes(bytes(room.f_bavail * room.f_frsize - ROOM_BYTES))
            await verify_that_it_stopped(crowd, leader, "No space left on device")
            await crowd.stop(leader)
            filler.unlink()
            await crowd.start(leader)
            await crowd.catch_up(leader)


async def test_leader_whose_sync_fails_stops_and_comes_back(tmp_path: Path, shim: str) -> None:
    async with town(tmp_path, LD_PRELOAD=shim) as crowd:
        leader = await find_leader(crowd.session, crowd.network)
        trigger = leader.directory / "ledger" / "fail-sync"
        trigger.touch()
        await verify_that_it_stopped(crowd, leader, "Input/output error")
        # The disk would seem to work again; the node must not believe it before a new start.
        trigger.unlink()
        await crowd.load.wait_for_more(CLIENTS)
        await wait_until_status(crowd.session, leader, role="stopped")
        await crowd.stop(leader)
        await crowd.start(leader)
        await crowd.catch_up(leader)


async def test_leader_without_descriptors_ends_to_be_started_again(
    tmp_path: Path, shim: str
) -> None:
    async with town(tmp_path, LD_PRELOAD=shim) as crowd:
        leader = await find_leader(crowd.session, crowd.network)
        trigger = leader.directory / "ledger" / "lack-files"
        trigger.touch()
        # What the network tells of a node that has ended by itself.
        told = await read_line(crowd.network.process, crowd.network.process.stderr)
        assert json.loads(told) == {"node": leader.name, "exit": 75}
        said = leader.log.read_text()
        assert "Too many open files" in said.splitlines()[-1]
        assert "Make room" not in said
        trigger.unlink()
        await crowd.start(leader)
        await crowd.catch_up(leader)


async def test_rolled_back_disk_is_noticed_and_repaired(tmp_path: Path) -> None:
    async with town(tmp_path) as crowd:
        node = await crowd.follower()
        ledger, older = node.directory / "ledger", tmp_path / "older"
        await crowd.stop(node)
        shutil.copytree(ledger, older)
        process = await crowd.start(node)
        await crowd.load.wait_for_more(10 * CLIENTS)
        await crowd.catch_up(node)
        await end_all([process])
        shutil.rmtree(ledger)
        shutil.copytree(older, ledger)
        await verify_that_it_is_repaired(crowd, node)
        await crowd.start(node)
        await crowd.catch_up(node)
        assert (await wait_until_status(crowd.session, node, role="follower"))["alarms"] == []


async def test_wiped_disk_is_noticed_and_repaired(tmp_path: Path) -> None:
    async with town(tmp_path) as crowd:
        node = await crowd.follower()
        await crowd.load.wait_for_more(10 * CLIENTS)
        await crowd.catch_up(node)
        await crowd.stop(node)
        shutil.rmtree(node.directory / "ledger")
        code, _, complaint = await run_kpnode("run", "--config", node.config)
        assert (code, complaint.count("\n")) == (2, 1)
        assert "no ledger here; kpnode init founds one" in complaint
        settings = node.config.read_text()
        node.config.unlink()
        identity = ("--name", node.name, "--participant", node.name[:2].upper())
        genesis = ("--genesis", crowd.network.seen.genesis)
        code, _, complaint = await run_kpnode("init", node.directory, *identity, *genesis)
        assert code == 0, complaint
        node.config.write_text(settings)
        await verify_that_it_is_repaired(crowd, node)
        await crowd.start(node)


async def verify_that_it_is_repaired(town: Town, node: NodeSeen) -> None:
    """Start a node whose disk forgot: it says so, once in its log, and gets everything back.

    Stops it in the end.
    """
    process = await town.start(node)
    await town.catch_up(node)
    await wait_until_status(town.session, node, role="follower")
    repaired = "They have come back from the other nodes since."
    alarm = await wait_until_alarm(town.session, node, repaired)
    assert "lost entries that this node had acknowledged" in alarm
    await town.load.wait_for_more(CLIENTS)
    assert process.returncode is None
    process.terminate()
    _, log = await process.communicate()
    assert log.count(b"lost entries that this node had acknowledged") == 1


async def test_log_without_sign_state_is_not_run(tmp_path: Path) -> None:
    async with running_network(tmp_path / "net", "--voters", "1") as network:
        (node,) = network.seen.nodes
        assert await network.stop() == 0
    ledger = node.directory / "ledger"
    with plyvel.DB(str(ledger)) as database:
        database.delete(HARD_STATE_KEY)
    code, stdout, stderr = await run_kpnode("run", "--config", node.config)
    assert (code, stdout) == (2, "")
    # Before that it closes to others what this test has opened.
    assert stderr.splitlines(keepends=True)[-1] == (
        f"kpnode: {ledger}: log without sign-state: 1 entries, but no record of term and vote;"
        " this node may only come back as a replica\n"
    )
