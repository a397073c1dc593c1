"""The steps of a certificate that all shipments have in common, each written by an office."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import msgspec
from lab.year.days import HOUR_MS, next_working_ms
from lab.year.expected import ExpectedTrade
from lab.year.participants import MONITOR, RESTRICTION, Office, Participants
from lab.year.parties import draw_party
from lab.year.signer import Signer
from lab.year.stock import Goods, Market
from lab.year.timeline import Timeline

from kpledger.base.units import DAY_MS, add_days, day_of
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateKind,
    ExportNotified,
    GoodsLine,
    TransitNoted,
)
from kpledger.scheme.v1.events.decisions import ShipmentApproved
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    ImportConfirmed,
)

REMARK: Final = "SYNTHETIC: no such shipment exists"
SERIAL_DIGITS: Final = 8
_VALIDITY_DAYS: Final = 60
SHORT_VALIDITY_DAYS: Final = 59
_REMEMBERED: Final = 20
"""One confirmed certificate of so many is remembered."""
LEGAL: Final = "SYNTHETIC customs act"
_CARRIERS: Final = ("Synthetic Air Cargo", "Synthetic Secure Logistics", "Synthetic Express")
_TRANSIT: Final = ("AE", "ZA", "CH", "TR", "SG", "QA")


@dataclass(frozen=True, slots=True)
class Draft:
    """A shipment before its certificate is drawn up."""

    issuer: str
    destination: str
    goods: Goods
    zones: tuple[str, ...] = ()


@dataclass(slots=True)
class Paper:
    """A certificate on its way."""

    certificate: Certificate
    office: Office
    goods: Goods
    importer: Office
    exported_on: str | None = None
    is_announced: bool = False
    confirmed: "Then | None" = None
    """What happens to the goods once they are confirmed, instead of lying in the safe."""

    @property
    def number(self) -> str:
        """Its number."""
        return self.certificate.number


Then = Callable[[Paper], None]


@dataclass(slots=True)
class Numbers:
    """The next serial of each office."""

    _next: dict[str, int]

    def take(self, office: Office) -> str:
        """Give an office's next certificate number."""
        serial = self._next.get(office.subject, _first_serial(office))
        self._next[office.subject] = serial + 1
        return f"{office.prefix}{serial:0{SERIAL_DIGITS}d}"


def _first_serial(office: Office) -> int:
    return first_serial(office) + 1


def first_serial(office: Office) -> int:
    """Give where an office's numbers of the year begin; offices of one prefix have runs apart."""
    runs = {"antwerp": 1, "bucharest": 2, "dublin": 3, "idar-oberstein": 4, "lisbon": 5}
    runs |= {"prague": 6, "torino": 7}
    return 10_000_000 * runs.get(office.authority, 1)


class OfficeWork:
    """Writes the ordinary steps: issue, notice, arrival, confirmation."""

    def __init__(
        self, participants: Participants, signer: Signer, timeline: Timeline, chance: Random
    ) -> None:
        """Begin with empty safes."""
        self.participants = participants
        self.signer = signer
        self.timeline = timeline
        self.chance = chance
        self.expected = ExpectedTrade()
        self.markets: dict[str, Market] = {}
        self.numbers = Numbers({})
        self.closed: list[Paper] = []
        """Some of the certificates that were confirmed."""
        self._seals = 0
        self._confirmations = 0

    def draw_up(self, draft: Draft, office: Office | None = None) -> Paper:
        """Draw up a certificate that is issued now."""
        office = office or self.participants.draw_office(self.chance, draft.issuer)
        participants = self.participants.tables.participants
        lines = draft.goods.lines
        parcels = min(len(lines) + int(self.chance.expovariate(1 / 4)), 60)
        issued_on = day_of(self.timeline.now_ms)
        validity = SHORT_VALIDITY_DAYS if draft.issuer == "EU" else _VALIDITY_DAYS
        certificate = Certificate(
            number=self.numbers.take(office),
            kind=CertificateKind.NORMAL,
            languages=("en",),
            issued_on=issued_on,
            expires_on=add_days(issued_on, validity - 1),
            destination=draft.destination,
            exporter=draw_party(self.chance, participants, draft.issuer, "Exporter"),
            importer=draw_party(self.chance, participants, draft.destination, "Importer"),
            origin=msgspec.structs.replace(draft.goods.origin, zones=draft.zones),
            parcels=parcels,
            carat_thousandths=sum(line.carat_thousandths for line in lines),
            value_usd_cents=sum(line.value_usd_cents for line in lines),
            lines=lines,
            validated_at=self.timeline.now_ms,
            seals=self.new_seals(office, parcels),
            sources=draft.goods.sources,
            remarks=REMARK,
        )
        importer = self.participants.draw_office(self.chance, draft.destination)
        return Paper(certificate, office, draft.goods, importer)

    def new_seals(self, office: Office, parcels: int) -> tuple[str, ...]:
        """Give numbers of seals that were never used."""
        self._seals += 1
        return tuple(
            f"{office.prefix}-SEAL-{self._seals:07d}-{bag}" for bag in range(1, parcels // 20 + 2)
        )

    def issue(self, paper: Paper, *, occurred_ms: int | None = None) -> None:
        """Issue a certificate and count it as an export."""
        self.approve(paper.certificate)
        body = CertificateIssued(certificate=paper.certificate)
        self.signer.office(paper.office, paper.number, body, occurred_ms=occurred_ms)
        if paper.certificate.kind is CertificateKind.NORMAL:
            self.expected.export(paper.certificate, paper.office.participant)

    def approve(self, certificate: Certificate) -> None:
        """Let the monitoring team approve what a restricted zone sends, before it is issued."""
        if not certificate.origin.zones:
            return
        body = ShipmentApproved(
            restriction=RESTRICTION,
            participant="CF",
            number=certificate.number,
            carat_thousandths=certificate.carat_thousandths,
            reference=f"SYN-{certificate.number}",
            photos=(),
        )
        self.signer.scheme(MONITOR, certificate.number, body)

    def renew(self, paper: Paper) -> Paper:
        """Draw up another certificate for the same goods."""
        old = paper.certificate
        issued_on = day_of(self.timeline.now_ms)
        span = SHORT_VALIDITY_DAYS if paper.office.participant == "EU" else _VALIDITY_DAYS
        certificate = msgspec.structs.replace(
            old,
            number=self.numbers.take(paper.office),
            issued_on=issued_on,
            expires_on=add_days(issued_on, span - 1),
            validated_at=self.timeline.now_ms,
            seals=self.new_seals(paper.office, old.parcels),
        )
        return Paper(certificate, paper.office, paper.goods, paper.importer)

    def leave(self, paper: Paper, then: Then) -> None:
        """Announce the shipment, as nearly all do while the certificate is valid, and let it go."""
        paper.exported_on = day_of(self.timeline.now_ms)
        if not self.signer.is_behind and self.chance.randrange(100) < 95:
            transit = tuple(
                code
                for code in self.chance.sample(_TRANSIT, 1)
                if code not in {paper.office.participant, paper.certificate.destination}
            )
            body = ExportNotified(
                exported_on=paper.exported_on,
                carrier=self.chance.choice(_CARRIERS),
                transport_document=f"SYN-{paper.number}",
                expected_on=add_days(paper.exported_on, 10),
                transit=transit,
            )
            self.signer.office(paper.office, paper.number, body)
            paper.is_announced = True
            if transit and self.chance.randrange(100) < 3:
                self.timeline.after(
                    self.hours(20, 40), lambda: self._note_transit(paper, transit[0])
                )
        then(paper)

    def _note_transit(self, paper: Paper, code: str) -> None:
        day = day_of(self.timeline.now_ms)
        body = TransitNoted(entered_on=day, left_on=day, seals_intact=True, remarks=REMARK)
        self.signer.office(self.participants.draw_office(self.chance, code), paper.number, body)

    def travel(self, paper: Paper) -> None:
        """Let it arrive in a few days and be confirmed."""
        self.travel_to(paper, self.arrive)

    def travel_to(self, paper: Paper, then: Then) -> None:
        """Let it arrive in a few days, on a working day."""
        arrival = self.timeline.now_ms + self.chance.randint(3 * DAY_MS, 16 * DAY_MS)
        self.timeline.at(next_working_ms(self.chance, arrival), lambda: then(paper))

    def record_arrival(self, paper: Paper, *, seals_intact: bool = True) -> None:
        """Record the arrival."""
        body = ArrivalRecorded(
            arrived_on=day_of(self.timeline.now_ms),
            seals_intact=seals_intact,
            opened=True,
            found_carat_thousandths=None,
            remarks=REMARK,
        )
        self.signer.office(paper.importer, paper.number, body)

    def arrive(self, paper: Paper) -> None:
        """Record the arrival, as nearly all do, and confirm within a week."""
        if self.chance.randrange(100) < 3:
            self.confirm(paper, self.reweigh(paper))
            return
        self.record_arrival(paper)
        self.after_days(paper, (0, 7), lambda one: self.confirm(one, self.reweigh(one)))

    def after_days(self, paper: Paper, days: tuple[int, int], then: Then) -> None:
        """Go on with a paper on a working day some days later."""
        later = self.timeline.now_ms + self.chance.randint(*days) * DAY_MS
        # Later on the same day, or in the office hours of another one.
        if later - self.timeline.now_ms < DAY_MS:
            self.timeline.after(self.hours(1, 3), lambda: then(paper))
        else:
            self.timeline.at(next_working_ms(self.chance, later), lambda: then(paper))

    def reweigh(self, paper: Paper) -> tuple[GoodsLine, ...]:
        """Weigh again: most scales agree, some differ by a few thousandths of a carat."""
        lines = paper.certificate.lines
        if self.chance.randrange(100) >= 10:
            return lines
        first = lines[0]
        most = min(9, first.carat_thousandths // 2_000)
        weighed = first.carat_thousandths + self.chance.randint(-most, most)
        return (msgspec.structs.replace(first, carat_thousandths=weighed), *lines[1:])

    def confirm(self, paper: Paper, found: Sequence[GoodsLine]) -> None:
        """Confirm what was found, cleanly, and put it into the importer's safe."""
        certificate = paper.certificate
        received_on = day_of(self.timeline.now_ms)
        body = ImportConfirmed(
            number=paper.number,
            parcels=certificate.parcels,
            carat_thousandths=sum(line.carat_thousandths for line in found),
            value_usd_cents=sum(line.value_usd_cents for line in found),
            exporter=certificate.exporter,
            importer=certificate.importer,
            received_on=received_on,
            exported_on=paper.exported_on,
        )
        self.signer.office(paper.importer, paper.number, body)
        self.take_in(paper, found, received_on)

    def take_in(self, paper: Paper, found: Sequence[GoodsLine], received_on: str) -> None:
        """Count an import and put the goods where they can be re-exported from."""
        certificate = paper.certificate
        if certificate.kind is not CertificateKind.NORMAL:
            return
        self.expected.import_(certificate, paper.office.participant, found, received_on)
        if paper.confirmed is not None:
            paper.confirmed(paper)
            return
        self._confirmations += 1
        if self._confirmations % _REMEMBERED == 0:
            self.closed.append(paper)
        market = self.markets.setdefault(certificate.destination, Market())
        market.store(paper.number, paper.office.participant, paper.goods, found)

    def hours(self, least: int, most: int) -> int:
        """Choose a span of so many hours, in milliseconds."""
        return self.chance.randrange(least * HOUR_MS, most * HOUR_MS)
