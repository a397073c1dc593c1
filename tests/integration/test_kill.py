"""kill -9 of any voter at any moment under load: nothing acknowledged is lost, service resumes.

Four real processes. Clients submit in closed loops through every node; one node after the other is
killed with SIGKILL, every other time the leader, at a moment nobody has chosen, and started again
on what its disk holds. At the end every node's directory is audited, and every event stands where
its submitter was told, on every one of them.
"""

import asyncio
import itertools
import os
import random
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import aiohttp
import msgspec
import pytest
from network import (
    GLANCE_S,
    PATIENCE_S,
    Network,
    NodeSeen,
    ask_status,
    end_all,
    ending,
    find_leader,
    running_network,
    start_kpnode,
    wait_until_ended,
    wait_until_level,
)

from kpclient.copy import StoredBlock, open_copy
from kpclient.verifying import audit_chain
from kpledger.audit import Verdict
from kpledger.block import decode_block, decode_header
from kpledger.envelope import decode_envelope
from kpledger.genesis import parse_genesis
from kpledger.layout import decode_stored_entry

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KILLS = 20
CLIENTS = 8
HEADERS = {"Content-Type": "application/msgpack"}


class Answer(msgspec.Struct, frozen=True):
    id: str
    status: str
    height: int = 0
    index: int = 0


class Load:
    """Clients in closed loops, and what they were told."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.acknowledged: dict[str, tuple[int, int]] = {}
        self.stopping = False
        self._progress = asyncio.Event()

    async def run_client(self, session: aiohttp.ClientSession, first: int) -> None:
        urls = itertools.cycle(node.api for node in self.network.seen.nodes)
        for _ in range(first):
            next(urls)
        while not self.stopping:
            event = self.network.key_event()
            answer = await self.submit(session, urls, event)
            self.acknowledged[answer.id] = answer.height, answer.index
            self._progress.set()

    async def submit(
        self, session: aiohttp.ClientSession, urls: "itertools.cycle[str]", event: bytes
    ) -> Answer:
        """Send one event until it is committed: the same bytes, to one node after another."""
        async with asyncio.timeout(PATIENCE_S):
            for url in urls:
                with suppress(aiohttp.ClientError, TimeoutError):
                    path = f"{url}/v1/events?timeout_ms=3000"
                    async with session.post(path, data=event, headers=HEADERS) as response:
                        body = await response.read()
                        assert response.status in {201, 202, 503}, body
                        if response.status == 201:
                            return msgspec.json.decode(body, type=Answer)
                await asyncio.sleep(GLANCE_S)
        raise AssertionError("the cycle of nodes has no end")

    async def wait_for_more(self, count: int) -> None:
        """Wait until so many more events are acknowledged than now."""
        wanted = len(self.acknowledged) + count
        async with asyncio.timeout(PATIENCE_S):
            while len(self.acknowledged) < wanted:
                self._progress.clear()
                await self._progress.wait()


async def wait_until_caught_up(session: aiohttp.ClientSession, node: NodeSeen, height: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = (await ask_status(session, node))["height"]
            if isinstance(found, int) and found >= height:
                return
            await asyncio.sleep(GLANCE_S)


def places_in(copy: Path) -> dict[str, tuple[int, int]]:
    """Give height and index of every event in a copied directory, by id."""
    places = {}
    for found in open_copy(copy):
        assert isinstance(found, StoredBlock)
        payload = decode_stored_entry(found.stored).payload
        if payload:
            block = decode_block(payload)
            first = decode_header(block.header).first_event
            for position, encoded in enumerate(block.events):
                event_id = decode_envelope(encoded).event_id.hex()
                assert event_id not in places, "an event is on the ledger twice"
                places[event_id] = found.height, first + position
    return places


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
        running_network(tmp_path / "net", "--voters", "4") as network,
        ending(restarted),
        aiohttp.ClientSession(timeout=timeout) as session,
    ):
        load = Load(network)
        clients = [asyncio.create_task(load.run_client(session, one)) for one in range(CLIENTS)]
        pids = {node.name: node.pid for node in network.seen.nodes}
        for turn in range(KILLS):
            await load.wait_for_more(chance.randrange(1, 40))
            leader = await find_leader(session, network)
            victim = leader if turn % 2 else chance.choice(network.seen.nodes)
            restarted.append(await kill_and_restart(session, load, pids, victim))
        load.stopping = True
        await asyncio.gather(*clients)
        await wait_until_level(session, network)
        await end_all(restarted)
        assert await network.stop() == 0
    genesis = parse_genesis(network.seen.genesis.read_bytes())
    assert len(load.acknowledged) > KILLS * CLIENTS
    for node in network.seen.nodes:
        copy = tmp_path / f"copy-{node.name}"
        shutil.copytree(node.directory, copy)
        report = audit_chain(genesis, open_copy(copy), jobs=0, on_progress=lambda _: None)
        assert report.verdict is Verdict.SOUND, report
        places = places_in(copy)
        told = load.acknowledged.items()
        assert {
            one: (place, places.get(one)) for one, place in told if places.get(one) != place
        } == {}
