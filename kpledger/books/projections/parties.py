"""Parties: who signs, sends and receives shipments, and how these fare; added up by year.

One certificate says little of an officer, an exporter or a licence; a year of them beside those of
the others of the same issuer says more. Prices are counted at the issue, as steps
(:mod:`kpledger.books.projections.prices`); what came back discrepant, at the confirmation.
"""

from collections.abc import Mapping
from typing import Final

from kpledger.books.projections.prices import step_of
from kpledger.books.projections.rows import Rows, SumTable
from kpledger.books.projections.shipments import BookedEvent, Move, Shipment
from kpledger.books.projections.state import BooksState
from kpledger.scheme.v1.events.certificate import AmendmentEndorsed
from kpledger.scheme.v1.lifecycles import CertificateMark
from kpledger.scheme.v1.records import KeyRecord

_ROLES: Final = {"exporter.name": "EXPORTER", "exporter.licence": "LICENCE"}
"""The roles of whoever sets a price, by the field that an amendment may change."""
_SHOWN_KEY: Final = 16
"""So many digits of a key stand for an officer without a name."""


class Parties:
    """Writes the tables ``parties`` and ``party_prices``."""

    def __init__(self, rows: Rows, state: BooksState) -> None:
        self._state = state
        self._fates = SumTable(rows, "parties", 2)
        self._prices = SumTable(rows, "party_prices", 3)

    def flush(self) -> None:
        """Give the sums that have changed to be written."""
        self._fates.flush()
        self._prices.flush()

    def name_officers(self, at: BookedEvent) -> str:
        """Give the officers of its office who signed an event, as the books write them."""
        author = at.event.header.author
        records = (
            (key, self._state.read(KeyRecord.key_for(key.hex()), KeyRecord))
            for key in sorted({one.keyid for one in at.event.signatures})
        )
        return ",".join(
            f"{author.authority}/{record.officer or key.hex()[:_SHOWN_KEY]}"
            for key, record in records
            if record is not None
            and (record.participant, record.authority) == (author.participant, author.authority)
        )

    def count(self, move: Move, shipment: Shipment) -> None:
        """Count what a move of a normal certificate shows of its parties."""
        match move:
            case Move.ISSUED | Move.WITHDRAWN:
                sign = 1 if move is Move.ISSUED else -1
                self._add_prices(shipment, dict.fromkeys(_sellers_of(shipment), sign))
            case Move.CONFIRMED | Move.DISCREPANT:
                self._add_fate(shipment, came=1, discrepant=move is Move.DISCREPANT)
            case Move.RESOLVED if CertificateMark.NO_DISCREPANCY in shipment.record.marks:
                self._add_fate(shipment, came=0, discrepant=-1)
            case _:
                pass

    def amend(self, shipment: Shipment, amendment: AmendmentEndorsed) -> None:
        """Count the prices of a certificate for whom an amendment names, not whom it named."""
        role = _ROLES.get(amendment.field)
        if role is not None:
            changes = {(role, amendment.old): -1, (role, amendment.new): 1}
            changes.pop((role, ""), None)
            self._add_prices(shipment, changes)

    def _add_fate(self, shipment: Shipment, *, came: int, discrepant: int) -> None:
        of = shipment.record.issued_on[:4], shipment.record.issuer
        others = [("OFFICER", one) for one in shipment.officers.split(",") if one]
        others.append(("IMPORTER", shipment.record.importer.name))
        for role, party in (*_sellers_of(shipment), *others):
            sums = self._fates.change((*of, role, party))
            sums[0] += came
            sums[1] += discrepant

    def _add_prices(self, shipment: Shipment, changes: Mapping[tuple[str, str], int]) -> None:
        """Count the prices of a certificate, or take them back, for each role and party."""
        record = shipment.record
        of = record.issued_on[:4], record.issuer, shipment.origin
        for line in record.lines:
            step, hs = step_of(line.carat_thousandths, line.value_usd_cents), str(line.hs)
            for who, sign in changes.items():
                sums = self._prices.change((*of, hs, *who))
                sums[0] += sign
                sums[1] += sign * step
                sums[2] += sign * step * step


def _sellers_of(shipment: Shipment) -> tuple[tuple[str, str], ...]:
    """Give whose price it is, with the role."""
    name = "EXPORTER", shipment.record.exporter.name
    licence = shipment.record.exporter.licence
    return (name, ("LICENCE", licence)) if licence else (name,)
