"""What serves in tests leaves no connection open, whenever that one came."""

import asyncio
import gc
import socket
from contextlib import AbstractAsyncContextManager

import pytest
from aiohttp import web
from lab.listening import HOST, answering, conversing


async def listen_to_all(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def never_answer(_: web.BaseRequest) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


SERVERS = {"streams": lambda: conversing(listen_to_all), "http": lambda: answering(never_answer)}


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("kind", SERVERS)
def test_a_connection_of_the_last_moment_is_closed(kind: str, turns: int) -> None:
    """It is accepted in the very turn in which the server ends, if `turns` hits that one."""
    serving: AbstractAsyncContextManager[int] = SERVERS[kind]()

    async def scenario() -> None:
        async with serving as port:
            with socket.create_connection((HOST, port)):
                for _ in range(turns):
                    await asyncio.sleep(0)

    asyncio.run(scenario())
    # What was left open warns when it is collected, and a warning is an error here.
    gc.collect()
