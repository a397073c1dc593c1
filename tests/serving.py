"""A node that serves its API on a real socket, on a real disk; the other voters agree with it.

The genesis file is that of `founding`, the clock stands at its noon; all else is as in production.
"""

import asyncio
import os
import re
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from electing import signer_of
from engines import make_engine
from followers import Agreement, Follower
from founding import NOW_MS, OFFICES, VOTERS, make_genesis, opening_events, signing_key
from gossiping import NOWHERE
from network import PATIENCE_S
from ports import FOR_API
from sealed_notes import sign
from voices import Voice

from kpledger.api.routes import MAX_TIMEOUT_MS, MSGPACK_TYPE, ROUTES, ReadOptions
from kpledger.base.errors import LedgerError
from kpledger.log.checkpoint import Checkpoint
from kpledger.log.policy import policy_of
from kpledger.scheme.envelope import decode_envelope
from kpnode.addresses import LOOPBACK, Address
from kpnode.api.access import AccessControl
from kpnode.api.app import NodeApi
from kpnode.api.http import HttpServer
from kpnode.api.served import ApiLimits, ServedNode
from kpnode.books.keeper import keep_books
from kpnode.books.place import BOOKS_NAME
from kpnode.books.supervisor import BooksSupervisor, Run
from kpnode.config import AccessSection, PeersSection
from kpnode.gossip.addresses import AddressBook
from kpnode.gossip.final_chain import FinalChain
from kpnode.gossip.rounds import Gossip
from kpnode.headers import LoggedHeaders
from kpnode.ledger import Ledger
from kpnode.machine import Machine
from kpnode.raft import (
    Configuration,
    Index,
    Message,
    NodeId,
    RaftConfig,
    RaftCore,
    Recovered,
)
from kpnode.runtime import Committed, Node
from kpnode.sealing.cosigner import COSIGNED_NAME, OwnCosigner
from kpnode.sealing.final_tree import FinalTree
from kpnode.sealing.published import PublishedCheckpoints
from kpnode.sealing.seals import Seals
from kpnode.storage.leveldb import LevelStorage
from kpnode.tokens import TokenRegister
from kpnode.transport.relay import PeerLinks

NAME = "bw-1"
_ELECTION_TICKS = 100
"""Long, so that a busy machine ends nobody's leadership."""

OPEN = AccessSection(addresses=LOOPBACK)


class Clock:
    """Stands still; a test may break it, and with it the node."""

    broken = False

    def __call__(self) -> int:
        if self.broken:
            raise OSError("the clock is broken")
        return NOW_MS


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    headers: dict[str, str] = field(compare=False)

    @property
    def json(self) -> dict[str, object]:
        return msgspec.json.decode(self.body, type=dict[str, object])


_QUESTIONS = re.compile(
    "|".join(
        re.sub(r"{\w+}", "[^/]+", route.path) for route in ROUTES if route.options is ReadOptions
    )
)


def _be_patient(path: str) -> str:
    """Have a question answered however busy the machine is, where it does not say how long."""
    asked, _, query = path.partition("?")
    if "timeout_ms" in query or _QUESTIONS.fullmatch(asked) is None:
        return path
    return f"{asked}?{'&'.join(filter(None, (query, f'timeout_ms={MAX_TIMEOUT_MS}')))}"


@dataclass(frozen=True, slots=True)
class Served:
    node: Node
    books: BooksSupervisor
    seals: Seals
    clock: Clock
    port: int
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, **options: object) -> Reply:
        async with self.session.request(method, path, **options) as response:  # type: ignore[arg-type]
            return Reply(response.status, await response.read(), dict(response.headers))

    async def get(self, path: str) -> Reply:
        return await self.ask("GET", _be_patient(path))

    async def post(self, body: bytes, media_type: str = MSGPACK_TYPE, query: str = "") -> Reply:
        headers = {"Content-Type": media_type}
        return await self.ask("POST", f"/v1/events{query}", data=body, headers=headers)

    async def record(self, *envelopes: bytes) -> None:
        # One after the other: each stands in a block of its own.
        for one in envelopes:
            (outcome,) = await self.node.submit([decode_envelope(one)], PATIENCE_S)
            assert isinstance(outcome, Committed), outcome

    @property
    def published(self) -> PublishedCheckpoints:
        return self.seals.published

    def seal(self) -> Checkpoint:
        """Let all voters cosign what is final."""
        checkpoint = self.published.tree.newest()
        assert checkpoint is not None
        self.published.take(sign(checkpoint, *VOTERS))
        return checkpoint

    async def open_trade(self) -> None:
        for office in OFFICES:
            await self.record(*opening_events(office))


class Company(PeerLinks):
    """Links to nobody, over which the other voters agree with everything."""

    def __init__(self, node: Node, others: Agreement) -> None:
        super().__init__(node, Ed25519PrivateKey.generate())
        self._receive = node.receive
        self._others = others

    def send(self, messages: tuple[Message, ...]) -> None:
        """Have it answered, once whoever sends this has done so."""
        for answer in self._others.answer(messages):
            asyncio.get_running_loop().call_soon(self._receive, answer)


def make_agreement() -> Agreement:
    """Let the other voters agree with the node."""
    genesis = make_genesis()
    voices = (Voice(signer_of(one), NodeId(NAME)) for one in VOTERS if one != NAME)
    return Agreement(tuple(Follower(voice, genesis) for voice in voices))


def make_node(
    directory: Path,
    clock: Clock,
    others: Agreement | None = None,
    *,
    tick_s: float = 0.005,
    max_block_bytes: int = 1 << 20,
    gather_s: float = 0.0,
) -> tuple[Node, LevelStorage]:
    """Make a node that others have elected already, if there are any."""
    genesis = make_genesis()
    storage = LevelStorage(directory, chain=genesis.chain, create=True)
    ledger = Ledger(genesis, storage)
    machine = Machine(genesis, NAME, signing_key(f"{NAME}/consensus"), ledger, skew_ms=1000)
    machine.recover(storage)
    core = RaftCore(
        RaftConfig(
            NodeId(NAME), _ELECTION_TICKS, heartbeat_ticks=1, fixed_voters=True, signed=True
        ),
        Recovered(
            hard_state=storage.hard_state,
            configuration=Configuration(voters=tuple(map(NodeId, VOTERS))),
            applied=Index(ledger.tip.height),
        ),
        storage,
    )
    engine = make_engine(
        core,
        machine,
        storage,
        now_ms=clock,
        election_ticks=_ELECTION_TICKS,
        max_block_events=64,
        max_block_bytes=max_block_bytes,
    )
    if others is not None:
        others.elect(engine)
    node = Node(
        genesis,
        NAME,
        ledger,
        engine,
        tick_s=tick_s,
        election_s=_ELECTION_TICKS * tick_s,
        max_block_events=64,
        max_queue=1000,
        gather_s=gather_s,
    )
    return node, storage


def make_links(node: Node, others: Agreement | None) -> PeerLinks:
    """Give the links to voters that agree, or to nobody."""
    return (
        PeerLinks(node, Ed25519PrivateKey.generate()) if others is None else Company(node, others)
    )


def children() -> set[int]:
    """Give the processes that this one has started."""
    found = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(pid) for file in found for pid in file.read_text().split()}


def make_seals(directory: Path, ledger: Ledger) -> Seals:
    """Give what the node cosigns, and what is signed."""
    tree, genesis = FinalTree(ledger), ledger.genesis
    cosigner = OwnCosigner(
        directory / COSIGNED_NAME,
        name=f"{genesis.file.origin}/{NAME}",
        key=signing_key(f"{NAME}/cosigning"),
        logs=policy_of(genesis).logs,
        tree=tree,
    )
    log_key = signing_key(f"{NAME}/consensus")
    return Seals(cosigner, PublishedCheckpoints(genesis, tree), log_key)


def run_here(directory: Path) -> Run:
    """Keep books in this process, in threads; all else is as in production."""

    async def run(feed: socket.socket, listener: socket.socket) -> str:
        try:
            await keep_books(make_genesis(), directory / BOOKS_NAME, feed, listener)
        except (LedgerError, sqlite3.Error) as error:
            return repr(error)
        return "the feed has ended"

    return run


def make_gossip(node: ServedNode, headers: LoggedHeaders, seals: Seals) -> Gossip:
    """Make what gossips for a node, with whoever speaks to it."""
    chain = FinalChain(node.ledger, headers)
    book = AddressBook(node.genesis, PeersSection(listen=Address("[::]:7700")), NOWHERE)
    return Gossip(node, chain, seals.published.tree, seals.published, addresses=book)


@asynccontextmanager
async def serve(
    directory: Path,
    limits: ApiLimits,
    *,
    leads: bool = True,
    run: Run | None = None,
    access: AccessSection = OPEN,
) -> AsyncIterator[Served]:
    clock = Clock()
    others = make_agreement() if leads else None
    node, storage = make_node(directory, clock, others)
    books = BooksSupervisor(node, directory.parent, run or run_here(directory.parent))
    seals = make_seals(directory.parent, node.ledger)
    gossip = make_gossip(node, LoggedHeaders(make_genesis(), storage), seals)
    control = AccessControl(access, TokenRegister(directory.parent / access.tokens))
    server = HttpServer(
        NodeApi(node, books, gossip, seals=seals, limits=limits).build_public(control),
        request_s=limits.request_s,
    )
    await node.start(make_links(node, others))
    await books.start()
    port = await server.start(
        "127.0.0.1", 0, None, FOR_API, is_preferred=lambda address: address.is_loopback
    )
    try:
        if leads:
            async with asyncio.timeout(PATIENCE_S):
                await node.reach(1)  # where it leads, it has something to answer from
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            yield Served(node, books, seals, clock, port, session)
    finally:
        await server.stop()
        await books.stop()
        await node.stop()
        storage.close()
