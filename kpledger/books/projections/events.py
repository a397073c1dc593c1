"""Events: the tables of blocks, events, subjects and signatures, and what a certificate names."""

from kpledger.base.hashing import Digest
from kpledger.base.units import DAY_MS, start_of_day_ms
from kpledger.books.projections.rows import Rows
from kpledger.books.projections.shipments import BookedEvent, Shipment, numbered_day
from kpledger.log.block import BlockHeader
from kpledger.scheme.v1.events.certificate import Certificate


class Events:
    """Writes what is written of every event, and the lists that a new certificate brings along."""

    def __init__(self, rows: Rows) -> None:
        self._connection = rows.connection
        self._signers: dict[bytes, int] = {}
        self._blocks = rows.of("INSERT INTO blocks")
        self._events = rows.of("INSERT INTO events")
        self._subjects = rows.of("INSERT INTO event_subjects")
        self._signatures = rows.of("INSERT INTO signatures")
        self._origins = rows.of("INSERT INTO certificate_origins")
        self._sources = rows.of("INSERT INTO certificate_sources")

    def take_block(self, header: BlockHeader, head: Digest) -> None:
        """Note a block."""
        place = header.height, head, header.time_ms
        self._blocks.append((*place, header.first_event, header.event_count, header.leader))

    def take(self, at: BookedEvent, touched: set[str]) -> None:
        """Note an event, whose life it belongs to, and who signed it.

        Args:
            at: the event.
            touched: the subjects that it changed, its own and others.
        """
        event, header = at.event, at.event.header
        issued = at.issued
        stated = header.occurred_at // DAY_MS
        if issued is not None:
            stated = min(stated, start_of_day_ms(issued.issued_on) // DAY_MS)
        author = header.author
        place = at.index, event.event_id, at.height, at.time_ms, at.day
        statement = header.type, author.participant, author.authority, header.subject
        times = header.occurred_at, numbered_day(stated)
        self._events.append((*place, *statement, *times))
        about = {header.subject, *touched}
        if issued is not None:
            about.add(issued.number)
        self._subjects += [(subject, at.index) for subject in about]
        self._signatures += [(self._signer(one.keyid), at.index) for one in event.signatures]

    def take_certificate(self, shipment: Shipment, certificate: Certificate) -> None:
        """Note the origins and sources of a new certificate."""
        issue, day = shipment.issue, certificate.issued_on
        self._origins += [(origin, day, issue, share) for origin, share in shipment.shares]
        self._sources += [
            (source.number, issue, position, source.carat_thousandths, None)
            for position, source in enumerate(certificate.sources)
        ]

    def _signer(self, key: bytes) -> int:
        signer = self._signers.get(key)
        if signer is None:
            self._connection.execute("INSERT OR IGNORE INTO signers (key) VALUES (?)", (key,))
            row = self._connection.execute("SELECT signer FROM signers WHERE key = ?", (key,))
            signer = self._signers[key] = row.fetchone()[0]
        return signer
