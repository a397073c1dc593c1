"""Batches of events that were encoded before, sent to all nodes over raw connections."""

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from contextlib import suppress

import msgspec
from network import NetworkSeen

from attacks.flood import connect, say_ready

_PAUSE_S = 0.02
"""Before a connection that was refused or closed is made again."""
_ANSWER_BYTES = 1 << 16


def encode_request(path: str, events: Sequence[bytes]) -> bytes:
    """Give the bytes of a request with a batch."""
    body = msgspec.msgpack.encode(list(events))
    head = f"POST {path} HTTP/1.1\r\nHost: node\r\nContent-Type: application/msgpack\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def post_for_ever(
    network: NetworkSeen,
    batches: Sequence[Sequence[bytes]],
    *,
    connections: int,
    path: str = "/v1/events",
    abandon: bool = False,
) -> None:
    """Send batches in turn over so many connections, to one node after the other, for ever.

    With `abandon` no answer is waited for: the connection is closed as soon as all was sent.
    """
    requests = itertools.cycle([encode_request(path, batch) for batch in batches])
    urls = [node.api for node in network.nodes]
    say_ready()
    async with asyncio.TaskGroup() as group:
        for number in range(connections):
            group.create_task(_post(urls[number % len(urls)], requests, abandon=abandon))


async def _post(url: str, requests: Iterator[bytes], *, abandon: bool) -> None:
    while True:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            reader, writer = await connect(url)
            try:
                while True:
                    writer.write(next(requests))
                    await writer.drain()
                    if abandon:
                        break
                    await _read_answer(reader)
            finally:
                writer.close()
        await asyncio.sleep(_PAUSE_S)


async def _read_answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
    while length > 0:
        length -= len(await reader.readexactly(min(length, _ANSWER_BYTES)))
    if b"connection: close" in head:
        raise ConnectionResetError
