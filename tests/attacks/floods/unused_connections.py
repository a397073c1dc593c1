"""Connections that say nothing: as many as the network lets stand."""

import asyncio

from network import NetworkSeen

from attacks.flood import Attack, connect, say_ready

_CONNECTIONS = 400
_PAUSE_S = 0.5


async def _attack(network: NetworkSeen) -> None:
    say_ready()
    while True:
        opened = [await connect(node.api) for node in network.nodes for _ in range(_CONNECTIONS)]
        await asyncio.sleep(_PAUSE_S)
        for _, writer in opened:
            writer.close()


ATTACK = Attack(
    number=2,
    summary=f"{_CONNECTIONS} connections to each node that say nothing, again and again",
    run=_attack,
)
