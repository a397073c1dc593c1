"""The books of a synthetic year, or of many.

One year is lived by the rules. Of many years the events are known to be accepted; neither rules nor
signatures are looked at again, roots and digests in the headers are zeros, and there is no
consensus. What is left is what a node does who follows committed blocks: decode every event, and
write the books.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import Process, Queue
from pathlib import Path
from typing import Final

from lab.year.blocks import TERM, Refused, cut_blocks, execute_block, stop_at_refusal
from lab.year.participants import NODE
from lab.year.repeated import RepeatedYears
from lab.year.year import Year

from kpledger.base.hashing import Digest
from kpledger.base.state import MemoryState
from kpledger.books.database import open_books
from kpledger.books.writer import BooksWriter, uncollected
from kpledger.log.block import BlockHeader, BlockKind
from kpledger.log.chain import ExecutedBlock, execute_noop, genesis_tip
from kpledger.scheme.envelope import decode_trusted_envelope

_ZERO: Final = Digest(bytes(32))
_BLOCKS_A_PARCEL: Final = 32
_PARCELS_WAITING: Final = 16
_REPORT_EVENTS: Final = 100_000

Block = tuple[int, list[bytes]]
"""Its time, and the envelopes in it."""


def write_books(year: Year, path: Path, *, refused: Refused = stop_at_refusal) -> None:
    """Live a year by the rules, and write its books into a new file."""
    genesis, state = year.genesis, MemoryState()
    seed = genesis.seed_state(state)
    tip = genesis_tip(genesis, seed)
    state.apply(seed)
    connection = open_books(str(path))
    writer = BooksWriter(connection, genesis)

    def take(block: ExecutedBlock) -> None:
        nonlocal tip
        writer.append(block.header, block.events)
        state.apply(block.changes)
        tip = block.tip

    take(execute_noop(genesis, tip, state, TERM))
    for entries in cut_blocks(year.events()):
        block = execute_block(genesis, tip, state, entries, refused)
        if block is not None:
            take(block)
    writer.complete()
    connection.close()


@dataclass(frozen=True, slots=True)
class Booked:
    """What writing books came to."""

    events: int
    blocks: int
    written_s: float
    """Decoding and writing, without waiting for events to be made."""
    written_cpu_s: float
    """The same as processor time, which hardly depends on what else the machine does."""
    total_s: float
    file_bytes: int


def write_many(years: RepeatedYears, path: Path, report: Callable[[int, float], None]) -> Booked:
    """Write the books of many years into a new file; the events are made in another process.

    Args:
        years: whose events they are.
        path: of the file.
        report: told now and then how many events are written, and in how many seconds.
    """
    connection = open_books(str(path))
    started = time.perf_counter()
    try:
        writer = BooksWriter(connection, years.year.genesis)
        scribe = _Scribe(writer, years.year.genesis.chain, report)
        with uncollected():
            for block in _make_elsewhere(years):
                scribe.write(block)
            scribe.finish()
    finally:
        connection.close()
    total_s = time.perf_counter() - started
    return Booked(
        scribe.events, writer.height, scribe.seconds, scribe.cpu_s, total_s, path.stat().st_size
    )


class _Scribe:
    """Appends blocks and counts what that takes."""

    def __init__(
        self, writer: BooksWriter, chain: bytes, report: Callable[[int, float], None]
    ) -> None:
        self.events = 0
        self.seconds = 0.0
        self.cpu_s = 0.0
        self._writer = writer
        self._chain = chain
        self._report = report
        self._reported = 0

    def write(self, block: Block) -> None:
        time_ms, envelopes = block
        started, started_cpu = time.perf_counter(), time.process_time()
        events = [decode_trusted_envelope(envelope) for envelope in envelopes]
        header = BlockHeader(
            chain=self._chain,
            era=0,
            term=TERM,
            height=self._writer.height + 1,
            prev_head=self._writer.head,
            first_event=self.events,
            event_count=len(events),
            payload_root=_ZERO,
            tree_size=self.events + len(events),
            tree_root=_ZERO,
            state_digest=_ZERO,
            config_hash=_ZERO,
            leader=NODE,
            time_ms=time_ms,
            kind=BlockKind.BLOCK,
        )
        self._writer.append(header, events)
        self.events += len(events)
        self.seconds += time.perf_counter() - started
        self.cpu_s += time.process_time() - started_cpu
        if self.events - self._reported >= _REPORT_EVENTS:
            self._reported = self.events
            self._report(self.events, self.seconds)

    def finish(self) -> None:
        started, started_cpu = time.perf_counter(), time.process_time()
        self._writer.complete()
        self.seconds += time.perf_counter() - started
        self.cpu_s += time.process_time() - started_cpu


def _make_elsewhere(years: RepeatedYears) -> Iterator[Block]:
    parcels: Queue[list[Block] | None] = Queue(_PARCELS_WAITING)
    maker = Process(target=_make, args=(years, parcels), daemon=True)
    maker.start()
    while (parcel := parcels.get()) is not None:
        yield from parcel
    maker.join()


def _make(years: RepeatedYears, parcels: "Queue[list[Block] | None]") -> None:
    parcel: list[Block] = []
    for block in cut_blocks(years.events()):
        parcel.append((block[-1].time_ms, [event.envelope for event in block]))
        if len(parcel) == _BLOCKS_A_PARCEL:
            parcels.put(parcel)
            parcel = []
    parcels.put(parcel)
    parcels.put(None)
