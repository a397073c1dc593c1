"""Flows: who sends how much in the year, and when.

Every producer exports nearly all it mines; what the published exports have beyond it are
re-exports. A re-export is made of what lies in the safe at its time, so the published re-exports
are met as far as the goods that came in within the year reach: nothing was in the safes when the
ledger began.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from lab.demo.trade_flows import Flow, scale_production
from lab.demo.trade_goods import draw_goods
from lab.demo.trade_parties import draw_destination
from lab.demo.trade_shares import divide
from lab.demo.trade_shipment import ShipmentKind
from lab.demo.trade_tables import Amount, Tables
from lab.year.cast import ZONES
from lab.year.days import DAY_MS, YEAR, YEAR_START_MS, at, draw_working_ms
from lab.year.desk import Draft
from lab.year.lives import Lives
from lab.year.stock import Goods, Market

from kpledger.scheme.v1.events.certificate import Origin, OriginKind

OWN_ORIGIN_PERCENT: Final = 40
EXPORTED_PER_MILLE: Final = 960
"""Of what is mined, where no fewer exports were published; the rest stays at home."""

_LEAST: Final = 8
"""Certificates of the smallest producer: two a quarter."""

_LEAST_TARGET: Final = 100_000_000
"""What is less than 100,000 ct a year is no re-export, but rounding."""
_YEAR_CERTIFICATES: Final = 60_000
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
# As in :mod:`lab.demo.trade_parties`, with more for those that send on.
_DESTINATIONS: Final = {
    "AE": 3_650,
    "EU": 2_900,
    "IN": 2_750,
    "IL": 130,
    "CN": 150,
    "BW": 140,
    "US": 70,
    "ZA": 60,
    "CD": 30,
    "CH": 35,
    "GB": 35,
    "SG": 25,
    "TH": 10,
    "AM": 10,
    "CA": 10,
    "BY": 5,
    "LK": 5,
    "VN": 5,
    "JP": 5,
    "TW": 8,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The year's flows before fraud: who is left out, and how many certificates there are."""

    certificates: int
    idle: frozenset[str]
    """Producers that issue nothing."""
    stops: Mapping[str, int]
    """Producers that issue nothing more from a time on."""


class Flows:
    """Makes the appointments of the year's honest exports.

    Attributes:
        production: what each origin mines in the year.
        exported: what it exports of it, by half-year; thousandths of a carat.
    """

    def __init__(self, tables: Tables, lives: Lives, plan: Plan, chance: Random) -> None:
        """Plan for so many certificates."""
        self._tables = tables
        self._lives = lives
        self._plan = plan
        self._chance = chance
        self.production = scale_production(tables, plan.certificates)
        self.exported: dict[str, list[int]] = {code: [0, 0] for code in self.production}

    def schedule(self) -> None:
        """Make every appointment."""
        own = self._plan.certificates * OWN_ORIGIN_PERCENT // 100
        producers = {
            code: amount
            for code, amount in self.production.items()
            if code not in self._plan.idle and amount.carat_thousandths
        }
        counts = divide(own, _weigh(producers), least=_LEAST)
        for (code, amount), count in zip(producers.items(), counts, strict=True):
            self._schedule_own(code, amount, count)
        self._schedule_re_exports(self._plan.certificates - own)

    def _schedule_own(self, code: str, amount: Amount, count: int) -> None:
        flow = Flow(
            ShipmentKind.OWN_ORIGIN,
            code,
            count,
            amount.carat_thousandths * self._exported_per_mille(code) // 1_000,
            amount.value_usd_cents * self._exported_per_mille(code) // 1_000,
        )
        last_ms = self._plan.stops.get(code, _LAST_MS)
        span = last_ms - YEAR_START_MS
        lives, chance = self._lives, self._chance
        for place, drawn in enumerate(draw_goods(chance, flow, self.production)):
            # One stretch of the year for each, so that even the smallest one exports every quarter.
            begin = YEAR_START_MS + DAY_MS + span * place // count
            time_ms = draw_working_ms(chance, begin, max(begin + 1, begin + span // count - DAY_MS))
            origin = Origin(kind=OriginKind.SINGLE, countries=(code,))
            half = 0 if time_ms < at(f"{YEAR}-07-01", 0) else 1
            self.exported[code][half] += sum(line.carat_thousandths for line in drawn.lines)
            draft = Draft(
                issuer=code,
                destination=self.draw_destination(code),
                goods=Goods(origin, drawn.lines),
                zones=(chance.choice(ZONES),) if code == "CF" else (),
            )
            lives.agenda.at(time_ms, partial(lives.ship, draft))

    def _exported_per_mille(self, code: str) -> int:
        mined = self.production_of_the_year(code)
        published = self._tables.exports_carat_thousandths.get(code, mined)
        return min(EXPORTED_PER_MILLE, published * 1_000 // mined) if mined else EXPORTED_PER_MILLE

    def draw_destination(self, issuer: str) -> str:
        """Choose where a shipment goes."""
        return draw_destination(self._chance, _DESTINATIONS, issuer)

    def _schedule_re_exports(self, count: int) -> None:
        targets = self._re_export_targets()
        counts = divide(count, list(targets.values()), least=1)
        for (code, target), slots in zip(targets.items(), counts, strict=True):
            hub = _Hub(code, target, slots)
            for _ in range(slots):
                time_ms = draw_working_ms(self._chance, _FIRST_RE_EXPORT_MS, _LAST_MS)
                self._lives.agenda.at(time_ms, partial(self._re_export, hub))

    def _re_export_targets(self) -> dict[str, int]:
        published = {
            code: carats
            - self.production_of_the_year(code) * self._exported_per_mille(code) // 1_000
            for code, carats in self._tables.exports_carat_thousandths.items()
        }
        targets = {code: carats for code, carats in published.items() if carats > _LEAST_TARGET}
        targets |= {code: carats * 1_000 for code, carats in _SMALL_HUBS.items()}
        part = min(self._plan.certificates, _YEAR_CERTIFICATES)
        return {
            code: carats * part // _YEAR_CERTIFICATES for code, carats in sorted(targets.items())
        }

    def production_of_the_year(self, code: str) -> int:
        """Give what was published of a country's production; 0 where nothing was."""
        amount = self._tables.production.get(code)
        return amount.carat_thousandths if amount else 0

    def _re_export(self, hub: "_Hub") -> None:
        lives, chance = self._lives, self._chance
        market = lives.markets.setdefault(hub.code, Market())
        if not market.lots:
            if lives.agenda.now_ms < _LAST_MS - _RETRY_MS:
                lives.agenda.after(_RETRY_MS, partial(self._re_export, hub))
            return
        size = int(chance.lognormvariate(-(_SIZE_SIGMA**2) / 2, _SIZE_SIGMA) * _RESOLUTION) + 1
        wanted = max(_RESOLUTION, hub.target // max(hub.slots, 1) * size // _RESOLUTION)
        goods = market.draw(chance, wanted)
        hub.slots -= 1
        if goods is None:
            return
        hub.target = max(0, hub.target - sum(line.carat_thousandths for line in goods.lines))
        destination = self.draw_destination(hub.code)
        lives.ship(Draft(issuer=hub.code, destination=destination, goods=goods))


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
