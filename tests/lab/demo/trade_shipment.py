"""Shipments of the synthetic trade: one certificate each, and what became of it.

Facts only. The events in which authorities would state them are made elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lab.demo.trade_tables import Amount

from kpledger.scheme.v1.events.certificate import GoodsLine, Party


class ShipmentKind(StrEnum):
    """Whether the stones leave the country that mined them."""

    OWN_ORIGIN = "OWN_ORIGIN"
    RE_EXPORT = "RE_EXPORT"


class Outcome(StrEnum):
    """Where a shipment stands at the end of the year."""

    CONFIRMED = "CONFIRMED"
    """Arrived and confirmed as declared."""
    IN_TRANSIT = "IN_TRANSIT"
    """Exported; no word from the destination yet."""
    VOIDED = "VOIDED"
    """Never exported: the certificate was taken back."""
    DISCREPANT = "DISCREPANT"
    """Arrived, and confirmed with other lines than those declared."""
    SEIZED = "SEIZED"
    """Arrived and seized."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """One shipment under one certificate."""

    kind: ShipmentKind
    issuer: str
    """The exporting participant."""
    destination: str
    """The importing participant; never the issuer."""
    origins: tuple[str, ...]
    """Where the stones were mined, in alphabetical order; several for a mixed parcel."""
    lines: tuple[GoodsLine, ...]
    """One line for each HS code, in the order of the codes."""
    parcels: int
    exporter: Party
    importer: Party
    seals: tuple[str, ...]
    """Numbers of the containers; no other shipment has them."""
    issued_at_ms: int
    validity_days: int
    exported_at_ms: int | None
    """``None`` when it was voided."""
    received_at_ms: int | None
    """``None`` when it was voided or is in transit."""
    voided_at_ms: int | None
    """``None`` unless it was voided."""
    outcome: Outcome
    found_lines: tuple[GoodsLine, ...]
    """What a discrepant shipment turned out to hold; empty for all others."""
    replaces: int | None
    """The position, in the same trade, of the voided certificate that this one replaces."""


def summarise(shipments: Iterable[Shipment]) -> dict[str, Amount]:
    """Add up own-origin shipments by origin, as declared; origins in alphabetical order.

    Voided certificates do not count, because their goods never left. The stones of a re-export
    were counted when they left the country that mined them.
    """
    totals: dict[str, Amount] = {}
    for shipment in shipments:
        if shipment.kind is ShipmentKind.OWN_ORIGIN and shipment.outcome is not Outcome.VOIDED:
            total = totals.get(shipment.issuer, Amount(0, 0))
            totals[shipment.issuer] = Amount(
                total.carat_thousandths + sum(line.carat_thousandths for line in shipment.lines),
                total.value_usd_cents + sum(line.value_usd_cents for line in shipment.lines),
            )
    return dict(sorted(totals.items()))
