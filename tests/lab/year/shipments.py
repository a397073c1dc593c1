"""What becomes of a shipment, from the issue of its certificate to whatever closes it."""

from collections.abc import Iterator
from random import Random

import msgspec
from lab.year.fates import Fate
from lab.year.office import LEGAL, REMARK, SHORT_VALIDITY_DAYS, Draft, OfficeWork, Paper, Then
from lab.year.participants import Participants
from lab.year.signer import Signer
from lab.year.timeline import Timeline

from kpledger.base.units import add_days, day_of
from kpledger.scheme.v1.events.certificate import (
    AmendableField,
    AmendmentEndorsed,
    CertificateFound,
    CertificateKind,
    CertificateLost,
    CertificateReplaced,
    CertificateReturnedUnused,
    CertificateValidated,
    CertificateVoided,
    ReplacementReason,
    VoidReason,
)
from kpledger.scheme.v1.events.importing import (
    DiscrepancyCause,
    DiscrepancyResolved,
    HoldReason,
    ImportConfirmedDiscrepant,
    ImportRefusedReturned,
    ReturnReceived,
    ShipmentDetained,
    ShipmentDiverted,
    ShipmentReleased,
    ShipmentSeized,
)


class Shipments(OfficeWork):
    """Sends shipments: every step is an event and the appointment of the next one."""

    def __init__(
        self,
        participants: Participants,
        signer: Signer,
        timeline: Timeline,
        chance: Random,
        fates: Iterator[Fate],
    ) -> None:
        """Begin before the first certificate; ``fates`` has one for each."""
        super().__init__(participants, signer, timeline, chance)
        self._fates = fates

    def ship(self, draft: Draft) -> Paper:
        """Issue a certificate now and let chance decide what becomes of it."""
        paper = self.draw_up(draft)
        fate = next(self._fates)
        if self.chance.randrange(100) < 15 and fate is Fate.ORDINARY:
            paper.certificate = msgspec.structs.replace(
                paper.certificate, validated_at=None, seals=()
            )
            self.issue(paper)
            self.timeline.after(self.hours(1, 4), lambda: self._validate(paper))
            return paper
        self.issue(paper)
        self._begin(paper, fate)
        return paper

    def _validate(self, paper: Paper) -> None:
        seals = self.new_seals(paper.office, paper.certificate.parcels)
        body = CertificateValidated(validated_at=self.timeline.now_ms, seals=seals)
        self.signer.office(paper.office, paper.number, body)
        self._begin(paper, Fate.ORDINARY)

    def _begin(self, paper: Paper, fate: Fate) -> None:
        """Make the first appointment of a fate."""
        first = {
            Fate.VOIDED: self._void_and_issue_anew,
            Fate.REPLACED: lambda one: self._replace(one, ReplacementReason.ERROR),
            Fate.UNUSED: self._return_unused,
        }.get(fate)
        if first is not None:
            self.timeline.after(self.hours(2, 6), lambda: first(paper))
            return
        if fate is Fate.AMENDED:
            self.timeline.after(self.hours(1, 2), lambda: self._amend(paper))
        self.timeline.after(self.hours(2, 24), lambda: self.leave(paper, self._ending(fate)))

    def _ending(self, fate: Fate) -> Then:
        endings: dict[Fate, Then] = {
            Fate.LOST_AND_FOUND: self._lose_and_find,
            Fate.LOST_AND_REPLACED: self._lose_and_replace,
            Fate.DIVERTED: self._divert,
            Fate.DISCREPANT: lambda paper: self.travel_to(paper, self._arrive_discrepant),
            Fate.DETAINED: lambda paper: self.travel_to(paper, self._detain_and_release),
            Fate.REFUSED: lambda paper: self.travel_to(paper, self._refuse),
            Fate.SEIZED: lambda paper: self.travel_to(paper, self._seize),
            Fate.LATE: lambda paper: self.travel_to(paper, self._confirm_late),
            Fate.UNCONFIRMED: lambda _: None,
        }
        return endings.get(fate, self.travel)

    def _void(self, paper: Paper, reason: VoidReason) -> None:
        self.signer.office(
            paper.office, paper.number, CertificateVoided(reason=reason, remarks=REMARK)
        )
        self.expected.export(paper.certificate, paper.office.participant, sign=-1)

    def _void_and_issue_anew(self, paper: Paper) -> None:
        self._void(paper, VoidReason.ERROR)
        self.timeline.after(self.hours(1, 3), lambda: self._issue_anew(paper))

    def _issue_anew(self, paper: Paper) -> None:
        anew = self.renew(paper)
        self.issue(anew)
        self._begin(anew, Fate.ORDINARY)

    def _replace(self, paper: Paper, reason: ReplacementReason) -> None:
        anew = self.renew(paper)
        self.approve(anew.certificate)
        body = CertificateReplaced(reason=reason, certificate=anew.certificate)
        event_id = self.signer.office(paper.office, paper.number, body)
        self.signer.set_head(anew.number, event_id)
        participant = paper.office.participant
        self.expected.export(paper.certificate, participant, sign=-1)
        self.expected.export(anew.certificate, participant)
        self._begin(anew, Fate.ORDINARY)

    def _return_unused(self, paper: Paper) -> None:
        body = CertificateReturnedUnused(returned_on=day_of(self.timeline.now_ms))
        self.signer.office(paper.office, paper.number, body)
        self.expected.export(paper.certificate, paper.office.participant, sign=-1)

    def _amend(self, paper: Paper) -> None:
        old = paper.certificate.importer
        new = msgspec.structs.replace(old, address=f"{old.address} (ground floor)")
        body = AmendmentEndorsed(
            field=AmendableField.IMPORTER_ADDRESS,
            old=old.address,
            new=new.address,
            reason=REMARK,
        )
        self.signer.office(paper.office, paper.number, body)
        paper.certificate = msgspec.structs.replace(paper.certificate, importer=new)

    def _lose_and_find(self, paper: Paper) -> None:
        self.timeline.after(self.hours(40, 60), lambda: self._lose(paper))
        self.timeline.after(self.hours(80, 120), lambda: self._find(paper))

    def _lose(self, paper: Paper) -> None:
        body = CertificateLost(with_goods=False, circumstances=REMARK)
        self.signer.office(paper.office, paper.number, body)

    def _find(self, paper: Paper) -> None:
        self.signer.office(paper.office, paper.number, CertificateFound(circumstances=REMARK))
        self.travel(paper)

    def _lose_and_replace(self, paper: Paper) -> None:
        self.timeline.after(self.hours(40, 60), lambda: self._lose(paper))
        self.timeline.after(
            self.hours(80, 120), lambda: self._replace(paper, ReplacementReason.LOST)
        )

    def _divert(self, paper: Paper) -> None:
        """Let a shipment surface elsewhere; nobody can say so of one that was not announced."""
        if paper.is_announced:
            self.timeline.after(self.hours(50, 90), lambda: self._surface(paper))
        else:
            self.travel(paper)

    def _surface(self, paper: Paper) -> None:
        parties = {paper.office.participant, paper.certificate.destination}
        elsewhere = next(code for code in ("CH", "TR", "SG") if code not in parties)
        body = ShipmentDiverted(
            place="Synthetic airport", found_on=day_of(self.timeline.now_ms), reason=REMARK
        )
        self.signer.office(self.participants.offices[elsewhere][0], paper.number, body)
        self.timeline.after(
            self.hours(20, 40), lambda: self._replace(paper, ReplacementReason.CHANGED)
        )

    def _confirm_late(self, paper: Paper) -> None:
        self.record_arrival(paper)
        self.after_days(paper, (22, 27), lambda one: self.confirm(one, one.certificate.lines))

    def _arrive_discrepant(self, paper: Paper) -> None:
        self.record_arrival(paper)
        self.after_days(paper, (1, 5), self._confirm_discrepant)

    def _confirm_discrepant(self, paper: Paper) -> None:
        certificate = paper.certificate
        first = certificate.lines[0]
        per_mille = self.chance.choice((-1, 1)) * self.chance.randint(20, 80)
        found = (
            msgspec.structs.replace(
                first,
                carat_thousandths=max(1, first.carat_thousandths * (1000 + per_mille) // 1000),
                value_usd_cents=max(1, first.value_usd_cents * (1000 + per_mille) // 1000),
            ),
            *certificate.lines[1:],
        )
        received_on = day_of(self.timeline.now_ms)
        body = ImportConfirmedDiscrepant(
            number=paper.number,
            parcels=certificate.parcels,
            carat_thousandths=sum(line.carat_thousandths for line in found),
            value_usd_cents=sum(line.value_usd_cents for line in found),
            exporter=certificate.exporter,
            importer=certificate.importer,
            received_on=received_on,
            cause=DiscrepancyCause.WEIGHING,
            remarks=REMARK,
        )
        self.signer.office(paper.importer, paper.number, body)
        self.take_in(paper, found, received_on)
        self.after_days(paper, (3, 12), lambda one: self._resolve(one, body))

    def _resolve(self, paper: Paper, found: ImportConfirmedDiscrepant) -> None:
        body = DiscrepancyResolved(
            parcels=found.parcels,
            carat_thousandths=found.carat_thousandths,
            value_usd_cents=found.value_usd_cents,
            explanation=REMARK,
        )
        importer = paper.importer
        cosigners = self.signer.officers(importer.participant, importer.authority)
        self.signer.office(paper.office, paper.number, body, cosigners=cosigners)

    def detain(self, paper: Paper, reason: HoldReason) -> None:
        """Hold a shipment back where it arrived."""
        body = ShipmentDetained(reason=reason, legal_reference=LEGAL, remarks=REMARK)
        self.signer.office(paper.importer, paper.number, body)

    def _detain_and_release(self, paper: Paper) -> None:
        self.record_arrival(paper)
        self.detain(paper, HoldReason.ORDER)
        self.after_days(paper, (2, 5), self._release)

    def _release(self, paper: Paper) -> None:
        self.signer.office(paper.importer, paper.number, ShipmentReleased(remedy=REMARK))
        self.after_days(paper, (0, 2), lambda one: self.confirm(one, one.certificate.lines))

    def _seize(self, paper: Paper) -> None:
        self.record_arrival(paper, seals_intact=False)
        body = ShipmentSeized(
            reason=HoldReason.BROKEN_SEALS,
            legal_reference=LEGAL,
            custody="SYNTHETIC customs house",
            carat_thousandths=paper.certificate.carat_thousandths,
        )
        self.signer.office(paper.importer, paper.number, body)

    def _refuse(self, paper: Paper) -> None:
        """Detain a shipment and send it back under a technical certificate."""
        self.record_arrival(paper)
        self.detain(paper, HoldReason.INVALID_CERTIFICATE)
        self.after_days(paper, (3, 8), self._send_back)

    def _send_back(self, paper: Paper) -> None:
        back = self._draw_up_technical(paper)
        self.issue(back)
        body = ImportRefusedReturned(
            reason=HoldReason.INVALID_CERTIFICATE,
            technical_certificate=back.number,
            remarks=REMARK,
        )
        self.signer.office(paper.importer, paper.number, body)
        self.after_days(paper, (5, 15), lambda one: self._receive_back(one, back))

    def _draw_up_technical(self, paper: Paper) -> Paper:
        old, sender = paper.certificate, paper.importer
        issued_on = day_of(self.timeline.now_ms)
        certificate = msgspec.structs.replace(
            old,
            number=self.numbers.take(sender),
            kind=CertificateKind.TECHNICAL,
            issued_on=issued_on,
            expires_on=add_days(issued_on, SHORT_VALIDITY_DAYS - 1),
            destination=paper.office.participant,
            exporter=old.importer,
            importer=old.exporter,
            validated_at=self.timeline.now_ms,
            seals=self.new_seals(sender, old.parcels),
            sources=(),
            case=old.number,
        )
        return Paper(certificate, sender, paper.goods, paper.office)

    def _receive_back(self, paper: Paper, back: Paper) -> None:
        body = ReturnReceived(
            received_on=day_of(self.timeline.now_ms),
            carat_thousandths=paper.certificate.carat_thousandths,
            condition=REMARK,
        )
        self.signer.office(paper.office, paper.number, body)
        self.record_arrival(back)
        self.after_days(back, (0, 2), lambda one: self.confirm(one, one.certificate.lines))
