"""The writer: follows the blocks, and writes what their events add up to.

Blocks come from somebody who has verified or committed them, so events are applied without being
checked again. Every projection sees an event together with the records before and after *it*.

Rows are gathered in memory and written at the end of each transaction, with the height that they
belong to: a crash at any moment leaves books as of some earlier block, and following goes on there.
"""

import gc
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from kpledger.base.codec import decode_trusted, encode
from kpledger.base.errors import LedgerError
from kpledger.base.hashing import Digest
from kpledger.base.state import MemoryState
from kpledger.base.units import DAY_MS
from kpledger.books.database import (
    DERIVATION,
    NoBooksError,
    create_indexes,
    create_tables,
    has_tables,
    read_meta,
    verify_tables,
)
from kpledger.books.projections.claims import Claims
from kpledger.books.projections.dates import Dates
from kpledger.books.projections.editions import write_edition
from kpledger.books.projections.events import Events
from kpledger.books.projections.marks import Marks
from kpledger.books.projections.numbers import Numbers
from kpledger.books.projections.observations import Observer
from kpledger.books.projections.parties import Parties
from kpledger.books.projections.prices import Prices
from kpledger.books.projections.rows import Rows
from kpledger.books.projections.shipments import (
    BookedEvent,
    Move,
    Shipment,
    Shipments,
    advance,
    numbered_day,
)
from kpledger.books.projections.state import BooksState
from kpledger.books.projections.sums import Sums
from kpledger.books.projections.trade import Trade
from kpledger.books.projections.versions import VERSIONED, Versions
from kpledger.log.block import BlockHeader, compute_head
from kpledger.log.genesis import Genesis
from kpledger.scheme.event import EventPlace, SignedEvent
from kpledger.scheme.rulebook import RELEASED, Rulebook
from kpledger.scheme.v1.events.certificate import (
    AmendmentEndorsed,
    Certificate,
    CertificateIssued,
    CertificateReplaced,
    CertificateValidated,
)
from kpledger.scheme.v1.events.importing import SuspectReported
from kpledger.scheme.v1.records import CertificateRecord

_ISSUING: Final = (CertificateIssued, CertificateReplaced)
_BATCH_EVENTS: Final = 20_000
"""How many events are gathered while blocks are caught up with, before they are written."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave garbage alone while long books are built.

    The writer makes many rows and no cycles; to look through them took an eighth of its time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


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
            NoBooksError: they were made by another derivation, are damaged, or are of another
                ledger.
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
        rows = self._rows = Rows(self._connection)
        state = self._state = BooksState(rows)
        self._events, self._dates = Events(rows), Dates(rows)
        shipments = self._shipments = Shipments(rows, state)
        self._observer = Observer(rows, state, shipments)
        self._numbers = Numbers(rows, state, shipments)
        self._marks = Marks(rows, shipments)
        self._trade, self._sums, self._prices = Trade(rows), Sums(rows, state), Prices(rows)
        self._parties = Parties(rows, state)
        self._versions, self._claims = Versions(rows), Claims(rows)

    def _begin(self) -> None:
        self.height, self.head = 0, self._genesis.chain
        self._event_count, self._time_ms = 0, self._genesis.file.created_at
        self._first_issued_on = ""
        self._is_indexed = False
        self._open_transaction()
        create_tables(self._connection)
        self._state.begin()
        for key, value in self._genesis.seed_state(MemoryState()).written.items():
            record = decode_trusted(value, VERSIONED[key.decode().partition("/")[0]])
            self._state.put(key, record)
            self._versions.write(key, record, event=None, now=self._time_ms)
        self.commit()

    def _resume(self) -> None:
        meta = read_meta(self._connection)
        if meta.chain != self._genesis.chain.hex():
            raise NoBooksError("these books are of another ledger")
        verify_tables(self._connection)
        self.height, self.head = meta.height, Digest(bytes.fromhex(meta.head))
        self._event_count, self._time_ms = meta.events, meta.time_ms
        self._first_issued_on = meta.first_issued_on
        self._is_indexed = bool(meta.indexed)

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
        self.head = compute_head(encode(header))
        self._events.take_block(header, self.head)
        for index, event in enumerate(events, header.first_event):
            self._take(event, EventPlace(header.chain, header.time_ms, index, header.height))
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
            self._shipments,
            self._observer,
            self._numbers,
            self._marks,
            self._trade,
            self._sums,
            self._prices,
            self._parties,
            self._claims,
            self._state,
        ):
            projection.flush()
        self._rows.write()
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

    def _take(self, event: SignedEvent, place: EventPlace) -> None:
        """Apply an event, and write what it changes."""
        state, subject = self._state, event.header.subject
        state.begin()
        # What the event does to a certificate is seen beside what this was before.
        is_known = "/" not in subject and event.header.type != CertificateIssued.TYPE
        shipment = self._shipments.find(subject) if is_known else None
        found = (0, 0) if shipment is None else shipment.found_amounts
        event = self._rules.apply(event, state, place)
        body, day = event.body, numbered_day(place.now_ms // DAY_MS)
        issued = body.certificate if isinstance(body, _ISSUING) else None
        at = BookedEvent(event, place.index, place.height, place.now_ms, day, issued)
        touched: set[str] = set()
        for key, record in state.changed.items():
            if isinstance(record, CertificateRecord):
                self._shipments.refresh(record)
            else:
                touched |= self._versions.write(key, record, event=place.index, now=place.now_ms)
        self._events.take(at, touched)
        self._dates.take(at)
        if shipment is not None:
            self._move_on(shipment, at, found)
        if issued is not None:
            self._issue(issued, at)
        elif isinstance(body, SuspectReported):
            self._numbers.suspect(body, at)
        elif shipment is None:
            write_edition(self._rows, at)

    def _move_on(self, shipment: Shipment, at: BookedEvent, found_before: tuple[int, int]) -> None:
        """Follow a certificate that an event is about."""
        if shipment.record.head == at.event.event_id:
            shipment.head = at.index
        self._shipments.touch(shipment)
        if isinstance(at.event.body, AmendmentEndorsed) and not shipment.is_technical:
            self._parties.amend(shipment, at.event.body)
        move = advance(shipment, at)
        self._claims.see(move, shipment)
        if move is None:
            return
        self._observer.see_move(move, shipment, at)
        self._prices.count(move, shipment)
        if isinstance(at.event.body, CertificateValidated):
            self._marks.put(move, shipment, at)
        if not shipment.is_technical:
            self._trade.count(move, shipment, at, found_before)
            self._sums.add(move, shipment, found_before)
            self._parties.count(move, shipment)

    def _issue(self, certificate: Certificate, at: BookedEvent) -> None:
        shipment = self._shipments.issue(certificate, at)
        day = certificate.issued_on
        if not self._first_issued_on or day < self._first_issued_on:
            self._first_issued_on = day
        shipment.officers = self._parties.name_officers(at)
        self._events.take_certificate(shipment, certificate)
        self._numbers.use(shipment)
        self._prices.count(Move.ISSUED, shipment)
        self._marks.put(Move.ISSUED, shipment, at)
        self._claims.see(Move.ISSUED, shipment)
        if not shipment.is_technical:
            self._observer.see_issue(shipment, certificate.sources)
            self._trade.count(Move.ISSUED, shipment, at, (0, 0))
            self._sums.add(Move.ISSUED, shipment, (0, 0))
            self._parties.count(Move.ISSUED, shipment)
