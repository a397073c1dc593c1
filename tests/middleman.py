"""What stands before an honest node and changes what that one says to those who follow."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import msgpack
from aiohttp import web
from founding import signing_key, vary

from kpledger.api.routes import BLOCKS, COMMITS
from kpledger.base.codec import encode
from kpledger.log.block import decode_block, decode_block_header, encode_block
from kpledger.log.certificates import CommitCertificate, decode_commit_certificate
from kpledger.log.layout import StoredEntry, decode_stored_entry, encode_stored_entry

Item = tuple[int, bytes]
Tell = Callable[[web.StreamResponse, list[Item]], Awaitable[None]]
"""Tells what a liar makes of a stream: its certificate as item 0, and its blocks."""


@dataclass
class Middleman:
    """Stands before a node, and passes on what it says, or tells something else."""

    honest: str
    tell: Tell | None = None
    answer_commits: Callable[[bytes], bytes] = lambda body: body
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    opens: asyncio.Event | None = None
    """Until this happens it answers nothing."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.opens is not None and not self.opens.is_set():
            raise web.HTTPServiceUnavailable
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.honest + str(request.rel_url)) as said,
        ):
            body = await said.read()
        headers = {"Content-Type": said.headers["Content-Type"]}
        if request.path == COMMITS.path:
            body = self.answer_commits(body)
        if request.path != BLOCKS.path or self.tell is None or said.status != 200:
            return web.Response(status=said.status, body=body, headers=headers)
        self.was_asked.set()
        unpacker = msgpack.Unpacker(max_buffer_size=0)
        unpacker.feed(body)
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await self.tell(response, [(height, stored) for height, stored in unpacker])
        return response


@asynccontextmanager
async def standing(middleman: Middleman) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", middleman.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    (address,) = runner.addresses
    try:
        yield f"http://127.0.0.1:{address[1]}"
    finally:
        await runner.cleanup()


async def send(response: web.StreamResponse, *items: Item) -> None:
    for item in items:
        await response.write(msgpack.packb(item))


def find_signed(items: list[Item]) -> int:
    """Give the place of a block of events in the middle of a stream."""
    signed = [at for at, (height, stored) in enumerate(items) if height and stored[1] == 1]
    return signed[len(signed) // 2]


async def corrupt(response: web.StreamResponse, items: list[Item]) -> None:
    at = find_signed(items)
    height, stored = items[at]
    changed = stored[:-9] + bytes([stored[-9] ^ 1]) + stored[-8:]
    await send(response, *items[:at], (height, changed), *items[at + 1 :])


async def branch(response: web.StreamResponse, items: list[Item]) -> None:
    """Make another block in the place of the last one, as its leader could."""
    height, stored = items[-1]
    entry = decode_stored_entry(stored)
    block = decode_block(entry.payload)
    header = decode_block_header(block.header)
    key = signing_key(f"{header.leader}/consensus")
    other = encode_block(vary(header, time_ms=header.time_ms + 1), block.events, key)
    changed = encode_stored_entry(StoredEntry(kind=1, term=entry.term, payload=other))
    await send(response, *items[:-1], (height, changed))


async def show_no_certificate(response: web.StreamResponse, items: list[Item]) -> None:
    await send(response, *items[1:])


async def certify_by_few(response: web.StreamResponse, items: list[Item]) -> None:
    certificate = decode_commit_certificate(items[0][1])
    by_one: CommitCertificate = vary(
        certificate, index=certificate.index + 1, by=certificate.by[:1]
    )
    await send(response, (0, encode(by_one)), *items[1:])
