"""Flows: who sends how much in the year, and when.

Every producer exports nearly all it mines; what the published exports have beyond it are
re-exports. A re-export is made of what lies in the safe at its time, so the published re-exports
are met as far as the goods that came in within the year reach: nothing was in the safes when the
ledger began. In a *stocked* year everything was: then production and exports are the published ones
to the carat, and no re-export names the imports it is made of.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from lab.year.days import YEAR, YEAR_START_MS, at, draw_working_ms
from lab.year.goods import Flow, ShipmentKind, draw_goods
from lab.year.office import Draft
from lab.year.parties import draw_destination, list_importers
from lab.year.published import (
    OWN_ORIGIN_PERCENT,
    YEAR_CERTIFICATES,
    list_active,
    scale_production,
    scale_re_exports,
)
from lab.year.shares import divide
from lab.year.shipments import Shipments
from lab.year.stock import Goods, Market
from lab.year.tables import Amount, Tables

from kpledger.base.units import DAY_MS
from kpledger.scheme.v1.events.certificate import Origin, OriginKind

EXPORTED_PER_MILLE: Final = 960
"""Of what is mined, where no fewer exports were published; the rest stays at home."""

_LEAST: Final = 8
"""Certificates of the smallest producer: two a quarter."""

_LEAST_TARGET: Final = 100_000_000
"""What is less than 100,000 ct a year is no re-export, but rounding."""
_FIRST_RE_EXPORT_MS: Final = at(f"{YEAR}-02-01", 0)
_LAST_MS: Final = at(f"{YEAR}-12-22", 0)
_RETRY_MS: Final = 9 * DAY_MS
_SIZE_SIGMA: Final = 0.9
_RESOLUTION: Final = 1_000
# Re-exports of those for which no exports are published, in carats; invented.
_SMALL_HUBS: Final = {
    "CH": 500_000,
    "CN": 2_000_000,
    "GB": 500_000,
    "IL": 2_000_000,
    "SG": 300_000,
    "TW": 60_000,
    "US": 1_000_000,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The year's flows before fraud: who is left out, and how many certificates there are."""

    certificates: int
    idle: frozenset[str]
    """Producers that issue nothing."""
    stops: Mapping[str, int]
    """Producers that issue nothing more from a time on."""
    stocked: bool = False
    """What is re-exported lay in the safes before the year began."""


class Flows:
    """Makes the appointments of the year's honest exports.

    Attributes:
        production: what each origin mines in the year.
        exported: what it exports of it, by half-year; thousandths of a carat.
    """

    def __init__(self, tables: Tables, shipments: Shipments, plan: Plan, chance: Random) -> None:
        """Plan for so many certificates.

        Raises:
            ValueError: there are too few certificates, or too few carats, for one each; or somebody
                mines or exports who does not belong to the scheme.
        """
        self._tables = tables
        self._shipments = shipments
        self._plan = plan
        self._chance = chance
        self.production = scale_production(tables, plan.certificates)
        self._importers = list_importers(list_active(tables))
        members = {*self.production, *tables.exports_carat_thousandths}
        if strangers := sorted(members - set(list_active(tables))):
            raise ValueError(f"not in the scheme in {YEAR}: {', '.join(strangers)}")
        self.exported: dict[str, list[int]] = {code: [0, 0] for code in self.production}

    def schedule(self, certificates: int) -> None:
        """Make the appointments of so many shipments."""
        producers = {
            code: amount
            for code, amount in self.production.items()
            if code not in self._plan.idle and amount.carat_thousandths
        }
        own = max(len(producers), certificates * OWN_ORIGIN_PERCENT // 100)
        counts = divide(own, _weigh(producers), least=min(_LEAST, own // max(1, len(producers))))
        for (code, amount), count in zip(producers.items(), counts, strict=True):
            part = self._exported_per_mille(code)
            carats = amount.carat_thousandths * part // 1_000
            value = amount.value_usd_cents * part // 1_000
            self._send(Flow(ShipmentKind.OWN_ORIGIN, code, count, carats, value))
        if self._plan.stocked:
            self._schedule_from_stock(certificates - own)
        else:
            self._schedule_re_exports(certificates - own)

    def _send(self, flow: Flow) -> None:
        """Make the appointments of a flow whose goods are there from the beginning."""
        span = self._plan.stops.get(flow.issuer, _LAST_MS) - YEAR_START_MS
        shipments, chance = self._shipments, self._chance
        for place, drawn in enumerate(draw_goods(chance, flow, self.production)):
            # One stretch of the year for each, so that even the smallest one exports every quarter.
            begin = YEAR_START_MS + DAY_MS + span * place // flow.certificates
            end = max(begin + 1, begin + span // flow.certificates - DAY_MS)
            time_ms = draw_working_ms(chance, begin, end)
            if flow.kind is ShipmentKind.OWN_ORIGIN:
                half = 0 if time_ms < at(f"{YEAR}-07-01", 0) else 1
                self.exported[flow.issuer][half] += sum(
                    line.carat_thousandths for line in drawn.lines
                )
            kind = OriginKind.SINGLE if len(drawn.origins) == 1 else OriginKind.MIXED
            draft = Draft(
                issuer=flow.issuer,
                destination=self.draw_destination(flow.issuer),
                goods=Goods(Origin(kind=kind, countries=drawn.origins), drawn.lines),
                zones=shipments.participants.draw_zones(chance, flow.issuer),
            )
            shipments.timeline.at(time_ms, partial(shipments.ship, draft))

    def _exported_per_mille(self, code: str) -> int:
        if self._plan.stocked:
            return 1_000
        mined = self.production_of_the_year(code)
        published = self._tables.exports_carat_thousandths.get(code, mined)
        return min(EXPORTED_PER_MILLE, published * 1_000 // mined) if mined else EXPORTED_PER_MILLE

    def draw_destination(self, issuer: str) -> str:
        """Choose where a shipment goes."""
        return draw_destination(self._chance, self._importers, issuer)

    def _schedule_from_stock(self, count: int) -> None:
        targets = scale_re_exports(self._tables, self._plan.certificates)
        counts = divide(count, list(targets.values()), least=1)
        for (code, carats), certificates in zip(targets.items(), counts, strict=True):
            self._send(Flow(ShipmentKind.RE_EXPORT, code, certificates, carats, None))

    def _schedule_re_exports(self, count: int) -> None:
        targets = self._re_export_targets()
        counts = divide(count, list(targets.values()), least=1)
        for (code, target), slots in zip(targets.items(), counts, strict=True):
            hub = _Hub(code, target, slots)
            for _ in range(slots):
                time_ms = draw_working_ms(self._chance, _FIRST_RE_EXPORT_MS, _LAST_MS)
                self._shipments.timeline.at(time_ms, partial(self._re_export, hub))

    def _re_export_targets(self) -> dict[str, int]:
        published = {
            code: carats
            - self.production_of_the_year(code) * self._exported_per_mille(code) // 1_000
            for code, carats in self._tables.exports_carat_thousandths.items()
        }
        targets = {code: carats for code, carats in published.items() if carats > _LEAST_TARGET}
        targets |= {code: carats * 1_000 for code, carats in _SMALL_HUBS.items()}
        part = min(self._plan.certificates, YEAR_CERTIFICATES)
        return {
            code: carats * part // YEAR_CERTIFICATES for code, carats in sorted(targets.items())
        }

    def production_of_the_year(self, code: str) -> int:
        """Give what was published of a country's production; 0 where nothing was."""
        amount = self._tables.production.get(code)
        return amount.carat_thousandths if amount else 0

    def _re_export(self, hub: "_Hub") -> None:
        shipments, chance = self._shipments, self._chance
        market = shipments.markets.setdefault(hub.code, Market())
        if not market.lots:
            if shipments.timeline.now_ms < _LAST_MS - _RETRY_MS:
                shipments.timeline.after(_RETRY_MS, partial(self._re_export, hub))
            return
        size = int(chance.lognormvariate(-(_SIZE_SIGMA**2) / 2, _SIZE_SIGMA) * _RESOLUTION) + 1
        wanted = max(_RESOLUTION, hub.target // max(hub.slots, 1) * size // _RESOLUTION)
        goods = market.draw(chance, wanted)
        hub.slots -= 1
        if goods is None:
            return
        hub.target = max(0, hub.target - sum(line.carat_thousandths for line in goods.lines))
        destination = self.draw_destination(hub.code)
        shipments.ship(Draft(issuer=hub.code, destination=destination, goods=goods))


@dataclass(slots=True)
class _Hub:
    """What a re-exporter has still to send, and under how many certificates."""

    code: str
    target: int
    slots: int


def _weigh(amounts: Mapping[str, Amount]) -> list[int]:
    carats = sum(amount.carat_thousandths for amount in amounts.values())
    value = sum(amount.value_usd_cents for amount in amounts.values())
    return [
        amount.carat_thousandths * value + amount.value_usd_cents * carats
        for amount in amounts.values()
    ]
