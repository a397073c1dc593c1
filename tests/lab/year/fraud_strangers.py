"""Papers that no office issued: forged numbers, and papers of countries outside the scheme."""

from random import Random
from typing import Final

from lab.year.days import YEAR
from lab.year.office import REMARK
from lab.year.planted import Cases, Fraud
from lab.year.proceedings import judge
from lab.year.scheme import document
from lab.year.shipments import Shipments

from kpledger.base.units import add_days, day_of
from kpledger.scheme.v1.events.importing import SuspectReported
from kpledger.scheme.v1.subjects import Subject, subject_under

_CLAIMED: Final = ("AO", "GH", "SL", "ZW")
"""Whose papers are forged most."""
_OUTSIDE: Final = ("KE", "RW", "UG")
_REPORTERS: Final = ("AE", "EU", "IN", "CN")


class Strangers:
    """Lets importing authorities be shown papers that they do not trust."""

    def __init__(self, shipments: Shipments, cases: Cases, chance: Random) -> None:
        """Report with the shipments' signer."""
        self._shipments = shipments
        self._cases = cases
        self._chance = chance
        self._count = 0

    def forge(self) -> None:
        """P1: a number of a true range, far beyond what was issued."""
        issuer = self._chance.choice(_CLAIMED)
        self._report(Fraud.FORGED_NUMBER, issuer, f"{issuer}19{self._chance.randrange(10**6):06d}")

    def revive(self) -> None:
        """P1: a number of last year's range, which was withdrawn."""
        issuer = self._chance.choice(_CLAIMED)
        serial = 100_001 + self._chance.randrange(90_000)
        self._report(Fraud.RETIRED_NUMBER, issuer, f"{issuer}{serial:08d}")

    def invent(self) -> None:
        """P2: a paper of a country that is not in the scheme."""
        issuer = self._chance.choice(_OUTSIDE)
        number = f"{issuer}{self._chance.randrange(10**6):06d}"
        self._report(Fraud.NON_PARTICIPANT, issuer, number)

    def _report(self, kind: Fraud, issuer: str, number: str) -> None:
        self._count += 1
        reporter = self._chance.choice(_REPORTERS)
        office = self._shipments.participants.draw_office(self._chance, reporter)
        subject = subject_under(reporter, Subject.SUSPECT, f"paper-{YEAR}-{self._count}")
        today = day_of(self._shipments.timeline.now_ms)
        body = SuspectReported(
            claimed_issuer=issuer,
            claimed_number=number,
            claimed_issue=add_days(today, -self._chance.randint(5, 40)),
            image=document(subject),
            remarks=REMARK,
        )
        self._cases.open(kind, subject, number)
        self._shipments.signer.office(office, subject, body)
        member = None if kind is Fraud.NON_PARTICIPANT else issuer
        judge(self._shipments.timeline, self._shipments.signer, self._chance, subject, member)
