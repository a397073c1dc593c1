"""The writer: the same books from the same blocks, whatever was written together or broken off."""

import gc
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from booked import open_booked_trade
from copied import store, write_copy
from founding import (
    MemoryLedger,
    event_id_of,
    make_certificate,
    make_confirmation,
    make_event,
    make_genesis,
    make_genesis_file,
    number_of,
    open_trade,
)
from lab.year.blocks import TERM, cut_blocks, execute_block
from lab.year.signer import TimedEvent
from lab.year.tables import load_tables
from lab.year.year import CERTIFICATES_MIN, make_year
from walk.bench import EVERY_VERSION, Bench, found_world
from walk.preamble import settle
from walk.steps import walk

from kpledger.base.state import MemoryState
from kpledger.books.database import NoBooksError, open_books
from kpledger.books.projections import numbers, prices, state
from kpledger.books.writer import BooksWriter, OutOfOrderError, uncollected
from kpledger.log.block import BlockKind
from kpledger.log.chain import ExecutedBlock, execute_noop, genesis_tip
from kpledger.log.genesis import GenesisPolicy, format_genesis, parse_genesis
from kpledger.scheme.v1.events.certificate import CertificateIssued

ROOT = Path(__file__).parents[4]
STEPS = 700
Tables = dict[str, list[tuple[object, ...]]]


def tables_in(connection: sqlite3.Connection) -> Tables:
    """Give everything that stands in books."""
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return {
        name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr)  # noqa: S608
        for (name,) in names
    }


def records_in(connection: sqlite3.Connection) -> dict[bytes, bytes]:
    return dict(connection.execute("SELECT key, value FROM records"))


def without_events_and_quotas(state: MemoryState) -> dict[bytes, bytes]:
    left_out = (b"event/", b"quota/")
    return {key: value for key, value in state.pairs.items() if not key.startswith(left_out)}


class Walked(Bench):
    """Walks, and has books written: once block by block, once all in one."""

    def __init__(self) -> None:
        genesis = make_genesis()
        ledger = MemoryLedger(genesis)
        opening = execute_noop(genesis, ledger.tip, ledger.state, 1)
        self.each, self.all = open_books(":memory:"), open_books(":memory:")
        self.by_block = BooksWriter(self.each, genesis, EVERY_VERSION)
        self.by_block.complete()
        self.at_once = BooksWriter(self.all, genesis, EVERY_VERSION)
        self._follow(opening)
        ledger.open_term(1)
        super().__init__(ledger, found_world(ledger))

    def _follow(self, block: ExecutedBlock) -> None:
        for writer in (self.by_block, self.at_once):
            writer.append(block.header, block.events)
        self.by_block.commit()

    def advance(self, milliseconds: int) -> None:
        block = None
        if self.executor.events:
            block = self.executor.finish(self.ledger.tip.term, "bw-1", BlockKind.BLOCK)
        super().advance(milliseconds)
        if block is not None:
            self._follow(block)
            assert records_in(self.each) == without_events_and_quotas(self.ledger.state)


class Resumed(Walked):
    """Writes the books block by block, each time with a writer that has only the file."""

    def _follow(self, block: ExecutedBlock) -> None:
        super()._follow(block)
        self.by_block = BooksWriter(self.each, make_genesis(), EVERY_VERSION)


@pytest.mark.parametrize("seed", range(3))
def test_books_are_the_same_however_many_blocks_are_written_together(seed: int) -> None:
    """And the state in them is the state after every block of a walk."""
    bench = Walked()
    settle(bench)
    walk(bench, seed, STEPS)
    bench.at_once.complete()
    assert tables_in(bench.each) == tables_in(bench.all)


@pytest.mark.parametrize("seed", range(2))
def test_a_writer_needs_nothing_but_the_file(seed: int) -> None:
    bench = Resumed()
    settle(bench)
    walk(bench, seed, STEPS)
    bench.at_once.complete()
    assert tables_in(bench.each) == tables_in(bench.all)


@pytest.mark.parametrize("seed", range(2))
def test_nothing_depends_on_what_is_kept_in_memory(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for projection in (numbers, prices, state):
        monkeypatch.setattr(projection, "_KEPT", 0)
    bench = Walked()
    settle(bench)
    walk(bench, seed, STEPS)
    bench.at_once.complete()
    assert tables_in(bench.each) == tables_in(bench.all)


@pytest.mark.slow
def test_the_state_of_a_year_is_in_its_books() -> None:
    year = make_year(load_tables(), certificates=CERTIFICATES_MIN, seed=7, fraud=True)
    genesis, state = year.genesis, MemoryState()
    seed = genesis.seed_state(state)
    tip = genesis_tip(genesis, seed)
    state.apply(seed)
    with closing(open_books("")) as books:
        writer = BooksWriter(books, genesis)
        block: ExecutedBlock | None = execute_noop(genesis, tip, state, TERM)
        for events in (*cut_blocks(year.events()), []):
            assert block is not None
            writer.append(block.header, block.events)
            state.apply(block.changes)
            tip = block.tip
            block = execute_block(genesis, tip, state, events, refuse) if events else None
        writer.complete()
        assert records_in(books) == without_events_and_quotas(state)
        assert books.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def refuse(entry: TimedEvent, why: str) -> None:
    raise AssertionError(f"{entry.type} on {entry.subject} is refused: {why}")


KEEPER = """
import sys
from pathlib import Path
from founding import make_genesis
from kpclient.replay.copied_chain import StoredBlock, CopiedChain
from kpledger.books.database import open_books
from kpledger.books.writer import BooksWriter
from kpledger.log.chain import CommittedBlocks
from kpledger.scheme.envelope import decode_trusted_envelope

genesis = make_genesis()
writer = BooksWriter(open_books(sys.argv[2]), genesis)
blocks = CommittedBlocks(genesis)
for found in CopiedChain(Path(sys.argv[1])):
    header, events = blocks.read(found.height, found.stored)
    if header.height > writer.height:
        writer.append(header, tuple(map(decode_trusted_envelope, events)))
        writer.commit()
        print(writer.height, flush=True)
writer.complete()
"""


@pytest.mark.slow
def test_a_writer_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    ledger = open_trade()
    for serial in range(1, 61):
        certificate = make_certificate(number_of("BW", serial))
        issued = make_event("BW/gaborone", CertificateIssued(certificate=certificate))
        ledger.record(issued)
        confirmed = make_confirmation(certificate)
        ledger.record(make_event("EU/antwerp", confirmed, prev=event_id_of(issued)))
    copy = write_copy(tmp_path, map(store, ledger.blocks))
    broken, whole = tmp_path / "broken.sqlite", tmp_path / "whole.sqlite"
    random, reached = Random(1), 0
    while reached < ledger.tip.height:
        with keep_books(copy, broken) as process:
            assert process.stdout is not None
            for _, line in zip(range(random.randrange(1, 30)), process.stdout, strict=False):
                assert int(line) > reached
                reached = int(line)
            process.send_signal(signal.SIGKILL)
        with closing(sqlite3.connect(broken)) as books:
            assert books.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            (height,) = books.execute("SELECT value FROM meta WHERE key = 'height'").fetchone()
        assert height >= reached
        reached = height
    for file in (broken, whole):
        with keep_books(copy, file) as process:
            process.communicate(timeout=120)
        assert process.returncode == 0
    with closing(sqlite3.connect(broken)) as mended, closing(sqlite3.connect(whole)) as fresh:
        assert tables_in(mended) == tables_in(fresh)


def keep_books(copy: Path, file: Path) -> "subprocess.Popen[str]":
    path = os.pathsep.join(map(str, (ROOT, ROOT / "client", ROOT / "tests")))
    return subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(copy), str(file)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def test_books_of_another_derivation_or_ledger_are_not_gone_on_with() -> None:
    connection = open_books(":memory:")
    BooksWriter(connection, make_genesis()).complete()
    policy = GenesisPolicy(max_validity_days=30)
    other = parse_genesis(format_genesis(make_genesis_file(policy=policy)))
    with pytest.raises(NoBooksError, match="of another ledger"):
        BooksWriter(connection, other)
    connection.execute("UPDATE meta SET value = 0 WHERE key = 'derivation'")
    with pytest.raises(NoBooksError, match="of derivation 0"):
        BooksWriter(connection, make_genesis())


def test_the_garbage_collector_rests_only_while_books_are_built() -> None:
    with uncollected():
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_block_is_taken_in_once_and_in_order() -> None:
    genesis = make_genesis()
    ledger = MemoryLedger(genesis)
    opening = execute_noop(genesis, ledger.tip, ledger.state, 1)
    writer = BooksWriter(open_books(":memory:"), genesis)
    writer.append(opening.header, ())
    with pytest.raises(OutOfOrderError, match="block 1 does not follow block 1"):
        writer.append(opening.header, ())


def test_what_was_known_at_a_time_stays_known() -> None:
    """Registering an office counts it: the version before is closed when the next begins."""
    connection = open_booked_trade().books.connection
    rows = connection.execute(
        "SELECT authority_count, known_from, known_until FROM participants"
        " WHERE participant = 'BW' ORDER BY authority_count"
    ).fetchall()
    (none, founded, closed), (one, opened, until) = rows
    assert (none, one) == (0, 1)
    assert founded < closed == opened
    assert until is None
