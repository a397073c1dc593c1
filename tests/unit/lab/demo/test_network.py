"""The network of the demonstration: what is said where none starts, and how long it is waited."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from founding import make_genesis
from lab.demo import network
from lab.demo.network import Announcement, Network, NetworkError, NodePlace

PARTICIPANTS = Path(__file__).parents[4] / "config" / "data" / "participants.csv"
LEVEL = 60


def test_ports_that_are_taken_are_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        start = Network.start(tmp_path / "net", participants=PARTICIPANTS, voters=1, port=port)
        with pytest.raises(NetworkError, match=f"ports from {port} on; choose others by --port"):
            asyncio.run(start)


@asynccontextmanager
async def lagging_network(steps: int) -> AsyncIterator[Network]:
    """Two nodes of which one catches up at every look, for so many; then it stands where it is."""
    looks = itertools.count(1)

    async def answer(request: web.Request) -> web.Response:
        is_behind = request.match_info["node"] == "behind"
        held = min(next(looks), steps) if is_behind else LEVEL
        status = {
            "node": request.match_info["node"],
            "role": "follower",
            "term": 1,
            "leader": None,
            "height": held,
            "tree_size": held,
            "head": f"head of {held}",
        }
        return web.json_response(status)

    app = web.Application()
    app.router.add_get("/{node}/v1/status", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        places = tuple(
            NodePlace(
                name=name,
                api=str(server.make_url(f"/{name}")),
                pid=0,
                directory=Path(),
                config=Path(),
                log=Path(),
            )
            for name in ("ahead", "behind")
        )
        announcement = Announcement(chain="", genesis=Path(), keys=Path(), open_to=(), nodes=places)
        process = await asyncio.create_subprocess_exec("true")
        await process.wait()
        yield Network(process, announcement, make_genesis(), {}, session, [])


async def test_a_node_may_catch_up_for_as_long_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_STANDSTILL_S", 0.2)
    async with lagging_network(steps=LEVEL) as found:
        assert (await found.wait_until_equal()).tree_size == LEVEL


async def test_a_node_that_stands_still_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_STANDSTILL_S", 0.2)
    async with lagging_network(steps=LEVEL // 2) as found:
        with pytest.raises(NetworkError, match=r"come to one head: nothing has moved for 0\.2 s"):
            await found.wait_until_equal()
