"""Sourcing: what the goods of a re-export cost when they came in, by the sources it names."""

from dataclasses import dataclass
from typing import Final

from kpledger.analysis.flags.passages import read_passage
from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.scheme.v1.events.certificate import Source

MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Sourced:
    """What was drawn from sources that the ledger knows."""

    drawn: int
    """In thousandths of a carat, as all weights here."""
    imported: int
    """What these sources held in all."""
    value_usd_cents: int
    """What is drawn is worth, priced as its sources were."""
    latest: str
    """The day on which the last of them came in."""
    issues: tuple[bytes, ...]
    """The events that issued them."""

    @property
    def price(self) -> int:
        """Millionths of a cent for a thousandth of a carat."""
        return max(1, self.value_usd_cents * MILLION // self.drawn)

    def change_ppm(self, carat_thousandths: int, value_usd_cents: int) -> int:
        """Give how far a price lies above (or below) that of the sources, in millionths of it."""
        price_now = value_usd_cents * MILLION // carat_thousandths
        return (price_now - self.price) * MILLION // self.price


def read_sourced(index: IndexReader | IndexChanges, sources: tuple[Source, ...]) -> Sourced | None:
    """Add up the sources of a re-export; None where the ledger knows none of them."""
    drawn = imported = value = 0
    latest, issues = "", []
    for source in sources:
        before = read_passage(index, source.number)
        if before is None:
            continue
        carats = before.found_carat_thousandths or before.carat_thousandths
        worth = before.found_value_usd_cents or before.value_usd_cents
        drawn += source.carat_thousandths
        imported += carats
        value += worth * source.carat_thousandths // carats
        latest = max(latest, before.received_on or before.arrived_on or before.issued_on)
        issues.append(before.issue)
    return Sourced(drawn, imported, value, latest, tuple(issues)) if drawn and value else None
