"""A trade of today: a few offices that issue certificates and confirm them when they are asked to.

For networks that run now and are loaded by many clients; the year itself has its own times.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from lab.year.office import Draft, OfficeWork, Paper
from lab.year.participants import Participants
from lab.year.scheme import Scheme
from lab.year.signer import Signer, TimedEvent
from lab.year.stock import Goods
from lab.year.tables import load_tables
from lab.year.timeline import Timeline

from kpledger.base.keys import SigningKey
from kpledger.scheme.v1.events.certificate import (
    CertificateIssued,
    GoodsLine,
    HsCode,
    Origin,
    OriginKind,
)

TRADERS: Final = ("AE", "BW", "IN", "ZA")
_ORIGIN: Final = Origin(kind=OriginKind.SINGLE, countries=("BW",))
_LAST_DAY: Final = "2099-12-31"


class LiveTrade:
    """Writes events that the rules accept in the order in which they are given."""

    def __init__(
        self,
        chain: bytes,
        founded: Mapping[str, SigningKey],
        codes: Sequence[str] = TRADERS,
    ) -> None:
        """Trade between some participants, on a ledger that was founded with these keys."""
        participants = Participants(load_tables(), 0, founded)
        self._signer = Signer(chain, participants, 0)
        timeline = Timeline(self._signer)
        self._work = OfficeWork(participants, self._signer, timeline, Random(0))
        self._scheme = Scheme(participants, self._signer, timeline, Random(0), _LAST_DAY)
        self._codes = codes
        self._count = 0

    def open_offices(self, now_ms: int) -> list[TimedEvent]:
        """Give each participant its offices, with keys and numbers."""
        self._signer.now_ms = now_ms
        for code in self._codes:
            self._scheme.open_house(code)
        return self._take()

    def ship(self, now_ms: int) -> list[TimedEvent]:
        """Issue a certificate and confirm its receipt: two events."""
        paper = self._draw_up(now_ms)
        self._issue(paper)
        self._work.confirm(paper, paper.certificate.lines)
        return self._take()

    def issue_rivals(self, now_ms: int) -> list[TimedEvent]:
        """Issue one number twice, by two events that cannot both stand."""
        paper = self._draw_up(now_ms)
        for _ in range(2):
            self._signer.forget(paper.number)
            self._issue(paper)
        return self._take()

    def _draw_up(self, now_ms: int) -> Paper:
        self._signer.now_ms = now_ms
        codes, serial = self._codes, self._count
        self._count += 1
        issuer = codes[serial % len(codes)]
        others = [code for code in codes if code != issuer]
        lines = (
            GoodsLine(hs=HsCode.INDUSTRIAL, carat_thousandths=500, value_usd_cents=20_000),
            GoodsLine(
                hs=HsCode.NON_INDUSTRIAL,
                carat_thousandths=1_000 + serial % 900_000,
                value_usd_cents=100_000 + serial % 7_000_000,
            ),
        )
        destination = others[serial // len(codes) % len(others)]
        paper = self._work.draw_up(Draft(issuer, destination, Goods(_ORIGIN, lines)))
        paper.confirmed = lambda _: None
        return paper

    def _issue(self, paper: Paper) -> None:
        body = CertificateIssued(certificate=paper.certificate)
        self._signer.office(paper.office, paper.number, body)

    def _take(self) -> list[TimedEvent]:
        entries = list(self._signer.entries)
        self._signer.entries.clear()
        return entries
