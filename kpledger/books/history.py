"""The history of a subject: the events on it, oldest first.

A replacement is on two certificates. An arrival or a detention on a certificate whose life is over
opens a case: it is on the certificate and on the case.
"""

from collections.abc import Iterator

import msgspec

from kpledger.books.database import Books

_EVENT_IDS = """
SELECT lower(hex(event_id))
FROM event_subjects JOIN events USING (event_index)
WHERE event_subjects.subject = ?
ORDER BY event_index
LIMIT ?
"""
_ENTRIES = """
SELECT lower(hex(event_id)), type, participant, authority, occurred_at, height, event_index,
       recorded_at
FROM event_subjects JOIN events USING (event_index)
WHERE event_subjects.subject = ?
ORDER BY event_index
"""


class EventAuthor(msgspec.Struct, frozen=True, kw_only=True):
    """Who made an event."""

    participant: str
    authority: str


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An event as one line of a history."""

    id: str
    """Hexadecimal."""
    type: str
    author: EventAuthor
    occurred_at: int
    """When it happened, as its author says; Unix milliseconds."""
    height: int
    index: int
    block_time_ms: int
    """When it was recorded; Unix milliseconds."""


def read_event_ids(books: Books, subject: str, *, limit: int) -> Iterator[str]:
    """Give the ids of the events on a subject, hexadecimal, oldest first."""
    for (event_id,) in books.connection.execute(_EVENT_IDS, (subject, limit)):
        yield event_id


def read_history(books: Books, subject: str) -> Iterator[HistoryEntry]:
    """Give the events on a subject, oldest first."""
    for row in books.connection.execute(_ENTRIES, (subject,)):
        event_id, kind, participant, authority, occurred_at, height, index, recorded_at = row
        yield HistoryEntry(
            id=event_id,
            type=kind,
            author=EventAuthor(participant=participant, authority=authority),
            occurred_at=occurred_at,
            height=height,
            index=index,
            block_time_ms=recorded_at,
        )
