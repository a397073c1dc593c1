"""Prices: value per carat in groups of one issuer, origin, HS code and year.

Prices of rough diamonds scatter over orders of magnitude, so they are counted in steps of a
32nd of a doubling (2.2 %): the histogram of a group gives its median and the median deviation from
it, and the lines of certificates are kept in the order of their step, so that only what lies
outside is read.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import msgspec

from kpledger.analysis.flags.passages import Move, Moved
from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.base.state import read_record
from kpledger.scheme.v1.events.certificate import GoodsLine
from kpledger.scheme.v1.records import CertificateRecord, certificate_key

HISTOGRAMS: Final = b"pricegroup"
PRICED: Final = b"priceline"

STEPS_PER_DOUBLING: Final = 32
_STEP_BITS: Final = 5
_FRACTION_BITS: Final = 64
_MILLI: Final = 1_000_000
_HIGHEST_STEP: Final = 2**16 - 1
"""What the keys of lines have room for, and no price reaches; a threshold may be higher."""
_MIN_DEVIATION: Final = 2
"""Steps: where all prices are nearly the same, a difference of a few percent is none."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(dict[int, int]).decode


class Priced(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A line of a certificate, as its price is looked at."""

    number: str
    day: str
    destination: str
    carat_thousandths: int
    value_usd_cents: int
    issue: bytes


_decode_priced: Final = msgspec.msgpack.Decoder(Priced).decode


@dataclass(frozen=True, slots=True)
class Group:
    """The prices of one issuer, origin, HS code and year."""

    year: str
    issuer: str
    origin: str
    """Empty for stones of several or unknown countries."""
    hs: str
    count: int
    median: int
    """Step of the median."""
    deviation: int
    """Median of the distances from it, in steps; more where the prices lie in several heaps."""

    @property
    def key(self) -> str:
        """Where its lines are kept."""
        return f"{self.year}/{self.issuer}/{self.origin}/{self.hs}/"


class _Steps:
    """A histogram in the order of its steps."""

    __slots__ = ("_numbers", "_steps", "_up_to", "count")

    def __init__(self, histogram: dict[int, int]) -> None:
        self._steps = sorted(histogram)
        self._numbers = [histogram[step] for step in self._steps]
        self._up_to = list(accumulate(self._numbers))
        self.count = self._up_to[-1] if self._up_to else 0

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


def take_prices(moved: Moved, changes: IndexChanges) -> None:
    """Count the prices of a certificate when it is issued, and no more when it is withdrawn."""
    if moved.passage.technical:
        return
    if moved.move is Move.ISSUED and moved.certificate is not None:
        _count(moved, changes, moved.certificate.lines, 1)
    elif moved.move is Move.WITHDRAWN:
        key = certificate_key(moved.passage.number)
        record = read_record(moved.applied.state, key, CertificateRecord)
        if record is not None:
            _count(moved, changes, record.lines, -1)


def read_groups(index: IndexReader, year: str, *, samples: int) -> Iterator[Group]:
    """Read what is usual in each group of a year that has as many prices as wanted."""
    for key, value in index.scan(HISTOGRAMS, f"{year}/".encode()):
        histogram = _decode(value)
        if sum(histogram.values()) >= max(samples, 1):
            steps = _Steps(histogram)
            _, issuer, origin, hs, _ = key.decode().split("/")
            median = steps.quantile(50)
            deviation = max(_MIN_DEVIATION, steps.deviation(median), steps.spread(mixed=not origin))
            yield Group(year, issuer, origin, hs, steps.count, median, deviation)


def read_outside(index: IndexReader, group: Group, distance: int) -> Iterator[tuple[int, Priced]]:
    """Give the lines whose step is farther from the median than a distance."""
    head = group.key.encode()
    for key, value in index.scan(PRICED, head):
        step = int.from_bytes(key[len(head) : len(head) + 2], "big")
        if step >= group.median - distance:
            break
        yield step, _decode_priced(value)
    above = group.median + distance + 1
    if above > _HIGHEST_STEP:
        return
    start = head + above.to_bytes(2, "big")
    for key, value in index.scan(PRICED, head, start=start):
        yield int.from_bytes(key[len(head) : len(head) + 2], "big"), _decode_priced(value)


def _count(moved: Moved, changes: IndexChanges, lines: tuple[GoodsLine, ...], sign: int) -> None:
    passage = moved.passage
    origin = passage.origins[0] if len(passage.origins) == 1 else ""
    for line in lines:
        head = f"{passage.issued_on[:4]}/{passage.issuer}/{origin}/{line.hs}/".encode()
        step = step_of(line.carat_thousandths, line.value_usd_cents)
        stored = changes.get(HISTOGRAMS, head)
        histogram = {} if stored is None else _decode(stored)
        histogram[step] = histogram.get(step, 0) + sign
        if histogram[step] <= 0:
            del histogram[step]
        changes.put(HISTOGRAMS, head, _encode(histogram))
        place = head + step.to_bytes(2, "big") + passage.number.encode()
        if sign < 0:
            changes.delete(PRICED, place)
        else:
            priced = Priced(
                number=passage.number,
                day=passage.issued_on,
                destination=passage.destination,
                carat_thousandths=line.carat_thousandths,
                value_usd_cents=line.value_usd_cents,
                issue=passage.issue,
            )
            changes.put(PRICED, place, _encode(priced))
