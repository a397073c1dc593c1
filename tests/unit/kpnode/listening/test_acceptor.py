"""The acceptor on real sockets, on the loop that a node runs on: handshakes, limits, haste."""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager, suppress

import pytest
import uvloop
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kpnode.listening import acceptor
from kpnode.listening.acceptor import Acceptor, http_logger
from kpnode.listening.connections import ConnectionLimits
from kpnode.listening.descriptors import share_descriptors
from kpnode.raft import NodeId
from kpnode.transport.tls import public_server_context

PATIENCE_S = 20.0
FEW = ConnectionLimits(total=8, share=8)
UNVERIFIED = ssl._create_unverified_context()  # noqa: S323 (the key is none that anybody knows)
HEAD = b"GET / HTTP/1.1\r\nHost: node\r\n"


Run = Callable[[Coroutine[None, None, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a test on the loop that a node runs on, and on that of the standard library."""
    found: Run = request.param
    return found


@asynccontextmanager
async def serving(
    *,
    wait_s: float = PATIENCE_S,
    tls: bool = False,
    limits: ConnectionLimits = FEW,
    is_preferred: bool = True,
) -> AsyncIterator[int]:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text="hello")

    http = web.Server(answer, access_log=None, logger=http_logger(__name__))
    context = public_server_context(Ed25519PrivateKey.generate(), NodeId("bw-1")) if tls else None
    one = Acceptor(
        "a test", http, limits, wait_s=wait_s, tls=context, is_preferred=lambda _: is_preferred
    )
    try:
        yield await one.start("127.0.0.1", 0)
    finally:
        await one.close()
        await http.shutdown(0.1)
    assert len(one._connections) == len(one._handshakes) == 0


async def ask(port: int, *, tls: bool = False) -> bytes:
    context = UNVERIFIED if tls else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(HEAD + b"Connection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    return answer


async def see_end(one: socket.socket) -> bytes:
    """Wait until the other side has ended a connection; gives what it said before."""
    said = b""
    with suppress(ConnectionResetError):
        while part := await asyncio.get_running_loop().sock_recv(one, 1000):
            said += part
    return said


@asynccontextmanager
async def connected(port: int, count: int) -> AsyncIterator[list[socket.socket]]:
    loop = asyncio.get_running_loop()
    with ExitStack() as held:
        found = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in found:
            one.settimeout(0)
            await loop.sock_connect(one, ("127.0.0.1", port))
        yield found


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01", HEAD])
def test_a_handshake_that_does_not_end_is_cut_off(run: Run, said: bytes) -> None:
    async def scenario() -> None:
        async with serving(wait_s=0.2, tls=True) as port, connected(port, 1) as (one,):
            await asyncio.get_running_loop().sock_sendall(one, said)
            await asyncio.wait_for(see_end(one), PATIENCE_S)
            assert b"hello" in await ask(port, tls=True)

    run(scenario())


def test_a_connection_that_trickles_after_its_handshake_is_cut_off(run: Run) -> None:
    async def scenario() -> None:
        async with serving(wait_s=0.3, tls=True) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=UNVERIFIED)
            writer.write(HEAD)
            ended = asyncio.create_task(reader.read())
            async with asyncio.timeout(PATIENCE_S):
                while not ended.done():
                    writer.write(b"X: y\r\n")
                    await asyncio.sleep(0.02)
            await asyncio.gather(ended, return_exceptions=True)
            writer.close()

    run(scenario())


@pytest.mark.parametrize("tls", [False, True])
def test_those_that_wait_give_way_to_newcomers(run: Run, *, tls: bool) -> None:
    async def scenario() -> None:
        async with serving(tls=tls) as port, connected(port, FEW.total) as held:
            for _ in range(3):
                assert b"hello" in await ask(port, tls=tls)
            await asyncio.wait_for(see_end(held[0]), PATIENCE_S)

    run(scenario())


@pytest.mark.parametrize("peers", [1, 8, 60, 400])
def test_those_who_have_not_shown_a_key_yet_can_do_so_however_many_peers_there_are(
    run: Run, peers: int
) -> None:
    _, limits = share_descriptors(8192, peers=peers, database=256)

    async def scenario() -> None:
        async with serving(tls=True, limits=limits, is_preferred=False) as port:
            assert b"hello" in await ask(port, tls=True)

    run(scenario())


def test_at_most_half_are_in_their_handshake(run: Run) -> None:
    async def scenario() -> None:
        async with serving(tls=True) as port, connected(port, FEW.total // 2 + 1) as held:
            await asyncio.wait_for(see_end(held[0]), PATIENCE_S)
            assert b"hello" in await ask(port, tls=True)

    run(scenario())


def test_a_site_in_haste_is_turned_away_and_told_of_once(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(acceptor, "_BURST", 4)
    monkeypatch.setattr(acceptor, "_PREFERRED_PER_S", 0.001)

    async def scenario() -> None:
        async with serving() as port:
            for _ in range(4):
                assert b"hello" in await ask(port)
            for _ in range(5):
                with suppress(ConnectionError):
                    assert await ask(port) == b""

    run(scenario())
    assert caplog.messages == [
        "connections to a test are opened too fast: one from 127.0.0.1 was turned away"
    ]


def test_without_descriptors_those_that_wait_end_and_it_goes_on(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with serving() as port, connected(port, 2) as held:
            assert b"hello" in await ask(port)
            with monkeypatch.context() as patch:

                def accept(_: socket.socket) -> tuple[socket.socket, object]:
                    patch.undo()
                    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

                patch.setattr(socket.socket, "accept", accept)
                assert b"hello" in await ask(port)
            for one in held:
                await asyncio.wait_for(see_end(one), PATIENCE_S)

    run(scenario())
    assert caplog.messages == [
        "no further connection to a test could be accepted: Too many open files"
    ]
