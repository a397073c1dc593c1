"""The books give the answers that the indexes kept in memory give, to every question."""

import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import msgspec
import pytest
from booked import Bookkeeper
from founding import MemoryLedger, make_genesis
from lab.year.blocks import cut_blocks, execute_block
from lab.year.tables import load_tables
from lab.year.year import CERTIFICATES_MIN, make_year
from walk.bench import EVERY_VERSION, Bench, found_world
from walk.preamble import settle
from walk.steps import walk

from kpledger.analysis.book import MemoryBook
from kpledger.analysis.history import HISTORY
from kpledger.analysis.listing import read_page
from kpledger.analysis.topic import QuestionError as OldQuestionError
from kpledger.analysis.topics import TOPICS
from kpledger.base.units import add_days, day_of, quarter_of
from kpledger.books.certificates import CERTIFICATES, CertificatesQuestion
from kpledger.books.database import Books
from kpledger.books.periods import half_of
from kpledger.books.queries import QUERIES
from kpledger.books.query import QuestionError
from kpledger.log.block import BlockKind
from kpledger.log.chain import ExecutedBlock, execute_noop
from kpledger.log.genesis import Genesis
from kpledger.scheme.v1.lifecycles.certificate import CertificateState
from kpledger.scheme.v1.records import CertificateRecord, ParticipantRecord

TABLES: Final = load_tables(Path(__file__).parents[4] / "config" / "data")
OLD: Final = {topic.path: topic for topic in TOPICS}
NEW: Final = {query.path: query for query in QUERIES}
SOURCES: Final = ("derived", "submitted", "compared")
Asked = tuple[str, dict[str, object]]
"""A path and the parameters of a question."""


class Both:
    """A chain, kept in memory as before and in the books."""

    def __init__(self, genesis: Genesis, blocks: Iterator[ExecutedBlock], seed: int) -> None:
        self.old = MemoryBook(genesis)
        keeper = Bookkeeper(genesis, rules=EVERY_VERSION)
        for block in blocks:
            self.old.apply(block)
            keeper.append(block.header, block.events)
        self.books: Books = keeper.books
        self.random = Random(seed)
        self.codes = [
            record.code
            for _, record in self.old.records(
                b"participant/", ParticipantRecord, after=None, limit=1_000
            )
        ]
        keys = (key for key, _ in self.old.index.scan(HISTORY))
        self.subjects = sorted({key[:-9].decode() for key in keys})
        self.certificates = [
            record
            for _, record in self.old.records(
                b"certificate/", CertificateRecord, after=None, limit=100_000
            )
        ]
        self.days = self._pick_days()

    def _pick_days(self) -> list[str]:
        today = day_of(self.old.tip.time_ms)
        first = min((one.issued_on for one in self.certificates), default=today)
        span = 1
        while add_days(first, span) < today:
            span += 1
        inside = [add_days(first, self.random.randrange(span)) for _ in range(4)]
        return [*inside, today, add_days(today, 200), add_days(first, -40)]

    def some(self, items: list[str], count: int) -> list[str]:
        return self.random.sample(items, min(count, len(items)))

    def check(self, path: str, **question: object) -> None:
        """Ask both, and compare what they say."""
        old, new = OLD[path], NEW[path]
        expected = _try(lambda: old.reply(self.old, msgspec.convert(question, old.question)))
        found = _try(lambda: new.reply(self.books, msgspec.convert(question, new.question)))
        assert found == expected, (path, question)


def _try(ask: Callable[[], msgspec.Struct | bytes]) -> object:
    try:
        answer = ask()
    except (QuestionError, OldQuestionError) as error:
        return error.field, str(error)
    encoded = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
    told = json.loads(encoded)
    for finding in told.get("findings", ()):
        # Explanations were put into better words since.
        del finding["explanation"]
    told.get("findings", []).sort(key=lambda one: (one["day"], one["subject"], one["measure"]))
    return told


def blocks_of_year() -> tuple[Genesis, Iterator[ExecutedBlock]]:
    year = make_year(TABLES, certificates=CERTIFICATES_MIN, seed=2022, fraud=True)

    def blocks() -> Iterator[ExecutedBlock]:
        book = MemoryBook(year.genesis)
        opening = execute_noop(year.genesis, book.tip, book.state, 1)
        book.apply(opening)
        yield opening
        for block in cut_blocks(year.events()):
            executed = execute_block(
                year.genesis, book.tip, book.state, block, lambda _entry, _why: None
            )
            if executed is not None:
                book.state.apply(executed.changes)
                book.tip = executed.tip
                yield executed

    return year.genesis, blocks()


class Recorded(Bench):
    """A walk that keeps its blocks."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.blocks: list[ExecutedBlock] = []
        super().__init__(ledger, found_world(ledger))

    def advance(self, milliseconds: int) -> None:
        if self.executor.events:
            executed = self.executor.finish(self.ledger.tip.term, "bw-1", BlockKind.BLOCK)
            self.blocks.append(executed)
            self.ledger.state.apply(executed.changes)
            self.ledger.tip = executed.tip
        self.ledger.now_ms += milliseconds
        self._open_block()


def blocks_of_walk(seed: int, steps: int) -> tuple[Genesis, Iterator[ExecutedBlock]]:
    ledger = MemoryLedger(make_genesis())
    opening = execute_noop(ledger.genesis, ledger.tip, ledger.state, 1)
    ledger.open_term(1)
    bench = Recorded(ledger)
    settle(bench)
    walk(bench, seed, steps)
    return ledger.genesis, iter([opening, *bench.blocks])


def ask_statistics(both: Both) -> Iterator[Asked]:
    years = sorted({day[:4] for day in both.days})
    known = ["", *both.days, "soon"]
    for year, source, known_at in itertools.product([*years, "22"], SOURCES, known):
        yield "statistics/summary", {"year": year, "source": source, "known_at": known_at}
    quarters = sorted({quarter_of(day) for day in both.days})
    periods = [*quarters, *sorted({half_of(day) for day in both.days}), *years, "2026Q5"]
    for code in [*both.some(both.codes, 12), "XX"]:
        for period, source in itertools.product(periods, SOURCES):
            yield (
                "statistics/annex3",
                {
                    "participant": code,
                    "period": period,
                    "source": source,
                    "known_at": both.random.choice(known),
                },
            )


def ask_tables(both: Both) -> Iterator[Asked]:
    for code in [*both.some(both.codes, 15), "XX", ""]:
        for day in ["", *both.days]:
            stock = both.random.choice(["", f"stock.{code}=1000", "stock=3"])
            months = both.random.choice([1, 12, 30])
            yield "balance", {"participant": code, "at": day, "months": months, "settings": stock}
            halves = both.random.choice([1, 4])
            yield "production-check", {"participant": code, "at": day, "half_years": halves}
            late = both.random.choice([0, 30])
            yield "unconfirmed", {"participant": code, "at": day, "days": late}
            yield "unconfirmed", {"participant": code, "from_day": day, "days": late, "limit": 2}
            order = both.random.choice(["", "F7.order_days=1", "F7.order_days=60"])
            yield "numbers", {"participant": code, "at": day, "settings": order, "limit": 5}
            until = both.random.choice(both.days)
            yield "calendar", {"participant": code, "from_day": day, "until_day": until}
    for one, other in itertools.product(both.some(both.codes, 6), both.some(both.codes, 6)):
        for day in ["", *both.days]:
            period = both.random.choice([day[:4] or "2026", quarter_of(day or "2026-03-01")])
            yield "mirror", {"one": one, "other": other, "period": period, "at": day}


def ask_records(both: Both) -> Iterator[Asked]:
    for subject in [*both.some(both.subjects, 1_500), "", "BW999999", "BW/review/none", "a/b/c"]:
        yield "subject", {"subject": subject}
        yield "trace", {"subject": subject}
        yield "trace", {"subject": subject, "limit": 3}
    for past in (True, False):
        yield "organisation", {"past": past}
        for code in [*both.codes, "KPCS", "XX"]:
            yield "keys", {"participant": code, "past": past}
    for day in ["", *both.days, "soon"]:
        yield "scheme", {"at": day}
        yield "calendar", {"from_day": day}
        yield "calendar", {"until_day": day}


AREAS: Final = (ask_statistics, ask_tables, ask_records)
CHAINS: Final[dict[str, Callable[[], tuple[Genesis, Iterator[ExecutedBlock]]]]] = {
    "year": blocks_of_year,
    **{f"walk {seed}": partial(blocks_of_walk, seed, 9_000) for seed in range(3)},
}


@pytest.fixture(scope="module", params=sorted(CHAINS))
def both(request: pytest.FixtureRequest) -> Both:
    """A chain, booked both ways."""
    genesis, blocks = CHAINS[request.param]()
    return Both(genesis, blocks, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("area", AREAS)
def test_every_question_is_answered_as_before(
    both: Both, area: Callable[[Both], Iterator[Asked]]
) -> None:
    for path, question in area(both):
        both.check(path, **question)


@pytest.mark.slow
def test_certificates_are_listed_as_before(both: Both) -> None:
    filters = itertools.product(
        [None, *CertificateState],
        [None, *both.some(both.codes, 5)],
        [None, *both.some(both.codes, 5)],
    )
    for state, issuer, destination in filters:
        after: str | None = None
        while True:
            page = read_page(
                both.old.index,
                state=state,
                issuer=issuer,
                destination=destination,
                after=after,
                limit=30,
            )
            question = CertificatesQuestion(
                state=state, issuer=issuer, destination=destination, after=after, limit=30
            )
            found = CERTIFICATES.respond(both.books, question)
            assert tuple(one.number for one in found.certificates) == page.numbers
            assert found.next == page.next
            after = page.next
            if after is None:
                break
