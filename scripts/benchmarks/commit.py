"""How many events a network of real processes commits, every step synced to disk.

A devnet is started, offices are opened in it, then each client signs an event, posts it, waits
until it is committed, and goes on with the next. Clients, nodes and disk share one machine.
"""

import asyncio
import datetime as dt
import functools
import platform
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
from rates import (
    CORES,
    find_percentile,
    measure_sign_per_s,
    measure_syncs_per_s,
    measure_verify_per_s,
)
from synthetic import Keyring, Statement, Trade, make_key

from kpledger.base.ids import CHAIR, KPCS, ROOT
from kpledger.base.keys import SigningKey

COMMITTED: Final = 201
PARTICIPANTS: Final = ("AE", "BW", "IN", "ZA")
_WARM_UP_S: Final = 1.0
_RATE_S: Final = 1.0
_PREPARE_S: Final = 30.0
_STOP_S: Final = 30.0
_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Load:
    """What the network has to bear."""

    voters: int
    clients: int
    seconds: float
    through: str
    """``leader``: every client talks to the leader; ``all``: they are spread over the nodes."""


class _Node(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    api: str


class _Network(msgspec.Struct, frozen=True, kw_only=True):
    """What ``kpnode devnet`` says when a leader exists."""

    chain: str
    keys: str
    nodes: tuple[_Node, ...]


class _Status(msgspec.Struct, frozen=True, kw_only=True):
    leader: str | None


@dataclass(slots=True)
class _Tally:
    """What the clients have seen since the warm-up."""

    latencies_ms: list[float] = field(default_factory=list)
    not_committed: Counter[int] = field(default_factory=Counter)


class _Connection:
    """One kept-alive connection; as little HTTP as it takes, so that the nodes are measured."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str) -> "_Connection":
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Send a request and read the answer; it must say its length."""
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/msgpack\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
        lengths = [int(value) for name, _, value in lines if name.lower() == b"content-length"]
        return status, await self._reader.readexactly(lengths[0])

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


def run(load: Load, directory: Path) -> dict[str, object]:
    """Measure disk and processor, then the network."""
    with tempfile.TemporaryDirectory(prefix="kpledger-bench-", dir=directory) as scratch:
        syncs = measure_syncs_per_s(Path(scratch), _RATE_S)
        sign = measure_sign_per_s(make_key("rates"), _RATE_S)
        verify = measure_verify_per_s(CORES, _RATE_S)
        tally = asyncio.run(_bear(load, Path(scratch, "network")))
    latencies = sorted(tally.latencies_ms)
    if not latencies:
        sys.exit(f"nothing was committed; answers were {dict(tally.not_committed)}")
    rate = len(latencies) / load.seconds
    return {
        "benchmark": "commit",
        "voters": load.voters,
        "clients": load.clients,
        "through": load.through,
        "seconds": load.seconds,
        "events": len(latencies),
        "events_per_s": round(rate),
        "p50_ms": round(find_percentile(latencies, 50), 1),
        "p99_ms": round(find_percentile(latencies, 99), 1),
        "not_committed": dict(tally.not_committed),
        "fdatasyncs_per_s": round(syncs),
        "ratio_to_fdatasyncs": round(rate / syncs, 2),
        "raw_sign_per_s_one_core": round(sign),
        "raw_verify_per_s": round(verify),
        "cores": CORES,
        "python": platform.python_version(),
    }


@asynccontextmanager
async def _run_devnet(directory: Path, voters: int) -> AsyncIterator[_Network]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "kpnode", "devnet", str(directory), "--voters", str(voters), "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the devnet was started without a pipe")
        line = await process.stdout.readline()
        if not line:
            sys.exit("the devnet did not start")
        yield msgspec.json.decode(line, type=_Network)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), _STOP_S)


async def _bear(load: Load, directory: Path) -> _Tally:
    async with _run_devnet(directory, load.voters) as network:
        keyring = _make_keyring(Path(network.keys))
        day = dt.datetime.now(dt.UTC).date().isoformat()
        trade = Trade(bytes.fromhex(network.chain), PARTICIPANTS, day=day)
        urls = await _find_urls(network, load.through)
        await _prepare(urls[0], trade, keyring)
        tally = _Tally()
        start = time.perf_counter() + _WARM_UP_S
        end = start + load.seconds
        async with asyncio.TaskGroup() as clients:
            for number in range(load.clients):
                statements = _make_statements(trade, number, load.clients)
                url = urls[number % len(urls)]
                clients.create_task(_run_client(url, statements, keyring, tally, (start, end)))
        return tally


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


async def _find_urls(network: _Network, through: str) -> list[str]:
    if through == "all":
        return [node.api for node in network.nodes]
    connection = await _Connection.open(network.nodes[0].api)
    _, body = await connection.request("GET", "/v1/status")
    await connection.close()
    leader = msgspec.json.decode(body, type=_Status).leader
    return [node.api for node in network.nodes if node.name == leader]


async def _prepare(url: str, trade: Trade, keyring: Keyring) -> None:
    connection = await _Connection.open(url)
    for statement in trade.open_offices(_now_ms()):
        async with asyncio.timeout(_PREPARE_S):
            status, body = await connection.request("POST", "/v1/events", statement.sign(keyring))
        if status != COMMITTED:
            sys.exit(f"an office cannot be opened: {status} {body.decode()}")
    await connection.close()


def _make_statements(trade: Trade, number: int, clients: int) -> Iterator[Statement]:
    """Give what one client says: it issues a certificate, confirms it, issues the next."""
    serial = number
    while True:
        yield from trade.ship(serial, _now_ms())
        serial += clients


async def _run_client(
    url: str,
    statements: Iterator[Statement],
    keyring: Keyring,
    tally: _Tally,
    span: tuple[float, float],
) -> None:
    connection = await _Connection.open(url)
    start, end = span
    for statement in statements:
        body = statement.sign(keyring)
        sent = time.perf_counter()
        status = 0
        # An answer of another kind is tried again: the same event cannot be recorded twice.
        while status != COMMITTED:
            status, _ = await connection.request("POST", "/v1/events", body)
            now = time.perf_counter()
            if status != COMMITTED:
                tally.not_committed[status] += 1
            if now >= end:
                await connection.close()
                return
        if sent >= start:
            tally.latencies_ms.append((now - sent) * _MS)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
