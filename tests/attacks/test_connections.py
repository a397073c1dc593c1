"""Connections that strangers hold keep nobody out, and take no descriptor that a node needs."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from network import (
    GLANCE_S,
    PATIENCE_S,
    Network,
    ask_status,
    ending,
    read_line,
    running_network,
    start_kpnode,
    wait_until_ended,
)

from attacks.flood import ATTACKER_HOST, make_hello

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILES = 560
"""Some seventy more than a node of three needs at least."""
DATABASE_FILES = 256
CONNECTIONS = 600
LINES = 12
HASTY = [f"127.0.1.{place}" for place in range(1, 21)]
"""Sites that together open more connections than a port takes of all strangers."""
PATIENT = "127.0.2.1"
TRIES = 12
PAUSE_S = 0.03
HEAD = b"GET /health/live HTTP/1.1\r\nHost: node\r\n"
POST = b"POST /v1/events HTTP/1.1\r\nHost: node\r\nContent-Type: application/json\r\n"
WAYS = [
    pytest.param(b"", id="idle"),
    pytest.param(HEAD, id="trickling"),
    pytest.param(2 * (HEAD + b"\r\n"), id="kept-alive"),
    pytest.param(POST + b"Content-Length: 9\r\n\r\n{", id="body-to-come"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    directory = tmp_path_factory.mktemp("attacked")
    async with running_network(directory / "net", "--voters", "3", files=FILES) as running:
        yield running


@asynccontextmanager
async def holding(address: str, said: bytes) -> AsyncIterator[None]:
    """Hold many connections to an address, on each of which this was said."""
    host, _, port = address.rpartition(":")
    loop, held = asyncio.get_running_loop(), []

    async def hold() -> None:
        held.append(one := socket.socket())
        one.settimeout(0)
        one.bind((ATTACKER_HOST, 0))
        await loop.sock_connect(one, (host, int(port)))
        await loop.sock_sendall(one, said)

    try:
        # Some are ended at once to make room for others.
        await asyncio.gather(*(hold() for _ in range(CONNECTIONS)), return_exceptions=True)
        yield
    finally:
        for one in held:
            one.close()


async def commit(network: Network, at: int) -> None:
    """Bring a statement onto the ledger as a client does that was not connected before."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{network.seen.nodes[at].api}/v1/events",
            data=network.note(),
            headers={"Content-Type": "application/msgpack"},
        ) as response,
    ):
        assert response.status == 201, await response.text()


def count_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def count_lines(network: Network) -> list[int]:
    return [len(node.log.read_text().splitlines()) for node in network.seen.nodes]


@pytest.mark.parametrize("said", WAYS)
async def test_connections_to_the_api_keep_no_client_out(network: Network, said: bytes) -> None:
    node, before = network.seen.nodes[0], count_lines(network)
    async with holding(urlsplit(node.api).netloc, said):
        for _ in range(4):
            await commit(network, at=0)
        assert count_files(node.pid) < FILES - DATABASE_FILES
    assert count_lines(network)[0] - before[0] < LINES


async def test_handshakes_with_the_port_for_peers_keep_no_peer_out(network: Network) -> None:
    first, _, last = network.seen.nodes
    before = count_lines(network)
    async with holding(first.peers, b""), aiohttp.ClientSession() as session:
        os.kill(last.pid, signal.SIGTERM)
        await wait_until_ended(last.pid)
        again = await start_kpnode("run", "--config", last.config)
        async with ending([again]), asyncio.timeout(PATIENCE_S):
            assert await read_line(again)
            while not await is_connected(session, network):  # noqa: ASYNC110 (no event)
                await asyncio.sleep(GLANCE_S)
            await commit(network, at=2)
            assert count_files(first.pid) < FILES - DATABASE_FILES
    assert count_lines(network)[0] - before[0] < LINES


async def test_sites_in_haste_keep_no_patient_one_out(network: Network) -> None:
    node, loop, hello = network.seen.nodes[1], asyncio.get_running_loop(), make_hello()
    hasty = asyncio.create_task(open_and_close(node.peers))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while "opened too fast" not in node.log.read_text():  # noqa: ASYNC110 (no event)
                await asyncio.sleep(GLANCE_S)
            for _ in range(TRIES):
                with await connect_from(PATIENT, node.peers) as one:
                    await loop.sock_sendall(one, hello)
                    assert await loop.sock_recv(one, 1)
    finally:
        hasty.cancel()
        await asyncio.gather(hasty, return_exceptions=True)


async def connect_from(host: str, address: str) -> socket.socket:
    to, _, port = address.rpartition(":")
    with ExitStack() as until_connected:
        one = until_connected.enter_context(socket.socket())
        one.settimeout(0)
        one.bind((host, 0))
        await asyncio.get_running_loop().sock_connect(one, (to, int(port)))
        until_connected.pop_all()
    return one


async def open_and_close(address: str) -> None:
    """Open connections from many sites, and close them, for as long as it is let."""
    while True:
        for host in HASTY:
            with suppress(OSError):
                (await connect_from(host, address)).close()
        await asyncio.sleep(PAUSE_S)


async def is_connected(session: aiohttp.ClientSession, network: Network) -> bool:
    """Ask the last node whether it is connected to the first."""
    peers = (await ask_status(session, network.seen.nodes[2]))["peers"]
    assert isinstance(peers, dict)
    return bool(peers[network.seen.nodes[0].name]["connected"])


async def test_a_node_that_may_have_too_few_files_says_what_to_set(network: Network) -> None:
    node = network.seen.nodes[0]
    process = await start_kpnode("run", "--config", node.config, files=128)
    _, said = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert (process.returncode, said.count(b"\n")) == (2, 1), said
    assert b"LimitNOFILE=8192" in said
