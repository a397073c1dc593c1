"""A ledger in memory with its book: indexes are kept while blocks are recorded, as a node does."""

from collections.abc import Sequence

from founding import OFFICES, MemoryLedger, event_id_of, make_event, make_genesis, opening_events

from kpledger.analysis.applied import Applied
from kpledger.analysis.book import MemoryBook
from kpledger.analysis.index import IndexChanges
from kpledger.analysis.projection import PROJECTIONS
from kpledger.base.units import start_of_day_ms
from kpledger.books.database import Books, open_books
from kpledger.books.writer import BooksWriter
from kpledger.log.chain import ExecutedBlock
from kpledger.log.genesis import Genesis
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import Body


def begin_books(genesis: Genesis) -> tuple[Books, BooksWriter]:
    """Begin books in memory; what the writer commits can be read at once."""
    connection = open_books(":memory:")
    writer = BooksWriter(connection, genesis)
    writer.complete()
    return Books(connection), writer


class BookedLedger(MemoryLedger):
    """A ledger in memory.

    Attributes:
        book: what questions are asked of.
        books: the same as a database.
    """

    def __init__(self, genesis: Genesis) -> None:
        """Found it."""
        super().__init__(genesis)
        self.book = MemoryBook(genesis)
        self.books, self._writer = begin_books(genesis)

    def _apply(self, execution: ExecutedBlock, block: int | bytes) -> None:
        super()._apply(execution, block)
        self.book.apply(execution)
        self._writer.append(execution.header, execution.events)
        self._writer.commit()

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
        """Let the projections see a statement that no rule has judged; the state stays."""
        changes = IndexChanges(self.book.index)
        applied = Applied(
            event=decode_envelope(make_event(author, body, subject=subject)),
            index=self.tip.tree.size,
            height=self.tip.height,
            time_ms=self.now_ms,
            state=self.state,
        )
        for projection in PROJECTIONS:
            projection(applied, changes)
        self.book.index.apply(changes)


def open_booked_trade() -> BookedLedger:
    """Give a ledger in which each of :data:`founding.OFFICES` may issue and confirm."""
    ledger = BookedLedger(make_genesis())
    ledger.open_term(1)
    for office in OFFICES:
        ledger.record(*opening_events(office))
    return ledger
