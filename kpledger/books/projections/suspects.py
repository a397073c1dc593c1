"""Suspects: reports of papers that nobody trusted, beside what the ledger knew of their numbers."""

import sqlite3

from kpledger.books.projections.numbers import find_range
from kpledger.books.projections.shipments import BookedEvent, Shipments
from kpledger.books.projections.state import BooksState
from kpledger.scheme.v1.events.importing import SuspectReported


def write_suspect(
    connection: sqlite3.Connection, state: BooksState, shipments: Shipments, at: BookedEvent
) -> None:
    """Write a row of the table ``suspects``, if an event reports one with a number."""
    body = at.event.body
    if not isinstance(body, SuspectReported):
        return
    number = "".join(one for one in body.claimed_number.upper() if one.isalnum() or one == "-")
    if not number:
        return
    known = shipments.find(number)
    finding = "NEVER"
    use: tuple[str | None, str | None] = (None, None)
    if known is not None:
        finding = "IN_FORCE" if known.ended is None else "ENDED"
    else:
        allotted = find_range(state, body.claimed_issuer, number)
        day = body.claimed_issue
        if allotted is None:
            finding = "OUTSIDE"
        elif day and not allotted.range.use_from <= day <= allotted.range.use_until:
            finding, use = "YEAR", (allotted.range.use_from, allotted.range.use_until)
    connection.execute(
        f"INSERT INTO suspects VALUES ({', '.join('?' * 11)})",
        (
            at.index,
            at.day,
            at.event.header.subject,
            number,
            body.claimed_issuer,
            body.claimed_issue,
            at.event.header.author.participant,
            finding,
            None if known is None else known.issue,
            *use,
        ),
    )
