"""Claims: what re-exports draw from the certificates that they name as sources, and what is wrong.

A claim is judged by what is known now, so it is judged anew when its source is confirmed, when both
sides agree what that held, and when another claim on it comes or ends.
"""

from typing import Final

from kpledger.books.projections.rows import Rows
from kpledger.books.projections.shipments import Move, Shipment

_JUDGING: Final = (Move.ISSUED, Move.CONFIRMED, Move.DISCREPANT, Move.RESOLVED)
"""Moves of a source after which the claims on it are judged anew."""

# Of several faults the first counts. Claims take from a source in the order of their issue; what
# was withdrawn or came back takes nothing, nor what others name than whoever imported it. Two
# scales differ by a hundredth of a carat. Unsorted goods (710210) become those of any class.
_JUDGE: Final = """
UPDATE certificate_sources SET fault = judged.fault
FROM (
    SELECT claimed.certificate AS claim, CASE
        WHEN source.issue IS NULL THEN 'NEVER'
        WHEN source.issue > claimed.certificate THEN 'LATER'
        WHEN source.destination <> claimant.issuer THEN 'ELSEWHERE'
        WHEN source.kind = 'TECHNICAL' THEN 'TECHNICAL'
        WHEN source.received_on IS NULL THEN 'NOT_IMPORTED'
        WHEN source.received_on > claimant.issued_on THEN 'EARLY'
        WHEN total(claimed.carat_thousandths) FILTER (
                 WHERE source.destination = claimant.issuer AND source.issue < claimant.issue
                   AND claimant.withdrawn = 0 AND claimant.state <> 'RETURN_CLOSED')
               OVER (ORDER BY claimed.certificate) > source.found_carat_thousandths + 10
          THEN 'MORE'
        WHEN claimant.origins <> '' AND source.origins <> '' AND NOT EXISTS (
            SELECT 1 FROM json_each('["' || replace(source.origins, ',', '","') || '"]')
            WHERE instr(claimant.origins, value)) THEN 'ORIGIN'
        WHEN NOT EXISTS (
            SELECT 1 FROM certificate_lines AS had
            JOIN certificate_lines AS has ON has.certificate = claimant.issue
             AND had.hs IN (has.hs, '710210')
            WHERE had.certificate = source.issue) THEN 'CLASS'
        END AS fault
    FROM certificate_sources AS claimed
    JOIN certificates AS claimant ON claimant.issue = claimed.certificate
    LEFT JOIN certificates AS source ON source.number = claimed.source
    WHERE claimed.source = ?1 AND claimant.kind = 'NORMAL'
) AS judged
WHERE source = ?1 AND certificate = judged.claim AND certificate_sources.fault IS NOT judged.fault
"""


class Claims:
    """Writes the column ``fault`` of the table ``certificate_sources``."""

    def __init__(self, rows: Rows) -> None:
        """Take the last place among what is written: it reads what the others write."""
        self._sources: set[str] = set()
        self._judged = rows.of(_JUDGE)

    def see(self, move: Move | None, shipment: Shipment) -> None:
        """Note whose claims may stand otherwise after a move, or the event that closes a return."""
        if move in _JUDGING:
            self._sources.add(shipment.record.number)
        if move in (Move.ISSUED, Move.WITHDRAWN, None):
            self._sources.update(source.number for source in shipment.record.sources)

    def flush(self) -> None:
        """Give the sources whose claims are to be judged anew."""
        self._judged += [(number,) for number in sorted(self._sources)]
        self._sources.clear()
