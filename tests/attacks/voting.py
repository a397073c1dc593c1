"""A network of small patience, whose voters' keys a test may hold, and who watches it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec
from network import GLANCE_S, NodeSeen, ask_status, watch
from ports import FOR_PEERS

from kpledger.log.genesis import Genesis, format_genesis, parse_genesis
from kpnode.config import LimitsSection, RaftSection, format_config, load_config
from kpnode.daemon import load_keys
from kpnode.devnet import find_ports
from kpnode.founding import CONFIG_NAME, GENESIS_NAME, found_network, plan_nodes, read_members
from kpnode.raft import (
    Index,
    Message,
    MessageBody,
    NodeId,
)
from kpnode.storage.leveldb import LevelStorage
from kpnode.transport.link import Peer
from kpnode.transport.options import TransportOptions
from kpnode.transport.peers import PeerTransport
from kpnode.transport.wire import Frame, RelayReply, RelayRequest

VOTERS, NODES = 4, 5
SKEW_MS = 500
TICK_MS = 30
DEADLINE_S = 30.0
PARTICIPANTS = Path(__file__).parents[2] / "config/data/participants.csv"
ABSURD = Index((1 << 53) - 1)


@dataclass(frozen=True, slots=True)
class Founded:
    """A network of four voters and a node that is none, whose processes the test starts."""

    directory: Path
    genesis: Genesis
    nodes: tuple[NodeSeen, ...]

    def database(self, node: NodeSeen) -> Path:
        return load_config(node.config).node.database


def found(
    directory: Path, voters_count: int = VOTERS, *, tick_ms: int = TICK_MS, skew_ms: int = SKEW_MS
) -> Founded:
    """Found it, with little patience for clocks and short elections."""
    port = find_ports("127.0.0.1", (*range(NODES), *range(100, 100 + NODES)))
    members = read_members(PARTICIPANTS)
    planned = plan_nodes(members, NODES, port)
    directory.mkdir()
    all_vote = found_network(directory, members, planned, api_tls=False)
    voters = tuple(sorted(one.name for one in planned))[:voters_count]
    encoded = format_genesis(msgspec.structs.replace(all_vote.file, voters=voters))
    genesis = parse_genesis(encoded)
    (directory / GENESIS_NAME).write_bytes(encoded)
    nodes = []
    for one in planned:
        path = directory / one.name / CONFIG_NAME
        config = msgspec.structs.replace(
            load_config(path),
            raft=RaftSection(tick_ms=tick_ms),
            limits=LimitsSection(skew_ms=skew_ms),
        )
        path.write_text(format_config(config))
        shutil.rmtree(config.node.database)
        LevelStorage(config.node.database, chain=genesis.chain, create=True).close()
        seen = NodeSeen(
            name=one.name,
            api=f"http://{one.api}",
            peers=str(one.peers),
            pid=0,
            directory=path.parent,
            config=path,
            log=path.parent / "node.log",
        )
        nodes.append(seen)
    # The voters first.
    return Founded(
        directory, genesis, tuple(sorted(nodes, key=lambda node: node.name not in voters))
    )


@dataclass(slots=True)
class Holder:
    """Who holds the keys of a node, and says what he likes."""

    node: NodeSeen
    transport: PeerTransport
    heard: list[Message] = field(default_factory=list)
    refuses: Callable[[RelayRequest], RelayReply] | None = None
    """How he answers to events that are passed on to him as a leader; at first he does not."""

    def take(self, peer: NodeId, frame: Frame) -> None:
        """Hear what a node says."""
        if isinstance(frame, Message):
            self.heard.append(frame)
        elif isinstance(frame, RelayRequest) and self.refuses is not None:
            self.transport.send_frame(peer, self.refuses(frame))

    def tell(self, peers: Sequence[NodeSeen], body: MessageBody) -> None:
        for peer in peers:
            message = Message(NodeId(self.node.name), NodeId(peer.name), body)
            self.transport.send_frame(NodeId(peer.name), message)

    def answers(self, kind: type, term: int) -> set[str]:
        """Give who has answered him so in a term."""
        said = [one for one in self.heard if isinstance(one.body, kind)]
        return {str(one.sender) for one in said if one.body.term == term}


@asynccontextmanager
async def holding_keys(network: Founded, node: NodeSeen) -> AsyncIterator[Holder]:
    """Take a node's place on its links."""
    config = load_config(node.config)

    def on_frame(peer: NodeId, frame: Frame) -> float:
        holder.take(peer, frame)
        return 0

    transport = PeerTransport(
        NodeId(node.name),
        load_keys(config, network.genesis).tls,
        on_frame=on_frame,
        on_unreachable=lambda _peer: None,
        options=TransportOptions(),
    )
    holder = Holder(node, transport)
    try:
        listen = config.peers.listen
        await transport.listener.start(listen.host, listen.port, FOR_PEERS)
        addresses = config.peers.addresses
        peers = {
            NodeId(name): Peer(address, bytes.fromhex(network.genesis.node(name).tls_key))
            for name, address in addresses.items()
        }
        await transport.set_peers(peers)
        yield holder
    finally:
        await transport.close()


async def wait_until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not check():  # noqa: ASYNC110 (no event)
            await asyncio.sleep(GLANCE_S)


class Watch:
    """Asks nodes how they are."""

    def __init__(self, session: aiohttp.ClientSession, nodes: Sequence[NodeSeen]) -> None:
        self._session = session
        self.nodes = nodes

    async def ask(self) -> list[dict[str, object]]:
        return [await ask_status(self._session, node) for node in self.nodes]

    async def until(self, check: Callable[[dict[str, object]], bool]) -> list[dict[str, object]]:
        """Wait until all of them are so."""
        return await watch(self.nodes, lambda found: all(map(check, found)), self._session)

    async def submit(self, event: bytes) -> tuple[int, dict[str, object]]:
        """Submit an event to the first of them; gives the status and the answer."""
        headers = {"Content-Type": "application/msgpack"}
        url = f"{self.nodes[0].api}/v1/events?timeout_ms=5000"
        async with self._session.post(url, data=event, headers=headers) as response:
            answer = msgspec.json.decode(await response.read(), type=dict[str, object])
            return response.status, answer

    async def commit(self, event: bytes) -> None:
        """Let the network order an event, whoever leads it by then."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                with suppress(aiohttp.ClientError):
                    status, _ = await self.submit(event)
                    if status == 201:
                        return
                await asyncio.sleep(GLANCE_S)


def number(status: dict[str, object], name: str) -> int:
    found = status[name]
    assert isinstance(found, int), name
    return found
