"""Every participant runs a node: how soon all of them have a block, and what they cost.

Voters commit events at a steady rate; all nodes are real processes that sync what they write, and
share the machine with who loads and watches them. A node has a block when its status says so, which
is asked four times a second: a delay is up to a quarter of a second too long, never too short. It
is counted from when a client hears that its event is committed.
"""

import asyncio
import contextlib
import platform
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.world.hosts import Host, heal, made_hosts, part
from lab.world.world import Inhabitant, World, running_world
from processes import find_children, measure_cpu_s
from rates import CORES, find_percentile

from kpnode.process import end_tasks

WARM_UP_S: Final = 20.0
"""Until offices are open, and those who follow have settled; nothing counts in it."""
CUT_S: Final = 20.0
_SETTLE_S: Final = 5.0
_SAMPLE_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldLoad:
    """What is measured."""

    voters: int
    replicas: int
    rate: float
    """Events a second."""
    seconds: float
    is_parted: bool
    """Whether one half is cut off afterwards for twenty seconds."""
    sample_s: float = _SAMPLE_S


def run(load: WorldLoad, directory: Path) -> dict[str, object]:
    """Found, start, load and watch a world, and part and heal it if that is asked for."""
    with contextlib.ExitStack() as stack:
        hosts = stack.enter_context(made_hosts()) if load.is_parted else ()
        scratch = tempfile.TemporaryDirectory(prefix="kpledger-bench-", dir=directory)
        root = Path(stack.enter_context(scratch)) / "world"
        return asyncio.run(_run(load, root, hosts))


async def _run(load: WorldLoad, root: Path, hosts: Sequence[Host]) -> dict[str, object]:
    launched = time.monotonic()
    async with running_world(root, load.voters, load.replicas, hosts) as world:
        start_s = time.monotonic() - launched
        async with _working(world, load):
            await asyncio.sleep(WARM_UP_S)
            began, before = time.monotonic(), _measure_cpu_s(world)
            await asyncio.sleep(load.seconds)
            ended, after = time.monotonic(), _measure_cpu_s(world)
            await asyncio.sleep(_SETTLE_S)
            refused = len(world.refused)
            parted = await _part(world, hosts[0]) if hosts else None
        return {
            "benchmark": "world",
            "voters": load.voters,
            "replicas": load.replicas,
            "events_per_s": load.rate,
            "seconds": load.seconds,
            "events": sum(began <= moment < ended for moment, _ in world.committed),
            "refused": refused,
            "start_s": round(start_s, 1),
            "delay_ms": {
                kind: _summarise_delays(world, began, ended, is_of)
                for kind, is_of in _KINDS.items()
            },
            "cores_used": round((after - before) / (ended - began), 2),
            "memory_mb": {kind: _summarise_memory(world, is_of) for kind, is_of in _KINDS.items()},
            "parted": parted,
            "cores": CORES,
            "python": platform.python_version(),
        }


_KINDS: Final[dict[str, Callable[[Inhabitant], bool]]] = {
    "voters": lambda node: node.votes,
    "replicas": lambda node: not node.votes,
}


@asynccontextmanager
async def _working(world: World, load: WorldLoad) -> AsyncIterator[None]:
    """Load, watch and sample a world until the end of the block."""
    work = (world.watch(), world.sample(load.sample_s), world.trade(load.rate, world.nodes[0]))
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        await end_tasks(tasks)


def _measure_cpu_s(world: World) -> float:
    """Give the processor time of all nodes, of their books as well."""
    return measure_cpu_s(
        pid for node in world.nodes for pid in (node.pid, *find_children(node.pid))
    )


def _summarise_delays(
    world: World, began: float, ended: float, is_of: Callable[[Inhabitant], bool]
) -> dict[str, object]:
    """Say how long after its commit each event of a span was seen at each node of a kind."""
    delays, unseen = [], 0
    for node in filter(is_of, world.nodes):
        for moment, height in world.committed:
            if began <= moment < ended:
                reached = node.reached(height)
                unseen += reached is None
                delays += [] if reached is None else [max(0.0, reached - moment) * 1000]
    if not delays:
        return {"unseen": unseen}
    delays.sort()
    return {
        "p50": round(find_percentile(delays, 50)),
        "p95": round(find_percentile(delays, 95)),
        "max": round(delays[-1]),
        "unseen": unseen,
    }


def _summarise_memory(world: World, is_of: Callable[[Inhabitant], bool]) -> dict[str, object]:
    """Give first, middle and last sample of the node of a kind that has most, and its growth."""
    names = [node.plan.name for node in filter(is_of, world.nodes)]
    if not names:
        return {}
    samples = world.memory
    middle, last = samples[len(samples) // 2], samples[-1]
    return {
        "first": max(samples[0][name] for name in names) >> 10,
        "middle": max(middle[name] for name in names) >> 10,
        "last": max(last[name] for name in names) >> 10,
        "all_last": sum(last[name] for name in names) >> 10,
        # Of the node that has grown most in the second half.
        "grown": round(max(last[name] - middle[name] for name in names) / 1024, 1),
    }


async def _part(world: World, host: Host) -> dict[str, object]:
    """Cut one half off, mend it, and say how soon all have the block that was newest then."""
    at_cut = world.newest
    part(host)
    await asyncio.sleep(CUT_S)
    newest, mended = world.newest, time.monotonic()
    heal(host)
    await world.reach(newest)
    reached = sorted(
        (node.reached(newest) or mended) - mended for node in world.nodes if node.host is not host
    )
    return {
        "cut_s": CUT_S,
        "blocks_meanwhile": newest - at_cut,
        "nodes_cut_off": len(reached),
        "half_current_after_s": round(find_percentile(reached, 50), 1),
        "all_current_after_s": round(reached[-1], 1),
    }
