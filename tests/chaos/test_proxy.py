"""The wire of a chaos run carries every byte in order, and holds, delays and resets as told."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from lab.chaos.proxy import Link
from lab.listening import conversing

HOST = "127.0.0.1"
PATIENCE_S = 30.0


@dataclass(slots=True)
class Echo:
    """Sends back what it gets, in capitals, and remembers it."""

    accepted: int = 0
    heard: bytearray = field(default_factory=bytearray)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                self.heard += data
                writer.write(data.upper())
        self.ended.set()


@dataclass(slots=True)
class Wire:
    link: Link
    echo: Echo
    port: int

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(HOST, self.port)


@asynccontextmanager
async def laid_wire() -> AsyncIterator[Wire]:
    echo, link = Echo(), Link(random.Random(1))
    async with conversing(echo.serve) as far:
        near = await link.open(HOST, 0, (HOST, far))
        try:
            async with asyncio.timeout(PATIENCE_S):
                yield Wire(link, echo, near)
        finally:
            await link.close()


async def is_silent(reader: asyncio.StreamReader) -> bool:
    """Tell whether nothing comes while another connection is served in full."""
    answer = asyncio.ensure_future(reader.read(1))
    async with laid_wire() as other:
        far, writer = await other.dial()
        for _ in range(20):
            writer.write(b"x")
            await far.readexactly(1)
        writer.close()
    is_pending = not answer.done()
    answer.cancel()
    await asyncio.gather(answer, return_exceptions=True)
    return is_pending


async def test_bytes_arrive_whole_and_in_order_both_ways() -> None:
    async with laid_wire() as wire:
        sent = random.Random(2).randbytes(3_000_000)
        reader, writer = await wire.dial()
        with wire.link.forth.slowed(0, 0.002), wire.link.back.slowed(0, 0.002):
            writer.write(sent)
            assert await reader.readexactly(len(sent)) == sent.upper()
        assert wire.echo.heard == sent
        writer.close()


@pytest.mark.parametrize("way", ["forth", "back"])
async def test_held_way_lets_nothing_pass_until_it_is_released(way: str) -> None:
    async with laid_wire() as wire:
        reader, writer = await wire.dial()
        writer.write(b"one")
        assert await reader.readexactly(3) == b"ONE"
        with getattr(wire.link, way).held():
            writer.write(b"two")
            assert await is_silent(reader)
            # Held forth, the far end has heard nothing; held back, it has, and its answer is lost.
            assert bytes(wire.echo.heard) == (b"one" if way == "forth" else b"onetwo")
        assert await reader.readexactly(3) == b"TWO"
        writer.close()


async def test_way_is_open_when_the_last_of_two_faults_has_released_it() -> None:
    async with laid_wire() as wire:
        reader, writer = await wire.dial()
        with ExitStack() as outer:
            outer.enter_context(wire.link.forth.held())
            with wire.link.forth.held():
                writer.write(b"one")
            assert await is_silent(reader)
        assert await reader.readexactly(3) == b"ONE"
        writer.close()


async def test_connection_that_is_dialled_behind_a_cut_comes_up_when_it_heals() -> None:
    async with laid_wire() as wire:
        with wire.link.forth.held():
            reader, writer = await wire.dial()
            writer.write(b"one")
            assert await is_silent(reader)
            assert wire.echo.accepted == 0
        assert await reader.readexactly(3) == b"ONE"
        writer.close()


async def test_end_of_a_peer_is_not_heard_behind_a_cut() -> None:
    async with laid_wire() as wire:
        reader, writer = await wire.dial()
        writer.write(b"one")
        assert await reader.readexactly(3) == b"ONE"
        with wire.link.forth.held():
            writer.close()
            async with laid_wire() as other:
                far, near = await other.dial()
                near.write(b"x")
                await far.readexactly(1)
                near.close()
            assert not wire.echo.ended.is_set()
        await wire.echo.ended.wait()


async def test_reset_ends_both_sides_at_once() -> None:
    async with laid_wire() as wire:
        reader, writer = await wire.dial()
        writer.write(b"one")
        assert await reader.readexactly(3) == b"ONE"
        assert wire.link.reset() == 2
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        await wire.echo.ended.wait()
        again, writer = await wire.dial()
        writer.write(b"two")
        assert await again.readexactly(3) == b"TWO"
        writer.close()


async def test_dialer_is_reset_when_nobody_listens_behind_the_link() -> None:
    link = Link(random.Random(1))
    probe = await asyncio.start_server(Echo().serve, HOST, 0)
    port = probe.sockets[0].getsockname()[1]
    probe.close()
    await probe.wait_closed()
    near = await link.open(HOST, 0, (HOST, port))
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection(HOST, near)
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        writer.close()
        await link.close()
