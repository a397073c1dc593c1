"""A network of real nodes to be loaded, from this checkout or another one."""

import asyncio
import datetime as dt
import functools
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
from checkout import Checkout
from clients import HttpConnection
from processes import find_children, measure_cpu_s
from synthetic import Keyring, Trade, make_key

from kpledger.base.ids import KPCS
from kpledger.base.keys import SigningKey
from kpledger.scheme.v1.ids import CHAIR, ROOT

PARTICIPANTS: Final = ("AE", "BW", "IN", "ZA")
_COMMITTED: Final = 201
_PREPARE_S: Final = 30.0
_STOP_S: Final = 30.0


class NodeAddress(msgspec.Struct, frozen=True, kw_only=True):
    """One node of the network."""

    name: str
    api: str
    pid: int


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
    """A network that has a leader, and offices that trade."""

    def __init__(self, network: _Network) -> None:
        self.nodes = network.nodes
        day = dt.datetime.now(dt.UTC).date().isoformat()
        self._trade = Trade(bytes.fromhex(network.chain), PARTICIPANTS, day=day)
        self._keyring = _make_keyring(Path(network.keys))
        self._serial = 0

    async def find_leader(self) -> NodeAddress:
        """Ask a node who leads."""
        connection = await HttpConnection.open(self.nodes[0].api)
        _, body = await connection.request("GET", "/v1/status")
        await connection.close()
        leader = msgspec.json.decode(body, type=_Status).leader
        return next(node for node in self.nodes if node.name == leader)

    def opener(self, node: NodeAddress) -> Callable[[], "asyncio.Future[EventSender]"]:
        """Give what connects to a node."""

        async def connect() -> EventSender:
            return EventSender(await HttpConnection.open(node.api))

        return lambda: asyncio.ensure_future(connect())

    async def open_offices(self) -> None:
        """Give every participant an office that may trade."""
        connection = await HttpConnection.open((await self.find_leader()).api)
        for statement in self._trade.open_offices(_now_ms()):
            async with asyncio.timeout(_PREPARE_S):
                status, body = await connection.request(
                    "POST", "/v1/events", statement.sign(self._keyring)
                )
            if status != _COMMITTED:
                raise RuntimeError(f"an office cannot be opened: {status} {body.decode()}")
        await connection.close()

    def make_payloads(self, clients: int) -> list[Iterator[bytes]]:
        """Give what each client says, which nobody has said before."""
        self._serial += 10**7
        return [self._make_payloads(self._serial + number, clients) for number in range(clients)]

    def _make_payloads(self, serial: int, step: int) -> Iterator[bytes]:
        """Issue a certificate, confirm it, issue the next."""
        while True:
            for statement in self._trade.ship(serial, _now_ms()):
                yield statement.sign(self._keyring)
            serial += step

    def measure_cpu_s(self) -> dict[str, tuple[float, float]]:
        """Give the processor time of each node, in consensus and in its other processes."""
        return {
            node.name: (measure_cpu_s([node.pid]), measure_cpu_s(find_children(node.pid)))
            for node in self.nodes
        }


@asynccontextmanager
async def run_devnet(checkout: Checkout, directory: Path, voters: int) -> AsyncIterator[Devnet]:
    """Start a network in a directory, open its offices, and stop it at the end."""
    process = await asyncio.create_subprocess_exec(
        *checkout.command("devnet", str(directory), "--voters", str(voters), "--port", "0"),
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
        devnet = Devnet(msgspec.json.decode(line, type=_Network))
        await devnet.open_offices()
        yield devnet
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), _STOP_S)


def _make_keyring(keys: Path) -> Keyring:
    """Find the keys of roots and Chair in the network's directory; make those of offices."""

    @functools.cache
    def find(name: str) -> SigningKey:
        participant, _, authority = name.partition("/")
        if name == f"{KPCS}/{CHAIR}":
            file = keys / "chair.seed"
        elif authority == ROOT:
            file = keys / f"root-{participant}.seed"
        else:
            return make_key(name)
        return SigningKey.from_seed(bytes.fromhex(file.read_text(encoding="ascii").strip()))

    return find


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
