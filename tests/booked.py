"""A ledger in memory with its books, which are written while blocks are recorded."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec
from founding import OFFICES, MemoryLedger, event_id_of, make_event, make_genesis, opening_events

from kpledger.base.units import start_of_day_ms
from kpledger.books.database import Books, open_books
from kpledger.books.query import Query
from kpledger.books.writer import BooksWriter
from kpledger.log.block import BlockHeader
from kpledger.log.chain import ExecutedBlock
from kpledger.log.genesis import Genesis
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import Body, SignedEvent
from kpledger.scheme.rulebook import RELEASED, Rulebook

Q = TypeVar("Q", bound=msgspec.Struct)
A = TypeVar("A", bound=msgspec.Struct)


class Bookkeeper:
    """Writes books in memory, and gives them to be asked."""

    def __init__(self, genesis: Genesis, rules: Rulebook = RELEASED) -> None:
        """Begin the books of a ledger."""
        self._connection = open_books(":memory:")
        self._writer = BooksWriter(self._connection, genesis, rules)
        self._header: BlockHeader | None = None
        self._event_count = 0

    def append(self, header: BlockHeader, events: Sequence[SignedEvent]) -> None:
        """Take in the next block, behind whatever was taken in before."""
        self._header = msgspec.structs.replace(
            header,
            height=self._writer.height + 1,
            prev_head=self._writer.head,
            first_event=self._event_count,
        )
        self._event_count += len(events)
        self._writer.append(self._header, events)

    def slip_in(self, time_ms: int, event: SignedEvent) -> None:
        """Take in a block of one event that no rule has judged."""
        assert self._header is not None
        self.append(msgspec.structs.replace(self._header, time_ms=time_ms), (event,))

    @property
    def books(self) -> Books:
        """The books as of the newest block."""
        self._writer.complete()
        books = Books(self._connection)
        with books.reading():
            return books


class BookedLedger(MemoryLedger):
    """A ledger in memory with its books."""

    def __init__(self, genesis: Genesis) -> None:
        """Found it."""
        super().__init__(genesis)
        self._keeper = Bookkeeper(genesis)

    @property
    def books(self) -> Books:
        """What questions are asked of."""
        return self._keeper.books

    def ask(self, query: Query[Q, A], question: Q) -> A:
        """Ask the books."""
        return query.respond(self.books, question)

    def _apply(self, execution: ExecutedBlock, block: int | bytes) -> None:
        super()._apply(execution, block)
        self._keeper.append(execution.header, execution.events)

    def wait_until(self, day: str) -> None:
        """Record what comes next at noon of a day."""
        self.now_ms = start_of_day_ms(day) + 43_200_000

    def say(
        self,
        author: str,
        body: Body,
        *,
        subject: str = "",
        prev: bytes | None = None,
        signers: Sequence[str] | None = None,
    ) -> bytes:
        """Record a statement under the rules; gives its id."""
        encoded = make_event(author, body, subject=subject or None, prev=prev, signers=signers)
        self.record(encoded)
        return event_id_of(encoded)

    def project(self, author: str, body: Body, *, subject: str) -> None:
        """Write a statement that no rule has judged into the books; the state stays."""
        encoded = make_event(author, body, subject=subject, occurred_at=self.now_ms)
        event = decode_envelope(encoded)
        self._keeper.slip_in(self.now_ms, event)


def open_booked_trade() -> BookedLedger:
    """Give a ledger in which each of :data:`founding.OFFICES` may issue and confirm."""
    ledger = BookedLedger(make_genesis())
    ledger.open_term(1)
    for office in OFFICES:
        ledger.record(*opening_events(office))
    return ledger
