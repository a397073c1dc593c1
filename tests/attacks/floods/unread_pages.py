"""Pages that are asked for, and never read."""

import asyncio

from network import NetworkSeen

from attacks.crowd import crowding, get
from attacks.flood import Attack, say_ready
from attacks.trading import fill_ledger

_CERTIFICATES = 2_000
_AT_ONCE = 200
_HOLD_S = 5.0
_PAGES = get("/v1/certificates?limit=1000&timeout_ms=60000") * 4


async def _attack(network: NetworkSeen) -> None:
    await fill_ledger(network, _CERTIFICATES)
    say_ready()
    async with asyncio.TaskGroup() as tasks:
        for node in network.nodes:
            tasks.create_task(_ask(node.api))


async def _ask(url: str) -> None:
    while True:
        async with crowding(url, _AT_ONCE, _PAGES):
            await asyncio.sleep(_HOLD_S)


ATTACK = Attack(
    number=3,
    summary=f"{_AT_ONCE} connections to each node that ask for four pages of 1 MB and read none",
    run=_attack,
)
