"""Marks: what should stand on one certificate alone: seals and photographs."""

from collections.abc import Iterator
from typing import Final

from kpledger.books.projections.rows import Rows
from kpledger.books.projections.shipments import BookedEvent, Move, Shipment, Shipments
from kpledger.scheme.v1.events.certificate import CertificateValidated

Mark = tuple[str, str, str]
"""Kind, scope, and the mark itself."""

_SETS_FREE: Final = ("certificate_voided", "certificate_returned_unused")


class Marks:
    """Writes the table ``marks``."""

    def __init__(self, rows: Rows, shipments: Shipments) -> None:
        self._connection = rows.connection
        self._shipments = shipments
        self._holders: dict[Mark, tuple[int, str]] = {}
        """The certificate that has a mark: the event that put it there, and its number."""
        self._rows = rows.of("INSERT INTO marks")

    def put(self, move: Move, shipment: Shipment, at: BookedEvent) -> None:
        """Put the marks of an issue or validation on a certificate."""
        # A technical certificate moves goods that had a certificate before, in the same bags.
        if shipment.is_technical:
            return
        day = shipment.record.issued_on if move is Move.ISSUED else at.day
        is_first = True
        for mark in _marks_of(at, shipment):
            holder = self._holder(mark)
            if holder is None or self._is_free(holder[1], shipment):
                self._holders[mark] = at.index, shipment.record.number
                self._rows.append((*mark, at.index, shipment.issue, day, None, None, 0))
            elif holder[1] != shipment.record.number:
                earlier = self._shipments.find(holder[1])
                issue = None if earlier is None else earlier.issue
                row = (*mark, at.index, shipment.issue, day, issue, holder[0], int(is_first))
                self._rows.append(row)
                is_first = False

    def flush(self) -> None:
        """Forget what is about to be written."""
        self._holders.clear()

    def _holder(self, mark: Mark) -> tuple[int, str] | None:
        holder = self._holders.get(mark)
        if holder is not None:
            return holder
        row: tuple[int, str] | None = self._connection.execute(
            "SELECT event_index, number FROM marks JOIN certificates ON issue = certificate"
            " WHERE marks.kind = ? AND scope = ? AND mark = ? AND marks.earlier IS NULL"
            " ORDER BY event_index DESC LIMIT 1",
            mark,
        ).fetchone()
        return row

    def _is_free(self, number: str, shipment: Shipment) -> bool:
        if number == shipment.record.replaces:
            return True
        before = self._shipments.find(number)
        return before is not None and before.ended in _SETS_FREE


def _marks_of(at: BookedEvent, shipment: Shipment) -> Iterator[Mark]:
    body = at.event.body
    photos: tuple[bytes, ...] = ()
    if isinstance(body, CertificateValidated):
        seals = body.seals
    else:
        certificate = at.issued
        if certificate is None:
            return
        seals, photos = certificate.seals, certificate.photos
    for seal in seals:
        # Plain digits are counted anew by every maker: they are compared within an issuer only.
        yield "SEAL", shipment.record.issuer if seal.isdigit() else "", seal
    for photo in photos:
        yield "PHOTO", "", photo.hex()
