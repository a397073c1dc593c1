"""What one voter's keys, and those of a node that is no voter, can do to the others.

The others are real processes. Who holds the keys was never elected; he speaks over the links that
the keys open.
"""

import asyncio
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec
import pytest
from network import GLANCE_S, NodeSeen, ask_status, ending, sign_note, start_kpnode
from ports import FOR_PEERS

from kpledger.log.genesis import Genesis, format_genesis, parse_genesis
from kpledger.scheme.envelope import decode_envelope
from kpnode.config import LimitsSection, RaftSection, format_config, load_config
from kpnode.daemon import load_keys
from kpnode.devnet import find_ports
from kpnode.founding import CONFIG_NAME, GENESIS_NAME, found_network, plan_nodes, read_members
from kpnode.ledger import Ledger
from kpnode.machine import Machine
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Entry,
    EntryKind,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Message,
    MessageBody,
    NodeId,
    Term,
)
from kpnode.storage.leveldb import LevelStorage
from kpnode.transport.link import Peer
from kpnode.transport.options import TransportOptions
from kpnode.transport.peers import PeerTransport
from kpnode.transport.wire import Frame

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

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


def found(directory: Path) -> Founded:
    """Found it, with little patience for clocks and short elections."""
    port = find_ports("127.0.0.1", (*range(NODES), *range(100, 100 + NODES)))
    members = read_members(PARTICIPANTS)
    planned = plan_nodes(members, NODES, port)
    directory.mkdir()
    all_vote = found_network(directory, members, planned, api_tls=False)
    voters = tuple(sorted(one.name for one in planned))[:VOTERS]
    encoded = format_genesis(msgspec.structs.replace(all_vote.file, voters=voters))
    genesis = parse_genesis(encoded)
    (directory / GENESIS_NAME).write_bytes(encoded)
    nodes = []
    for one in planned:
        path = directory / one.name / CONFIG_NAME
        config = msgspec.structs.replace(
            load_config(path),
            raft=RaftSection(tick_ms=TICK_MS),
            limits=LimitsSection(skew_ms=SKEW_MS),
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
    heard: list[Message] = []

    def on_frame(_peer: NodeId, frame: Frame) -> None:
        if isinstance(frame, Message):
            heard.append(frame)

    transport = PeerTransport(
        NodeId(node.name),
        load_keys(config, network.genesis).tls,
        on_frame=on_frame,
        on_unreachable=lambda _peer: None,
        options=TransportOptions(),
    )
    try:
        listen = config.peers.listen
        await transport.listener.start(listen.host, listen.port, FOR_PEERS)
        addresses = config.peers.addresses
        peers = {
            NodeId(name): Peer(address, bytes.fromhex(network.genesis.node(name).tls_key))
            for name, address in addresses.items()
        }
        await transport.set_peers(peers)
        yield Holder(node, transport, heard)
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
        async with asyncio.timeout(DEADLINE_S):
            while True:
                found = await self.ask()
                if all(map(check, found)):
                    return found
                await asyncio.sleep(GLANCE_S)

    async def commit(self, event: bytes) -> None:
        """Let the network order an event, whoever leads it by then."""
        headers = {"Content-Type": "application/msgpack"}
        async with asyncio.timeout(DEADLINE_S):
            while True:
                with suppress(aiohttp.ClientError):
                    url = f"{self.nodes[0].api}/v1/events?timeout_ms=5000"
                    async with self._session.post(url, data=event, headers=headers) as response:
                        if response.status == 201:
                            return
                await asyncio.sleep(GLANCE_S)


def number(status: dict[str, object], name: str) -> int:
    found = status[name]
    assert isinstance(found, int), name
    return found


def backdate(network: Founded, liar: NodeSeen, event: bytes, term: Term) -> AppendRequest:
    """Seal a block, as the leader of a term to come, that is as old as the end of the chain."""
    storage = LevelStorage(network.database(liar), chain=network.genesis.chain, create=False)
    try:
        ledger = Ledger(network.genesis, storage)
        keys = load_keys(load_config(liar.config), network.genesis)
        machine = Machine(network.genesis, liar.name, keys.consensus, ledger, skew_ms=SKEW_MS)
        machine.recover(storage)
        end, end_term = machine.top.height, machine.top.term
        opening = Entry(Index(end + 1), term, EntryKind.NOOP, b"")
        machine.stage((opening,))
        builder = machine.open_block(machine.top.time_ms)
        assert builder.add(decode_envelope(event)) is None
        block = Entry(Index(end + 2), term, EntryKind.BLOCK, machine.seal(builder, term))
    finally:
        storage.close()
    # What he claims to be committed costs nothing.
    return AppendRequest(term, Index(end), Term(end_term), (opening, block), block.index)


async def test_keys_of_one_voter_move_neither_time_nor_elections(tmp_path: Path) -> None:
    network = found(tmp_path / "net")
    honest, (liar, stranger) = network.nodes[: VOTERS - 1], network.nodes[VOTERS - 1 :]
    event = sign_note(network.directory / "keys", network.genesis.chain)
    processes = [
        await start_kpnode("run", "--config", one.config) for one in network.nodes[:VOTERS]
    ]
    async with ending(processes), aiohttp.ClientSession() as session:
        watch = Watch(session, honest)
        await watch.until(lambda one: number(one, "height") > 0)
        # So long that the whole chain is old, and nobody has missed anything for a while.
        await watch.until(lambda one: number(one, "uptime_s") >= 3)
        assert time.time_ns() // 1_000_000 - network.genesis.file.created_at > 2 * SKEW_MS
        processes[VOTERS - 1].send_signal(signal.SIGTERM)
        await processes[VOTERS - 1].communicate()
        await watch.until(lambda one: one.get("leader") in {node.name for node in honest})

        async with holding_keys(network, stranger) as holder:
            await wait_until(lambda: len(holder.transport.connected_peers()) >= len(honest))
            await refuse_stranger(watch, holder)
        async with holding_keys(network, liar) as holder:
            await wait_until(lambda: len(holder.transport.connected_peers()) == len(honest))
            await refuse_backdated_block(network, watch, holder, event)
            await refuse_absurd_commit(watch, holder)
        await watch.commit(event)
        await watch.until(lambda one: number(one, "tree_size") == 1)


async def refuse_stranger(watch: Watch, holder: Holder) -> None:
    """Nobody answers a node that is no voter, and the leader leads on."""
    before = await watch.ask()
    term = Term(number(before[0], "term") + 1)
    holder.tell(watch.nodes, HeartbeatRequest(term, Index(0), 0))
    holder.tell(watch.nodes, AppendRequest(term, Index(0), Term(0), (), Index(0)))
    uptime_s = max(number(one, "uptime_s") for one in before)
    after = await watch.until(lambda one: number(one, "uptime_s") > uptime_s)
    assert holder.heard == []
    assert [one["term"] for one in after] == [one["term"] for one in before]


async def refuse_backdated_block(
    network: Founded, watch: Watch, holder: Holder, event: bytes
) -> None:
    """Nobody takes a block that is older than the skew, and nobody follows who sent it."""
    term = Term(max(number(one, "term") for one in await watch.ask()) + 1)
    append = await asyncio.to_thread(backdate, network, holder.node, event, term)
    holder.tell(watch.nodes, append)
    found = await watch.until(lambda one: "time_ms" in str(one["refused_blocks"]))
    assert holder.answers(AppendReply, term) == set()
    assert {one["tree_size"] for one in found} == {0}
    assert all(f"a block of {holder.node.name} is" in str(one["alarms"]) for one in found)


async def refuse_absurd_commit(watch: Watch, holder: Holder) -> None:
    """Nobody believes that its disk lost what a leader claims, and all may be elected on."""
    term = Term(max(number(one, "term") for one in await watch.ask()) + 1)
    names = {node.name for node in watch.nodes}
    async with asyncio.timeout(DEADLINE_S):
        # At first they do not listen to him: his block came late.
        while holder.answers(HeartbeatReply, term) != names:
            for commit in (Index(1000), ABSURD):
                holder.tell(watch.nodes, HeartbeatRequest(term, commit, 0))
            await asyncio.sleep(GLANCE_S)
    found = await watch.until(lambda one: number(one, "term") > term and one["leader"] in names)
    assert not any("disk has lost" in str(one["alarms"]) for one in found)
    assert all("it claims that block" in str(one["refused_blocks"]) for one in found)
