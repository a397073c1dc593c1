"""A ledger that was verified here from its first block to its end: its books, and its events."""

import sqlite3
from typing import Final, TypeVar

import msgspec

from kpclient.net.answers import VerifiedEvent
from kpclient.net.ledger_client import LedgerClient
from kpledger.api.decoding import read_answer
from kpledger.books.database import Books
from kpledger.books.query import NotOnLedgerError, Query
from kpledger.log.chain import ExecutedBlock
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.v1.records import CountersignaturesRecord

A = TypeVar("A", bound=msgspec.Struct)

_PLACE: Final = "SELECT event_index, height, recorded_at FROM events WHERE event_id = ?"


class EventStore:
    """The events of a chain as they were signed, in a temporary file."""

    def __init__(self) -> None:
        """Begin with none."""
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("CREATE TABLE events (place INTEGER PRIMARY KEY, envelope BLOB)")

    def keep(self, executed: ExecutedBlock) -> None:
        """Keep the events of the next block.

        Raises:
            sqlite3.Error: there is no room for them.
        """
        first = executed.header.first_event
        rows = enumerate((one.encoded for one in executed.events), start=first)
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO events VALUES (?, ?)", rows)
        self._connection.execute("COMMIT")

    def read(self, place: int) -> bytes:
        """Give the event of this index, which was kept."""
        row = self._connection.execute("SELECT envelope FROM events WHERE place = ?", (place,))
        envelope: bytes = row.fetchone()[0]
        return envelope


class ReplayedLedger:
    """Answers as a node of the ledger does, from what was verified here."""

    def __init__(self, books: Books, events: EventStore) -> None:
        """Answer from books, within one reading of them, and the events that they are made of."""
        self._books, self._events = books, events

    async def event(self, event_id: bytes) -> VerifiedEvent | None:
        """Give an event; None if the ledger does not hold it."""
        row = self._books.connection.execute(_PLACE, (event_id,)).fetchone()
        if row is None:
            return None
        index, height, time_ms = row
        key = CountersignaturesRecord.key_for(event_id.hex())
        later = self._books.record(key, CountersignaturesRecord)
        signed = (one.event.hex() for one in later.countersignatures) if later else ()
        event = decode_envelope(self._events.read(index))
        return VerifiedEvent(event, height, index, time_ms, tuple(dict.fromkeys(signed)))

    async def ask(self, query: Query[msgspec.Struct, A], question: msgspec.Struct) -> A:
        """Answer what people can ask of the ledger.

        Raises:
            NotOnLedgerError: it does not hold what the question is about.
            QuestionError: there is no answer to such a question.
        """
        return read_answer(query.reply(self._books, question), query.answer)

    async def find(self, query: Query[msgspec.Struct, A], question: msgspec.Struct) -> A | None:
        """Answer likewise; None if the ledger does not hold what it is about."""
        try:
            return await self.ask(query, question)
        except NotOnLedgerError:
            return None


LedgerView = LedgerClient | ReplayedLedger
"""Whoever answers questions about one ledger: its nodes, or what was verified here."""
