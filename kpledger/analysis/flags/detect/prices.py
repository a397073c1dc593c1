"""F3: prices far outside of what is usual for an issuer, origin, HS code and year."""

from collections.abc import Iterator
from typing import Final

from kpledger.analysis.flags.finding import Finding, hexadecimal
from kpledger.analysis.flags.indexes.prices import (
    STEPS_PER_DOUBLING,
    Group,
    Priced,
    read_groups,
    read_outside,
    step_of,
)
from kpledger.analysis.flags.look import Look
from kpledger.analysis.flags.sourcing import read_sourced
from kpledger.base.units import format_usd
from kpledger.scheme.v1.records import CertificateRecord, certificate_key

_NORMAL: Final = 6_745
"""The median deviation of a normal distribution, in ten-thousandths of its standard deviation."""
_TENTHS: Final = 10
_PPM: Final = 10_000
"""Millionths of a percent."""


def detect_prices(look: Look) -> Iterator[Finding]:
    """F3: prices outside, by the robust z of the logarithm."""
    settings = look.settings.f3
    # How many steps a ratio is: the difference of the steps of two prices that have it.
    ratio = step_of(1_000, settings.ratio_percent * 1_000) - step_of(1_000, 100_000)
    found: list[tuple[Group, int, Priced]] = []
    for year in range(int(look.from_day[:4]), int(look.until_day[:4]) + 1):
        for group in read_groups(look.book.index, f"{year:04d}", samples=settings.samples):
            # z > limit, with z = 0.6745 * distance / deviation; all in whole numbers.
            limit = settings.z_tenths * group.deviation * (10_000 // _TENTHS) // _NORMAL
            found += (
                (group, step, priced)
                for step, priced in read_outside(look.book.index, group, max(limit, ratio))
                if look.covers(priced.day) and look.concerns(group.issuer, priced.destination)
            )
    # Explained only when somebody reads so far.
    found.sort(key=lambda one: (one[2].day, one[2].number), reverse=True)
    for group, step, priced in found:
        if not _costs_what_its_sources_did(look, priced):
            yield _finding(group, step, priced)


def _costs_what_its_sources_did(look: Look, priced: Priced) -> bool:
    """Tell whether a re-export draws all it holds from sources that cost about the same.

    A trading country mixes stones of very different prices, so that its mixtures lie anywhere. The
    price of one was made where its sources were issued, and is looked at there.
    """
    record = look.book.record(certificate_key(priced.number), CertificateRecord)
    sourced = None if record is None else read_sourced(look.book.index, record.sources)
    if record is None or sourced is None or sourced.drawn < record.carat_thousandths:
        return False
    change = sourced.change_ppm(record.carat_thousandths, record.value_usd_cents)
    return abs(change) <= look.settings.f3.sourced_percent * _PPM


def _finding(group: Group, step: int, priced: Priced) -> Finding:
    z_tenths = _NORMAL * abs(step - group.median) // (group.deviation * (10_000 // _TENTHS))
    price = priced.value_usd_cents * 1_000 // priced.carat_thousandths
    usual = _price_of(group.median)
    stones = f"stones from {group.origin}" if group.origin else "stones of several origins"
    way = "above" if step > group.median else "below"
    return Finding(
        flag="F3",
        subject=priced.number,
        participant=group.issuer,
        partner=priced.destination,
        day=priced.day,
        measure=z_tenths,
        explanation=(
            f"US$ {format_usd(price)} a carat under HS {group.hs}; {group.issuer} usually declares"
            f" about US$ {format_usd(usual)} for {stones} ({group.count} prices in {group.year})."
            f" That is {z_tenths // 10}.{z_tenths % 10} times the usual scatter {way}. A single"
            f" large stone, or a parcel of very small ones, may explain it; so may a wrong price."
        ),
        evidence=hexadecimal(priced.issue),
    )


def _price_of(step: int) -> int:
    """Give cents per carat in the middle of a step, near enough to be shown."""
    doublings, rest = divmod(step, STEPS_PER_DOUBLING)
    # Between two powers of two the price is drawn as a straight line: at most 6 % off.
    return ((1 << doublings) * (STEPS_PER_DOUBLING + rest)) // STEPS_PER_DOUBLING // 1_000
