"""How fast the books of many years are written, and how fast their process answers from them.

The ledger is a synthetic year again and again (:mod:`lab.year.repeated`). Its blocks go straight to
the writer of the books: nobody signs, votes or judges by the rules, which would take hours for
millions of events; see :mod:`lab.year.booking`. The process that answers is the one that a node
starts, asked over its own socket; one client asks, one question after the other, as a person would.
"""

import asyncio
import platform
import socket
import sqlite3
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
import msgspec
from lab.year.booking import Booked, write_books
from lab.year.days import FOUNDED_ON, YEAR
from lab.year.files import GENESIS_NAME
from lab.year.repeated import repeat_year
from lab.year.tables import load_tables
from rates import CORES

from kpledger.base.units import add_days

SEED: Final = 2022
BOOKS_NAME: Final = "books.sqlite"
BUILT_NAME: Final = "built.json"
NOTE: Final = "books written without signatures, consensus and rules; every event is valid by them"
_SOCKET_NAME: Final = "books.sock"
_WARM_UP: Final = 3
_START_S: Final = 60.0
_SAMPLES: Final = 500
_SKIPPED: Final = 1_000
_PAGE: Final = 100
_SHORTER: Final = 60
_FLAGS: Final = tuple(f"F{number}" for number in range(1, 19))
CODES: Final = ("AE", "AO", "BW", "CN", "EU", "IN", "RU", "ZA")


@dataclass(frozen=True, slots=True)
class Sample:
    """What of the ledger is asked about."""

    numbers: tuple[str, ...]
    years: int

    def draw(self, path: str, chance: Random) -> str:
        """Fill in what stands in braces, so that questions differ."""
        year = YEAR + chance.randrange(self.years)
        one, other = chance.sample(CODES, 2)
        return path.format(
            number=chance.choice(self.numbers),
            code=one,
            other=other,
            year=year,
            quarter=f"{year}Q{chance.randint(1, 4)}",
            day=add_days(f"{year}-01-01", chance.randrange(365)),
            last=f"{YEAR + self.years - 1}-12-31",
            limit=_PAGE - chance.randrange(_SHORTER),
            skip=chance.randrange(_SKIPPED),
        )


_PAGE_OF_FLAGS: Final = f"/v1/flags?from_day={FOUNDED_ON}&limit={{limit}}"
_OF_ANNEX3: Final = "/v1/statistics/annex3?participant={code}"
QUESTIONS: Final[Mapping[str, str]] = {
    "certificate": "/v1/certificates/{number}",
    "history": "/v1/certificates/{number}/history",
    "list": "/v1/certificates?after={number}&limit=100",
    "list of the detained": "/v1/certificates?state=DETAINED&destination={code}&after={number}",
    "list of the confirmed": "/v1/certificates?state=CONFIRMED&destination={code}&after={number}",
    "trace": "/v1/trace?subject={number}",
    "annex3": f"{_OF_ANNEX3}&period={{quarter}}",
    "annex3 as known at": f"{_OF_ANNEX3}&period={{quarter}}&known_at={{last}}",
    "annex3 of a year": f"{_OF_ANNEX3}&period={{year}}&source=compared",
    "summary": "/v1/statistics/summary?year={year}",
    "mirror": "/v1/mirror?one={code}&other={other}&period={quarter}",
    "balance": "/v1/balance?participant={code}&at={day}",
    "production check": "/v1/production-check?participant={code}&at={day}",
    "numbers": "/v1/numbers?participant={code}",
    "unconfirmed": "/v1/unconfirmed?at={day}",
    "calendar": "/v1/calendar?from_day={year}-01-01&until_day={year}-12-31",
    "subject": "/v1/subjects?subject={number}",
    "participant": "/v1/participants/{code}",
    "participants": "/v1/participants",
    "keys": "/v1/keys?participant={code}&past=true",
    "flags": _PAGE_OF_FLAGS,
    "flags, a later page": f"{_PAGE_OF_FLAGS}&skip={{skip}}",
    "flags of a participant": f"{_PAGE_OF_FLAGS}&participant={{code}}",
    **{
        f"{flag} of a participant": f"{_PAGE_OF_FLAGS}&participant={{code}}&flag={flag}"
        for flag in _FLAGS
    },
    **{f"{flag} of all": f"{_PAGE_OF_FLAGS}&flag={flag}" for flag in _FLAGS},
}
"""What is asked, by name; what this program does not serve is left out, and said."""

AIMS_MS: Final[Mapping[str, float]] = {
    **dict.fromkeys(
        ("certificate", "history", "list", "trace", "annex3", "summary", "mirror", "balance"), 50.0
    ),
    **dict.fromkeys((f"{flag} of a participant" for flag in _FLAGS), 50.0),
    **dict.fromkeys(("flags", "flags, a later page"), 200.0),
}
"""What 95 of 100 answers of a kind must not exceed."""


def run(years: int, events: int, directory: Path, rounds: int) -> dict[str, object]:
    """Write books or reuse those that are there, start the process that answers, and measure."""
    built = _build(years, events, directory)
    sample = Sample(_draw_numbers(directory / BOOKS_NAME), years)
    with _running(directory) as (path, start_s):
        measured, empty = asyncio.run(_measure(path, sample, rounds))
    figures = {name: _figures(times) for name, times in measured.items()}
    missed = {
        name: figures[name]["p95"]
        for name, aim in AIMS_MS.items()
        if name in figures and figures[name]["p95"] > aim
    }
    return {
        "benchmark": "queries",
        "note": NOTE,
        "years": years,
        "events": built.events,
        "blocks": built.blocks,
        "books_mib": round(built.file_bytes / 2**20),
        "write_s": round(built.written_s, 1),
        "write_cpu_s": round(built.written_cpu_s, 1),
        "write_events_per_s": round(built.events / built.written_s),
        "write_events_per_cpu_s": round(built.events / built.written_cpu_s),
        "total_s": round(built.total_s, 1),
        "start_s": round(start_s, 2),
        "rounds": rounds,
        "empty_ms": _figures(empty),
        "ms": figures,
        "missed": missed,
        "not_asked": sorted(set(AIMS_MS) - set(figures)),
        "cores": CORES,
        "python": platform.python_version(),
    }


def _build(years: int, events: int, directory: Path) -> Booked:
    if (directory / BUILT_NAME).exists():
        return msgspec.json.decode((directory / BUILT_NAME).read_bytes(), type=Booked)
    directory.mkdir(parents=True, exist_ok=True)
    repeated = repeat_year(load_tables(), years=years, events=events, seed=SEED)
    (directory / GENESIS_NAME).write_bytes(repeated.year.genesis.encoded)
    (directory / BOOKS_NAME).unlink(missing_ok=True)

    def report(written: int, seconds: float) -> None:
        sys.stderr.write(f"{written} events, {written / seconds:.0f} a second\n")

    built = write_books(repeated, directory / BOOKS_NAME, report)
    (directory / BUILT_NAME).write_bytes(msgspec.json.encode(built))
    return built


def _draw_numbers(books: Path) -> tuple[str, ...]:
    connection = sqlite3.connect(books)
    try:
        [[most]] = connection.execute("SELECT max(issue) FROM certificates")
        chance = Random(SEED)
        statement = "SELECT number FROM certificates WHERE issue >= ? ORDER BY issue LIMIT 1"
        rows = [
            connection.execute(statement, (chance.randrange(most),)).fetchone()
            for _ in range(_SAMPLES)
        ]
        return tuple(row[0] for row in rows)
    finally:
        connection.close()


@contextmanager
def _running(directory: Path) -> Iterator[tuple[Path, float]]:
    """Run the process that answers from the books, with a feed that brings nothing new."""
    started = time.perf_counter()
    path = directory / _SOCKET_NAME
    path.unlink(missing_ok=True)
    feed, its_feed = socket.socketpair()
    with feed, its_feed, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        ends = its_feed.fileno(), listener.fileno()
        files = directory / GENESIS_NAME, directory / BOOKS_NAME
        process = subprocess.Popen(  # noqa: S603 (our own program)
            [sys.executable, "-m", "kpnode.books", *map(str, (*files, *ends))], pass_fds=ends
        )
        try:
            asyncio.run(_wait_for(path))
            yield path, time.perf_counter() - started
        finally:
            process.terminate()
            process.wait()
            path.unlink(missing_ok=True)


async def _wait_for(path: Path) -> None:
    async with (
        asyncio.timeout(_START_S),
        _connect(path) as session,
        session.get("/v1/participants/BW") as response,
    ):
        await response.read()


def _connect(path: Path) -> aiohttp.ClientSession:
    return aiohttp.ClientSession("http://books", connector=aiohttp.UnixConnector(str(path)))


async def _measure(
    path: Path, sample: Sample, rounds: int
) -> tuple[dict[str, list[float]], list[float]]:
    times: dict[str, list[float]] = {}
    empty: list[float] = []
    async with _connect(path) as session:
        await _time(session, "/v1/nothing", empty, rounds, HTTPStatus.NOT_FOUND)
        for name, question in QUESTIONS.items():
            chance = Random(name)
            drawn = [sample.draw(question, chance) for _ in range(_WARM_UP + rounds)]
            if not await _is_served(session, drawn[0]):
                sys.stderr.write(f"left out: {name} ({drawn[0]})\n")
                continue
            taken: list[float] = []
            for one in drawn:
                await _time(session, one, taken, 1)
            times[name] = taken[_WARM_UP:]
            sys.stderr.write(f"{name}: {_figures(times[name])}\n")
        # The empty request again, so that both ends of the run count.
        await _time(session, "/v1/nothing", empty, rounds, HTTPStatus.NOT_FOUND)
    return times, empty


async def _is_served(session: aiohttp.ClientSession, path: str) -> bool:
    async with session.get(path) as response:
        if response.status != HTTPStatus.OK:
            sys.stderr.write(f"{response.status}: {(await response.text())[:300]}\n")
        return response.status == HTTPStatus.OK


async def _time(
    session: aiohttp.ClientSession,
    path: str,
    times: list[float],
    rounds: int,
    expected: HTTPStatus = HTTPStatus.OK,
) -> None:
    for _ in range(rounds):
        started = time.perf_counter()
        async with session.get(path) as response:
            await response.read()
            if response.status != expected:
                sys.exit(f"{path}: HTTP status {response.status}")
        times.append(time.perf_counter() - started)


def _figures(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "p50": round(statistics.median(ordered) * 1e3, 2),
        "p95": round(ordered[max(0, -(-len(ordered) * 95 // 100) - 1)] * 1e3, 2),
        "max": round(ordered[-1] * 1e3, 2),
    }
