"""Submissions: the newest edition of what each participant reported, by series and period."""

from collections.abc import Iterator
from typing import Final

import msgspec

from kpledger.analysis.applied import Applied
from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.scheme.v1.events.statistics import (
    CountStatisticsSubmitted,
    Flow,
    ProductionStatisticsSubmitted,
    TradeStatisticsSubmitted,
)

REPORTED: Final = b"reported"
FIRST: Final = b"reportedfirst"
"""When the first edition was recorded and its event, by series, period and participant."""
TRADE: Final = "TRADE"
PRODUCTION: Final = "PRODUCTION"
COUNTS: Final = "COUNTS"
_TIME_BYTES: Final = 8

_encode: Final = msgspec.msgpack.Encoder().encode


class Figures(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Carats in thousandths, value in cents, or numbers of certificates; out and in."""

    out_carats: int = 0
    """Exported; of a production, mined."""
    out_value: int = 0
    in_carats: int = 0
    in_value: int = 0
    issued: int = 0
    received: int = 0

    def plus(self, other: "Figures") -> "Figures":
        """Add two."""
        return Figures(
            out_carats=self.out_carats + other.out_carats,
            out_value=self.out_value + other.out_value,
            in_carats=self.in_carats + other.in_carats,
            in_value=self.in_value + other.in_value,
            issued=self.issued + other.issued,
            received=self.received + other.received,
        )

    def change_ppm(self, other: "Figures") -> int:
        """Give the largest relative difference of a figure, in millionths of the other's."""
        return max(
            abs(mine - theirs) * 1_000_000 // max(1, theirs)
            for mine, theirs in zip(_numbers(self), _numbers(other), strict=True)
        )


class Reported(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The newest edition for a participant, series and period."""

    edition: int
    event: bytes
    recorded_at: int
    first_recorded_at: int
    total: Figures
    partners: dict[str, Figures]


_decode: Final = msgspec.msgpack.Decoder(Reported).decode


def take_submission(
    applied: Applied, changes: IndexChanges
) -> tuple[str, str, Reported, Reported | None] | None:
    """Take in an edition; gives series, period, it, and the edition before."""
    figures: dict[str, Figures] = {}
    match applied.event.body:
        case TradeStatisticsSubmitted() as trade:
            series, period, edition = TRADE, trade.quarter, trade.edition
            for row in trade.rows:
                carats, value = row.carat_thousandths, row.value_usd_cents
                out = row.flow is Flow.EXPORT
                one = (
                    Figures(out_carats=carats, out_value=value)
                    if out
                    else Figures(in_carats=carats, in_value=value)
                )
                figures[row.partner] = figures.get(row.partner, Figures()).plus(one)
        case ProductionStatisticsSubmitted() as mined:
            series, period, edition = PRODUCTION, mined.half_year, mined.edition
            carats, value = mined.carat_thousandths, mined.value_usd_cents
            figures[""] = Figures(out_carats=carats, out_value=value)
        case CountStatisticsSubmitted() as counts:
            series, period, edition = COUNTS, counts.quarter, counts.edition
            for count in counts.rows:
                figures[count.partner] = Figures(issued=count.issued, received=count.received)
        case _:
            return None
    participant = applied.event.header.author.participant
    before = read_reported(changes, participant, series, period)
    total = Figures()
    for one in figures.values():
        total = total.plus(one)
    reported = Reported(
        edition=edition,
        event=applied.event.event_id,
        recorded_at=applied.time_ms,
        first_recorded_at=applied.time_ms if before is None else before.first_recorded_at,
        total=total,
        partners=figures,
    )
    changes.put(REPORTED, f"{participant}/{series}/{period}".encode(), _encode(reported))
    if before is None:
        first = applied.time_ms.to_bytes(_TIME_BYTES, "big") + applied.event.event_id
        changes.put(FIRST, f"{series}/{period}/{participant}".encode(), first)
    return series, period, reported, before


def read_reported(
    index: IndexReader | IndexChanges, participant: str, series: str, period: str
) -> Reported | None:
    """Read what a participant reported, or None."""
    value = index.get(REPORTED, f"{participant}/{series}/{period}".encode())
    return None if value is None else _decode(value)


def read_first(index: IndexReader, series: str, period: str = "") -> dict[str, tuple[int, bytes]]:
    """Give who reported, when first (block time), and by which event; of all periods or one."""
    prefix = f"{series}/{period}/" if period else f"{series}/"
    return {
        key.decode().rpartition("/")[2]: (
            int.from_bytes(value[:_TIME_BYTES], "big"),
            value[_TIME_BYTES:],
        )
        for key, value in index.scan(FIRST, prefix.encode())
    }


def read_production(index: IndexReader, participant: str) -> Iterator[tuple[str, Reported]]:
    """Give what a participant reported to have mined, by half-year, in order."""
    head = f"{participant}/{PRODUCTION}/"
    for key, value in index.scan(REPORTED, head.encode()):
        yield key[len(head) :].decode(), _decode(value)


def _numbers(figures: Figures) -> tuple[int, ...]:
    return tuple(getattr(figures, name) for name in figures.__struct_fields__)
