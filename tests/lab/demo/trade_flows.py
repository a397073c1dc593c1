"""Flows: how much each participant sends in a year, under how many certificates.

Own-origin exports follow the published production exactly. The published exports contain own
production and re-exports, so what an exporter sends beyond its own production is its re-exports.
For 2022 this makes 38 % of the carats own-origin and 62 % re-exports; certificates are divided
likewise, 40 to 60, which is near the one published count (in 2015 Antwerp, which mines nothing,
issued about 30,000 of more than 50,000).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lab.demo.trade_shares import divide
from lab.demo.trade_shipment import ShipmentKind
from lab.demo.trade_tables import OTHERS, Amount, Tables

YEAR: Final = 2022
YEAR_CERTIFICATES: Final = 60_000
"""A real year; fewer certificates carry that part of the year's carats and dollars."""

_OWN_ORIGIN_PERCENT: Final = 40
# Argyle closed in November 2020: a producer that has mined nothing since.
_IDLE_PRODUCERS: Final = frozenset({"AU"})


@dataclass(frozen=True, slots=True)
class Flow:
    """What one participant sends in a year, of one kind."""

    kind: ShipmentKind
    issuer: str
    certificates: int
    carat_thousandths: int
    value_usd_cents: int | None
    """``None`` for re-exports, whose value nobody publishes: it follows from their origins."""


def list_active(tables: Tables) -> tuple[str, ...]:
    """List the participants that belong to the scheme in :data:`YEAR`."""
    return tuple(
        code
        for code, participant in tables.participants.items()
        if participant.listed_since is None or participant.listed_since <= YEAR
    )


def spread_production(tables: Tables) -> dict[str, Amount]:
    """Give each origin its production; ``OTHERS`` in equal shares, as none are published."""
    production = {
        origin: amount for origin, amount in tables.production.items() if origin != OTHERS
    }
    rest = tables.production.get(OTHERS)
    if rest is not None:
        remaining = [
            code
            for code in list_active(tables)
            if tables.participants[code].is_producer
            and code not in production
            and code not in _IDLE_PRODUCERS
        ]
        equal = [1] * len(remaining)
        carats = divide(rest.carat_thousandths, equal)
        values = divide(rest.value_usd_cents, equal)
        production |= dict(zip(remaining, map(Amount, carats, values), strict=True))
    return production


def scale_production(tables: Tables, certificates: int) -> dict[str, Amount]:
    """Give each origin its part of as much of the year as so many certificates stand for."""
    production = spread_production(tables)
    carats = [amount.carat_thousandths for amount in production.values()]
    values = [amount.value_usd_cents for amount in production.values()]
    scaled = map(
        Amount,
        divide(_scale(sum(carats), certificates), carats),
        divide(_scale(sum(values), certificates), values),
    )
    return dict(zip(production, scaled, strict=True))


def scale_re_exports(tables: Tables, certificates: int) -> dict[str, int]:
    """Give each exporter, in thousandths of a carat, what it sends beyond its own production."""
    production = spread_production(tables)
    beyond = {
        code: carats - (production[code].carat_thousandths if code in production else 0)
        for code, carats in tables.exports_carat_thousandths.items()
    }
    re_exports = {code: carats for code, carats in beyond.items() if carats > 0}
    total = _scale(sum(re_exports.values()), certificates)
    return dict(zip(re_exports, divide(total, list(re_exports.values())), strict=True))


def plan_flows(tables: Tables, certificates: int, counted: int) -> tuple[Flow, ...]:
    """Divide the year among participants and kinds.

    Args:
        tables: what was published.
        certificates: how many certificates the trade has, which decides its size.
        counted: how many of them are not voided, and so are divided among the flows.

    Raises:
        ValueError: there are too few certificates, or too few carats, for one each; or somebody
            mines or exports who does not belong to the scheme in :data:`YEAR`.
    """
    production = scale_production(tables, certificates)
    re_exports = scale_re_exports(tables, certificates)
    if strangers := sorted({*production, *re_exports} - set(list_active(tables))):
        raise ValueError(f"not in the scheme in {YEAR}: {', '.join(strangers)}")
    own_count = max(len(production), counted * _OWN_ORIGIN_PERCENT // 100)
    own_counts = divide(own_count, _weigh_by_both(production), least=1)
    re_export_counts = divide(counted - own_count, list(re_exports.values()), least=1)
    own = (
        Flow(ShipmentKind.OWN_ORIGIN, code, count, amount.carat_thousandths, amount.value_usd_cents)
        for (code, amount), count in zip(production.items(), own_counts, strict=True)
    )
    beyond = (
        Flow(ShipmentKind.RE_EXPORT, code, count, carats, None)
        for (code, carats), count in zip(re_exports.items(), re_export_counts, strict=True)
    )
    return (*own, *beyond)


def _scale(total: int, certificates: int) -> int:
    return total * min(certificates, YEAR_CERTIFICATES) // YEAR_CERTIFICATES


def _weigh_by_both(amounts: Mapping[str, Amount]) -> list[int]:
    """Weigh each by the sum of its shares in carats and in dollars."""
    carats = sum(amount.carat_thousandths for amount in amounts.values())
    value = sum(amount.value_usd_cents for amount in amounts.values())
    return [
        amount.carat_thousandths * value + amount.value_usd_cents * carats
        for amount in amounts.values()
    ]
