"""How fast Annex III is answered from the indexes of many years, on the disk of a node.

The tables are filled with drawn shipments by the very code that projects, without rules and
signatures, so that years take minutes; the questions are asked in this process, without HTTP.
"""

import itertools
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Final

from rates import CORES, find_percentile
from replay import make_genesis

from kpledger.analysis.index import IndexChanges
from kpledger.analysis.statistics.annex3 import Annex3Question, answer_annex3
from kpledger.analysis.statistics.summary import SummaryQuestion, answer_summary
from kpledger.analysis.statistics.tables import Entry, add_entry
from kpledger.base.units import DAY_MS, add_days, start_of_day_ms
from kpledger.log import layout
from kpledger.scheme.v1.events.certificate import HsCode
from kpledger.scheme.v1.events.statistics import Flow
from kpnode.ledger import Ledger
from kpnode.storage.leveldb import LevelStorage

PARTICIPANTS: Final = tuple(f"{first}{second}" for first in "ABCDEF" for second in "ABCDEFGHIJ")
EVENTS_OF_A_YEAR: Final = 200_000
"""As many as there are world-wide; fewer events are a shorter time."""
FIRST_YEAR: Final = 2021
SEED: Final = 2022
BLOCK_EVENTS: Final = 256
ORIGINS: Final = ("", *PARTICIPANTS[:20])
"""Mixed first; a third of the participants mine."""

Question = Callable[[Ledger, Random, int], object]
"""Asks a drawn question of a ledger that holds so many years."""


def _quarter(ledger: Ledger, chance: Random, years: int) -> object:
    period = f"{FIRST_YEAR + chance.randrange(years)}Q{chance.randint(1, 4)}"
    return answer_annex3(ledger, Annex3Question(participant=_whose(chance), period=period))


def _year(ledger: Ledger, chance: Random, years: int) -> object:
    period = f"{FIRST_YEAR + chance.randrange(years)}"
    return answer_annex3(ledger, Annex3Question(participant=_whose(chance), period=period))


def _year_known_at(ledger: Ledger, chance: Random, years: int) -> object:
    year = FIRST_YEAR + chance.randrange(years)
    day = add_days(f"{year}-01-01", chance.randrange(365))
    question = Annex3Question(participant=_whose(chance), period=f"{year}", known_at=day)
    return answer_annex3(ledger, question)


def _summary(ledger: Ledger, chance: Random, years: int) -> object:
    year = f"{FIRST_YEAR + chance.randrange(years)}"
    return answer_summary(ledger, SummaryQuestion(year=year))


def _whose(chance: Random) -> str:
    """Ask mostly about the largest, as people do."""
    return PARTICIPANTS[min(chance.randrange(6), chance.randrange(len(PARTICIPANTS)))]


QUESTIONS: Final[dict[str, Question]] = {
    "annex3 quarter": _quarter,
    "annex3 year": _year,
    "annex3 year, known at": _year_known_at,
    "summary": _summary,
}


def run(events: int, rounds: int) -> dict[str, object]:
    """Fill the tables and ask."""
    years = max(1, events // EVENTS_OF_A_YEAR)
    with tempfile.TemporaryDirectory(prefix="kpledger-bench-") as scratch:
        genesis = make_genesis(PARTICIPANTS)
        storage = LevelStorage.open(Path(scratch) / "ledger", chain=genesis.chain, create=True)
        try:
            ledger = Ledger(genesis, storage)
            started = time.perf_counter()
            _fill(ledger, storage, _entries(events, years))
            filled_s = time.perf_counter() - started
            measured = {
                name: _measure(ledger, ask, rounds, years) for name, ask in QUESTIONS.items()
            }
        finally:
            storage.close()
    return {
        "benchmark": "tables",
        "events": events,
        "years": years,
        "fill_us_per_event": round(filled_s / events * 1e6, 1),
        "ms": measured,
        "cores": CORES,
        "python": platform.python_version(),
    }


def _measure(ledger: Ledger, ask: Question, rounds: int, years: int) -> dict[str, dict[str, float]]:
    """Give wall time, and the processor time of this thread, which other programs hardly touch."""
    chance, wall, processor = Random(SEED), [], []
    for _ in range(rounds):
        started, started_cpu = time.perf_counter(), time.thread_time()
        ask(ledger, chance, years)
        processor.append((time.thread_time() - started_cpu) * 1e3)
        wall.append((time.perf_counter() - started) * 1e3)
    return {"wall": _figures(wall), "processor": _figures(processor)}


def _figures(times: list[float]) -> dict[str, float]:
    times.sort()
    return {
        "p50": round(find_percentile(times, 50), 2),
        "p95": round(find_percentile(times, 95), 2),
        "max": round(times[-1], 2),
    }


def _fill(ledger: Ledger, storage: LevelStorage, entries: Iterator[tuple[Entry, int]]) -> None:
    while chosen := list(itertools.islice(entries, BLOCK_EVENTS)):
        changes = IndexChanges(ledger.index)
        for entry, recorded in chosen:
            add_entry(changes, entry, recorded)
        storage.apply(
            (layout.index_key(name, key), value)
            for (name, key), value in changes.written.items()
            if value is not None
        )


def _entries(events: int, years: int) -> Iterator[tuple[Entry, int]]:
    """Draw shipments day by day: each an export, and an import on the same day."""
    chance = Random(SEED)
    first, days = start_of_day_ms(f"{FIRST_YEAR}-01-01") // DAY_MS, years * 365
    # A few participants have most of the trade, as in the real one.
    weights = [1 / (place + 1) for place in range(len(PARTICIPANTS))]
    origin_weights = [1 / (place + 1) ** 2 for place in range(len(ORIGINS))]
    for serial in range(events // 2):
        recorded = first + serial * days // (events // 2)
        day = add_days(f"{FIRST_YEAR}-01-01", recorded - first)
        issuer, destination = chance.choices(PARTICIPANTS, weights, k=2)
        lines = tuple(
            (code, chance.randint(1_000, 9_000_000), chance.randint(10_000, 900_000_000))
            for code in chance.sample(list(HsCode), chance.randint(1, 2))
        )
        (origin,) = chance.choices(ORIGINS, origin_weights)
        for flow, reporter, partner in (
            (Flow.EXPORT, issuer, destination),
            (Flow.IMPORT, destination, issuer),
        ):
            yield Entry(flow, reporter, partner, day, origin, lines), recorded
