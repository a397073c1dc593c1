"""Nodes that do not vote, in the process of a test, on real disks and over real sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from founding import make_genesis
from ports import FOR_API
from serving import OPEN, Served, make_gossip, make_seals, run_here, serve

from kpledger.api.addresses import parse_addresses
from kpnode.api.access import AccessControl
from kpnode.api.app import NodeApi
from kpnode.api.http import HttpServer
from kpnode.api.served import ApiLimits
from kpnode.books.supervisor import BooksSupervisor
from kpnode.replica.replica import Replica
from kpnode.storage.leveldb import LevelStorage
from kpnode.tokens import TokenRegister
from kpnode.transport.contact import Contact


@asynccontextmanager
async def following(directory: Path, *urls: str) -> AsyncIterator[Replica]:
    genesis = make_genesis()
    contacts = [Contact.public(one, None, {}) for one in parse_addresses(urls)]
    with closing(LevelStorage(directory, chain=genesis.chain, create=True)) as storage:
        replica = Replica(genesis, "obs-1", storage, contacts)
        replica.start()
        try:
            yield replica
        finally:
            await replica.stop()
            for contact in contacts:
                await contact.close()


@asynccontextmanager
async def honest_node(directory: Path) -> AsyncIterator[tuple[Served, str]]:
    async with serve(directory / "ledger", ApiLimits()) as served:
        await served.open_trade()
        yield served, f"http://127.0.0.1:{served.port}"


@asynccontextmanager
async def serving_api(replica: Replica, directory: Path) -> AsyncIterator[str]:
    """Serve what a node answers, but for its books; gives the URL."""
    books = BooksSupervisor(replica, directory, run_here(directory))
    seals = make_seals(directory, replica.ledger)
    gossip = make_gossip(replica, replica.headers, seals)
    api = NodeApi(replica, books, gossip, seals=seals, limits=ApiLimits())
    access = AccessControl(OPEN, TokenRegister(directory / "tokens"))
    server = HttpServer(api.build_public(access), request_s=20)
    port = await server.start("127.0.0.1", 0, None, FOR_API, is_preferred=lambda _: True)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.stop()
