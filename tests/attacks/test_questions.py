"""What a stranger's questions, bodies and downloads can make a node hold, and for how long.

The stranger comes from another address of this machine than the honest clients. All of them are
listed, so that nothing here rests on what strangers may not ask at all.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import msgspec
import pytest
from network import GLANCE_S, PATIENCE_S, NetworkSeen, NodeSeen, sign_note
from office import read_seen, start_devnet, stop

from attacks.crowd import crowding, get
from attacks.flood import ATTACKER_HOST
from attacks.trading import fill_ledger

CERTIFICATES = 700
"""About 1.3 MB of blocks: more than what a connection holds on its way."""
PAGE = "/v1/certificates?limit=1000&timeout_ms=60000"
"""About 800 KB."""
DEAR = "/v1/flags?from_day=2000-01-01&until=2026-12-31&limit=1000&timeout_ms=60000"
SOON = "/v1/participants/BW?timeout_ms=1"
JUNK = b"POST /v1/events HTTP/1.1\r\nHost: node\r\nContent-Length: 1000000\r\n\r\n" + bytes(700_000)
"""A further request of which more comes than a node takes in before it has answered the first."""
UNFINISHED = (
    b"POST /v1/events HTTP/1.1\r\nHost: node\r\nContent-Type: application/msgpack\r\n"
    b"Content-Length: 1048576\r\n\r\n" + bytes(1_048_575)
)
ANNOUNCED = (
    b"POST /v1/rehearsals HTTP/1.1\r\nHost: node\r\nContent-Type: application/msgpack\r\n"
    b"Content-Length: 1048576\r\n\r\n"
)
SITES = ("127.0.4.1", "127.0.4.2")
DOWNLOADS = 8
"""As many as one site may have at once; two of them hold all that there are."""
MIB = 1 << 20

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkSeen]:
    process = start_devnet(tmp_path_factory.mktemp("network") / "net", "--voters", "1")
    try:
        seen = read_seen(process)
        asyncio.run(fill_ledger(seen, CERTIFICATES))
        yield seen
    finally:
        stop(process)


@pytest.fixture
def node(network: NetworkSeen) -> NodeSeen:
    return network.nodes[0]


@pytest.fixture
async def honest(node: NodeSeen) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(node.api) as session:
        yield session


async def ask(session: aiohttp.ClientSession, target: str) -> str:
    """Ask a question; gives the kind of problem, or nothing if it is answered."""
    async with session.get(target) as response:
        body = await response.read()
        if response.status == 200:
            return ""
        return str(msgspec.json.decode(body, type=dict[str, object])["type"]).rpartition(":")[2]


async def wait_until(session: aiohttp.ClientSession, target: str, *kinds: str) -> None:
    async with asyncio.timeout(PATIENCE_S / 3):
        while await ask(session, target) not in kinds:  # noqa: ASYNC110 (no event)
            await asyncio.sleep(GLANCE_S)


def stranger(node: NodeSeen, host: str = ATTACKER_HOST) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(local_addr=(host, 0), limit=0)
    return aiohttp.ClientSession(node.api, connector=connector)


def memory_of(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no such process")


def books_of(node: NodeSeen) -> int:
    """Give the process that keeps a node's books."""
    (found,) = Path(f"/proc/{node.pid}/task/{node.pid}/children").read_text().split()
    return int(found)


async def test_a_small_question_waits_for_no_dear_one(
    node: NodeSeen, honest: aiohttp.ClientSession
) -> None:
    async with stranger(node) as session:
        dear = [asyncio.create_task(ask(session, DEAR)) for _ in range(100)]
        # The first that is answered, or refused, says that the others are under way.
        await asyncio.wait(dear, return_when=asyncio.FIRST_COMPLETED)
        assert await ask(honest, "/v1/participants/BW") == ""
        assert sum(not task.done() for task in dear) > 10
        assert set(await asyncio.gather(*dear)) == {"", "share-taken"}
    assert await ask(honest, DEAR) == ""


async def test_work_ends_when_its_client_has_left_though_not_all_it_sent_is_read(
    node: NodeSeen, honest: aiohttp.ClientSession
) -> None:
    books = books_of(node)
    os.kill(books, signal.SIGSTOP)
    try:
        small = "/v1/participants/BW?timeout_ms=60000"
        async with stranger(node) as session:
            async with crowding(node.api, 300, get(small) + JUNK):
                await wait_until(session, SOON, "share-taken", "busy")
            # The books answer nobody, but there is room to ask them.
            await wait_until(session, SOON, "books-behind")
    finally:
        os.kill(books, signal.SIGCONT)
    await wait_until(honest, "/v1/participants/BW", "")


async def test_answers_that_nobody_reads_take_a_bounded_memory(
    node: NodeSeen, honest: aiohttp.ClientSession
) -> None:
    before = memory_of(node.pid)
    async with crowding(node.api, 150, get(PAGE)) as crowd:
        await crowd.wait_until_answered()
        assert await ask(honest, PAGE) == ""
        assert memory_of(node.pid) - before < 80 * MIB


async def test_bodies_that_do_not_end_take_a_bounded_memory(
    network: NetworkSeen, node: NodeSeen, honest: aiohttp.ClientSession
) -> None:
    before = memory_of(node.pid)
    async with crowding(node.api, 150, UNFINISHED, reads=True) as crowd:
        await crowd.wait_until_sent()
        event = sign_note(network.keys, bytes.fromhex(network.chain))
        headers = {"Content-Type": "application/msgpack"}
        async with honest.post("/v1/events", data=event, headers=headers) as response:
            assert response.status == 201
        assert memory_of(node.pid) - before < 80 * MIB


async def test_slow_readers_keep_no_audit_out(
    node: NodeSeen, honest: aiohttp.ClientSession
) -> None:
    async with crowding(node.api, 48, get("/v1/blocks")) as crowd, stranger(node) as neighbour:
        await crowd.wait_until_answered()
        assert await ask(honest, "/v1/blocks") == ""
        # Nor do they keep out whoever shares their address, but for a few seconds.
        await wait_until(neighbour, "/v1/blocks", "")


async def test_sites_that_hold_every_download_at_a_good_pace_leave_one_to_others(
    node: NodeSeen, honest: aiohttp.ClientSession
) -> None:
    async with AsyncExitStack() as stack:
        for host in SITES:
            crowd = await stack.enter_async_context(
                crowding(node.api, DOWNLOADS, get("/v1/blocks"), host=host)
            )
            await crowd.wait_until_answered()
            reading = asyncio.create_task(crowd.read_on())
            stack.callback(reading.cancel)
        async with stranger(node, SITES[0]) as neighbour:
            assert await ask(neighbour, "/v1/blocks") == "share-taken", "they go on as they should"
        assert await ask(honest, "/v1/blocks") == ""


async def test_sites_that_only_announce_events_take_no_rehearsal_from_others(
    network: NetworkSeen, node: NodeSeen, honest: aiohttp.ClientSession
) -> None:
    async with AsyncExitStack() as stack:
        for host in SITES:
            crowd = await stack.enter_async_context(
                crowding(node.api, 100, ANNOUNCED, host=host, reads=True)
            )
            await crowd.wait_until_sent()
        event = sign_note(network.keys, bytes.fromhex(network.chain))
        headers = {"Content-Type": "application/msgpack"}
        async with honest.post("/v1/rehearsals", data=event, headers=headers) as response:
            assert response.status == 200, await response.text()
