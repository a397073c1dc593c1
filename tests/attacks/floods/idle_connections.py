"""Connections that a small request now and then keeps open, on both ports; lost ones come again."""

import asyncio
import socket
from contextlib import suppress

from network import NetworkSeen

from attacks.flood import ATTACKER_HOST, Attack, say_ready

_TO_API = 4_500
"""To each node: more than one takes."""
_TO_PEERS = 200
_PERIOD_S = 12.0
"""Between two requests on a connection; a node lets a client be silent for twenty seconds."""
_TURNS = 240
"""In one period."""
_REQUEST = b"GET /health/live HTTP/1.1\r\nHost: node.kp\r\n\r\n"
_ANSWERS_BYTES = 1 << 16

_Place = tuple[str, int]


async def _attack(network: NetworkSeen) -> None:
    places: list[_Place] = []
    for node in network.nodes:
        for address, count in ((node.api.partition("//")[2], _TO_API), (node.peers, _TO_PEERS)):
            host, _, port = address.rpartition(":")
            places += count * [(host, int(port))]
    held = [_connect(place) for place in places]
    turn = 0
    while True:
        if turn == _TURNS:
            # Each has been opened and has sent a request.
            say_ready()
        for at in range(turn % _TURNS, len(held), _TURNS):
            if not _keep(held[at]):
                held[at].close()
                held[at] = _connect(places[at])
        turn += 1
        await asyncio.sleep(_PERIOD_S / _TURNS)


def _connect(place: _Place) -> socket.socket:
    one = socket.socket()
    one.settimeout(0)
    one.bind((ATTACKER_HOST, 0))
    with suppress(BlockingIOError):
        one.connect(place)
    return one


def _keep(one: socket.socket) -> bool:
    """Read what has come and send a request; tells whether the connection is still there."""
    try:
        with suppress(BlockingIOError):
            if not one.recv(_ANSWERS_BYTES):
                return False
        one.send(_REQUEST)
    except OSError:
        return False
    return True


ATTACK = Attack(
    number=2,
    summary=f"{_TO_API} connections to each API, each with a request in {_PERIOD_S:g} s, and"
    f" {_TO_PEERS} to each port for peers",
    run=_attack,
)
