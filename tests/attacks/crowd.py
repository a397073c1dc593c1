"""A crowd: connections of an attacker that send something, and read next to nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from network import PATIENCE_S

from attacks.flood import ATTACKER_HOST
from kpnode.api.shares import RATE

_ROOM_BYTES = 4096
_SEGMENT_BYTES = 536


def get(target: str) -> bytes:
    """Write a request."""
    return f"GET {target} HTTP/1.1\r\nHost: node\r\n\r\n".encode()


@dataclass(frozen=True, slots=True)
class Crowd:
    """Connections to a node."""

    opened: list[socket.socket] = field(default_factory=list)
    sending: list[asyncio.Task[None]] = field(default_factory=list)

    async def wait_until_sent(self) -> None:
        """Wait until the node has taken all that was sent, or ended the connection."""
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*self.sending)

    async def read_on(self) -> None:
        """Read all that comes, at twice the pace that is asked of a client; for ever."""
        loop = asyncio.get_running_loop()
        while True:
            for one in self.opened:
                with suppress(ConnectionError):
                    await loop.sock_recv(one, _ROOM_BYTES)
            await asyncio.sleep(_ROOM_BYTES / (2 * RATE))

    async def wait_until_answered(self) -> None:
        """Wait until each connection has been answered something, or ended."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_S):
            for one in self.opened:
                with suppress(ConnectionError):
                    await loop.sock_recv(one, 1)


@asynccontextmanager
async def crowding(
    url: str, count: int, sent: bytes, *, reads: bool = False, host: str = ATTACKER_HOST
) -> AsyncIterator[Crowd]:
    """Open so many connections from one host that all send this; close them at the block's end.

    Unless it ``reads``, next to nothing fits into a connection that is not read from.
    """
    crowd = Crowd()
    try:
        for _ in range(count):
            with suppress(ConnectionError):
                one = await _connect(url, crowd, reads=reads, host=host)
                crowd.sending.append(asyncio.create_task(_send(one, sent)))
        yield crowd
    finally:
        for task in crowd.sending:
            task.cancel()
        await asyncio.gather(*crowd.sending, return_exceptions=True)
        for one in crowd.opened:
            one.close()


async def _connect(url: str, crowd: Crowd, *, reads: bool, host: str) -> socket.socket:
    where = urlsplit(url)
    one = socket.socket()
    crowd.opened.append(one)
    one.settimeout(0)
    if not reads:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_BYTES)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT_BYTES)
    one.bind((host, 0))
    await asyncio.get_running_loop().sock_connect(one, (where.hostname, where.port))
    return one


async def _send(one: socket.socket, sent: bytes) -> None:
    with suppress(ConnectionError):
        await asyncio.get_running_loop().sock_sendall(one, sent)
