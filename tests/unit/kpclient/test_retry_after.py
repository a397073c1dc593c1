"""When a node that asks for patience is asked again: as it says, and no sooner."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from founding import make_genesis
from scripted_node import Script, problem, served

from kpclient.net.node_client import NodeClient, NodeUnreachableError
from kpledger.api.routes import BLOCKS, GENESIS

LEDGER = make_genesis()
TARGET = f"GET {GENESIS.path}"
BUSY = problem(429, "you have your share")


@asynccontextmanager
async def playing(*scripts: Script, timeout_s: float = 5.0) -> AsyncIterator[NodeClient]:
    """Start scripted nodes and a client of them, in this order."""
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(served(script)) for script in scripts]
        async with NodeClient(LEDGER, urls, timeout_s=timeout_s, observe=lambda *_: None) as client:
            yield client


async def fetch(client: NodeClient) -> bytes:
    _, content = await client.request("GET", GENESIS.path, bytes)
    return content


async def test_a_node_is_asked_again_when_it_says() -> None:
    script = Script({TARGET: [BUSY, b"found"]}, retry_after="1")
    async with playing(script) as client:
        assert await fetch(client) == b"found"


@pytest.mark.parametrize("status", [429, 503])
async def test_a_node_is_not_asked_before(status: int) -> None:
    script = Script({TARGET: problem(status, "not now")}, retry_after="5")
    async with playing(script, timeout_s=2) as client:
        with pytest.raises(NodeUnreachableError, match="not now"):
            await fetch(client)
    assert script.asked.count(TARGET) == 1


async def test_others_are_asked_while_a_node_asks_for_patience() -> None:
    patient = Script({TARGET: BUSY}, retry_after="1000")
    async with playing(patient, Script({TARGET: b"found"})) as client:
        assert await fetch(client) == b"found"


@pytest.mark.parametrize("said", ["soon", "-1", "Mon, 30 Nov 2026 06:00:00 GMT", "9" * 5000])
async def test_what_a_node_says_of_when_to_come_is_bounded(said: str) -> None:
    script = Script({TARGET: [BUSY, b"found"]}, retry_after=said)
    async with playing(script) as client:
        assert await fetch(client) == b"found"


async def test_a_download_that_was_turned_away_begins_again() -> None:
    script = Script({f"GET {BLOCKS.path}": [BUSY, b"blocks"]}, retry_after="1")
    async with playing(script) as client:
        pieces = [piece async for piece in client.stream(client.node, BLOCKS.path)]
    assert pieces == [b"blocks"]


async def test_a_download_that_is_turned_away_for_good_ends_in_time() -> None:
    script = Script({f"GET {BLOCKS.path}": BUSY}, retry_after="5")
    async with playing(script, timeout_s=2) as client:
        with pytest.raises(NodeUnreachableError, match="you have your share"):
            _ = [piece async for piece in client.stream(client.node, BLOCKS.path)]
