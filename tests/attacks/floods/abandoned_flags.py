"""Dear questions, each another one, whose clients leave before they are answered."""

import asyncio
from collections.abc import Iterator
from itertools import count

from network import NetworkSeen

from attacks.crowd import crowding, get
from attacks.flood import Attack, say_ready
from attacks.trading import fill_ledger

_CERTIFICATES = 3_000
_AT_ONCE = 12
_PATIENCE_S = 0.3
_TARGET = "/v1/flags?from_day=1990-01-01&limit=1000&timeout_ms=60000&settings=F1.days={days}"


async def _attack(network: NetworkSeen) -> None:
    await fill_ledger(network, _CERTIFICATES)
    say_ready()
    numbers = count()
    async with asyncio.TaskGroup() as tasks:
        for node in network.nodes:
            for _ in range(_AT_ONCE):
                tasks.create_task(_ask(node.api, numbers))


async def _ask(url: str, numbers: Iterator[int]) -> None:
    while True:
        question = get(_TARGET.format(days=next(numbers) % 300 + 1))
        async with crowding(url, 1, question, reads=True):
            await asyncio.sleep(_PATIENCE_S)


ATTACK = Attack(
    number=3,
    summary=f"all flags of 36 years, {_AT_ONCE} questions at once, each another one and abandoned",
    run=_attack,
)
