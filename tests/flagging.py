"""Somebody who trades on a booked ledger day by day, and asks for flags."""

import itertools

from booked import open_booked_trade
from founding import (
    SERIAL_DIGITS,
    event_id_of,
    make_certificate,
    make_confirmation,
    make_event,
    vary,
)

from kpledger.base.state import read_record
from kpledger.base.units import add_days, start_of_day_ms
from kpledger.books.flags.search import Finding, FlagsQuestion, find_flags, prepare_search
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    GoodsLine,
    HsCode,
    Origin,
    OriginKind,
)
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    DiscrepancyCause,
    ImportConfirmed,
    ImportConfirmedDiscrepant,
)
from kpledger.scheme.v1.events.statistics import ProductionStatisticsSubmitted
from kpledger.scheme.v1.records import CaseRecord, CertificateRecord, ProceedingRecord

OFFICE = {"BW": "BW/gaborone", "EU": "EU/antwerp", "ZA": "ZA/joburg"}


class Trader:
    """Makes statements on given days; those that need no rule are only shown to the books."""

    def __init__(self) -> None:
        self.ledger = open_booked_trade()
        self._seals = itertools.count(1)
        self._serials = {code: itertools.count(1) for code in OFFICE}

    def draw_up(
        self,
        day: str,
        issuer: str = "BW",
        destination: str = "EU",
        *,
        carats: int = 100_000,
        cents: int = 5_000_000,
        serial: int | None = None,
        **changes: object,
    ) -> Certificate:
        """Give a certificate of one line with a number and a seal of its own."""
        number = next(self._serials[issuer]) if serial is None else serial
        certificate = vary(
            make_certificate(f"{issuer}{number:0{SERIAL_DIGITS}d}", destination),
            issued_on=day,
            expires_on=add_days(day, 59),
            validated_at=start_of_day_ms(day),
            origin=Origin(kind=OriginKind.SINGLE, countries=("BW" if issuer == "EU" else issuer,)),
            carat_thousandths=carats,
            value_usd_cents=cents,
            lines=(
                GoodsLine(
                    hs=HsCode.NON_INDUSTRIAL, carat_thousandths=carats, value_usd_cents=cents
                ),
            ),
            seals=(f"SEAL-{next(self._seals)}",),
        )
        return vary(certificate, **changes)

    def say(self, day: str, author: str, body: Body, subject: str = "", *signers: str) -> str:
        """Record a statement under the rules; gives its id."""
        self.ledger.wait_until(day)
        state = self.ledger.state
        record = (
            read_record(state, CertificateRecord.key_for(subject), CertificateRecord)
            or read_record(state, CaseRecord.key_for(subject), CaseRecord)
            or read_record(state, ProceedingRecord.key_for(subject), ProceedingRecord)
        )
        event = make_event(
            author,
            body,
            signers=signers or None,
            subject=subject or None,
            prev=None if record is None else record.head,
            occurred_at=self.ledger.now_ms,
        )
        self.ledger.record(event)
        return event_id_of(event).hex()

    def show(self, day: str, author: str, body: Body, subject: str) -> None:
        """Write a statement that no rule has judged."""
        self.ledger.wait_until(day)
        self.ledger.project(author, body, subject=subject)

    def issue(self, certificate: Certificate, *, on: str = "") -> str:
        """Issue a certificate, on its day or another; gives the id of the event."""
        office = OFFICE[certificate.number[:2]]
        body = CertificateIssued(certificate=certificate)
        return self.say(on or certificate.issued_on, office, body)

    def arrive(self, certificate: Certificate, day: str, *, seals_intact: bool = True) -> str:
        """Record an arrival."""
        body = ArrivalRecorded(
            arrived_on=day,
            seals_intact=seals_intact,
            opened=True,
            found_carat_thousandths=None,
            remarks="",
        )
        return self.say(day, OFFICE[certificate.destination], body, certificate.number)

    def confirm(self, certificate: Certificate, day: str, **changes: object) -> str:
        """Confirm an import as declared, but for the changes."""
        body: ImportConfirmed = vary(make_confirmation(certificate), received_on=day, **changes)
        return self.say(day, OFFICE[certificate.destination], body, certificate.number)

    def confirm_otherwise(self, certificate: Certificate, day: str, **changes: object) -> str:
        """Confirm an import that differs from what was declared as the changes say."""
        body = ImportConfirmedDiscrepant(
            number=certificate.number,
            parcels=certificate.parcels,
            carat_thousandths=certificate.carat_thousandths,
            value_usd_cents=certificate.value_usd_cents,
            exporter=certificate.exporter,
            importer=certificate.importer,
            received_on=day,
            cause=DiscrepancyCause.UNKNOWN,
            remarks="Synthetic",
        )
        office = OFFICE[certificate.destination]
        return self.say(day, office, vary(body, **changes), certificate.number)

    def mine(self, day: str, code: str, half_year: str, carats: int) -> None:
        """Report production, in carats."""
        body = ProductionStatisticsSubmitted(
            half_year=half_year,
            edition=1,
            carat_thousandths=carats * 1_000,
            value_usd_cents=carats * 10_000,
            remarks="",
        )
        self.show(day, OFFICE[code], body, f"{code}/production/{half_year}")

    def flags(self, flag: str, at: str, settings: str = "", participant: str = "") -> list[Finding]:
        """Give the findings of a flag as of a day; those of one participant are a part of all."""
        found = self._find(flag, at, settings, participant)
        for one in ("BW", "IN") if not participant else ():
            assert all(mine in found for mine in self._find(flag, at, settings, one))
        return found

    def _find(self, flag: str, at: str, settings: str, participant: str) -> list[Finding]:
        search = prepare_search(
            self.ledger.books,
            FlagsQuestion(
                from_day="2025-01-01", until=at, at=at, settings=settings, participant=participant
            ),
        )
        return list(find_flags(search, (flag,)))

    def subjects(self, flag: str, at: str, settings: str = "") -> list[str]:
        """Give what a flag is raised on."""
        return [one.subject for one in self.flags(flag, at, settings)]
