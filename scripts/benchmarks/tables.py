"""How fast Annex III is answered from the indexes of many years, on the disk of a node.

The tables are filled with drawn shipments by the very code that projects, without rules and
signatures, so that years take minutes; the questions are asked in this process, without HTTP.
"""

import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Final

from rates import CORES, find_percentile
from replay import make_genesis

from kpledger import layout
from kpledger.analysis.index import IndexChanges
from kpledger.analysis.statistics.annex3 import Annex3Question, answer_annex3
from kpledger.analysis.statistics.summary import SummaryQuestion, answer_summary
from kpledger.analysis.statistics.tables import Entry, add_entry
from kpledger.events.certificate import HsCode
from kpledger.events.statistics import Flow
from kpledger.units import DAY_MS, add_days, start_of_day_ms
from kpnode.ledger import Ledger
from kpnode.storage.leveldb import LevelStorage

PARTICIPANTS: Final = tuple(f"{first}{second}" for first in "ABCDEF" for second in "ABCDEFGHIJ")
YEARS: Final = 5
FIRST_YEAR: Final = 2021
SEED: Final = 2022
BLOCK_EVENTS: Final = 256
ORIGINS: Final = (*PARTICIPANTS[:20], "")
"""A third of the participants mine; the last is mixed origin."""

Question = Callable[[Ledger, Random], object]


def _quarter(ledger: Ledger, chance: Random) -> object:
    period = f"{FIRST_YEAR + chance.randrange(YEARS)}Q{chance.randint(1, 4)}"
    return answer_annex3(ledger, Annex3Question(participant=_whose(chance), period=period))


def _year(ledger: Ledger, chance: Random) -> object:
    period = f"{FIRST_YEAR + chance.randrange(YEARS)}"
    return answer_annex3(ledger, Annex3Question(participant=_whose(chance), period=period))


def _year_known_at(ledger: Ledger, chance: Random) -> object:
    year = FIRST_YEAR + chance.randrange(YEARS)
    day = add_days(f"{year}-01-01", chance.randrange(365))
    question = Annex3Question(participant=_whose(chance), period=f"{year}", known_at=day)
    return answer_annex3(ledger, question)


def _summary(ledger: Ledger, chance: Random) -> object:
    year = f"{FIRST_YEAR + chance.randrange(YEARS)}"
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
    with tempfile.TemporaryDirectory(prefix="kpledger-bench-") as scratch:
        genesis = make_genesis(PARTICIPANTS)
        storage = LevelStorage.open(Path(scratch) / "ledger", chain=genesis.chain, create=True)
        try:
            ledger = Ledger(genesis, storage)
            started = time.perf_counter()
            _fill(ledger, storage, events)
            filled_s = time.perf_counter() - started
            measured = {name: _measure(ledger, ask, rounds) for name, ask in QUESTIONS.items()}
        finally:
            storage.close()
    return {
        "benchmark": "tables",
        "events": events,
        "fill_us_per_event": round(filled_s / events * 1e6, 1),
        "ms": measured,
        "cores": CORES,
        "python": platform.python_version(),
    }


def _measure(ledger: Ledger, ask: Question, rounds: int) -> dict[str, float]:
    chance, times = Random(SEED), []
    for _ in range(rounds):
        started = time.perf_counter()
        ask(ledger, chance)
        times.append((time.perf_counter() - started) * 1e3)
    times.sort()
    return {
        "p50": round(find_percentile(times, 50), 2),
        "p95": round(find_percentile(times, 95), 2),
        "max": round(times[-1], 2),
    }


def _fill(ledger: Ledger, storage: LevelStorage, events: int) -> None:
    changes, waiting = IndexChanges(ledger.index), 0
    for count, (entry, recorded) in enumerate(_entries(events), start=1):
        add_entry(changes, entry, recorded)
        waiting += 1
        if waiting == BLOCK_EVENTS or count == events:
            puts = [
                (layout.index_key(name, key), value)
                for (name, key), value in changes.written.items()
                if value is not None
            ]
            storage.apply(puts)
            changes, waiting = IndexChanges(ledger.index), 0
        if count % 100_000 == 0:
            sys.stderr.write(f"{count} events\n")


def _entries(events: int) -> Iterator[tuple[Entry, int]]:
    """Draw shipments day by day: each an export, and an import on the same day."""
    chance = Random(SEED)
    first, days = start_of_day_ms(f"{FIRST_YEAR}-01-01") // DAY_MS, YEARS * 365
    # A few participants have most of the trade, as in the real one.
    weights = [1 / (place + 1) for place in range(len(PARTICIPANTS))]
    for serial in range(events // 2):
        recorded = first + serial * days // (events // 2)
        day = add_days(f"{FIRST_YEAR}-01-01", recorded - first)
        issuer, destination = chance.choices(PARTICIPANTS, weights, k=2)
        lines = tuple(
            (code, chance.randint(1_000, 9_000_000), chance.randint(10_000, 900_000_000))
            for code in chance.sample(list(HsCode), chance.randint(1, 2))
        )
        origin = chance.choice(ORIGINS)
        for flow, reporter, partner in (
            (Flow.EXPORT, issuer, destination),
            (Flow.IMPORT, destination, issuer),
        ):
            yield Entry(flow, reporter, partner, day, origin, lines), recorded
