"""A link against peers that do not behave, and the arithmetic of its patience."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, strategies as st
from lab.listening import stop_accepting

from kpledger.base.pinning import build_tls_certificate
from kpnode.addresses import Address, Place
from kpnode.raft import NodeId
from kpnode.transport.link import Link, Peer, pause_s
from kpnode.transport.options import Counts, TransportOptions
from kpnode.transport.tls import client_context, server_context
from kpnode.transport.wire import MAX_FRAME_BYTES

pytestmark = pytest.mark.usefixtures("no_leaks")

Until = Callable[[Callable[[], bool]], Awaitable[None]]
Talk = Callable[[web.WebSocketResponse], Coroutine[None, None, None]]

BW, NA = NodeId("bw-1"), NodeId("na-1")
BW_KEY, NA_KEY, EVE = (
    Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2, 3)
)
BW_PIN, NA_PIN = (key.public_key().public_bytes_raw() for key in (BW_KEY, NA_KEY))
SERVER = server_context(NA_KEY, NA, {BW: BW_PIN})


@dataclass(frozen=True, slots=True)
class Rig:
    """The link of BW to NA, and what it said."""

    link: Link
    counts: Counts
    unreachable: list[NodeId]


@asynccontextmanager
async def linked(
    talk: Talk,
    *,
    server: ssl.SSLContext = SERVER,
    ping_s: float = 10.0,
    max_queued_frames: int = 8,
    autoping: bool = True,
) -> AsyncIterator[Rig]:
    """Run a link to a server that answers as `talk` says."""

    async def accept(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=0, autoping=autoping)
        await socket.prepare(request)
        talking = asyncio.create_task(talk(socket))
        conversations.append(talking)
        await talking
        return socket

    conversations: list[asyncio.Task[None]] = []
    http = web.Server(accept)
    listener = await asyncio.get_running_loop().create_server(http, "127.0.0.1", ssl=server)
    peer = Peer(Place(Address(f"127.0.0.1:{listener.sockets[0].getsockname()[1]}")), NA_PIN)
    counts, unreachable = Counts(), list[NodeId]()
    options = TransportOptions(
        ping_s=ping_s,
        max_queued_frames=max_queued_frames,
        first_pause_s=0.01,
        longest_pause_s=0.05,
        closing_s=0.05,
    )
    link = Link(
        NA,
        peer,
        context=client_context(BW_KEY, BW, {NA: NA_PIN}),
        options=options,
        counts=counts,
        on_unreachable=unreachable.append,
        on_met=lambda _peer, _address: None,
    )
    running = asyncio.create_task(link.run())
    try:
        yield Rig(link, counts, unreachable)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await stop_accepting(listener)
        for talking in conversations:
            talking.cancel()
        await http.shutdown(0.05)


async def test_a_full_queue_drops_the_newest_and_says_so_once(until: Until) -> None:
    """What does arrive is then a prefix of what was sent, which is all an append is good for."""
    may_read = asyncio.Event()
    arrived: list[int] = []

    async def read_late(socket: web.WebSocketResponse) -> None:
        await may_read.wait()
        async for message in socket:
            number = int.from_bytes(message.data[:4])
            arrived.append(number)

    async with linked(read_late) as rig:
        await until(lambda: rig.link.is_connected)
        megabyte = bytes(1 << 20)
        accepted = 0

        def is_full() -> bool:
            nonlocal accepted
            was_accepted = rig.link.send(accepted.to_bytes(4) + megabyte)
            accepted += was_accepted
            return not was_accepted

        await until(is_full)
        assert not rig.link.send(b"one more")
        assert (rig.counts.dropped_full, rig.unreachable) == (2, [NA])
        may_read.set()
        await until(lambda: len(arrived) == accepted)
        assert arrived == list(range(accepted))
        assert (rig.counts.sent, rig.counts.dropped_queued) == (accepted, 0)


async def test_a_queue_holds_no_more_bytes_than_it_may(until: Until) -> None:
    async def never_read(_socket: web.WebSocketResponse) -> None:
        await asyncio.Event().wait()

    async with linked(never_read, max_queued_frames=1000) as rig:
        await until(lambda: rig.link.is_connected)
        frame = bytes(MAX_FRAME_BYTES)
        assert [rig.link.send(frame) for _ in range(3)] == [True, True, False]


async def test_a_frame_without_a_connection_is_dropped(until: Until) -> None:
    async def hang_up(socket: web.WebSocketResponse) -> None:
        await socket.close()

    async with linked(hang_up) as rig:
        assert not rig.link.send(b"too early")
        assert rig.counts.dropped_unconnected == 1
        await until(lambda: rig.counts.connected >= 2)
        assert set(rig.unreachable) == {NA}


async def test_what_waits_when_the_connection_ends_is_forgotten(until: Until) -> None:
    stalled = asyncio.Event()
    second: list[bytes] = []

    async def stall_first(socket: web.WebSocketResponse) -> None:
        if not stalled.is_set():
            await stalled.wait()
            return
        second.append((await socket.receive()).data)

    async with linked(stall_first) as rig:
        await until(lambda: rig.link.is_connected)
        await until(lambda: not rig.link.send(bytes(1 << 20)))
        stalled.set()
        await until(lambda: rig.counts.connected == 2)
        assert rig.counts.dropped_queued > 0
        assert rig.link.send(b"new")
        await until(lambda: bool(second))
        assert second == [b"new"]


async def test_a_peer_that_answers_no_ping_is_given_up(until: Until) -> None:
    async def never_read(_socket: web.WebSocketResponse) -> None:
        await asyncio.Event().wait()

    async with linked(never_read, ping_s=0.02) as rig:
        await until(lambda: rig.counts.connected >= 2)
        assert set(rig.unreachable) == {NA}


async def test_a_quiet_peer_that_answers_pings_is_kept(until: Until) -> None:
    """A second ping on one connection shows that the first answer was enough."""
    most_pings = 0

    async def answer_pings(socket: web.WebSocketResponse) -> None:
        nonlocal most_pings
        pings = 0
        async for message in socket:
            assert message.type is aiohttp.WSMsgType.PING
            pings += 1
            most_pings = max(most_pings, pings)
            await socket.pong(message.data)

    async with linked(answer_pings, ping_s=0.2, autoping=False):
        await until(lambda: most_pings >= 2)


@pytest.mark.parametrize("out_of_turn", [b"a frame", bytes(2000)], ids=["short", "too long"])
async def test_a_peer_that_talks_on_our_link_loses_it(until: Until, out_of_turn: bytes) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(out_of_turn)
        await socket.receive()

    async with linked(talk) as rig:
        await until(lambda: rig.counts.connected >= 2)
        assert rig.counts.disconnected >= 1


async def test_a_key_vouched_for_by_the_pinned_one_is_refused(until: Until, tmp_path: Path) -> None:
    """OpenSSL accepts what NA's key has signed, though it speaks of another key."""
    genuine = x509.load_pem_x509_certificate(build_tls_certificate(NA_KEY, NA))
    borrowed = (
        x509.CertificateBuilder()
        .subject_name(genuine.subject)
        .issuer_name(genuine.issuer)
        .public_key(EVE.public_key())
        .serial_number(2)
        .not_valid_before(dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
        .sign(NA_KEY, None)
    )
    pem = tmp_path / "eve.pem"
    pem.write_bytes(
        borrowed.public_bytes(Encoding.PEM)
        + EVE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    server = server_context(EVE, NA, {BW: BW_PIN})
    server.load_cert_chain(pem)

    async def read(socket: web.WebSocketResponse) -> None:
        await socket.receive()

    async with linked(read, server=server) as rig:
        await until(lambda: rig.counts.refused_peers >= 2)
        assert (rig.counts.connected, rig.counts.sent, rig.link.is_connected) == (0, 0, False)


# --- patience ---

options = st.builds(
    lambda first_s, factor: TransportOptions(
        first_pause_s=first_s, longest_pause_s=first_s * factor
    ),
    st.floats(0.001, 1),
    st.floats(1, 1000),
)


@given(st.integers(1, 10**9), options, st.floats(0, 1))
def test_a_pause_is_never_longer_than_it_may_be(
    failures: int, options: TransportOptions, chance: float
) -> None:
    pause = pause_s(failures, options, chance)
    assert options.first_pause_s / 2 <= pause <= options.longest_pause_s


def test_each_pause_is_twice_as_long_up_to_the_longest() -> None:
    options = TransportOptions(first_pause_s=1, longest_pause_s=10)
    assert [pause_s(failures, options, 1) for failures in range(1, 7)] == [1, 2, 4, 8, 10, 10]


def test_chance_spreads_a_pause_over_its_upper_half() -> None:
    options = TransportOptions(first_pause_s=1, longest_pause_s=10)
    assert [pause_s(1, options, chance) for chance in (0, 0.5, 1)] == [0.5, 0.75, 1]
