"""A process that was asleep does not answer a linearizable question with what it had before."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import msgspec
import pytest
from load import HEADERS, Answer
from network import Network, NodeSeen, find_leader, running_network, wait_until_status

from kpledger.scheme.v1.events.governance import AuthorityClosed

pytestmark = pytest.mark.slow


@asynccontextmanager
async def asleep(node: NodeSeen) -> AsyncIterator[None]:
    """Stop a process in the middle of whatever it does, and let it go on at the end."""
    os.kill(node.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(node.pid, signal.SIGCONT)


async def record(session: aiohttp.ClientSession, network: Network, node: NodeSeen) -> str:
    """Have an event committed through a node; gives its id."""
    path = f"{node.api}/v1/events?timeout_ms=20000"
    async with session.post(path, data=network.note(), headers=HEADERS) as response:
        assert response.status == 201, await response.text()
        return msgspec.json.decode(await response.read(), type=Answer).id


async def status_of(session: aiohttp.ClientSession, node: NodeSeen, event_id: str) -> str:
    """Ask a node for what is newest about an event."""
    path = f"{node.api}/v1/events/{event_id}?consistency=linearizable&timeout_ms=20000"
    async with session.get(path) as response:
        assert response.status == 200, await response.text()
        return msgspec.json.decode(await response.read(), type=Answer).status


async def test_who_slept_through_an_election_answers_with_what_was_acknowledged_since(
    tmp_path: Path,
) -> None:
    async with (
        running_network(tmp_path / "net", "--voters", "3", "--no-quotas") as network,
        aiohttp.ClientSession() as session,
    ):
        for _ in range(2):
            leader = await find_leader(session, network)
            others = [node for node in network.seen.nodes if node != leader]
            for sleeper in (leader, others[1]):
                async with asleep(sleeper):
                    event_id = await record(session, network, others[0])
                # What it believed when it fell asleep is still what it believes.
                assert await status_of(session, sleeper, event_id) == "committed"


async def test_leader_whose_voters_sleep_confirms_nothing_and_reads_on(tmp_path: Path) -> None:
    async with (
        running_network(tmp_path / "net", "--voters", "3", "--no-quotas") as network,
        aiohttp.ClientSession() as session,
    ):
        leader = await find_leader(session, network)
        event_id = await record(session, network, leader)
        first, second = (node for node in network.seen.nodes if node != leader)
        async with asleep(first), asleep(second):
            path = f"{leader.api}/v1/events/{event_id}"
            async with session.get(path) as response:
                assert response.status == 200
            query = "?consistency=linearizable&timeout_ms=300"
            async with session.get(path + query) as response:
                problem = msgspec.json.decode(await response.read(), type=dict[str, object])
                assert response.status == 503
            assert problem["type"] in {
                "urn:kpledger:problem:not-confirmed",
                "urn:kpledger:problem:no-leader",
            }
            await wait_until_status(session, leader, leader=None)
        assert await status_of(session, leader, event_id) == "committed"


async def test_leader_whose_voters_sleep_refuses_nothing_for_good(tmp_path: Path) -> None:
    """They may have elected another, and recorded what would let this event pass."""
    async with (
        running_network(tmp_path / "net", "--voters", "3", "--no-quotas") as network,
        aiohttp.ClientSession() as session,
    ):
        leader = await find_leader(session, network)
        closed = AuthorityClosed(authority="nowhere", reason="It was never registered.")
        event = network.sign("BW", "BW/nowhere", closed)
        path = f"{leader.api}/v1/events?timeout_ms="
        first, second = (node for node in network.seen.nodes if node != leader)
        async with (
            asleep(first),
            asleep(second),
            session.post(path + "2000", data=event, headers=HEADERS) as response,
        ):
            assert response.status in {202, 503}, await response.text()
        async with session.post(path + "20000", data=event, headers=HEADERS) as response:
            assert response.status == 409, await response.text()
