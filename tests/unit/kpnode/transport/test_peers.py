"""Whole transports with real sockets and real TLS on the loopback interface."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ports import FOR_PEERS

from kpledger.base.errors import OversizedError
from kpledger.scheme.event import Author
from kpnode.addresses import Address, Place
from kpnode.contacts import UnansweredError
from kpnode.raft import HeartbeatRequest, Index, Message, NodeId, Term
from kpnode.transport.contact import Contact
from kpnode.transport.link import Peer
from kpnode.transport.options import TransportOptions
from kpnode.transport.peers import PeerTransport
from kpnode.transport.wire import MAX_FRAME_BYTES, Frame, RelayReply, RelayRequest

pytestmark = pytest.mark.usefixtures("no_leaks")

Until = Callable[[Callable[[], bool]], Awaitable[None]]

BW, NA, SG = NodeId("bw-1"), NodeId("na-1"), NodeId("sg-1")
LANE = Author(participant="BW", authority="gaborone")
NOT_FOUND = 404
OPTIONS = TransportOptions(first_pause_s=0.01, longest_pause_s=0.05)


def make_key(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


KEYS = {BW: make_key(1), NA: make_key(2), SG: make_key(3)}
EVE = make_key(4)


class Station:
    """A transport, and what it said."""

    def __init__(self, node: NodeId, private_key: Ed25519PrivateKey) -> None:
        self.node = node
        self.frames: list[tuple[NodeId, Frame]] = []
        self.unreachable: list[NodeId] = []
        self.transport = PeerTransport(
            node,
            private_key,
            on_frame=self.take,
            on_unreachable=self.unreachable.append,
            options=OPTIONS,
        )

    def take(self, peer: NodeId, frame: Frame) -> float:
        self.frames.append((peer, frame))
        return 0

    def say(self, recipient: NodeId, *rounds: int) -> None:
        for round_ in rounds:
            self.transport.send_frame(recipient, heartbeat(self.node, recipient, round_))

    def as_peer(self) -> Peer:
        """Describe this station as the others should pin it."""
        key = KEYS[self.node].public_key().public_bytes_raw()
        return Peer(Place(Address(f"127.0.0.1:{self.transport.listener.port}")), key)


def heartbeat(sender: NodeId, recipient: NodeId, round_: int) -> Message:
    return Message(sender, recipient, HeartbeatRequest(Term(1), Index(0), round_))


@asynccontextmanager
async def listening(
    node: NodeId, private_key: Ed25519PrivateKey | None = None, port: int = 0
) -> AsyncIterator[Station]:
    station = Station(node, private_key or KEYS[node])
    await station.transport.listener.start("127.0.0.1", port, FOR_PEERS)
    try:
        yield station
    finally:
        await station.transport.close()


async def introduce(*stations: Station) -> None:
    peers = {station.node: station.as_peer() for station in stations}
    for station in stations:
        await station.transport.set_peers(peers)


async def test_frames_arrive_in_the_order_they_were_sent(until: Until) -> None:
    async with listening(BW) as bw, listening(NA) as na:
        await introduce(bw, na)
        await until(lambda: bw.transport.connected_peers() == (NA,))
        await until(lambda: na.transport.connected_peers() == (BW,))
        bw.say(NA, *range(1000))
        na.say(BW, *range(1000))
        await until(lambda: len(na.frames) == len(bw.frames) == 1000)
        assert na.frames == [(BW, heartbeat(BW, NA, round_)) for round_ in range(1000)]
        assert bw.frames == [(NA, heartbeat(NA, BW, round_)) for round_ in range(1000)]
        assert (bw.transport.counts.sent, bw.transport.counts.received) == (1000, 1000)


async def test_a_relayed_event_goes_there_and_its_answer_back(until: Until) -> None:
    request = RelayRequest(ticket=1, envelope=bytes(40_000), lane=LANE)
    reply = RelayReply(ticket=1, status="committed", body=b"receipt")
    async with listening(BW) as bw, listening(NA) as na:
        await introduce(bw, na)
        await until(lambda: bw.transport.send_frame(NA, request))
        await until(lambda: na.transport.send_frame(BW, reply))
        await until(lambda: bool(na.frames and bw.frames))
        assert (na.frames, bw.frames) == ([(BW, request)], [(NA, reply)])


async def test_three_nodes_all_hear_each_other(until: Until) -> None:
    async with listening(BW) as bw, listening(NA) as na, listening(SG) as sg:
        stations = (bw, na, sg)
        await introduce(*stations)
        await until(lambda: all(len(it.transport.connected_peers()) == 2 for it in stations))
        for station in stations:
            for other in stations:
                if other is not station:
                    station.say(other.node, 7)
        await until(lambda: all(len(it.frames) == 2 for it in stations))
        for station in stations:
            others = sorted(other.node for other in stations if other is not station)
            expected = [(other, heartbeat(other, station.node, 7)) for other in others]
            assert sorted(station.frames, key=lambda heard: heard[0]) == expected


async def test_a_node_with_a_wrong_key_is_refused_and_the_others_go_on(until: Until) -> None:
    async with listening(BW) as bw, listening(NA) as na, listening(SG, EVE) as eve:
        await introduce(bw, na, eve)
        await until(lambda: bw.transport.connected_peers() == (NA,))
        await until(lambda: na.transport.connected_peers() == (BW,))
        # It is refused as a server, and as a client.
        await until(lambda: SG in bw.unreachable and SG in na.unreachable)
        await until(lambda: {BW, NA} <= set(eve.unreachable))
        bw.say(NA, 1)
        bw.say(SG, 1)
        eve.say(NA, 1)
        na.say(BW, 1)
        await until(lambda: bool(na.frames and bw.frames))
        assert na.frames == [(BW, heartbeat(BW, NA, 1))]
        assert bw.frames == [(NA, heartbeat(NA, BW, 1))]
        assert eve.frames == []
        assert eve.transport.counts.connected == eve.transport.counts.accepted == 0


async def test_a_node_at_another_nodes_address_is_refused(until: Until) -> None:
    """Its key is pinned, but not as the key of the node that is sought."""
    async with listening(BW) as bw, listening(SG) as sg:
        await sg.transport.set_peers({BW: bw.as_peer()})
        na_key = KEYS[NA].public_key().public_bytes_raw()
        await bw.transport.set_peers({NA: Peer(sg.as_peer().place, na_key), SG: sg.as_peer()})
        await until(lambda: bw.transport.connected_peers() == (SG,))
        await until(lambda: bw.unreachable.count(NA) >= 2)
        # The handshake fails already: the link to NA trusts the key of NA alone.
        assert (bw.unreachable.count(SG), bw.transport.counts.refused_peers) == (0, 0)


async def test_a_peer_that_restarts_is_found_again(until: Until) -> None:
    async with listening(BW) as bw:
        async with listening(NA) as na:
            await introduce(bw, na)
            await until(lambda: bw.transport.connected_peers() == (NA,))
            port, peers = na.transport.listener.port, {BW: bw.as_peer(), NA: na.as_peer()}
        await until(lambda: NA in bw.unreachable)
        assert bw.transport.connected_peers() == ()
        async with listening(NA, port=port) as na:
            await na.transport.set_peers(peers)
            await until(lambda: bw.transport.connected_peers() == (NA,))
            await until(lambda: na.transport.connected_peers() == (BW,))
            bw.say(NA, 1)
            na.say(BW, 2)
            await until(lambda: bool(na.frames and bw.frames))
            assert na.frames == [(BW, heartbeat(BW, NA, 1))]
            assert bw.frames == [(NA, heartbeat(NA, BW, 2))]


async def test_a_removed_peer_is_cut_off_and_may_come_back(until: Until) -> None:
    async with listening(BW) as bw, listening(NA) as na, listening(SG) as sg:
        await introduce(bw, na, sg)
        await until(lambda: bw.transport.connected_peers() == (NA, SG))
        await until(lambda: na.transport.connected_peers() == (BW, SG))
        await bw.transport.set_peers({BW: bw.as_peer(), SG: sg.as_peer()})
        await until(lambda: BW in na.unreachable)
        assert bw.transport.connected_peers() == (SG,)
        assert not bw.transport.send_frame(NA, heartbeat(BW, NA, 1))
        # Its key is known to the TLS context for ever, so this is refused one step later.
        await until(lambda: bw.transport.counts.refused_peers > 0)
        await introduce(bw, na, sg)
        await until(lambda: na.transport.connected_peers() == (BW, SG))
        await until(lambda: bw.transport.connected_peers() == (NA, SG))
        assert (bw.transport.counts.connected, bw.unreachable, sg.unreachable) == (3, [], [])


async def test_a_peer_with_a_new_key_is_known_by_it_alone(until: Until) -> None:
    async with listening(BW) as bw, listening(NA) as na:
        await introduce(bw, na)
        await until(lambda: bw.transport.connected_peers() == (NA,))
        eve_key = EVE.public_key().public_bytes_raw()
        await bw.transport.set_peers({NA: Peer(na.as_peer().place, eve_key)})
        assert bw.transport.connected_peers() == ()
        await until(lambda: NA in bw.unreachable and BW in na.unreachable)


async def test_two_nodes_with_one_key_are_refused() -> None:
    async with listening(BW) as bw:
        with pytest.raises(ValueError, match="same TLS key"):
            await bw.transport.set_peers({NA: bw.as_peer(), SG: bw.as_peer()})


async def test_a_frame_for_nobody_is_dropped_and_counted() -> None:
    async with listening(BW) as bw:
        assert not bw.transport.send_frame(NA, heartbeat(BW, NA, 1))
        bw.say(SG, 1, 2)
        assert bw.transport.counts.dropped_unconnected == 3


async def test_a_frame_that_no_node_would_accept_is_an_error() -> None:
    async with listening(BW) as bw:
        with pytest.raises(OversizedError):
            bw.transport.send_frame(
                NA, RelayRequest(ticket=1, envelope=bytes(MAX_FRAME_BYTES), lane=LANE)
            )


@pytest.mark.parametrize("there", ["another node", "something else", "nobody"])
async def test_a_false_address_costs_an_attempt_to_connect(until: Until, there: str) -> None:
    """What a node tells of itself leads to a place where somebody else is, or nobody."""
    heard = bytearray()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read(4096))
        writer.close()

    async with listening(BW) as bw, listening(NA) as na, listening(SG) as sg:
        other = await asyncio.start_server(hear, "127.0.0.1", 0)
        port = {"another node": sg.transport.listener.port, "nobody": 1}
        false = port.get(there, other.sockets[0].getsockname()[1])
        await sg.transport.set_peers({BW: bw.as_peer()})
        await na.transport.set_peers({BW: bw.as_peer()})
        peer = na.as_peer()
        peer.place.told = Address(f"127.0.0.1:{false}")
        contact = Contact.member(BW, KEYS[BW], NA, peer)
        try:
            with pytest.raises(UnansweredError):
                await contact.get("/secret", timeout_s=20, max_bytes=1)
            # There is somebody at the other address, who serves no such path.
            assert (await contact.get("/secret", timeout_s=20, max_bytes=99)).status == NOT_FOUND
        finally:
            await contact.close()
            other.close()
        peer = na.as_peer()
        peer.place.told = Address(f"127.0.0.1:{false}")
        await bw.transport.set_peers({NA: peer})
        await until(lambda: bw.transport.connected_peers() == (NA,))
        assert bw.unreachable == [NA]
        assert sg.transport.counts.accepted == 0
        assert b"secret" not in heard


async def test_a_port_in_use_is_an_error() -> None:
    async with listening(BW) as bw:
        second = Station(NA, KEYS[NA])
        taken = bw.transport.listener.port
        with pytest.raises(OSError, match="Address already in use"):
            await second.transport.listener.start("127.0.0.1", taken, FOR_PEERS)
        await second.transport.close()


async def test_a_transport_that_never_listened_can_be_closed() -> None:
    station = Station(BW, KEYS[BW])
    await station.transport.set_peers({NA: Peer(Place(Address("127.0.0.1:1")), bytes(range(32)))})
    assert station.transport.listener.port == 0
    await station.transport.close()


async def test_a_mistake_in_a_callback_is_reported() -> None:
    """A link that died of it would otherwise be missed by nobody."""
    reported: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    def fail(peer: NodeId) -> None:
        raise RuntimeError(f"no idea what to do about {peer}")

    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: reported.set_result(context["exception"])
    )
    transport = PeerTransport(
        BW, KEYS[BW], on_frame=lambda _peer, _frame: 0, on_unreachable=fail, options=OPTIONS
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(transport.close)
        await transport.set_peers({NA: Peer(Place(Address("127.0.0.1:1")), bytes(range(32)))})
        assert str(await asyncio.wait_for(reported, 20)) == "no idea what to do about na-1"
