"""Notes of one key: as long as notes can be, as fast as nodes take them."""

import asyncio
import itertools
from collections.abc import Iterator

import msgpack
from network import NetworkSeen, NodeSeen, sign_statement

from attacks.flood import Attack, connect, say_ready
from kpledger.scheme.v1.events.life import NoteFiled

_NOTES = 6_000
"""Fifty megabytes; what is refused is sent again."""
_BATCH = 100
_CONNECTIONS = 4


def _make_batches(network: NetworkSeen) -> Iterator[bytes]:
    note = NoteFiled(text="\U0001f48e" * 2_000, references=(), document=None)
    chain = bytes.fromhex(network.chain)
    for _ in range(0, _NOTES, _BATCH):
        yield msgpack.packb(
            [sign_statement(network.keys, chain, "BW", "BW", note) for _ in range(_BATCH)]
        )


async def _post(node: NodeSeen, batches: Iterator[bytes]) -> None:
    reader, writer = await connect(node.api)
    for body in batches:
        head = (
            "POST /v1/events HTTP/1.1\r\nHost: node\r\nContent-Type: application/msgpack\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in answer.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        await reader.readexactly(length)


async def _attack(network: NetworkSeen) -> None:
    batches = itertools.cycle(list(_make_batches(network)))
    say_ready()
    async with asyncio.TaskGroup() as group:
        for node, _ in itertools.product(network.nodes, range(_CONNECTIONS)):
            group.create_task(_post(node, batches))


ATTACK = Attack(
    number=6,
    summary="one root key files the longest notes there are, in batches over several connections",
    run=_attack,
)
