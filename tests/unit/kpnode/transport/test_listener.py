"""The listener against clients that do not behave."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ports import FOR_PEERS

from kpnode.raft import Message, NodeId, Term, TimeoutNow
from kpnode.transport.link import PEER_PATH
from kpnode.transport.listener import Listener
from kpnode.transport.options import Counts, TransportOptions
from kpnode.transport.tls import client_context
from kpnode.transport.wire import MAX_FRAME_BYTES, Frame, RelayReply, encode_frame

pytestmark = pytest.mark.usefixtures("no_leaks")

Until = Callable[[Callable[[], bool]], Awaitable[None]]

BW, NA, SG = NodeId("bw-1"), NodeId("na-1"), NodeId("sg-1")
KEYS = {
    node: Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    for seed, node in enumerate((BW, NA, SG))
}
EVE = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
PINS = {node: key.public_key().public_bytes_raw() for node, key in KEYS.items()}
GREETING = encode_frame(Message(NA, BW, TimeoutNow(Term(1))))


class Door:
    """The listener of BW, and what came in."""

    def __init__(self, options: TransportOptions) -> None:
        self.frames: list[tuple[NodeId, Frame]] = []
        self.counts = Counts()
        self.listener = Listener(
            BW,
            KEYS[BW],
            options=options,
            counts=self.counts,
            on_frame=self.take,
        )

    def take(self, peer: NodeId, frame: Frame) -> float:
        self.frames.append((peer, frame))
        return 0

    @property
    def peers(self) -> tuple[NodeId, ...]:
        return tuple(self.listener._connections)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.listener.port}"


class Caller:
    """Clients of all kinds, hung up at the end."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self._sockets: list[aiohttp.ClientWebSocketResponse] = []

    async def connect(
        self, door: Door, context: ssl.SSLContext, path: str = PEER_PATH
    ) -> aiohttp.ClientWebSocketResponse:
        brief = aiohttp.ClientWSTimeout(ws_close=0.05)
        connected = await self.session.ws_connect(door.url + path, ssl=context, timeout=brief)
        self._sockets.append(connected)
        return connected

    async def hang_up(self) -> None:
        for connected in self._sockets:
            await connected.close()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    door = Door(TransportOptions())
    door.listener.set_pins({NA: PINS[NA], SG: PINS[SG]})
    await door.listener.start("127.0.0.1", 0, FOR_PEERS)
    yield door
    await door.listener.close()


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session:
        caller = Caller(session)
        yield caller
        await caller.hang_up()


def context_of(node: NodeId) -> ssl.SSLContext:
    return client_context(KEYS[node], node, {BW: PINS[BW]})


def make_strangers() -> dict[str, ssl.SSLContext]:
    anonymous = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anonymous.check_hostname = False
    anonymous.verify_mode = ssl.CERT_NONE
    outdated = context_of(NA)
    outdated.minimum_version = outdated.maximum_version = ssl.TLSVersion.TLSv1_2
    return {
        "without a key": anonymous,
        "with a key of its own": client_context(EVE, NA, {BW: PINS[BW]}),
        "of TLS 1.2": outdated,
    }


STRANGERS = make_strangers()


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
async def test_a_stranger_is_not_let_in(
    door: Door, caller: Caller, stranger: ssl.SSLContext
) -> None:
    with pytest.raises(aiohttp.ClientError):
        await caller.connect(door, stranger)
    assert (door.counts, door.peers) == (Counts(), ())


async def test_a_withdrawn_key_is_not_let_in(door: Door, caller: Caller) -> None:
    door.listener.set_pins({SG: PINS[SG]})
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await caller.connect(door, context_of(NA))
    assert (caught.value.status, door.counts) == (403, Counts(refused_peers=1))


async def test_a_member_asks_and_sends_no_frames(caller: Caller) -> None:
    door = Door(TransportOptions())
    app = web.Application()

    async def tell(request: web.Request) -> web.Response:
        return web.Response(text=door.listener.find_member(request))

    app.router.add_get("/v1/who", tell)
    door.listener.set_pins({SG: PINS[SG]})
    door.listener.serve_members(app, {NA: PINS[NA]})
    await door.listener.start("127.0.0.1", 0, FOR_PEERS)
    try:
        async with caller.session.get(f"{door.url}/v1/who", ssl=context_of(NA)) as response:
            assert (response.status, await response.text()) == (200, NA)
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await caller.connect(door, context_of(NA))
        assert caught.value.status == 403
        # A peer that is no member, and somebody whom a member might have let in.
        async with caller.session.get(f"{door.url}/v1/who", ssl=context_of(SG)) as response:
            assert response.status == 403
        with pytest.raises(aiohttp.ClientError):
            await caller.session.get(f"{door.url}/v1/who", ssl=STRANGERS["with a key of its own"])
    finally:
        await door.listener.close()


async def test_frames_pass_by_what_is_for_requests(caller: Caller) -> None:
    door = Door(TransportOptions())

    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        raise web.HTTPGone(text=f"{request.path} is not for {handler}")

    door.listener.set_pins({NA: PINS[NA]})
    door.listener.serve_members(web.Application(middlewares=[refuse]), {NA: PINS[NA]})
    await door.listener.start("127.0.0.1", 0, FOR_PEERS)
    try:
        await caller.connect(door, context_of(NA))
        async with caller.session.get(f"{door.url}/v1/who", ssl=context_of(NA)) as response:
            assert response.status == 410
    finally:
        await door.listener.close()


async def test_nothing_else_is_served(door: Door, caller: Caller) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await caller.connect(door, context_of(NA), path="/v1/events")
    assert caught.value.status == 404


async def test_a_request_that_is_no_websocket_is_refused(door: Door, caller: Caller) -> None:
    async with caller.session.get(door.url + PEER_PATH, ssl=context_of(NA)) as answer:
        assert answer.status == 400
    assert (door.counts, door.peers) == (Counts(), ())


BAD = {
    "garbage": b"\xc1garbage",
    "empty": b"",
    "truncated": GREETING[:-1],
    "unknown message": GREETING.replace(b"timeout_now", b"snapshot..."),
    "in another's name": encode_frame(Message(SG, BW, TimeoutNow(Term(1)))),
    "for another": encode_frame(Message(NA, SG, TimeoutNow(Term(1)))),
    "oversized": bytes(MAX_FRAME_BYTES + 1),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
async def test_a_bad_frame_closes_its_connection_and_no_other(
    door: Door, caller: Caller, until: Until, data: bytes
) -> None:
    na = await caller.connect(door, context_of(NA))
    sg = await caller.connect(door, context_of(SG))
    answer = RelayReply(ticket=1, status="committed", body=b"receipt")
    await na.send_bytes(GREETING)
    await na.send_bytes(data)
    closed = await na.receive()
    assert closed.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR}
    await until(lambda: door.peers == (SG,))
    await sg.send_bytes(encode_frame(answer))
    await until(lambda: len(door.frames) == 2)
    assert door.frames == [(NA, Message(NA, BW, TimeoutNow(Term(1)))), (SG, answer)]
    assert door.counts == Counts(accepted=2, received=2, refused_frames=1)


async def test_the_largest_frame_is_taken(door: Door, caller: Caller, until: Until) -> None:
    around = len(encode_frame(RelayReply(ticket=1, status="committed", body=bytes(1 << 16))))
    body = bytes(MAX_FRAME_BYTES - around + (1 << 16))
    largest = encode_frame(RelayReply(ticket=1, status="committed", body=body))
    assert len(largest) == MAX_FRAME_BYTES
    na = await caller.connect(door, context_of(NA))
    await na.send_bytes(largest)
    await until(lambda: door.counts != Counts(accepted=1))
    assert door.counts == Counts(accepted=1, received=1)


async def test_an_oversized_frame_is_refused_before_it_is_there(door: Door, caller: Caller) -> None:
    """The header alone (RFC 6455, section 5.2) announces more than anyone may send."""
    na = await caller.connect(door, context_of(NA))
    assert na._conn is not None
    assert na._conn.transport is not None
    header = bytes([0x82, 0x80 | 127]) + (MAX_FRAME_BYTES + 1).to_bytes(8) + bytes(4)
    na._conn.transport.write(header)
    assert (await na.receive()).data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    assert door.counts == Counts(accepted=1, refused_frames=1)


async def test_text_closes_the_connection(door: Door, caller: Caller) -> None:
    na = await caller.connect(door, context_of(NA))
    await na.send_str("hello")
    assert (await na.receive()).data == aiohttp.WSCloseCode.POLICY_VIOLATION
    assert door.counts == Counts(accepted=1, refused_frames=1)


async def test_a_newer_connection_replaces_the_older_and_that_is_logged(
    door: Door, caller: Caller, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    older = await caller.connect(door, context_of(NA))
    assert caplog.messages == []
    newer = await caller.connect(door, context_of(NA))
    said = "replaced a connection by a second one: na-1 at 127.0.0.1"
    assert caplog.messages == [f"{said}: its line broke, or it runs twice"]
    assert (await older.receive()).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
    await newer.send_bytes(GREETING)
    await until(lambda: len(door.frames) == 1)
    assert (door.peers, door.counts.accepted) == ((NA,), 2)


async def test_a_peer_that_runs_twice_is_named(door: Door, caller: Caller) -> None:
    await caller.connect(door, context_of(SG))
    for _ in range(5):
        await caller.connect(door, context_of(NA))
        assert door.listener.doubled() == ()
    await caller.connect(door, context_of(NA))
    assert door.listener.doubled() == ("na-1 (at 127.0.0.1)",)


async def test_a_peer_that_answers_no_ping_is_given_up(caller: Caller, until: Until) -> None:
    door = Door(TransportOptions(ping_s=0.02))
    door.listener.set_pins(PINS)
    await door.listener.start("127.0.0.1", 0, FOR_PEERS)
    na = await caller.connect(door, context_of(NA))  # and then it never reads
    await until(lambda: door.counts.accepted == 1 and door.peers == ())
    assert (door.counts.refused_frames, na.closed) == (0, False)
    await door.listener.close()


async def test_closing_ends_all_connections(door: Door, caller: Caller) -> None:
    na = await caller.connect(door, context_of(NA))
    await door.listener.close()
    assert (await na.receive()).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
    assert (door.peers, door.listener.port) == ((), 0)


@pytest.mark.parametrize("turns", range(6))
async def test_a_connection_accepted_while_closing_is_not_lost(door: Door, turns: int) -> None:
    """In which turn of the loop it is accepted is not ours to say, so several are tried."""
    with socket.create_connection(("127.0.0.1", door.listener.port)):
        for _ in range(turns):
            await asyncio.sleep(0)
        await door.listener.close()
