"""The books of a ledger in memory, kept as a node keeps them, and the other end of their feed."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
from copied import store
from founding import MemoryLedger

from kpnode.books.keeper import keep_books
from kpnode.books.place import BOOKS_NAME, BooksSocket

PATIENCE_S = 30.0
_HEIGHT = struct.Struct(">Q")


@dataclass
class Feeder:
    """What a node does for the process that keeps its books."""

    ledger: MemoryLedger
    keeping: asyncio.Task[None]
    session: aiohttp.ClientSession
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read_height(self) -> int:
        """Wait until the books say how far they are."""
        async with asyncio.timeout(PATIENCE_S):
            (height,) = _HEIGHT.unpack(await self.reader.readexactly(_HEIGHT.size))
        return int(height)

    async def wait_for(self, height: int) -> None:
        """Wait until the books are at a height."""
        while await self.read_height() < height:
            pass

    def send_goal(self, height: int) -> None:
        """Say how far the ledger is."""
        self.writer.write(_HEIGHT.pack(height))

    def send_blocks(self, first: int, blocks: Sequence[int | bytes] | None = None) -> None:
        """Send the ledger's blocks from a height on, or others for them."""
        given = self.ledger.blocks[first - 1 :] if blocks is None else blocks
        for height, block in enumerate(given, start=first):
            self.writer.write(msgspec.msgpack.encode((height, store(block))))

    async def feed_all(self) -> None:
        """Do all that a node does for books that begin, up to the end of the ledger."""
        assert await self.read_height() == 0
        self.send_goal(self.ledger.tip.height)
        self.send_blocks(1)
        await self.wait_for(self.ledger.tip.height)


@asynccontextmanager
async def kept_books(ledger: MemoryLedger, directory: Path) -> AsyncIterator[Feeder]:
    """Keep books in a directory until the end of the block."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    place = BooksSocket(directory)
    listener = place.listener.dup()
    keeping = asyncio.create_task(
        keep_books(ledger.genesis, directory / BOOKS_NAME, theirs, listener)
    )
    connector = aiohttp.UnixConnector(place.path)
    try:
        async with aiohttp.ClientSession("http://books", connector=connector) as session:
            yield Feeder(ledger, keeping, session, reader, writer)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        writer.close()
        place.close()
