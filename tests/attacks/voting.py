"""A network of small patience, and who watches it."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
from network import GLANCE_S, NodeSeen, ask_status, watch

from kpledger.log.genesis import Genesis, format_genesis, parse_genesis
from kpnode.config import LimitsSection, RaftSection, format_config, load_config
from kpnode.devnet import find_ports
from kpnode.founding import CONFIG_NAME, GENESIS_NAME, found_network, plan_nodes, read_members
from kpnode.storage.leveldb import LevelStorage

VOTERS, NODES = 4, 5
SKEW_MS = 500
TICK_MS = 30
DEADLINE_S = 30.0
PARTICIPANTS = Path(__file__).parents[2] / "config/data/participants.csv"


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
