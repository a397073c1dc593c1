"""Stock: what an importer's market holds, lot by lot, and what a re-export is made of.

A lot is one confirmed import. A re-export takes from lots, in proportion over their lines, so that
its weight, its origins and its price follow from certificates that it can name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from lab.year.shares import divide

from kpledger.scheme.v1.events.certificate import GoodsLine, HsCode, Origin, OriginKind, Source

_LOT_COUNTS: Final = (1, 2, 4, 8, 16)
"""A re-export is made of so many lots at most."""
_LOT_WEIGHTS: Final = (20, 20, 25, 20, 15)
# Never a lot as a whole at first: sent back, it would look like goods that only go round.
_FIRST_PART_PER_CENT: Final = (25, 90)
_REST_PER_CENT: Final = 12
# What a trader adds to what the stones cost.
_MARGIN_PER_MILLE: Final = (0, 120)
_UNLISTED_PER_CENT: Final = 30
_SHARES_PER_CENT: Final = 30
_WHOLE: Final = 10_000
_MANY_COUNTRIES: Final = 40


@dataclass(slots=True)
class Lot:
    """The goods of one import."""

    number: str
    provenance: str
    lines: dict[HsCode, list[int]]
    """Carats in thousandths and cents left under each code."""
    left: int
    total: int
    countries: tuple[str, ...]
    """Where they were mined; empty when nobody says."""


@dataclass(frozen=True, slots=True)
class Goods:
    """What a certificate will say about its goods."""

    origin: Origin
    lines: tuple[GoodsLine, ...]
    sources: tuple[Source, ...] = ()
    provenances: tuple[str, ...] = ()
    """Where its sources came from."""


@dataclass(slots=True)
class Market:
    """What one participant holds for re-export."""

    lots: list[Lot] = field(default_factory=list)
    carat_thousandths: int = 0

    def store(self, number: str, provenance: str, goods: Goods, found: Sequence[GoodsLine]) -> None:
        """Take in an import as it was found."""
        lines = {line.hs: [line.carat_thousandths, line.value_usd_cents] for line in found}
        total = sum(line.carat_thousandths for line in found)
        countries = goods.origin.countries
        self.lots.append(Lot(number, provenance, lines, total, total, countries))
        self.carat_thousandths += total

    def draw(self, chance: Random, wanted: int) -> Goods | None:
        """Take about so many thousandths of a carat out of a few lots; None if there is nothing."""
        taken: list[tuple[Lot, dict[HsCode, tuple[int, int]]]] = []
        for _ in range(chance.choices(_LOT_COUNTS, _LOT_WEIGHTS)[0]):
            if wanted <= 0 or not self.lots:
                break
            place = chance.randrange(len(self.lots))
            lot = self.lots[place]
            part = _choose_part(chance, lot, wanted)
            wanted -= part
            self.carat_thousandths -= part
            taken.append((lot, _take(lot, part)))
            if lot.left == 0:
                self.lots[place] = self.lots[-1]
                self.lots.pop()
        return _compose(chance, taken) if taken else None


def _choose_part(chance: Random, lot: Lot, wanted: int) -> int:
    if lot.left == lot.total:
        most = lot.total * chance.randint(*_FIRST_PART_PER_CENT) // 100
        return max(1, min(wanted, most))
    rest = lot.left - wanted
    return lot.left if rest * 100 < lot.total * _REST_PER_CENT else wanted


def _take(lot: Lot, part: int) -> dict[HsCode, tuple[int, int]]:
    """Take a part out of a lot, in proportion over its lines; gives carats and cents by code."""
    codes = [code for code, (carats, _) in lot.lines.items() if carats]
    parts = divide(part, [lot.lines[code][0] for code in codes])
    taken = {}
    for code, carats in zip(codes, parts, strict=True):
        held = lot.lines[code]
        amount = min(carats, held[0])
        value = held[1] * amount // held[0]
        held[0] -= amount
        held[1] -= value
        if amount:
            taken[code] = (amount, value)
    lot.left = sum(held[0] for held in lot.lines.values())
    return taken


def _compose(
    chance: Random, taken: Sequence[tuple[Lot, dict[HsCode, tuple[int, int]]]]
) -> Goods | None:
    margin = chance.randint(*_MARGIN_PER_MILLE)
    sums: dict[HsCode, list[int]] = {}
    sources: dict[str, int] = {}
    for lot, lines in taken:
        for code, (carats, value) in lines.items():
            total = sums.setdefault(code, [0, 0])
            total[0] += carats
            total[1] += value
            sources[lot.number] = sources.get(lot.number, 0) + carats
    lines_out = tuple(
        GoodsLine(
            hs=code,
            carat_thousandths=carats,
            value_usd_cents=max(1, value * (1000 + margin) // 1000),
        )
        for code, (carats, value) in sorted(sums.items())
    )
    if not lines_out:
        return None
    return Goods(
        origin=_name_origin(chance, [(lot, lines) for lot, lines in taken if lines]),
        lines=lines_out,
        sources=tuple(
            Source(number=number, carat_thousandths=carats)
            for number, carats in sorted(sources.items())
        ),
        provenances=tuple(sorted({lot.provenance for lot, _ in taken})),
    )


def _name_origin(
    chance: Random, taken: Sequence[tuple[Lot, dict[HsCode, tuple[int, int]]]]
) -> Origin:
    """Say where goods were mined, as far as it is known and as far as the exporter says it."""
    countries = tuple(sorted({code for lot, _ in taken for code in lot.countries}))
    known = all(lot.countries for lot, _ in taken) and len(countries) <= _MANY_COUNTRIES
    if known and len(countries) == 1:
        return Origin(kind=OriginKind.SINGLE, countries=countries)
    if not known or chance.randrange(100) < _UNLISTED_PER_CENT:
        return Origin(kind=OriginKind.MIXED, countries=())
    single = all(len(lot.countries) == 1 for lot, _ in taken)
    if not single or chance.randrange(100) >= _SHARES_PER_CENT:
        return Origin(kind=OriginKind.MIXED, countries=countries)
    weights = [
        sum(
            carats
            for lot, lines in taken
            if lot.countries == (code,)
            for carats, _ in lines.values()
        )
        for code in countries
    ]
    return Origin(
        kind=OriginKind.MIXED, countries=countries, shares=tuple(divide(_WHOLE, weights, least=1))
    )
