"""A synthetic year of trade in rough diamonds, fitted to the published figures of 2022.

Pure and drawn from a seed: the same tables, size and seed give the same trade. What was published
is met exactly (production by origin, re-exports by exporter); all that was not published, above
all every single shipment and every company, is invented and says so.

The steps: divide the year into flows (:mod:`lab.demo.trade_flows`), each flow into goods
(:mod:`lab.demo.trade_goods`), give each shipment its parties
(:mod:`lab.demo.trade_parties`) and its fate (:mod:`lab.demo.trade_fates`).
"""

from dataclasses import replace
from random import Random
from typing import Final

from lab.demo.trade_fates import count_false_starts, draw_issue_ms, precede, send, spoil
from lab.demo.trade_flows import (
    YEAR_CERTIFICATES,
    Flow,
    list_active,
    plan_flows,
    spread_production,
)
from lab.demo.trade_goods import Goods, draw_goods
from lab.demo.trade_parties import draw_destination, draw_party, list_importers
from lab.demo.trade_shipment import Outcome, Shipment, ShipmentKind, summarise
from lab.demo.trade_tables import Amount, Tables, load_tables

__all__ = [
    "CERTIFICATES_MAX",
    "CERTIFICATES_MIN",
    "YEAR_CERTIFICATES",
    "Amount",
    "Outcome",
    "Shipment",
    "ShipmentKind",
    "Tables",
    "generate_trade",
    "load_tables",
    "summarise",
]

CERTIFICATES_MIN: Final = 50
"""With fewer there is not one for each origin, hub and outcome."""

CERTIFICATES_MAX: Final = 1_000_000

_VALIDITY_DAYS: Final = 60
_PARCELS_MEAN: Final = 4
_PARCELS_MAX: Final = 60
_PARCELS_PER_SEAL: Final = 20


def generate_trade(tables: Tables, *, certificates: int = 1_000, seed: int) -> tuple[Shipment, ...]:
    """Draw a year of trade, in the order of issue.

    Args:
        tables: what was published.
        certificates: how many certificates there are, the voided ones among them. Fewer than
            :data:`YEAR_CERTIFICATES` carry the corresponding part of the year; more divide the
            year more finely.
        seed: chooses among the trades that fit.

    Raises:
        ValueError: ``certificates`` is out of bounds, or the tables hold too little for so many.
    """
    if not CERTIFICATES_MIN <= certificates <= CERTIFICATES_MAX:
        raise ValueError(
            f"{certificates} certificates: not from {CERTIFICATES_MIN} to {CERTIFICATES_MAX}"
        )
    chance = Random(seed)
    false_starts = count_false_starts(certificates)
    shipments = spoil(chance, _draw_sent(chance, tables, certificates, certificates - false_starts))
    restarted = chance.sample(range(len(shipments)), false_starts)
    voided = [precede(chance, shipments[index]) for index in restarted]
    # Of the voided ones every other is formally replaced; the rest are simply issued anew.
    successors = {index: len(shipments) + place for place, index in enumerate(restarted[::2])}
    return _order([*shipments, *voided[::2], *voided[1::2]], successors)


def _draw_sent(chance: Random, tables: Tables, certificates: int, counted: int) -> list[Shipment]:
    production = spread_production(tables)
    consignments = [
        (flow, goods)
        for flow in plan_flows(tables, certificates, counted)
        for goods in draw_goods(chance, flow, production)
    ]
    importers = list_importers(list_active(tables))
    return [
        send(
            chance,
            _declare(
                chance,
                tables,
                flow,
                goods,
                destination=draw_destination(chance, importers, flow.issuer),
                serial=serial,
            ),
        )
        for serial, (flow, goods) in enumerate(consignments, start=1)
    ]


def _declare(
    chance: Random, tables: Tables, flow: Flow, goods: Goods, *, destination: str, serial: int
) -> Shipment:
    """Write a shipment as it stands on the day of issue."""
    parcels = min(len(goods.lines) + int(chance.expovariate(1 / _PARCELS_MEAN)), _PARCELS_MAX)
    seals = range(1, parcels // _PARCELS_PER_SEAL + 2)
    return Shipment(
        kind=flow.kind,
        issuer=flow.issuer,
        destination=destination,
        origins=goods.origins,
        lines=goods.lines,
        parcels=parcels,
        exporter=draw_party(chance, tables.participants, flow.issuer, "Exporter"),
        importer=draw_party(chance, tables.participants, destination, "Importer"),
        seals=tuple(f"{flow.issuer}-SEAL-{serial:07d}-{seal}" for seal in seals),
        issued_at_ms=draw_issue_ms(chance),
        validity_days=_VALIDITY_DAYS,
        exported_at_ms=None,
        received_at_ms=None,
        voided_at_ms=None,
        outcome=Outcome.IN_TRANSIT,
        found_lines=(),
        replaces=None,
    )


def _order(shipments: list[Shipment], successors: dict[int, int]) -> tuple[Shipment, ...]:
    """Sort by time of issue, and let each successor name the new place of what it replaces."""
    order = sorted(range(len(shipments)), key=lambda index: shipments[index].issued_at_ms)
    places = {index: place for place, index in enumerate(order)}
    return tuple(
        replace(shipments[index], replaces=places[successors[index]])
        if index in successors
        else shipments[index]
        for index in order
    )
