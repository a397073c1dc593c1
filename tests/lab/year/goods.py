"""Goods: what the shipments of one flow hold: origins, HS codes, carats and dollars.

Sizes and prices scatter as published shipments do, roughly log-normally; the totals of the flow
are met exactly all the same, because only shares are drawn.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from random import Random
from typing import Final, TypeVar

from lab.year.shares import divide
from lab.year.tables import Amount

from kpledger.scheme.v1.events.certificate import GoodsLine, HsCode

_CODES: Final = (HsCode.UNSORTED, HsCode.INDUSTRIAL, HsCode.NON_INDUSTRIAL)
# How often each of the codes stands on a certificate, in the order above.
_CODES_OF_MINES: Final = (35, 15, 50)
_CODES_OF_INDUSTRIAL_MINES: Final = (5, 80, 15)
_CODES_OF_HUBS: Final = (10, 25, 65)
# Below this mean price an origin counts as a source of industrial stones (in 2022 the Congo's).
_INDUSTRIAL_CENTS_PER_CARAT_MAX: Final = 2_000
# What a carat under each code is worth beside the others of its shipment.
_CODE_WORTH: Final = {HsCode.UNSORTED: 8, HsCode.INDUSTRIAL: 2, HsCode.NON_INDUSTRIAL: 10}

_LINE_COUNTS: Final = (1, 2, 3)
_LINE_COUNT_WEIGHTS: Final = (70, 22, 8)
_ORIGIN_COUNTS: Final = (1, 2, 3, 4)
_ORIGIN_COUNT_WEIGHTS: Final = (45, 25, 20, 10)
# Standard deviations of the logarithms of size and price.
_SIZE_SIGMA: Final = 1.3
_PRICE_SIGMA: Final = 0.5
_RESOLUTION: Final = 1_000_000
_CARAT_THOUSANDTHS: Final = 1_000

_Code = TypeVar("_Code", bound=str)


class ShipmentKind(StrEnum):
    """Whether the stones leave the country that mined them."""

    OWN_ORIGIN = "OWN_ORIGIN"
    RE_EXPORT = "RE_EXPORT"


@dataclass(frozen=True, slots=True)
class Flow:
    """What one participant sends in a year, of one kind."""

    kind: ShipmentKind
    issuer: str
    certificates: int
    carat_thousandths: int
    value_usd_cents: int | None
    """``None`` for re-exports, whose value nobody publishes: it follows from their origins."""


@dataclass(frozen=True, slots=True)
class DrawnGoods:
    """The contents of one shipment."""

    origins: tuple[str, ...]
    lines: tuple[GoodsLine, ...]


def draw_goods(chance: Random, flow: Flow, production: Mapping[str, Amount]) -> list[DrawnGoods]:
    """Divide a flow into the goods of its shipments.

    Raises:
        ValueError: the flow holds too little for each of its certificates.
    """
    # The least leaves a thousandth for each of the most lines a shipment can have.
    sizes = divide(
        flow.carat_thousandths,
        [_draw_share(chance, _SIZE_SIGMA) for _ in range(flow.certificates)],
        least=len(_CODES),
    )
    origins = [_draw_origins(chance, flow, production) for _ in sizes]
    means = [_mean_of(names, production) for names in origins]
    contents = [
        _draw_line_sizes(chance, _choose_codes(flow, mean), size)
        for size, mean in zip(sizes, means, strict=True)
    ]
    total = flow.value_usd_cents
    if total is None:
        total = sum(
            max(len(content), size * mean.value_usd_cents // mean.carat_thousandths)
            for content, size, mean in zip(contents, sizes, means, strict=True)
        )
    worths = [
        _draw_share(chance, _PRICE_SIGMA)
        * _CODE_WORTH[code]
        * carats
        * mean.value_usd_cents
        // mean.carat_thousandths
        for content, mean in zip(contents, means, strict=True)
        for code, carats in content
    ]
    values = iter(divide(total, worths, least=1))
    return [
        DrawnGoods(
            names,
            tuple(
                GoodsLine(hs=code, carat_thousandths=carats, value_usd_cents=next(values))
                for code, carats in content
            ),
        )
        for names, content in zip(origins, contents, strict=True)
    ]


def _draw_share(chance: Random, sigma: float) -> int:
    return int(chance.lognormvariate(0, sigma) * _RESOLUTION) + 1


def _draw_origins(chance: Random, flow: Flow, production: Mapping[str, Amount]) -> tuple[str, ...]:
    """Choose where the stones were mined; a hub's in proportion to what the world mines."""
    if flow.kind is ShipmentKind.OWN_ORIGIN:
        return (flow.issuer,)
    count = _choose(chance, _ORIGIN_COUNTS, _ORIGIN_COUNT_WEIGHTS)
    weights = {code: amount.carat_thousandths for code, amount in production.items()}
    # Stones that leave the country that mined them for the first time are no re-export.
    weights.pop(flow.issuer, None)
    return tuple(sorted(_choose_distinct(chance, weights, count)))


def _mean_of(origins: tuple[str, ...], production: Mapping[str, Amount]) -> Amount:
    """Add up what the origins mined; the quotient of the two is the mean price."""
    return Amount(
        sum(production[origin].carat_thousandths for origin in origins),
        sum(production[origin].value_usd_cents for origin in origins),
    )


def _choose_codes(flow: Flow, mean: Amount) -> dict[HsCode, int]:
    cents_per_carat = mean.value_usd_cents * _CARAT_THOUSANDTHS // mean.carat_thousandths
    if cents_per_carat < _INDUSTRIAL_CENTS_PER_CARAT_MAX:
        weights = _CODES_OF_INDUSTRIAL_MINES
    elif flow.kind is ShipmentKind.OWN_ORIGIN:
        weights = _CODES_OF_MINES
    else:
        weights = _CODES_OF_HUBS
    return dict(zip(_CODES, weights, strict=True))


def _draw_line_sizes(
    chance: Random, weights: dict[HsCode, int], size: int
) -> list[tuple[HsCode, int]]:
    count = _choose(chance, _LINE_COUNTS, _LINE_COUNT_WEIGHTS)
    codes = sorted(_choose_distinct(chance, weights, count))
    # Cuts at distinct places between two thousandths leave at least one thousandth in each part.
    cuts = sorted(chance.sample(range(1, size), count - 1))
    bounds = pairwise((0, *cuts, size))
    return [(code, end - start) for code, (start, end) in zip(codes, bounds, strict=True)]


def _choose(chance: Random, options: tuple[int, ...], weights: tuple[int, ...]) -> int:
    return chance.choices(options, weights)[0]


def _choose_distinct(chance: Random, weights: Mapping[_Code, int], count: int) -> list[_Code]:
    left = dict(weights)
    chosen: list[_Code] = []
    for _ in range(min(count, len(left))):
        chosen.append(chance.choices(list(left), list(left.values()))[0])
        del left[chosen[-1]]
    return chosen
