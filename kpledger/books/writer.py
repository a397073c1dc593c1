"""The writer: follows the blocks, and writes what their events add up to.

Blocks come from somebody who has verified or committed them, so events are applied without being
checked again. Every projection sees an event together with the records before and after *it*.

Rows are gathered in memory and written at the end of each transaction, with the height that they
belong to: a crash at any moment leaves books as of some earlier block, and following goes on there.
"""

import functools
import sqlite3
from collections.abc import Sequence
from typing import Final

from kpledger.base.codec import decode_trusted
from kpledger.base.errors import LedgerError
from kpledger.base.hashing import Digest
from kpledger.base.state import MemoryState
from kpledger.base.units import DAY_MS, day_of
from kpledger.books.database import (
    DERIVATION,
    NoBooksError,
    create_indexes,
    create_tables,
    has_tables,
    read_meta,
)
from kpledger.books.projections.editions import write_edition
from kpledger.books.projections.events import Events
from kpledger.books.projections.marks import Marks
from kpledger.books.projections.numbers import Numbers
from kpledger.books.projections.observations import Observer, found_before
from kpledger.books.projections.prices import Prices
from kpledger.books.projections.shipments import BookedEvent, Move, Shipment, Shipments, advance
from kpledger.books.projections.state import BooksState
from kpledger.books.projections.sums import Sums
from kpledger.books.projections.suspects import write_suspect
from kpledger.books.projections.trade import Trade
from kpledger.books.projections.versions import TABLES_OF
from kpledger.log.block import BlockHeader, compute_head, encode_block_header
from kpledger.log.genesis import Genesis
from kpledger.scheme.event import EventPlace, SignedEvent
from kpledger.scheme.rulebook import RELEASED, Rulebook
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateReplaced,
    CertificateValidated,
)
from kpledger.scheme.v1.events.importing import SuspectReported
from kpledger.scheme.v1.events.statistics import (
    CountStatisticsSubmitted,
    ProductionStatisticsSubmitted,
    TradeStatisticsSubmitted,
)
from kpledger.scheme.v1.records import CaseRecord, CertificateRecord

_ISSUING: Final = (CertificateIssued, CertificateReplaced)
_EDITIONS: Final = (
    TradeStatisticsSubmitted,
    ProductionStatisticsSubmitted,
    CountStatisticsSubmitted,
)
_BATCH_EVENTS: Final = 20_000
"""How many events are gathered while blocks are caught up with, before they are written."""


class OutOfOrderError(LedgerError):
    """A block that does not follow the newest one in the books, or is of another ledger."""


class BooksWriter:
    """Writes the books of one ledger.

    Attributes:
        height: the newest block that was taken in.
        head: its head; the ledger's id before block 1.
    """

    def __init__(
        self, connection: sqlite3.Connection, genesis: Genesis, rules: Rulebook = RELEASED
    ) -> None:
        """Go on with the books in a database, or begin them in an empty one.

        Raises:
            NoBooksError: they were made by another derivation, or are of another ledger.
        """
        self._connection = connection
        self._genesis = genesis
        self._rules = rules
        self._pending_events = 0
        self._build_projections()
        if has_tables(connection):
            self._resume()
        else:
            self._begin()

    def _build_projections(self) -> None:
        connection = self._connection
        self._state = BooksState(connection)
        self._events = Events(connection)
        self._shipments = Shipments(connection, self._state)
        self._observer = Observer(connection, self._state, self._shipments)
        self._numbers = Numbers(connection, self._state)
        self._marks = Marks(connection, self._shipments)
        self._trade = Trade(connection)
        self._sums = Sums(connection)
        self._prices = Prices(connection)

    def _begin(self) -> None:
        self.height, self.head = 0, self._genesis.chain
        self._event_count, self._time_ms = 0, self._genesis.file.created_at
        self._first_issued_on = ""
        self._is_indexed = False
        self._open_transaction()
        create_tables(self._connection)
        self._state.begin()
        for key, value in self._genesis.seed_state(MemoryState()).written.items():
            kind = TABLES_OF[key.decode().partition("/")[0]][0].kind
            self._state.put(key, decode_trusted(value, kind))
        self._write_versions(None, self._time_ms)
        self.commit()

    def _resume(self) -> None:
        meta = read_meta(self._connection)
        if meta["chain"] != self._genesis.chain.hex():
            raise NoBooksError("these books are of another ledger")
        self.height, self.head = int(meta["height"]), Digest(bytes.fromhex(str(meta["head"])))
        self._event_count, self._time_ms = int(meta["events"]), int(meta["time_ms"])
        self._first_issued_on = str(meta["first_issued_on"])
        self._is_indexed = bool(meta["indexed"])

    def append(self, header: BlockHeader, events: Sequence[SignedEvent]) -> None:
        """Take in the next block; it is in the books after :meth:`commit`, or some time before.

        Args:
            header: of a block that was committed or verified.
            events: its events.

        Raises:
            OutOfOrderError: it does not follow.
            UnknownRulesError: it is under rules that this program does not have.
        """
        if (header.height, header.prev_head) != (self.height + 1, self.head):
            raise OutOfOrderError(
                f"block {header.height} does not follow block {self.height} in the books"
            )
        self._open_transaction()
        self.head = compute_head(encode_block_header(header))
        self._events.take_block(header, self.head)
        day = _day(header.time_ms // DAY_MS)
        for position, decoded in enumerate(events):
            index = header.first_event + position
            event = self._rules.read(decoded, self._state, header.height)
            body = event.body
            issued = body.certificate if isinstance(body, _ISSUING) else None
            self._take(BookedEvent(event, index, header.height, header.time_ms, day, issued))
        self.height, self._time_ms = header.height, header.time_ms
        self._event_count += len(events)
        self._pending_events += len(events)
        if self._pending_events >= _BATCH_EVENTS:
            self.commit()

    def commit(self) -> None:
        """Write all that was taken in."""
        if not self._connection.in_transaction:
            return
        for projection in (
            self._events,
            self._shipments,
            self._observer,
            self._numbers,
            self._marks,
            self._trade,
            self._sums,
            self._prices,
            self._state,
        ):
            projection.flush()
        self._write_meta()
        self._connection.execute("COMMIT")
        self._pending_events = 0

    def complete(self) -> None:
        """Write all that was taken in, and make the books ready for questions.

        Indexes are made once, when the newest block was reached: that is much faster than to keep
        them while millions of rows are written.
        """
        self.commit()
        if not self._is_indexed:
            self._is_indexed = True
            self._connection.execute("BEGIN IMMEDIATE")
            create_indexes(self._connection)
            self._write_meta()
            self._connection.execute("COMMIT")

    def _open_transaction(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def _write_meta(self) -> None:
        self._connection.executemany(
            "REPLACE INTO meta VALUES (?, ?)",
            [
                ("derivation", DERIVATION),
                ("chain", self._genesis.chain.hex()),
                ("height", self.height),
                ("head", self.head.hex()),
                ("time_ms", self._time_ms),
                ("events", self._event_count),
                ("first_issued_on", self._first_issued_on),
                ("indexed", int(self._is_indexed)),
            ],
        )

    def _take(self, at: BookedEvent) -> None:
        """Apply an event, and write what it changes."""
        state = self._state
        state.begin()
        place = EventPlace(
            chain=self._genesis.chain, now_ms=at.time_ms, index=at.index, height=at.height
        )
        self._rules.apply(at.event, state, place)
        opened = None
        for record in state.changed.values():
            match record:
                case CertificateRecord():
                    self._shipments.refresh(record)
                case CaseRecord(case=case) if case != at.event.header.subject:
                    opened = case
                case _:
                    pass
        self._events.take(at, opened)
        self._move(at)
        self._write_versions(at.index, at.time_ms)
        body = at.event.body
        if isinstance(body, _EDITIONS):
            write_edition(self._connection, at)
        elif isinstance(body, SuspectReported):
            write_suspect(self._connection, state, self._shipments, at)

    def _move(self, at: BookedEvent) -> None:
        """Follow the certificates that an event is about."""
        subject, issued = at.event.header.subject, at.issued
        if issued is None or isinstance(at.event.body, CertificateReplaced):
            shipment = None if "/" in subject else self._shipments.find(subject)
            if shipment is not None:
                self._move_on(shipment, at)
        if issued is not None:
            self._issue(issued, at)

    def _move_on(self, shipment: Shipment, at: BookedEvent) -> None:
        if shipment.record.head == at.event.event_id:
            shipment.head = at.index
        self._shipments.touch(shipment)
        move = advance(shipment, at)
        if move is None:
            return
        self._observer.see_move(move, shipment, at)
        self._prices.count(move, shipment)
        if isinstance(at.event.body, CertificateValidated):
            self._marks.put(move, shipment, at)
        self._count(move, shipment, at)

    def _issue(self, certificate: Certificate, at: BookedEvent) -> None:
        shipment = self._shipments.issue(certificate, at)
        day = certificate.issued_on
        if not self._first_issued_on or day < self._first_issued_on:
            self._first_issued_on = day
        self._events.take_certificate(shipment, certificate)
        self._numbers.use(shipment)
        self._prices.count(Move.ISSUED, shipment)
        self._marks.put(Move.ISSUED, shipment, at)
        if not shipment.is_technical:
            self._observer.see_issue(shipment, certificate.sources)
        self._count(Move.ISSUED, shipment, at)

    def _count(self, move: Move, shipment: Shipment, at: BookedEvent) -> None:
        if shipment.is_technical:
            return
        found = (0, 0)
        if move is Move.RESOLVED:
            found = found_before(self._state, shipment.record.number)
        self._trade.count(move, shipment, at, found)
        self._sums.add(move, shipment, found)

    def _write_versions(self, event: int | None, now: int) -> None:
        for key, record in self._state.changed.items():
            for table in TABLES_OF.get(record.KIND, ()):
                table.write(self._connection, key, record, event=event, now=now)


@functools.lru_cache(maxsize=1024)
def _day(number: int) -> str:
    return day_of(number * DAY_MS)
