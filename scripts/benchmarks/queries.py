"""How fast a node answers on a large ledger, beside how fast it answers a request for nothing.

The ledger is a synthetic year, made so dense that it has as many events as wanted, in a real node
directory under all real projections. A real `kpnode run` serves it; one client asks, one question
after the other, as a person would.
"""

import asyncio
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Final

import aiohttp
from lab.year.days import FOUNDED_ON, YEAR
from lab.year.directory import NODE, PLANTED_NAME, build, open_ledger
from lab.year.tables import load_tables
from lab.year.year import make_year
from rates import CORES

from kpledger.analysis.flags.registry import Flag
from kpledger.base.units import add_days

EVENTS_PER_CERTIFICATE: Final = 4.2
SEED: Final = 2022
PORT: Final = 7740
_WARM_UP: Final = 3
_PATIENCE_S: Final = 120.0
_SAMPLES: Final = 200
_DAYS: Final = 2_000
_SKIPPED: Final = 1_000
_PAGE: Final = 100
_SHORTER: Final = 60


@dataclass(frozen=True, slots=True)
class Sample:
    """What of the ledger is asked about."""

    numbers: tuple[str, ...]
    codes: tuple[str, ...]


_PAGE_OF_FLAGS: Final = f"/v1/flags?from_day={FOUNDED_ON}&limit={{limit}}"
QUESTIONS: Final[Mapping[str, str]] = {
    "certificate show": "/v1/certificates/{number}",
    "certificate history": "/v1/certificates/{number}/history",
    "certificates page": "/v1/certificates?after={number}&limit=100",
    "certificates detained": "/v1/certificates?state=DETAINED&destination={code}&after={number}",
    "certificates confirmed": "/v1/certificates?state=CONFIRMED&destination={code}&after={number}",
    "participant": "/v1/participants/{code}",
    "participants": "/v1/participants",
    "keys": "/v1/keys?participant={code}&past=true",
    "annex3 quarter": (
        f"/v1/statistics/annex3?participant={{code}}&period={YEAR}Q2&known_at={{day}}"
    ),
    "annex3 year both": (
        f"/v1/statistics/annex3?participant={{code}}&period={YEAR}&source=compared&known_at={{day}}"
    ),
    "annex3 of AE, year both": (
        f"/v1/statistics/annex3?participant=AE&period={YEAR}&source=compared&known_at={{day}}"
    ),
    "summary": f"/v1/statistics/summary?year={YEAR}&known_at={{day}}",
    "trace": "/v1/trace?subject={number}",
    "mirror of a quarter": f"/v1/mirror?one={{code}}&other=IL&period={YEAR}Q2&at={{day}}",
    "balance": "/v1/balance?participant={code}&at={day}",
    "production check": "/v1/production-check?participant={code}&at={day}",
    "numbers": "/v1/numbers?participant={code}&at={day}",
    "unconfirmed": "/v1/unconfirmed?at={day}",
    "calendar": f"/v1/calendar?from_day={YEAR}-01-01&until_day={{day}}",
    "flags": _PAGE_OF_FLAGS,
    "flags, a later page": f"{_PAGE_OF_FLAGS}&skip={{skip}}",
    "flags of AE": f"{_PAGE_OF_FLAGS}&participant=AE",
    **{f"flag {flag.code}": f"{_PAGE_OF_FLAGS}&flag={flag.code}" for flag in Flag},
}
"""What is asked, by name; a question whose topic this node does not serve is left out.

What stands in braces is drawn, so that questions differ: a node keeps answers until the next block.
"""


def _draw(path: str, sample: Sample, chance: Random) -> str:
    return path.format(
        number=chance.choice(sample.numbers),
        code=chance.choice(sample.codes),
        day=add_days(f"{YEAR}-12-31", chance.randrange(_DAYS)),
        limit=_PAGE - chance.randrange(_SHORTER),
        skip=chance.randrange(_SKIPPED),
    )


def run(events: int, directory: Path, rounds: int) -> dict[str, object]:
    """Build or reuse a ledger, start a node on it, and measure."""
    built = None
    if not (directory / PLANTED_NAME).exists():
        certificates = int(events / EVENTS_PER_CERTIFICATE)
        year = make_year(load_tables(), certificates=certificates, seed=SEED, fraud=True)
        built = build(year, directory, port=PORT)
    with open_ledger(directory) as stored:
        size = stored.ledger.tip.tree.size
        numbers = tuple(Random(SEED).sample(stored.certificates(), _SAMPLES))
        codes = ("AE", "AO", "BW", "CN", "EU", "IN", "RU", "ZA")
    sample = Sample(numbers, codes)
    with _running(directory) as (url, start_s):
        measured = asyncio.run(_measure(url, sample, rounds))
    empty = measured.pop("empty")
    return {
        "benchmark": "queries",
        "events": size,
        "build_s": None if built is None else round(built.seconds, 1),
        "build_events_per_s": None if built is None else round(built.events / built.seconds),
        "start_s": round(start_s, 1),
        "rounds": rounds,
        "empty_ms": _figures(empty, empty),
        "ms": {name: _figures(times, empty) for name, times in measured.items()},
        "cores": CORES,
        "python": platform.python_version(),
    }


def _figures(times: list[float], empty: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    p50 = statistics.median(ordered)
    return {
        "p50": round(p50 * 1e3, 2),
        "p95": round(ordered[max(0, -(-len(ordered) * 95 // 100) - 1)] * 1e3, 2),
        "max": round(ordered[-1] * 1e3, 2),
        "ratio_p50": round(p50 / statistics.median(empty), 1),
    }


@contextmanager
def _running(directory: Path) -> Iterator[tuple[str, float]]:
    started = time.perf_counter()
    with (directory / "node.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 (our own program)
            [sys.executable, "-m", "kpnode", "run", "--config", directory / NODE / "node.toml"],
            stdout=subprocess.PIPE,
            stderr=log,
        )
        try:
            line = process.stdout.readline() if process.stdout else b""
            if not line:
                sys.exit(f"the node did not start; see {directory / 'node.log'}")
            yield json.loads(line)["api"], time.perf_counter() - started
        finally:
            process.terminate()
            process.wait()


async def _measure(url: str, sample: Sample, rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {"empty": []}
    async with aiohttp.ClientSession(url) as session:
        await _wait_for_leader(session)
        await _time(session, "/health/live", times["empty"], rounds)
        for name, path in QUESTIONS.items():
            chance = Random(name)
            drawn = [_draw(path, sample, chance) for _ in range(_WARM_UP + rounds)]
            if not await _is_served(session, drawn[0]):
                sys.stderr.write(f"left out: {name} ({drawn[0]})\n")
                continue
            taken: list[float] = []
            for one in drawn:
                await _time(session, one, taken, 1)
            times[name] = taken[_WARM_UP:]
        # The empty request again, so that both ends of the run count.
        await _time(session, "/health/live", times["empty"], rounds)
    return times


async def _wait_for_leader(session: aiohttp.ClientSession) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        async with session.get("/v1/status") as response:
            if (await response.json())["role"] == "leader":
                return
        await asyncio.sleep(0.05)
    sys.exit("the node does not become the leader")


async def _is_served(session: aiohttp.ClientSession, path: str) -> bool:
    async with session.get(path) as response:
        if response.status != HTTPStatus.OK:
            sys.stderr.write(f"{response.status}: {(await response.text())[:300]}\n")
        return response.status == HTTPStatus.OK


async def _time(session: aiohttp.ClientSession, path: str, times: list[float], rounds: int) -> None:
    for _ in range(rounds):
        started = time.perf_counter()
        async with session.get(path) as response:
            await response.read()
            if response.status != HTTPStatus.OK:
                sys.exit(f"{path}: HTTP status {response.status}")
        times.append(time.perf_counter() - started)
