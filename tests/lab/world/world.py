"""A world of nodes: founded, started, loaded and watched, on this host or on two.

Nodes are real processes. They are watched from outside, as anybody could: each is asked for its
height a few times a second, so that what is seen is late by a fraction of a second at most.
"""

import asyncio
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
from lab.world.hosts import NETWORK, Host
from lab.year.files import load_founded
from lab.year.live import LiveTrade

from kpledger.api.routes import MSGPACK_TYPE
from kpledger.log.genesis import NO_QUOTAS, Genesis
from kpnode.addresses import LOOPBACK, Address, AddressRange
from kpnode.config import AccessSection, LimitsSection, format_config, load_config
from kpnode.devnet import find_ports, plan_waves
from kpnode.founding import (
    CONFIG_NAME,
    HOST,
    KEYS_NAME,
    PEER_PORT_OFFSET,
    PlannedNode,
    found_network,
    plan_nodes,
    read_members,
)
from kpnode.patience import measure_work, wait_until
from kpnode.process import stop_process

ROOT: Final = Path(__file__).parents[3]
MEMBERS: Final = ROOT / "config" / "data" / "participants.csv"
LOOK_S: Final = 0.25
"""How often each node is asked for its height."""
STANDSTILL_S: Final = 120.0
GATHER_MS: Final = 200
"""So many nodes on so few processors are better off with fewer blocks (docs/operating.md)."""
_CLIENTS: Final = 24
_COMMITTED: Final = 201
_ANSWER: Final = aiohttp.ClientTimeout(total=30)
_GLANCE: Final = aiohttp.ClientTimeout(total=5)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says of itself, as far as it matters here."""

    height: int
    head: str
    leader: str | None = None
    ready: bool
    alarms: tuple[str, ...] = ()


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    height: int


@dataclass(slots=True)
class Inhabitant:
    """A node of the world."""

    plan: PlannedNode
    config: Path
    host: Host | None
    process: asyncio.subprocess.Process | None = None
    heights: list[tuple[float, int]] = field(default_factory=list)
    """When it was first seen at a height, by ``time.monotonic``."""

    @property
    def votes(self) -> bool:
        """Whether it is a voter."""
        return not self.plan.follows

    @property
    def pid(self) -> int:
        """Its process."""
        if self.process is None:
            raise RuntimeError(f"{self.plan.name} is not running")
        return self.process.pid

    def reached(self, height: int) -> float | None:
        """Say when it was first seen at or above a height; None if it was not yet."""
        place = bisect_left(self.heights, height, key=lambda seen: seen[1])
        return self.heights[place][0] if place < len(self.heights) else None


@dataclass(frozen=True, slots=True)
class World:
    """All nodes, and who asks them."""

    genesis: Genesis
    directory: Path
    nodes: tuple[Inhabitant, ...]
    session: aiohttp.ClientSession
    committed: list[tuple[float, int]] = field(default_factory=list)
    """When a client heard that a block is committed, and its height."""
    refused: list[int] = field(default_factory=list)
    """Statuses of what was not committed at once."""
    memory: list[Mapping[str, int]] = field(default_factory=list)
    """The memory of each node, its books apart, in KiB, as often as it was sampled."""

    @property
    def newest(self) -> int:
        """The newest height that a client heard of."""
        return max((height for _, height in self.committed), default=0)

    async def look(self, node: Inhabitant) -> Seen | None:
        """Ask a node how it is; None if it does not answer."""
        url = f"http://{node.plan.api}/v1/status"
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with self.session.get(url, timeout=_GLANCE) as response:
                return msgspec.json.decode(await response.read(), type=Seen)
        return None

    async def watch(self) -> None:
        """Note the heights of all nodes until this is cancelled."""
        await asyncio.gather(*(self._watch(node) for node in self.nodes))

    async def _watch(self, node: Inhabitant) -> None:
        while True:
            seen = await self.look(node)
            if seen and (not node.heights or seen.height > node.heights[-1][1]):
                node.heights.append((time.monotonic(), seen.height))
            await asyncio.sleep(LOOK_S)

    async def sample(self, every_s: float) -> None:
        """Note the memory of all nodes until this is cancelled."""
        while True:
            self.memory.append(
                {node.plan.name: measure_memory_kib(node.pid) for node in self.nodes}
            )
            await asyncio.sleep(every_s)

    async def reach(self, height: int, standstill_s: float = STANDSTILL_S) -> None:
        """Wait until all nodes were seen at a height, while any of them goes forward.

        Raises:
            StandstillError: none does any more.
        """

        async def look() -> tuple[int, ...]:
            return tuple(node.heights[-1][1] if node.heights else 0 for node in self.nodes)

        await wait_until(lambda seen: min(seen) >= height, look, standstill_s=standstill_s)

    async def trade(self, rate: float, to: Inhabitant) -> None:
        """Have offices record so many events a second at a node, until this is cancelled."""
        keys = load_founded(self.directory / KEYS_NAME)
        trade = LiveTrade(self.genesis.chain, keys)
        for event in trade.open_offices(_now_ms()):
            await self._submit(to, event.envelope)
        interval_s = _CLIENTS / rate
        async with asyncio.TaskGroup() as clients:
            for number in range(_CLIENTS):
                first_s = time.monotonic() + interval_s * number / _CLIENTS
                clients.create_task(self._ship(to, _ship(trade), first_s, interval_s))

    async def _ship(
        self, to: Inhabitant, envelopes: Iterator[bytes], first_s: float, interval_s: float
    ) -> None:
        due_s = first_s
        for envelope in envelopes:
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            await self._submit(to, envelope)
            due_s += interval_s

    async def _submit(self, to: Inhabitant, envelope: bytes) -> None:
        """Submit an event until it is committed."""
        url, headers = f"http://{to.plan.api}/v1/events", {"Content-Type": MSGPACK_TYPE}
        while True:
            status, body = 0, b""
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with self.session.post(
                    url, data=envelope, headers=headers, timeout=_ANSWER
                ) as response:
                    status, body = response.status, await response.read()
            if status == _COMMITTED:
                height = msgspec.json.decode(body, type=_Answer).height
                self.committed.append((time.monotonic(), height))
                return
            self.refused.append(status)
            await asyncio.sleep(LOOK_S)


def plan_world(voters: int, replicas: int, hosts: Sequence[Host]) -> list[PlannedNode]:
    """Plan the nodes: on this host, or on two others.

    Most voters are on the first of them, and half of the replicas.
    """
    members = read_members(MEMBERS)
    places = range(voters + replicas)
    port = find_ports(HOST, (*places, *(PEER_PORT_OFFSET + place for place in places)))
    planned = plan_nodes(members, voters, port, replicas=replicas)
    if not hosts:
        return list(planned)
    return [
        replace(
            node,
            api=Address(f"{host.outer}:{node.api.port}"),
            peers=Address(f"{host.inner}:{node.peers.port}"),
        )
        for node, host in zip(planned, _spread(voters, replicas, hosts), strict=True)
    ]


def _spread(voters: int, replicas: int, hosts: Sequence[Host]) -> Iterator[Host]:
    """Say on which host each node is."""
    majority = voters // 2 + 1
    for place in range(voters + replicas):
        yield hosts[place >= majority if place < voters else place % 2]


@asynccontextmanager
async def running_world(
    directory: Path, voters: int, replicas: int, hosts: Sequence[Host] = ()
) -> AsyncIterator[World]:
    """Found a world in a directory, start it, wait until all are ready; stop it at the end.

    Raises:
        StandstillError: some are not ready, and nothing moves any more.
    """
    genesis, nodes = _found(directory, voters, replicas, hosts)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        world = World(genesis, directory, nodes, session)
        try:
            for wave in plan_waves(genesis):
                started = [node for node in nodes if node.plan.name in wave]
                for node in started:
                    await start(node)
                await _wait_ready(world, started)
            yield world
        finally:
            running = [node.process for node in nodes if node.process is not None]
            await asyncio.gather(*(stop_process(one, STANDSTILL_S) for one in running))


def _found(
    directory: Path, voters: int, replicas: int, hosts: Sequence[Host]
) -> tuple[Genesis, tuple[Inhabitant, ...]]:
    planned = plan_world(voters, replicas, hosts)
    members = read_members(MEMBERS)
    genesis = found_network(directory, members, tuple(planned), api_tls=False, policy=NO_QUOTAS)
    places = _spread(voters, replicas, hosts) if hosts else [None] * len(planned)
    nodes = []
    for plan, host in zip(planned, places, strict=True):
        config = directory / plan.name / CONFIG_NAME
        _open_to_hosts(config)
        nodes.append(Inhabitant(plan, config, host))
    return genesis, tuple(nodes)


async def start(node: Inhabitant) -> None:
    """Start a node; it is not waited for."""
    command = (ROOT / ".venv" / "bin" / "python", "-m", "kpnode", "run", "--config", node.config)
    words = node.host.enter(*command) if node.host else tuple(map(str, command))
    with node.config.with_name("node.log").open("ab") as log:
        node.process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
        )


async def _wait_ready(world: World, nodes: Sequence[Inhabitant]) -> None:
    async def look() -> list[bool]:
        found = await asyncio.gather(*map(world.look, nodes))
        return [seen is not None and seen.ready for seen in found]

    await wait_until(
        all,
        look,
        standstill_s=STANDSTILL_S,
        progress=lambda seen: (seen, measure_work(*(node.pid for node in nodes))),
    )


def _open_to_hosts(path: Path) -> None:
    """Let a node list whoever asks from this machine."""
    config = load_config(path)
    access = AccessSection(addresses=(*LOOPBACK, AddressRange(NETWORK)))
    limits = LimitsSection(gather_ms=GATHER_MS)
    path.write_text(format_config(msgspec.structs.replace(config, access=access, limits=limits)))


def _ship(trade: LiveTrade) -> Iterator[bytes]:
    """Issue a certificate, confirm it, issue the next."""
    while True:
        for event in trade.ship(_now_ms()):
            yield event.envelope


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def measure_memory_kib(pid: int) -> int:
    """Give the memory of a process that is no file's (``RssAnon`` of ``proc(5)``), in KiB."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    _, _, rest = text.partition("RssAnon:")
    return int(rest.split(None, 1)[0])
