"""A network of real nodes to be loaded, from this checkout or another one."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
from checkout import Checkout
from clients import HttpConnection
from lab.year.files import load_founded
from lab.year.live import LiveTrade
from processes import find_children, measure_cpu_s

from kpnode.process import stop_process

_COMMITTED: Final = 201
_ANSWER_S: Final = 30.0
"""For one answer."""
_STANDSTILL_S: Final = 30.0
"""So long may a network that is to stop do nothing."""


class NodeAddress(msgspec.Struct, frozen=True, kw_only=True):
    """One node of the network."""

    name: str
    api: str
    pid: int

    def find_others(self) -> list[int]:
        """Give the node's processes beside that of consensus."""
        return list(find_children(self.pid))


class _Network(msgspec.Struct, frozen=True, kw_only=True):
    """What ``kpnode devnet`` says when a leader exists."""

    chain: str
    keys: str
    nodes: tuple[NodeAddress, ...]


class _Status(msgspec.Struct, frozen=True, kw_only=True):
    leader: str | None


class EventSender:
    """Posts events over one connection."""

    def __init__(self, connection: HttpConnection) -> None:
        self._connection = connection

    async def send(self, payload: bytes) -> int:
        """Post one event; 0 when it is committed, else the status of the answer."""
        status, _ = await self._connection.request("POST", "/v1/events", payload)
        return 0 if status == _COMMITTED else status

    async def close(self) -> None:
        """Hang up."""
        await self._connection.close()


class Devnet:
    """A network that has a leader, and offices that trade.

    Attributes:
        line: what ``kpnode devnet`` said of it.
    """

    def __init__(self, line: bytes) -> None:
        self.line = line
        network = msgspec.json.decode(line, type=_Network)
        self.nodes = network.nodes
        founded = load_founded(Path(network.keys))
        self._trade = LiveTrade(bytes.fromhex(network.chain), founded)

    async def find_leader(self) -> NodeAddress:
        """Ask a node who leads."""
        connection = await HttpConnection.open(self.nodes[0].api)
        _, body = await connection.request("GET", "/v1/status")
        await connection.close()
        leader = msgspec.json.decode(body, type=_Status).leader
        return next(node for node in self.nodes if node.name == leader)

    async def connect(self, name: str) -> EventSender:
        """Connect to a node by its name."""
        url = next(node.api for node in self.nodes if node.name == name)
        return EventSender(await HttpConnection.open(url))

    async def open_offices(self) -> None:
        """Give every participant an office that may trade."""
        connection = await HttpConnection.open((await self.find_leader()).api)
        for event in self._trade.open_offices(_now_ms()):
            async with asyncio.timeout(_ANSWER_S):
                status, body = await connection.request("POST", "/v1/events", event.envelope)
            if status != _COMMITTED:
                raise RuntimeError(f"an office cannot be opened: {status} {body.decode()}")
        await connection.close()

    def make_payloads(self, clients: int) -> list[Iterator[bytes]]:
        """Give what each client says, which nobody has said before."""
        return [self._make_payloads() for _ in range(clients)]

    def _make_payloads(self) -> Iterator[bytes]:
        """Issue a certificate, confirm it, issue the next."""
        while True:
            for event in self._trade.ship(_now_ms()):
                yield event.envelope

    def measure_cpu_s(self) -> dict[str, tuple[float, float]]:
        """Give the processor time of each node, in consensus and in its other processes."""
        return {
            node.name: (measure_cpu_s([node.pid]), measure_cpu_s(node.find_others()))
            for node in self.nodes
        }


@asynccontextmanager
async def run_devnet(
    checkout: Checkout, directory: Path, voters: int, *, quotas: bool = False
) -> AsyncIterator[Devnet]:
    """Start a network in a directory, open its offices, and stop it at the end.

    A benchmark has a few offices file what takes all of them years, so it is without quotas if the
    checkout knows any, unless they are asked for.
    """
    options = ["--voters", str(voters), "--port", "0"]
    if not quotas and checkout.offers("devnet", "--no-quotas"):
        options.append("--no-quotas")
    process = await asyncio.create_subprocess_exec(
        *checkout.command("devnet", str(directory), *options),
        cwd=checkout.directory,
        env=checkout.environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the devnet was started without a pipe")
        line = await process.stdout.readline()
        if not line:
            raise RuntimeError("the devnet did not start")
        devnet = Devnet(line)
        await devnet.open_offices()
        yield devnet
    finally:
        await stop_process(process, _STANDSTILL_S)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
