"""What honest clients notice of an attack: the same network without it, and under it.

A few clients in closed loops, each with a pause after every event, on all nodes. Then the attacker,
a process of his own at another address of this machine, which shares its processors. Run it as
``scripts/attacks``.
"""

import argparse
import asyncio
import functools
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from attacks.flood import find_attacks
from checkout import THIS
from clients import HttpConnection, Span, Tally, run_clients, sleep_until
from devnet import Devnet, run_devnet
from processes import count_descriptors, measure_memory_mb
from working import wait_while_working

_STANDSTILL_S: Final = 60.0
"""So long may an attacker do nothing before it begins."""
_SAMPLE_S: Final = 0.25
_WARM_UP_S: Final = 1.0
_MS: Final = 1000
EXAMPLES: Final = """\
examples:
  scripts/attacks
  scripts/attacks strangers_signatures --seconds 20
"""


@dataclass(frozen=True, slots=True)
class _Honest:
    """What honest clients do."""

    clients: int
    pause_s: float
    seconds: float


def main() -> None:
    """Measure the attacks that are named, or all, and print one JSON object."""
    attacks = find_attacks()
    parser = argparse.ArgumentParser(
        prog="scripts/attacks",
        description="Measure honest clients without and under attacks, and print one JSON object.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(attacks)}")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measure")
    parser.add_argument("--clients", type=int, default=4, help="honest ones")
    parser.add_argument("--pause-ms", type=int, default=50, help="after each honest event")
    chosen = parser.parse_args()
    for name in chosen.names:
        if name not in attacks:
            parser.error(f"there is no attack {name!r}; there are {', '.join(attacks)}")
    honest = _Honest(chosen.clients, chosen.pause_ms / _MS, chosen.seconds)
    rows = []
    for name in chosen.names or attacks:
        with tempfile.TemporaryDirectory(prefix="kpledger-attack-") as scratch:
            row = asyncio.run(_measure(name, honest, Path(scratch)))
        row = {"attack": name, "number": attacks[name].number} | row
        print(" ".join(f"{key}={value}" for key, value in row.items()), file=sys.stderr)  # noqa: T201
        rows.append(row)
    print(json.dumps({"benchmark": "attacks", "rows": rows}))  # noqa: T201 (for the command line)


async def _measure(name: str, honest: _Honest, scratch: Path) -> dict[str, object]:
    async with run_devnet(THIS, scratch / "network", 3, quotas=True) as devnet:
        without = await _serve(devnet, honest)
        seen = scratch / "network.json"
        seen.write_bytes(devnet.line)
        async with _attacking(name, seen):
            under = await _serve(devnet, honest)
    ratio = _number(under["p99_ms"]) / _number(without["p99_ms"])
    return (
        {f"without_{key}": value for key, value in without.items()}
        | {f"under_{key}": value for key, value in under.items()}
        | {"p99_ratio": round(ratio, 2)}
    )


@asynccontextmanager
async def _attacking(name: str, seen: Path) -> AsyncIterator[None]:
    """Let an attacker attack."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "attacks", name, str(seen), stdout=asyncio.subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the attacker was started without a pipe")
        first = asyncio.create_task(process.stdout.readline())
        line = await wait_while_working(process, first, _STANDSTILL_S)
        if line != b"ready\n":
            raise RuntimeError(f"the attack {name} did not begin")
        yield
        if process.returncode is not None:
            raise RuntimeError(f"the attack {name} ended by itself with {process.returncode}")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _serve(devnet: Devnet, honest: _Honest) -> dict[str, object]:
    """Let honest clients trade for a while; gives what they and the nodes looked like."""
    start = time.perf_counter() + _WARM_UP_S
    span = Span(start, start + honest.seconds)
    watching = asyncio.create_task(_watch(devnet, span))
    terms = await _read_terms(devnet)
    tally = await run_clients(
        [functools.partial(devnet.connect, node.name) for node in devnet.nodes],
        devnet.make_payloads(honest.clients),
        span,
        pause_s=honest.pause_s,
    )
    memory_mb, descriptors = await watching
    return _summarise(tally, honest.seconds) | {
        "memory_mb": memory_mb,
        "descriptors": descriptors,
        "terms": max(await _read_terms(devnet)) - max(terms),
    }


def _summarise(tally: Tally, seconds: float) -> dict[str, object]:
    found = tally.summarise(seconds)
    statuses: Counter[int] = tally.not_committed
    return {key: found[key] for key in ("events", "p50_ms", "p99_ms")} | {
        "not_committed": dict(statuses)
    }


async def _watch(devnet: Devnet, span: Span) -> tuple[int, int]:
    """Give the largest resident memory and number of descriptors of any process of a node."""
    memory_mb = descriptors = 0
    while time.perf_counter() < span.end:
        pids = [pid for node in devnet.nodes for pid in (node.pid, *node.find_others())]
        memory_mb = max(memory_mb, *map(measure_memory_mb, pids))
        descriptors = max(descriptors, *map(count_descriptors, pids))
        await sleep_until(time.perf_counter() + _SAMPLE_S)
    return memory_mb, descriptors


async def _read_terms(devnet: Devnet) -> Sequence[int]:
    terms = []
    for node in devnet.nodes:
        connection = await HttpConnection.open(node.api)
        _, body = await connection.request("GET", "/v1/status")
        await connection.close()
        terms.append(int(json.loads(body)["term"]))
    return terms


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return value


if __name__ == "__main__":
    main()
