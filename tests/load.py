"""Clients that submit to a network in closed loops, and what they were told must then be there."""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import msgspec
from network import GLANCE_S, PATIENCE_S, Network, NodeSeen, watch
from rebuilt import RebuiltBooks, tables_in

from kpclient.replay.copied_chain import CopiedChain, StoredBlock
from kpclient.replay.verification import audit_chain
from kpledger.log.audit import AuditVerdict
from kpledger.log.block import decode_block, decode_block_header
from kpledger.log.genesis import parse_genesis
from kpledger.log.layout import BLOCK_ENTRY, decode_stored_entry
from kpledger.scheme.envelope import decode_envelope
from kpnode.books.place import BOOKS_NAME, SOCKET_NAME

HEADERS = {"Content-Type": "application/msgpack"}


class Answer(msgspec.Struct, frozen=True):
    id: str
    status: str
    height: int = 0
    index: int = 0


class Load:
    """Clients in closed loops, and what they were told."""

    def __init__(self, network: Network, note: Callable[[], bytes] | None = None) -> None:
        self.network = network
        self.note = note or network.note
        self.acknowledged: dict[str, tuple[int, int]] = {}
        self.stopping = False
        self._progress = asyncio.Event()

    async def run_client(self, session: aiohttp.ClientSession, first: int) -> None:
        urls = itertools.cycle(node.api for node in self.network.seen.nodes)
        for _ in range(first):
            next(urls)
        while not self.stopping:
            event = self.note()
            answer = await self.submit(session, urls, event)
            self.acknowledged[answer.id] = answer.height, answer.index
            self._progress.set()

    async def submit(
        self, session: aiohttp.ClientSession, urls: "itertools.cycle[str]", event: bytes
    ) -> Answer:
        """Send one event until it is committed: the same bytes, to one node after another."""
        async with asyncio.timeout(PATIENCE_S):
            for url in urls:
                with suppress(aiohttp.ClientError, TimeoutError):
                    path = f"{url}/v1/events?timeout_ms=3000"
                    async with session.post(path, data=event, headers=HEADERS) as response:
                        body = await response.read()
                        assert response.status in {201, 202, 503}, body
                        if response.status == 201:
                            return msgspec.json.decode(body, type=Answer)
                await asyncio.sleep(GLANCE_S)
        raise AssertionError("the cycle of nodes has no end")

    @asynccontextmanager
    async def running(self, session: aiohttp.ClientSession, clients: int) -> AsyncIterator[None]:
        """Let so many clients submit until the end of the block, and then finish what they do."""
        tasks = [asyncio.create_task(self.run_client(session, first)) for first in range(clients)]
        try:
            yield
        finally:
            self.stopping = True
            await asyncio.gather(*tasks)

    async def wait_for_more(self, count: int) -> None:
        """Wait until so many more events are acknowledged than now."""
        wanted = len(self.acknowledged) + count
        async with asyncio.timeout(PATIENCE_S):
            while len(self.acknowledged) < wanted:
                self._progress.clear()
                await self._progress.wait()


async def wait_until_caught_up(session: aiohttp.ClientSession, node: NodeSeen, height: int) -> None:
    """Wait until a node has committed a height, for as long as it goes forward."""
    await watch([node], lambda found: int(str(found[0]["height"])) >= height, session)


def places_in(copy: Path) -> dict[str, tuple[int, int]]:
    """Give height and index of every event in a copied directory, by id."""
    places = {}
    for found in CopiedChain(copy):
        assert isinstance(found, StoredBlock)
        entry = decode_stored_entry(found.stored)
        if entry.kind == BLOCK_ENTRY:
            block = decode_block(entry.payload)
            first = decode_block_header(block.header).first_event
            for position, encoded in enumerate(block.events):
                event_id = decode_envelope(encoded).event_id.hex()
                assert event_id not in places, "an event is on the ledger twice"
                places[event_id] = found.height, first + position
    return places


def verify_copies(load: Load, nodes: Iterable[NodeSeen], scratch: Path) -> None:
    """Audit the directory of each node, and find every acknowledged event where it was said.

    The books of each must be those that a replay of its chain builds.
    """
    genesis = parse_genesis(load.network.seen.genesis.read_bytes())
    for node in nodes:
        copy = scratch / f"copy-{node.name}"
        # The socket is no file that could be copied.
        shutil.copytree(node.directory, copy, ignore=shutil.ignore_patterns(SOCKET_NAME))
        report = audit_chain(genesis, CopiedChain(copy), jobs=0)
        assert report.verdict is AuditVerdict.SOUND, report
        places = places_in(copy)
        told = load.acknowledged.items()
        assert {
            one: (place, places.get(one)) for one, place in told if places.get(one) != place
        } == {}
        height, tables = tables_in(copy / BOOKS_NAME)
        assert tables == RebuiltBooks(genesis, CopiedChain(copy), height).tables()
