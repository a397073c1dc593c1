"""Claims: what re-exports draw from the certificates that they name as sources, and what is wrong.

A claim is judged by what is known now, so it is judged anew when its source is confirmed, when both
sides agree what that held, and when another claim on it comes or ends.
"""

import json
from importlib.resources import files
from typing import Final

from kpledger.books.projections.rows import Rows
from kpledger.books.projections.shipments import Move, Shipment
from kpledger.scheme.v1.lifecycles import CertificateMark

_JUDGING: Final = (Move.ISSUED, Move.CONFIRMED, Move.DISCREPANT, Move.RESOLVED)
"""Moves of a source after which the claims on it are judged anew."""

_CLAIMING: Final = (Move.ISSUED, Move.WITHDRAWN, Move.RETURNED, None)
"""Moves of a certificate with sources after which it claims otherwise."""

_JUDGE: Final = files("kpledger.books").joinpath("claims.sql").read_text(encoding="utf-8")


class Claims:
    """Writes the column ``fault`` of the table ``certificate_sources``."""

    def __init__(self, rows: Rows) -> None:
        """Take the last place among what is written: it reads what the others write."""
        self._sources: set[str] = set()
        self._judged = rows.of(_JUDGE)

    def see(self, move: Move | None, shipment: Shipment) -> None:
        """Note whose claims may stand otherwise after a move, or an event that makes none."""
        if move in _JUDGING:
            self._sources.add(shipment.record.number)
        if move in _CLAIMING or CertificateMark.WAS_LOST in shipment.record.marks:
            self._sources.update(source.number for source in shipment.record.sources)

    def flush(self) -> None:
        """Give the sources whose claims are to be judged anew."""
        if self._sources:
            self._judged.append((json.dumps(sorted(self._sources)),))
            self._sources.clear()
