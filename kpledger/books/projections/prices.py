"""Prices: value per carat in groups of one issuer, origin, HS code and year.

Prices of rough diamonds scatter over orders of magnitude, so they are counted in steps of a
32nd of a doubling (2.2 %): the histogram of a group gives its median and the median deviation from
it.
"""

import functools
from bisect import bisect_left
from itertools import accumulate
from typing import Final

from kpledger.books.projections.rows import Rows
from kpledger.books.projections.shipments import Move, Shipment

STEPS_PER_DOUBLING: Final = 32
_STEP_BITS: Final = 5
_FRACTION_BITS: Final = 64
_MILLI: Final = 1_000_000
_MIN_DEVIATION: Final = 2
"""Steps: where all prices are nearly the same, a difference of a few percent is none."""
_KEPT: Final = 2_000
_LINES: Final = 16
"""So many prices are remembered: those of one certificate are counted for its goods and parties."""

Group = tuple[str, str, str, str]
"""Year, issuer, origin (empty where there are several or none), HS code."""

_OF_GROUP: Final = "WHERE year = ? AND issuer = ? AND origin = ? AND hs = ?"


@functools.lru_cache(maxsize=_LINES)
def step_of(carat_thousandths: int, value_usd_cents: int) -> int:
    """Give the step of a price: 32 times the binary logarithm of thousandths of a cent per carat.

    Whole numbers only, by squaring, so that every machine finds the same.
    """
    price = max(1, value_usd_cents * _MILLI // carat_thousandths)
    step = price.bit_length() - 1
    rest = (price << _FRACTION_BITS) >> step
    for _ in range(_STEP_BITS):
        rest = (rest * rest) >> _FRACTION_BITS
        step <<= 1
        if rest >> (_FRACTION_BITS + 1):
            rest >>= 1
            step += 1
    return step


class PriceSteps:
    """A histogram in the order of its steps."""

    __slots__ = ("_numbers", "_steps", "_up_to", "count")

    def __init__(self, histogram: dict[int, int]) -> None:
        """Sort it; it is not empty."""
        self._steps = sorted(histogram)
        self._numbers = [histogram[step] for step in self._steps]
        self._up_to = list(accumulate(self._numbers))
        self.count = self._up_to[-1]
        """All prices in it."""

    def quantile(self, percent: int) -> int:
        """Give the lowest step up to which so much of the whole lies."""
        return self._steps[bisect_left(self._up_to, -(-self.count * percent // 100))]

    def deviation(self, middle: int) -> int:
        """Give the median of the distances from a step."""
        away = [abs(step - middle) for step in self._steps]
        seen = 0
        for distance, number in sorted(zip(away, self._numbers, strict=True)):
            seen += number
            if 2 * seen >= self.count:
                return distance
        return 0

    def spread(self, *, mixed: bool) -> int:
        """Give the median deviation that a normal distribution of this spread would have.

        Prices may lie in several heaps, those of mixed parcels above all, and there the middle
        ones alone tell too little. The ends are left out, or an outlier would hide itself.
        """
        ends, deviation = (2, 164) if mixed else (5, 205)
        between = self.quantile(100 - ends) - self.quantile(ends)
        return between * deviation // 1_000


class Prices:
    """Writes the tables ``certificate_lines``, ``price_steps`` and ``price_groups``."""

    def __init__(self, rows: Rows) -> None:
        self._connection = rows.connection
        self._histograms: dict[Group, dict[int, int]] = {}
        self._dirty: dict[Group, set[int]] = {}
        self._lines = rows.of("INSERT INTO certificate_lines")
        self._withdrawn = rows.of(
            "UPDATE certificate_lines SET price_step = NULL WHERE certificate = ?"
        )
        self._steps = rows.of("REPLACE INTO price_steps")
        self._groups = rows.of("REPLACE INTO price_groups")
        self._gone_steps = rows.of(f"DELETE FROM price_steps {_OF_GROUP} AND price_step = ?")
        self._gone_groups = rows.of(f"DELETE FROM price_groups {_OF_GROUP}")

    def count(self, move: Move, shipment: Shipment) -> None:
        """Write the goods of a new certificate, and count what they cost; no more if withdrawn."""
        if move is Move.ISSUED:
            self._add(shipment)
        elif move is Move.WITHDRAWN and not shipment.is_technical:
            self._withdrawn.append((shipment.issue,))
            for line in shipment.record.lines:
                step = step_of(line.carat_thousandths, line.value_usd_cents)
                self._change((*_goods_of(shipment), str(line.hs)), step, -1)

    def flush(self) -> None:
        """Give what has changed in the groups to be written."""
        for group, changed in sorted(self._dirty.items()):
            histogram = self._histograms[group]
            for step in sorted(changed):
                if step in histogram:
                    self._steps.append((*group, step, histogram[step]))
                else:
                    self._gone_steps.append((*group, step))
            if histogram:
                self._groups.append((*group, *_describe(histogram, mixed=not group[2])))
            else:
                self._gone_groups.append(group)
        self._dirty.clear()
        if len(self._histograms) > _KEPT:
            self._histograms.clear()

    def _add(self, shipment: Shipment) -> None:
        issue, of, destination = shipment.issue, _goods_of(shipment), shipment.record.destination
        for position, line in enumerate(shipment.record.lines):
            hs, step = str(line.hs), None
            if not shipment.is_technical:
                step = step_of(line.carat_thousandths, line.value_usd_cents)
                self._change((*of, hs), step, 1)
            amounts = line.carat_thousandths, line.value_usd_cents
            self._lines.append((issue, position, hs, *amounts, *of, destination, step))

    def _change(self, group: Group, step: int, number: int) -> None:
        histogram = self._histograms.get(group)
        if histogram is None:
            rows = self._connection.execute(
                f"SELECT price_step, count FROM price_steps {_OF_GROUP}", group
            )
            histogram = self._histograms[group] = dict(rows)
        histogram[step] = histogram.get(step, 0) + number
        if histogram[step] <= 0:
            del histogram[step]
        self._dirty.setdefault(group, set()).add(step)


def _goods_of(shipment: Shipment) -> tuple[str, str, str]:
    """Give the year, issuer and origin of a shipment's groups."""
    record = shipment.record
    return record.issued_on[:4], record.issuer, shipment.origin


def _describe(histogram: dict[int, int], *, mixed: bool) -> tuple[int, int, int]:
    """Give the number of prices, their median and their deviation."""
    steps = PriceSteps(histogram)
    median = steps.quantile(50)
    deviation = max(_MIN_DEVIATION, steps.deviation(median), steps.spread(mixed=mixed))
    return steps.count, median, deviation
