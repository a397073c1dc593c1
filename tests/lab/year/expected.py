"""What statistics must say: what everybody did, added up as a statistics office would.

Exports count in the quarter in which their certificate was issued, imports in the quarter in which
the goods were received, as they were found. What was taken back before it left does not count, and
technical certificates never do.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from lab.year.tables import Amount

from kpledger.base.units import quarter_of
from kpledger.scheme.v1.events.certificate import Certificate, GoodsLine, HsCode
from kpledger.scheme.v1.events.statistics import CountRow, Flow, TradeRow

_Cell = tuple[Flow, str, str, HsCode]


@dataclass(slots=True)
class ExpectedTrade:
    """Trade and counts by participant and quarter."""

    _trade: dict[tuple[str, str], dict[_Cell, list[int]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(lambda: [0, 0]))
    )
    _counts: dict[tuple[str, str], dict[str, list[int]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(lambda: [0, 0]))
    )

    def export(self, certificate: Certificate, issuer: str, *, sign: int = 1) -> None:
        """Count an export, or with ``sign=-1`` one that was taken back."""
        quarter = quarter_of(certificate.issued_on)
        table = self._trade[issuer, quarter]
        origin = _origin_of(certificate)
        for line in certificate.lines:
            cell = table[Flow.EXPORT, certificate.destination, origin, line.hs]
            cell[0] += sign * line.carat_thousandths
            cell[1] += sign * line.value_usd_cents
        self._counts[issuer, quarter][certificate.destination][0] += sign

    def import_(
        self, certificate: Certificate, issuer: str, found: Sequence[GoodsLine], received_on: str
    ) -> None:
        """Count an import."""
        quarter = quarter_of(received_on)
        table = self._trade[certificate.destination, quarter]
        origin = _origin_of(certificate)
        for line in found:
            cell = table[Flow.IMPORT, issuer, origin, line.hs]
            cell[0] += line.carat_thousandths
            cell[1] += line.value_usd_cents
        self._counts[certificate.destination, quarter][issuer][1] += 1

    def own_origin(self) -> dict[str, Amount]:
        """Add up what countries exported of their own, by country."""
        totals: dict[str, Amount] = {}
        for (code, _), table in self._trade.items():
            for (flow, _, origin, _), (carats, value) in table.items():
                if flow is Flow.EXPORT and origin == code:
                    total = totals.get(code, Amount(0, 0))
                    totals[code] = Amount(
                        total.carat_thousandths + carats, total.value_usd_cents + value
                    )
        return dict(sorted(totals.items()))

    def exported_carat_thousandths(self) -> dict[str, int]:
        """Add up what everybody exported."""
        totals: dict[str, int] = {}
        for (code, _), table in self._trade.items():
            for (flow, *_), (carats, _) in table.items():
                if flow is Flow.EXPORT:
                    totals[code] = totals.get(code, 0) + carats
        return totals

    def trade_rows(self, code: str, quarter: str) -> tuple[TradeRow, ...]:
        """Give a participant's trade of a quarter."""
        return tuple(
            TradeRow(
                flow=flow,
                partner=partner,
                origin=origin,
                hs=hs,
                carat_thousandths=carats,
                value_usd_cents=value,
            )
            for (flow, partner, origin, hs), (carats, value) in sorted(
                self._trade[code, quarter].items()
            )
            if carats
        )

    def count_rows(self, code: str, quarter: str) -> tuple[CountRow, ...]:
        """Give a participant's certificate counts of a quarter."""
        return tuple(
            CountRow(partner=partner, issued=issued, received=received)
            for partner, (issued, received) in sorted(self._counts[code, quarter].items())
            if issued or received
        )


def _origin_of(certificate: Certificate) -> str:
    countries = certificate.origin.countries
    return countries[0] if len(countries) == 1 else ""
