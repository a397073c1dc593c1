"""How fast a ledger is audited, compared with verifying nothing but its signatures.

The chain is synthetic, stored as a node stores it, and audited by the very code behind
``kpledger audit --copy``. Making it is not timed.
"""

import itertools
import platform
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import plyvel
from lab.year.live import LiveTrade
from lab.year.participants import NODE, Participants
from lab.year.tables import load_tables
from rates import CORES, measure_verify_per_s

from kpclient.replay.copied_chain import CopiedChain
from kpclient.replay.verification import audit_chain
from kpledger.base.keys import SigningKey
from kpledger.base.state import MemoryState
from kpledger.base.units import start_of_day_ms
from kpledger.books.database import open_books
from kpledger.books.writer import BooksWriter
from kpledger.log import layout
from kpledger.log.audit import AuditVerdict
from kpledger.log.block import BlockKind
from kpledger.log.chain import BlockExecutor, ExecutedBlock, execute_noop, genesis_tip, seal_block
from kpledger.log.genesis import (
    Genesis,
)
from kpledger.log.layout import StoredEntry, encode_stored_entry
from kpledger.scheme.envelope import decode_envelope

DAY: Final = "2026-03-02"
NOW_MS: Final = start_of_day_ms(DAY) + 43_200_000
PARTICIPANTS: Final = Participants(load_tables(), 0)
IN_TRANSIT: Final = 100
"""How many certificates are issued before the first of them is confirmed."""
_RATE_S: Final = 2.0


def run(events: int, block_events: int, jobs: int, *, with_books: bool) -> dict[str, object]:
    """Build a chain, measure the raw rate, audit, and measure the raw rate again.

    With books, the audit also writes what the questions of people are answered from.
    """
    with tempfile.TemporaryDirectory(prefix="kpledger-bench-") as scratch:
        directory = Path(scratch)
        genesis = PARTICIPANTS.found()
        write_copy(directory, genesis, events, block_events)
        before = measure_verify_per_s(CORES, _RATE_S)
        books = open_books(str(directory / "books.sqlite"))
        writer = BooksWriter(books, genesis)

        def write(block: ExecutedBlock) -> None:
            writer.append(block.header, block.events)

        started, started_cpu = time.perf_counter(), time.process_time()
        report = audit_chain(
            genesis,
            CopiedChain(directory),
            jobs=jobs,
            observe=write if with_books else None,
        )
        seconds, cpu = time.perf_counter() - started, time.process_time() - started_cpu
        books.close()
        after = measure_verify_per_s(CORES, _RATE_S)
    if report.verdict is not AuditVerdict.SOUND or report.tree_size != events:
        sys.exit(f"the audit of a sound chain says {report}")
    raw = (before + after) / 2
    return {
        "benchmark": "replay",
        "with_books": with_books,
        "events": events,
        "blocks": report.height,
        "seconds": round(seconds, 3),
        "events_per_s": round(events / seconds),
        "raw_verify_per_s": round(raw),
        "ratio": round(events / seconds / raw, 3),
        # Of the process that executes the rules; hardly depends on what else the machine does.
        "cpu_us_per_event": round(cpu / events * 1e6, 1),
        "processes": 1 + jobs,
        "cores": CORES,
        "python": platform.python_version(),
    }


def make_envelopes(trade: LiveTrade, now_ms: int) -> Iterator[bytes]:
    """Open the offices, then trade without an end."""
    for event in trade.open_offices(now_ms):
        yield event.envelope
    in_transit: list[bytes] = []
    while True:
        issue, confirmation = trade.ship(now_ms)
        yield issue.envelope
        in_transit.append(confirmation.envelope)
        if len(in_transit) > IN_TRANSIT:
            yield in_transit.pop(0)


def cut_blocks(envelopes: Iterable[bytes], block_events: int) -> Iterator[list[bytes]]:
    """Give the events block by block."""
    waiting = iter(envelopes)
    while chosen := list(itertools.islice(waiting, block_events)):
        yield chosen


def make_blocks(
    genesis: Genesis,
    signer: tuple[str, SigningKey],
    envelopes: Iterable[Sequence[bytes]],
    now_ms: int,
) -> Iterator[tuple[StoredEntry, ExecutedBlock]]:
    """Open term 1 and seal the events of each block; gives each as it is stored, and executed.

    ``signer`` is the voter that leads, and its key.
    """
    leader, key = signer
    state = MemoryState()
    seed = genesis.seed_state(MemoryState())
    state.apply(seed)
    opening = execute_noop(genesis, genesis_tip(genesis, seed), state, 1)
    tip = opening.tip
    yield StoredEntry(kind=0, term=1, payload=b""), opening
    for chosen in envelopes:
        executor = BlockExecutor(genesis, tip, state, now_ms)
        for envelope in chosen:
            refusal = executor.add(decode_envelope(envelope))
            if refusal is not None:
                sys.exit(f"the synthetic trade breaks a rule: {refusal}")
        execution = executor.finish(1, leader, BlockKind.BLOCK)
        state.apply(execution.changes)
        tip = execution.tip
        yield StoredEntry(kind=1, term=1, payload=seal_block(execution, key)), execution


def write_copy(directory: Path, genesis: Genesis, events: int, block_events: int) -> None:
    """Write what an auditor reads of a node's directory."""
    database = plyvel.DB(
        str(directory / layout.DATABASE_DIRECTORY), create_if_missing=True, compression=None
    )
    database.put(layout.FORMAT_KEY, layout.STORE_FORMAT)
    database.put(layout.CHAIN_KEY, genesis.chain)
    signer = NODE, PARTICIPANTS.key(f"{NODE}/consensus")
    envelopes = make_envelopes(LiveTrade(genesis.chain, {}), NOW_MS)
    cut = cut_blocks(itertools.islice(envelopes, events), block_events)
    for stored, executed in make_blocks(genesis, signer, cut, NOW_MS):
        database.put(layout.block_key(executed.tip.height), encode_stored_entry(stored))
    database.close()
