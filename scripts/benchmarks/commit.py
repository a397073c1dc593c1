"""How many events a network of real processes commits, every step synced to disk, and at what cost.

A devnet is started, offices are opened in it, then each client signs an event, posts it, waits
until it is committed, and goes on with the next. Clients, nodes and disk share one machine. What is
compared is measured in alternation in one run: two commits, or the same nodes with and without
readers.
"""

import asyncio
import contextlib
import functools
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

from checkout import THIS, Checkout, check_out
from clients import HttpConnection, Span, run_clients, sleep_until
from devnet import Devnet, run_devnet
from rates import CORES, measure_sign_per_s, measure_syncs_per_s, measure_verify_per_s

_WARM_UP_S: Final = 1.0
_RATE_S: Final = 1.0
_MS: Final = 1000
_FIGURES: Final = ("events_per_s", "p50_ms", "p99_ms", "leader_cpu_ms", "follower_cpu_ms")
_FLAGS: Final = "/v1/flags"
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Load:
    """What the network has to bear."""

    voters: int
    clients: tuple[int, ...]
    seconds: float
    through: str
    """``leader``: every client talks to the leader; ``all``: they are spread over the nodes."""
    rounds: int
    readers: int
    """Clients that ask for all flags without pause, in every second measurement."""


def run(load: Load, directory: Path, against: str | None) -> dict[str, object]:
    """Measure disk and processor, then the network or networks."""
    with contextlib.ExitStack() as stack:
        scratch = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="kpledger-bench-", dir=directory)
            )
        )
        checkouts = [THIS]
        if against is not None:
            checkouts.append(stack.enter_context(check_out(against, scratch / "against")))
        syncs = [measure_syncs_per_s(scratch, _RATE_S)]
        rows = asyncio.run(_bear(load, checkouts, scratch))
        syncs.append(measure_syncs_per_s(scratch, _RATE_S))
    return {
        "benchmark": "commit",
        "voters": load.voters,
        "through": load.through,
        "seconds": load.seconds,
        "rows": rows,
        "medians": (medians := _summarise(rows)),
        "ratios": _compare(medians),
        "fdatasyncs_per_s": [round(found) for found in syncs],
        "raw_sign_per_s_one_core": round(measure_sign_per_s(_RATE_S)),
        "raw_verify_per_s": round(measure_verify_per_s(CORES, _RATE_S)),
        "cores": CORES,
        "python": platform.python_version(),
    }


async def _bear(
    load: Load, checkouts: Sequence[Checkout], directory: Path
) -> list[dict[str, object]]:
    """Load one network of each checkout with each number of clients, without and with readers.

    All are up all the time, and one is loaded at a time: what is compared is measured within
    seconds, since a shared machine is not equally fast from one minute to the next; and each goes
    first as often as the other, since what one was loaded with keeps the machine for a while.
    """
    rows = []
    async with AsyncExitStack() as stack:
        networks = [
            (
                one,
                await stack.enter_async_context(run_devnet(one, directory / one.name, load.voters)),
            )
            for one in checkouts
        ]
        cases = tuple(product(networks, (0, load.readers) if load.readers else (0,)))
        turns = [cases if number % 2 else cases[::-1] for number in range(load.rounds)]
        for clients, turn in product(load.clients, turns):
            for (checkout, devnet), readers in turn:
                row = {"commit": checkout.name, "clients": clients, "readers": readers}
                row |= await _measure(devnet, load, clients, readers)
                print(" ".join(f"{k}={v}" for k, v in row.items()), file=sys.stderr)  # noqa: T201
                rows.append(row)
    return rows


async def _measure(devnet: Devnet, load: Load, clients: int, readers: int) -> dict[str, object]:
    leader = await devnet.find_leader()
    nodes = [leader] if load.through == "leader" else devnet.nodes
    start = time.perf_counter() + _WARM_UP_S
    span = Span(start, start + load.seconds)
    async with _reading([node.api for node in devnet.nodes], readers) as answers:
        measuring = asyncio.create_task(_measure_cpu(devnet, span))
        tally = await run_clients(
            [functools.partial(devnet.connect, node.name) for node in nodes],
            devnet.make_payloads(clients),
            span,
        )
        used = await measuring
    if (await devnet.find_leader()).name != leader.name:
        raise RuntimeError("the leader changed during the measurement")
    events = len(tally.latencies_ms) or 1
    per_event = {
        name: (consensus * _MS / events, others * _MS / events)
        for name, (consensus, others) in used.items()
    }
    followers = [cost for name, cost in per_event.items() if name != leader.name]
    row = tally.summarise(load.seconds) | {
        "leader_cpu_ms": round(per_event[leader.name][0], 3),
        "follower_cpu_ms": round(statistics.mean(cost for cost, _ in followers), 3),
        "leader_other_cpu_ms": round(per_event[leader.name][1], 3),
        "follower_other_cpu_ms": round(statistics.mean(cost for _, cost in followers), 3),
    }
    return row | ({"answers_per_s": round(len(answers) / load.seconds)} if readers else {})


async def _measure_cpu(devnet: Devnet, span: Span) -> dict[str, tuple[float, float]]:
    await sleep_until(span.start)
    before = devnet.measure_cpu_s()
    await sleep_until(span.end)
    after = devnet.measure_cpu_s()
    return {
        name: (after[name][0] - consensus, after[name][1] - others)
        for name, (consensus, others) in before.items()
    }


@asynccontextmanager
async def _reading(urls: Sequence[str], readers: int) -> AsyncIterator[list[float]]:
    """Ask for all flags without pause, each reader at the next node."""
    answers: list[float] = []
    tasks = [
        asyncio.create_task(_read(urls[number % len(urls)], answers)) for number in range(readers)
    ]
    try:
        yield answers
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


async def _read(url: str, answers: list[float]) -> None:
    connection = await HttpConnection.open(url)
    while True:
        asked = time.perf_counter()
        status, body = await connection.request("GET", _FLAGS)
        if status != _OK:
            raise RuntimeError(f"{status} {body.decode()}")
        answers.append(time.perf_counter() - asked)


def _compare(medians: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Give this checkout as multiples of the other one, and with readers of without."""
    found = {(row["commit"], row["clients"], row["readers"]): row for row in medians}
    ratios = []
    for (commit, clients, readers), row in found.items():
        for other in medians:
            is_other = commit == THIS.name != other["commit"] and readers == other["readers"]
            is_calm = commit == other["commit"] and readers and not other["readers"]
            if other["clients"] == clients and (is_other or is_calm):
                names = {"commit": commit, "clients": clients, "readers": readers}
                names |= {"against": other["commit"], "against_readers": other["readers"]}
                ratios.append(
                    names
                    | {
                        name: round(_number(row[name]) / _number(other[name]), 3)
                        for name in _FIGURES
                    }
                )
    return ratios


def _summarise(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Give the medians of what was measured alike."""
    alike: dict[tuple[object, ...], list[dict[str, object]]] = {}
    for row in rows:
        alike.setdefault((row["commit"], row["clients"], row["readers"]), []).append(row)
    return [
        {"commit": commit, "clients": clients, "readers": readers}
        | {name: statistics.median(_number(row[name]) for row in found) for name in _FIGURES}
        for (commit, clients, readers), found in alike.items()
    ]


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return value
