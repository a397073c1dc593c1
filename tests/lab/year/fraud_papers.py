"""Fraud on certificates: genuine papers of genuine offices, used for what they should not be."""

from collections.abc import Callable
from random import Random
from typing import Final

import msgspec
from lab.year.days import HOUR_MS, YEAR, at, draw_working_ms, next_working_ms
from lab.year.office import REMARK, Draft, Paper
from lab.year.planted import Cases, Fraud
from lab.year.shipments import Shipments
from lab.year.stock import Goods
from lab.year.tables import Amount

from kpledger.base.units import DAY_MS, add_days, day_of
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    GoodsLine,
    HsCode,
    Origin,
    OriginKind,
    Source,
)
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    DiscrepancyCause,
    HoldReason,
    ImportConfirmedDiscrepant,
    ShipmentDetained,
    ShipmentSeized,
)
from kpledger.scheme.v1.subjects import case_of_certificate

_SOURCES: Final = ("AO", "BW", "CA", "RU", "ZA", "ZW")
"""Producers so large that a few more carats change nothing of their balance."""
_HUBS: Final = ("AE", "EU", "IN")
_CHEAP: Final = 16
"""By how much too cheaply goods are sold to an own company abroad."""


class PaperFraud:
    """Plants one case of a kind at a time."""

    def __init__(
        self, shipments: Shipments, cases: Cases, chance: Random, production: dict[str, Amount]
    ) -> None:
        """Plant with the shipments' signer."""
        self._shipments = shipments
        self._cases = cases
        self._chance = chance
        self._production = production

    def own_goods(self, code: str, carats: int, *, cheaper: int = 1) -> Goods:
        """Make goods of a producer at about its mean price."""
        amount = self._production[code]
        mean = amount.value_usd_cents * carats // amount.carat_thousandths
        value = mean * self._chance.randint(90, 110) // 100
        line = GoodsLine(
            hs=HsCode.NON_INDUSTRIAL,
            carat_thousandths=carats,
            value_usd_cents=max(1, value // cheaper),
        )
        return Goods(Origin(kind=OriginKind.SINGLE, countries=(code,)), (line,))

    def draw_time(self, first: str, last: str) -> int:
        """Choose when a case begins."""
        return draw_working_ms(self._chance, at(f"{YEAR}-{first}", 0), at(f"{YEAR}-{last}", 0))

    def plan(self, first: str, last: str, action: Callable[[], None]) -> None:
        """Begin a case on a day between two of the year, given as ``MM-DD``."""
        self._shipments.timeline.at(self.draw_time(first, last), action)

    def draw_up(self, issuer: str, destination: str, goods: Goods) -> Paper:
        """Draw up a certificate for a case."""
        return self._shipments.draw_up(Draft(issuer=issuer, destination=destination, goods=goods))

    def send(self, paper: Paper, *, occurred_ms: int | None = None) -> None:
        """Issue a certificate and let it travel as any other."""
        shipments = self._shipments
        shipments.issue(paper, occurred_ms=occurred_ms)
        shipments.timeline.after(2 * HOUR_MS, lambda: shipments.leave(paper, shipments.travel))

    def _pair(self) -> tuple[str, str]:
        return self._chance.choice(_SOURCES), self._chance.choice(_HUBS)

    def _ordinary(self, least_ct: int = 300, most_ct: int = 3_000) -> Paper:
        issuer, destination = self._pair()
        carats = self._chance.randint(least_ct * 1_000, most_ct * 1_000)
        return self.draw_up(issuer, destination, self.own_goods(issuer, carats))

    def reuse(self) -> None:
        """P3: present a used certificate once more."""
        shipments = self._shipments
        if not shipments.closed:
            shipments.timeline.after(10 * DAY_MS, self.reuse)
            return
        paper = shipments.closed.pop(self._chance.randrange(len(shipments.closed)))
        case = case_of_certificate(paper.number, 1)
        self._cases.open(Fraud.REUSED, paper.number, case)
        arrived = ArrivalRecorded(
            arrived_on=day_of(shipments.timeline.now_ms),
            seals_intact=True,
            opened=True,
            found_carat_thousandths=paper.certificate.carat_thousandths,
            remarks=REMARK,
        )
        shipments.signer.opening(paper.importer, paper.number, arrived, case)
        detained = ShipmentDetained(
            reason=HoldReason.INVALID_CERTIFICATE, legal_reference="SYNTHETIC", remarks=REMARK
        )
        shipments.signer.office(paper.importer, case, detained)
        seized = ShipmentSeized(
            reason=HoldReason.INVALID_CERTIFICATE,
            legal_reference="SYNTHETIC",
            custody="SYNTHETIC customs house",
            carat_thousandths=paper.certificate.carat_thousandths,
        )
        shipments.timeline.after(3 * DAY_MS, lambda: self._seize(paper, case, seized))

    def _seize(self, paper: Paper, case: str, seized: ShipmentSeized) -> None:
        self._shipments.signer.office(paper.importer, case, seized)

    def price(self) -> None:
        """P7: sell far too cheaply to a hub, and send on from there at the usual price."""
        issuer = self._chance.choice(_SOURCES)
        carats = self._chance.randint(400_000, 1_500_000)
        cheap = self.draw_up(issuer, "AE", self.own_goods(issuer, carats, cheaper=_CHEAP))
        case = self._cases.open(Fraud.TRANSFER_PRICING, cheap.number)
        cheap.confirmed = lambda paper: self._later(
            (12, 30), lambda: self._send_on(case, paper, "AE", "IN", gain=_CHEAP)
        )
        self.send(cheap)

    def circle(self) -> None:
        """F15: send goods out and have them back."""
        issuer, destination = self._chance.sample(_HUBS, 2)
        market = self._shipments.markets.get(issuer)
        goods = market.draw(self._chance, 400_000) if market and market.lots else None
        if goods is None:
            self._later((10, 20), self.circle)
            return
        out = self.draw_up(issuer, destination, goods)
        case = self._cases.open(Fraud.CIRCULAR, out.number)
        out.confirmed = lambda paper: self._later(
            (5, 20), lambda: self._send_on(case, paper, destination, issuer, gain=1)
        )
        self.send(out)

    def _send_on(
        self, case: str, paper: Paper, issuer: str, destination: str, *, gain: int
    ) -> None:
        """Re-export all of a shipment as it came."""
        lines = tuple(
            msgspec.structs.replace(line, value_usd_cents=line.value_usd_cents * gain * 105 // 100)
            for line in paper.certificate.lines
        )
        source = Source(number=paper.number, carat_thousandths=paper.certificate.carat_thousandths)
        goods = Goods(paper.goods.origin, lines, (source,))
        back = self.draw_up(issuer, destination, goods)
        self._cases.add(case, back.number)
        self.send(back)

    def _later(self, days: tuple[int, int], action: Callable[[], None]) -> None:
        later = self._shipments.timeline.now_ms + self._chance.randint(*days) * DAY_MS
        self._shipments.timeline.at(next_working_ms(self._chance, later), action)

    def back_date(self) -> None:
        """P8: record an issue many days after the date that it states."""
        paper = self._ordinary()
        stated_ms = self._shipments.timeline.now_ms - self._chance.randint(10, 20) * DAY_MS
        issued_on = day_of(stated_ms)
        paper.certificate = _changed(
            paper.certificate,
            issued_on=issued_on,
            expires_on=add_days(issued_on, 58),
            validated_at=stated_ms,
        )
        self._cases.open(Fraud.BACK_DATED, paper.number)
        self.send(paper, occurred_ms=stated_ms)

    def skim(self) -> None:
        """P11: put less into the parcel than declared, just within the tolerance of scales."""
        shipments = self._shipments
        paper = self._ordinary()
        self._cases.open(Fraud.SHORT_CONTENTS, paper.number)
        [line] = paper.certificate.lines
        short = line.carat_thousandths * self._chance.randint(80, 95) // 100_000
        found = (msgspec.structs.replace(line, carat_thousandths=line.carat_thousandths - short),)
        shipments.issue(paper)

        def arrive() -> None:
            shipments.record_arrival(paper)
            shipments.after_days(paper, (1, 5), lambda one: shipments.confirm(one, found))

        shipments.timeline.after(
            2 * HOUR_MS, lambda: shipments.leave(paper, lambda _: self._later((4, 12), arrive))
        )

    def share_seal(self) -> None:
        """F8: close two shipments with one seal."""
        one, other = self._ordinary(), self._ordinary()
        other.certificate = _changed(other.certificate, seals=one.certificate.seals)
        self._cases.open(Fraud.SHARED_SEAL, one.number, other.number)
        self.send(one)
        self.send(other)

    def vanish(self) -> None:
        """F1: export a shipment that nobody ever sees."""
        shipments = self._shipments
        paper = self._ordinary()
        self._cases.open(Fraud.VANISHED, paper.number)
        shipments.issue(paper)
        shipments.timeline.after(2 * HOUR_MS, lambda: shipments.leave(paper, lambda _: None))

    def expire(self) -> None:
        """F9: arrive long after the certificate has expired."""
        shipments = self._shipments
        paper = self._ordinary()
        self._cases.open(Fraud.EXPIRED, paper.number)
        shipments.issue(paper)

        def leave() -> None:
            paper.exported_on = day_of(shipments.timeline.now_ms)
            self._later((66, 80), arrive)

        def arrive() -> None:
            shipments.record_arrival(paper)
            shipments.timeline.after(3 * HOUR_MS, lambda: self._confirm_discrepant(paper))

        shipments.timeline.after(2 * HOUR_MS, leave)

    def _confirm_discrepant(self, paper: Paper) -> None:
        certificate = paper.certificate
        received_on = day_of(self._shipments.timeline.now_ms)
        body = ImportConfirmedDiscrepant(
            number=paper.number,
            parcels=certificate.parcels,
            carat_thousandths=certificate.carat_thousandths,
            value_usd_cents=certificate.value_usd_cents,
            exporter=certificate.exporter,
            importer=certificate.importer,
            received_on=received_on,
            cause=DiscrepancyCause.UNKNOWN,
            remarks=REMARK,
        )
        self._shipments.signer.office(paper.importer, paper.number, body)
        self._shipments.take_in(paper, certificate.lines, received_on)


def _changed(certificate: Certificate, **changes: object) -> Certificate:
    return msgspec.structs.replace(certificate, **changes)
