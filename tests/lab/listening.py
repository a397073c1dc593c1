"""Servers of tests: none leaves a connection open behind it, however late that one came."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from aiohttp import web

Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

HOST: Final = "127.0.0.1"
_LAST_ANSWERS_S: Final = 0.1


async def stop_accepting(server: asyncio.Server) -> None:
    """Close a server's listening sockets, and no other.

    `asyncio.Server.close` alone loses a connection that was accepted in the same turn of the loop,
    with its socket open (python/cpython issue 109564, still open for 3.11 and 3.12).
    """
    loop = asyncio.get_running_loop()
    for listener in server.sockets:
        loop.remove_reader(listener.fileno())
    await asyncio.sleep(0)
    server.close()


@asynccontextmanager
async def conversing(converse: Conversation) -> AsyncIterator[int]:
    """Hold a conversation on every connection to a port, which is given, and end all at last."""
    running: set[asyncio.Task[None]] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            running.add(task)
        try:
            await converse(reader, writer)
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(take, HOST, 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        await stop_accepting(server)
        for task in running:
            task.cancel()
        await asyncio.gather(*running)


@asynccontextmanager
async def answering(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Answer every HTTP request at a port, which is given; over TLS if it has a context."""
    http = web.Server(answer)
    server = await asyncio.get_running_loop().create_server(http, HOST, 0, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        await stop_accepting(server)
        await http.shutdown(_LAST_ANSWERS_S)
