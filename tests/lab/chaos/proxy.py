"""The wire between two voters, in our hands: a TCP proxy that can hold, delay and reset.

A link carries the connections that one voter opens to another. Its peer link protocol is TLS with
pinned keys, so nothing here can read or forge anything: all that a bad network can do is left.

Bytes of a TCP stream cannot be lost one by one. So a cut holds them, and when it heals, resets the
connections they belong to, as a router that lost its state would; a stall holds them and then lets
them go on, late.
"""

import asyncio
import random
import socket
import struct
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from lab.listening import stop_accepting

_CHUNK_BYTES: Final = 1 << 16
_CHUNKS: Final = 64
"""Held for one direction of a connection; behind them the sender's own buffers fill."""
_RESET: Final = struct.pack("ii", 1, 0)
"""Linger on, for no time: closing such a socket sends RST (socket(7))."""


class Way:
    """One direction of a link; faults close and slow it, several at once."""

    def __init__(self, chance: random.Random) -> None:
        """Let everything pass; ``chance`` draws the delays."""
        self._chance = chance
        self._holds = 0
        self._delays: list[tuple[float, float]] = []
        self._open = asyncio.Event()
        self._open.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nothing pass until the end of the block."""
        self._holds += 1
        self._open.clear()
        try:
            yield
        finally:
            self._holds -= 1
            if not self._holds:
                self._open.set()

    @contextmanager
    def slowed(self, shortest_s: float, longest_s: float) -> Iterator[None]:
        """Delay everything by a time drawn anew for each chunk; the order stays."""
        delay = shortest_s, longest_s
        self._delays.append(delay)
        try:
            yield
        finally:
            self._delays.remove(delay)

    def draw_delay_s(self) -> float:
        """Draw how long what comes now is under way."""
        return sum(self._chance.uniform(*delay) for delay in self._delays)

    async def wait_open(self) -> None:
        """Wait until something may pass."""
        await self._open.wait()


class Link:
    """The connections that one voter opens to another.

    Attributes:
        forth: what the dialer sends.
        back: what it gets back.
    """

    def __init__(self, chance: random.Random) -> None:
        """Make a link that lets everything pass; it belongs to one event loop."""
        self.forth = Way(chance)
        self.back = Way(chance)
        self._server: asyncio.Server | None = None
        self._target = ("", 0)
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self, host: str, port: int, target: tuple[str, int]) -> int:
        """Listen for the dialer and pass on to the target; gives the port (0 takes a free one).

        Raises:
            OSError: the address cannot be used.
        """
        self._target = target
        self._server = await asyncio.start_server(self._accept, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and end all connections."""
        if self._server is not None:
            await stop_accepting(self._server)
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def reset(self) -> int:
        """End all connections with RST at both sides; gives how many sockets that were."""
        for writer in self._writers:
            _reset(writer)
        return len(self._writers)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        # A handler that ends by an error would be logged, and none of these is worth it.
        with suppress(OSError, asyncio.CancelledError), self._owned(writer):
            await self.forth.wait_open()
            try:
                far_reader, far_writer = await asyncio.open_connection(*self._target)
            except OSError:
                _reset(writer)
                return
            with self._owned(far_writer):
                await _carry_first(
                    _carry(reader, far_writer, self.forth), _carry(far_reader, writer, self.back)
                )

    @contextmanager
    def _owned(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        self._writers.add(writer)
        try:
            yield
        finally:
            self._writers.discard(writer)
            writer.close()


async def _carry_first(*carrying: Coroutine[None, None, None]) -> None:
    """Carry both directions until one of them has ended."""
    tasks = [asyncio.ensure_future(one) for one in carrying]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
    """Carry one direction to its end, each chunk when it is due and the way is open.

    The end of the stream takes the same way: of a peer that died behind a cut nobody hears.
    """
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_CHUNKS)

    async def read() -> None:
        chunk = b"-"
        while chunk:
            chunk = b""
            with suppress(OSError):
                chunk = await reader.read(_CHUNK_BYTES)
            await chunks.put((loop.time() + way.draw_delay_s(), chunk))

    reading = asyncio.create_task(read())
    try:
        while True:
            due, chunk = await chunks.get()
            await asyncio.sleep(due - loop.time())
            await way.wait_open()
            if not chunk:
                return
            writer.write(chunk)
            await writer.drain()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
