"""How fast the books of many years are written, and how fast their process answers from them.

The ledger is a synthetic year again and again (:mod:`lab.year.repeated`). Its blocks go straight to
the writer of the books: nobody signs, votes or judges by the rules, which would take hours for
millions of events; see :mod:`lab.year.books`. The process that answers is the one that a node
starts, asked over its own socket; one client asks, one question after the other, as a person would.
"""

import asyncio
import platform
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import msgspec
from asking import NOTHING, Asker, DirectAsker, running_books
from lab.year.books import Booked, write_many
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
_WARM_UP: Final = 3
_SAMPLES: Final = 500
_SKIPPED: Final = 1_000
_PAGE: Final = 100
_SHORTER: Final = 60
_FLAGS: Final = tuple(f"F{number}" for number in range(1, 20))
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
    "subject": "/v1/subject?subject={number}",
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


def run(
    years: int, events: int, directory: Path, rounds: int, *, is_direct: bool
) -> dict[str, object]:
    """Write books or reuse those that are there, and ask: their process, or in this one."""
    built = _build(years, events, directory)
    sample = Sample(_draw_numbers(directory / BOOKS_NAME), years)
    measured, empty = asyncio.run(_ask(directory, sample, rounds, is_direct=is_direct))
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
        "asked": (
            "in this process, which counts its own processor time"
            if is_direct
            else "the process of a node's books"
        ),
        "rounds": rounds,
        "empty_ms": _figures(empty),
        "ms": figures,
        "missed": missed,
        "not_asked": sorted(set(AIMS_MS) - set(figures)),
        "cores": CORES,
        "python": platform.python_version(),
    }


async def _ask(
    directory: Path, sample: Sample, rounds: int, *, is_direct: bool
) -> tuple[dict[str, list[float]], list[float]]:
    if is_direct:
        return await _measure(DirectAsker(directory / BOOKS_NAME), sample, rounds)
    files = directory / GENESIS_NAME, directory / BOOKS_NAME
    with tempfile.TemporaryDirectory(prefix="kpledger-bench-") as scratch:
        async with running_books(*files, Path(scratch, "books.sock")) as asker:
            return await _measure(asker, sample, rounds)


def _build(years: int, events: int, directory: Path) -> Booked:
    if (directory / BUILT_NAME).exists():
        return msgspec.json.decode((directory / BUILT_NAME).read_bytes(), type=Booked)
    directory.mkdir(parents=True, exist_ok=True)
    repeated = repeat_year(load_tables(), years=years, events=events, seed=SEED)
    (directory / GENESIS_NAME).write_bytes(repeated.year.genesis.encoded)
    (directory / BOOKS_NAME).unlink(missing_ok=True)

    def report(written: int, seconds: float) -> None:
        sys.stderr.write(f"{written} events, {written / seconds:.0f} a second\n")

    built = write_many(repeated, directory / BOOKS_NAME, report)
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


async def _measure(
    asker: Asker, sample: Sample, rounds: int
) -> tuple[dict[str, list[float]], list[float]]:
    times: dict[str, list[float]] = {}
    empty: list[float] = []
    await _time(asker, NOTHING, empty, rounds)
    for name, question in QUESTIONS.items():
        chance = Random(name)
        drawn = [sample.draw(question, chance) for _ in range(_WARM_UP + rounds)]
        problem = await asker.ask(drawn[0])
        if problem:
            sys.stderr.write(f"left out: {name} ({drawn[0]}): {problem}\n")
            continue
        taken: list[float] = []
        for one in drawn:
            await _time(asker, one, taken, 1)
        times[name] = taken[_WARM_UP:]
        sys.stderr.write(f"{name}: {_figures(times[name])}\n")
    # The empty request again, so that both ends of the run count.
    await _time(asker, NOTHING, empty, rounds)
    return times, empty


async def _time(asker: Asker, target: str, times: list[float], rounds: int) -> None:
    for _ in range(rounds):
        started = asker.clock()
        problem = await asker.ask(target)
        times.append(asker.clock() - started)
        if problem and target != NOTHING:
            sys.exit(f"{target}: {problem}")


def _figures(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "p50": round(statistics.median(ordered) * 1e3, 2),
        "p95": round(ordered[max(0, -(-len(ordered) * 95 // 100) - 1)] * 1e3, 2),
        "max": round(ordered[-1] * 1e3, 2),
    }
