"""Events: the tables of blocks, events, subjects and signatures, and what a certificate names."""

import functools
import sqlite3
from typing import Final

from kpledger.base.hashing import Digest
from kpledger.base.units import DAY_MS, day_of, start_of_day_ms
from kpledger.books.projections.shipments import BookedEvent, Shipment
from kpledger.log.block import BlockHeader
from kpledger.scheme.v1.events.certificate import Certificate

_EVENT: Final = f"INSERT INTO events VALUES ({', '.join('?' * 12)})"


class Events:
    """Writes what is written of every event, and the lists that a new certificate brings along."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Write through a connection."""
        self._connection = connection
        self._signers: dict[bytes, int] = {}
        self._blocks: list[tuple[object, ...]] = []
        self._events: list[tuple[object, ...]] = []
        self._subjects: list[tuple[str, int]] = []
        self._signatures: list[tuple[int, int]] = []
        self._origins: list[tuple[object, ...]] = []
        self._sources: list[tuple[object, ...]] = []

    def take_block(self, header: BlockHeader, head: Digest) -> None:
        """Note a block."""
        self._blocks.append(
            (
                header.height,
                head,
                header.time_ms,
                header.first_event,
                header.event_count,
                header.leader,
            )
        )

    def take(self, at: BookedEvent, opened: str | None) -> None:
        """Note an event, whom it is about, and who signed it.

        Args:
            at: the event.
            opened: the case that it opened under another subject, if it did.
        """
        event, header = at.event, at.event.header
        issued = at.issued
        stated = header.occurred_at // DAY_MS
        if issued is not None:
            stated = min(stated, start_of_day_ms(issued.issued_on) // DAY_MS)
        self._events.append(
            (
                at.index,
                event.event_id,
                at.height,
                at.time_ms,
                at.day,
                header.type,
                header.author.participant,
                header.author.authority,
                header.subject,
                header.occurred_at,
                _day(stated),
                at.time_ms // DAY_MS - stated,
            )
        )
        self._subjects.append((header.subject, at.index))
        if opened is not None:
            self._subjects.append((opened, at.index))
        if issued is not None and issued.number != header.subject:
            self._subjects.append((issued.number, at.index))
        self._signatures += [(self._signer(one.keyid), at.index) for one in event.signatures]

    def take_certificate(self, shipment: Shipment, certificate: Certificate) -> None:
        """Note the origins and sources of a new certificate."""
        issue, day = shipment.issue, certificate.issued_on
        self._origins += [(origin, day, issue, share) for origin, share in shipment.shares]
        self._sources += [
            (source.number, issue, position, source.carat_thousandths)
            for position, source in enumerate(certificate.sources)
        ]

    def flush(self) -> None:
        """Write the rows."""
        for table, rows in (
            ("blocks", self._blocks),
            ("events", self._events),
            ("event_subjects", self._subjects),
            ("signatures", self._signatures),
            ("certificate_origins", self._origins),
            ("certificate_sources", self._sources),
        ):
            if rows:
                marks = ", ".join("?" * len(rows[0]))
                self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
                rows.clear()

    def _signer(self, key: bytes) -> int:
        signer = self._signers.get(key)
        if signer is None:
            self._connection.execute("INSERT OR IGNORE INTO signers (key) VALUES (?)", (key,))
            row = self._connection.execute("SELECT signer FROM signers WHERE key = ?", (key,))
            signer = self._signers[key] = row.fetchone()[0]
        return signer


@functools.lru_cache(maxsize=1024)
def _day(number: int) -> str:
    return day_of(number * DAY_MS)
