"""Fates: when a shipment is issued, leaves and arrives, and what becomes of it.

The year ends at midnight, UTC, and nothing that happens later is known.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Final

from lab.demo.trade_flows import YEAR
from lab.demo.trade_shipment import Outcome, Shipment

from kpledger.base.units import DAY_MS
from kpledger.scheme.v1.events.certificate import GoodsLine

HOUR_MS: Final = 3_600_000
YEAR_START_MS: Final = int(datetime(YEAR, 1, 1, tzinfo=UTC).timestamp()) * 1_000
YEAR_END_MS: Final = int(datetime(YEAR + 1, 1, 1, tzinfo=UTC).timestamp()) * 1_000

_OPENING_MS: Final = 8 * HOUR_MS
_CLOSING_MS: Final = 16 * HOUR_MS
_MONDAY_TO_FRIDAY: Final = 5
_WORKING_DAYS_MS: Final = tuple(
    day_ms
    for day_ms in range(YEAR_START_MS, YEAR_END_MS, DAY_MS)
    if datetime.fromtimestamp(day_ms // 1_000, UTC).weekday() < _MONDAY_TO_FRIDAY
)
_EXPORT_DELAY_MS: Final = (HOUR_MS, DAY_MS)
_TRAVEL_MS: Final = (3 * DAY_MS, 20 * DAY_MS)
_VOIDED_AFTER_MS: Final = (HOUR_MS, 4 * HOUR_MS)
_REISSUED_AFTER_MS: Final = (5 * HOUR_MS, 20 * HOUR_MS)

# About 3 % of a year are on their way when it ends; as much again is never confirmed.
_UNCONFIRMED_PER_THOUSAND: Final = 30
_DISCREPANT_PER_TEN_THOUSAND: Final = 80
_SEIZED_PER_TEN_THOUSAND: Final = 5
_FALSE_STARTS_PER_TEN_THOUSAND: Final = 60
# Well above any tolerance for the scales of two offices.
_DEVIATION_PER_THOUSAND: Final = (20, 80)


def count_false_starts(certificates: int) -> int:
    """Count the certificates that are voided: two at least, one of them replaced."""
    return max(2, _per_ten_thousand(certificates, _FALSE_STARTS_PER_TEN_THOUSAND))


def draw_issue_ms(chance: Random) -> int:
    """Choose an instant in the office hours of a working day."""
    return chance.choice(_WORKING_DAYS_MS) + chance.randrange(_OPENING_MS, _CLOSING_MS)


def send(chance: Random, shipment: Shipment) -> Shipment:
    """Let a shipment leave, and arrive if it does so within the year."""
    exported_ms = shipment.issued_at_ms + chance.randint(*_EXPORT_DELAY_MS)
    received_ms = shipment.issued_at_ms + chance.randint(*_TRAVEL_MS)
    is_unconfirmed = chance.randrange(1_000) < _UNCONFIRMED_PER_THOUSAND
    if is_unconfirmed or received_ms >= YEAR_END_MS:
        return replace(shipment, exported_at_ms=exported_ms, outcome=Outcome.IN_TRANSIT)
    return replace(
        shipment,
        exported_at_ms=exported_ms,
        received_at_ms=received_ms,
        outcome=Outcome.CONFIRMED,
    )


def spoil(chance: Random, shipments: Sequence[Shipment]) -> list[Shipment]:
    """Make a few of the confirmed shipments discrepant or seized, one of each at least."""
    discrepant = max(1, _per_ten_thousand(len(shipments), _DISCREPANT_PER_TEN_THOUSAND))
    seized = max(1, _per_ten_thousand(len(shipments), _SEIZED_PER_TEN_THOUSAND))
    confirmed = [i for i, each in enumerate(shipments) if each.outcome is Outcome.CONFIRMED]
    chosen = chance.sample(confirmed, discrepant + seized)
    spoiled = list(shipments)
    for index in chosen[:discrepant]:
        found = _misdeclare(chance, spoiled[index].lines)
        spoiled[index] = replace(spoiled[index], outcome=Outcome.DISCREPANT, found_lines=found)
    for index in chosen[discrepant:]:
        spoiled[index] = replace(spoiled[index], outcome=Outcome.SEIZED)
    return spoiled


def precede(chance: Random, shipment: Shipment) -> Shipment:
    """Make the voided certificate, with a parcel too many, that came before a shipment's own."""
    issued_ms = shipment.issued_at_ms - chance.randint(*_REISSUED_AFTER_MS)
    return replace(
        shipment,
        parcels=shipment.parcels + 1,
        seals=tuple(f"{seal}-V" for seal in shipment.seals),
        issued_at_ms=issued_ms,
        exported_at_ms=None,
        received_at_ms=None,
        voided_at_ms=issued_ms + chance.randint(*_VOIDED_AFTER_MS),
        outcome=Outcome.VOIDED,
        found_lines=(),
    )


def _per_ten_thousand(count: int, rate: int) -> int:
    return count * rate // 10_000


def _misdeclare(chance: Random, lines: tuple[GoodsLine, ...]) -> tuple[GoodsLine, ...]:
    """Find more or less than declared in the heaviest line, at the declared price."""
    heaviest = max(lines, key=lambda line: line.carat_thousandths)
    declared = heaviest.carat_thousandths
    deviation = max(1, declared * chance.randint(*_DEVIATION_PER_THOUSAND) // 1_000)
    found = declared + deviation
    if deviation < declared and chance.randrange(2):
        found = declared - deviation
    changed = GoodsLine(
        hs=heaviest.hs,
        carat_thousandths=found,
        value_usd_cents=max(1, heaviest.value_usd_cents * found // declared),
    )
    return tuple(changed if line is heaviest else line for line in lines)
