"""Fraud: cases planted on top of the honest year, by a draw of their own.

Whole countries that cheat (a silent producer, a launderer) are set apart from the honest year, so
that none of their honest certificates is taken for a false alarm, or the other way round.
"""

from collections.abc import Callable
from random import Random
from typing import Final

from lab.year.days import HOUR_MS, YEAR, at, draw_working_ms
from lab.year.flows import Flows
from lab.year.fraud_papers import PaperFraud
from lab.year.fraud_strangers import Strangers
from lab.year.planted import Cases, Fraud
from lab.year.returns import Returns
from lab.year.scheme import Scheme
from lab.year.shipments import Shipments
from lab.year.stock import Goods

from kpledger.base.units import DAY_MS, start_of_day_ms
from kpledger.scheme.v1.events.certificate import GoodsLine, HsCode, Origin, OriginKind
from kpledger.scheme.v1.events.governance import (
    KeyAdded,
    KeyRevoked,
    ParticipantStatusChanged,
    RevocationReason,
    Standing,
)

SILENT: Final = ("GY", "VE")
LAUNDERERS: Final = ("CG", "LR", "TG")
EXCESSIVE: Final = ("LB", "MU", "PA")
SUSPENDED: Final = {"CM": f"{YEAR}-08-16", "GN": f"{YEAR}-09-14"}
COMPROMISED: Final = {"BR": f"{YEAR}-09-26", "ID": f"{YEAR}-10-10"}
FALSIFIERS: Final = {
    ("IL", f"{YEAR}Q3"): 600,
    ("SL", f"{YEAR}Q2"): 700,
    ("TZ", f"{YEAR}Q3"): 550,
}
"""What a participant submits of its trade of a quarter, in per mille."""

_LEAST_CASES: Final = 3
_CERTIFICATES_A_CASE: Final = 5_000
_TIMES_ITS_OUTPUT: Final = 2
"""What a launderer exports on top of its own output, in multiples of it."""


class Planter:
    """Plants every kind of fraud; or none, for the honest year alone.

    Attributes:
        cases: what was planted.
        idle: producers that issue nothing.
        stops: producers that issue nothing honest from a time on.
    """

    def __init__(
        self,
        shipments: Shipments,
        scheme: Scheme,
        returns: Returns,
        chance: Random,
        *,
        planted: bool,
        repeats: bool,
    ) -> None:
        """Choose who cheats."""
        self.cases = Cases()
        self.idle = frozenset(SILENT if planted else ())
        self.stops: dict[str, int] = {}
        self._shipments = shipments
        self._scheme = scheme
        self._returns = returns
        self._chance = chance
        self._planted = planted
        self._repeats = repeats
        if planted and not repeats:
            for code, day in {**SUSPENDED, **COMPROMISED}.items():
                self.stops[code] = start_of_day_ms(day) - 45 * DAY_MS

    def schedule(self, flows: Flows, certificates: int) -> None:
        """Make the appointments of every case."""
        if not self._planted:
            return
        papers = PaperFraud(self._shipments, self.cases, self._chance, flows.production)
        strangers = Strangers(self._shipments, self.cases, self._chance)
        often = max(_LEAST_CASES, certificates // _CERTIFICATES_A_CASE)
        singles: tuple[tuple[str, str, Callable[[], None]], ...] = (
            ("03-01", "12-20", papers.reuse),
            ("02-01", "10-01", papers.price),
            ("03-15", "08-15", papers.circle),
            ("02-01", "11-30", papers.back_date),
            ("02-01", "11-30", papers.skim),
            ("02-01", "11-30", papers.share_seal),
            ("02-01", "11-15", papers.vanish),
            ("02-01", "11-30", papers.expire),
            ("02-01", "12-15", strangers.forge),
            ("02-01", "12-15", strangers.revive),
            ("02-01", "12-15", strangers.invent),
        )
        for first, last, action in singles:
            for _ in range(often):
                papers.plan(first, last, action)
        for code in SILENT:
            self.cases.open(Fraud.SILENT_PRODUCER, code)
        for code in LAUNDERERS:
            self._launder(papers, flows, code)
        for code in EXCESSIVE:
            self._exceed(papers, code, certificates)
        for (code, quarter), part in FALSIFIERS.items():
            self._returns.falsified[code, quarter] = part
            self.cases.open(Fraud.FALSE_STATISTICS, code)
        if not self._repeats:
            self._plant_once(papers)

    def _plant_once(self, papers: PaperFraud) -> None:
        for code, day in SUSPENDED.items():
            self._suspend(papers, code, day)
        for code, day in COMPROMISED.items():
            self._compromise(papers, code, day)

    def _launder(self, papers: PaperFraud, flows: Flows, code: str) -> None:
        """P4: stones from elsewhere leave as a small producer's own."""
        case = self.cases.open(Fraud.ORIGIN_LAUNDERING, code)
        count = self._chance.randint(6, 9)
        each = flows.production[code].carat_thousandths * _TIMES_ITS_OUTPUT // count

        def send() -> None:
            destination = self._chance.choice(("AE", "IN"))
            paper = papers.draw_up(code, destination, papers.own_goods(code, each))
            self.cases.add(case, paper.number)
            papers.send(paper)

        for _ in range(count):
            papers.plan("02-01", "11-30", send)

    def _exceed(self, papers: PaperFraud, code: str, certificates: int) -> None:
        """P5: a trading country exports what it never imported."""
        case = self.cases.open(Fraud.EXCESS_EXPORTS, code)
        carats = 2_000_000 + certificates * 20

        def send() -> None:
            line = GoodsLine(
                hs=HsCode.NON_INDUSTRIAL,
                carat_thousandths=self._chance.randint(carats // 2, carats),
                value_usd_cents=self._chance.randint(carats * 8, carats * 12),
            )
            goods = Goods(Origin(kind=OriginKind.MIXED, countries=()), (line,))
            paper = papers.draw_up(code, self._chance.choice(("AE", "EU")), goods)
            self.cases.add(case, paper.number)
            papers.send(paper)

        for _ in range(self._chance.randint(4, 6)):
            papers.plan("02-01", "11-15", send)

    def _suspend(self, papers: PaperFraud, code: str, day: str) -> None:
        """P10: certificates issued in haste before a suspension; they arrive after it."""
        case = self.cases.open(Fraud.SUSPENDED_ISSUER)
        suspended_ms = at(day)

        def send() -> None:
            goods = papers.own_goods(code, self._chance.randint(50_000, 150_000))
            paper = papers.draw_up(code, "AE", goods)
            self.cases.add(case, paper.number)
            papers.send(paper)

        for _ in range(4):
            time_ms = draw_working_ms(
                self._chance, suspended_ms - 20 * DAY_MS, suspended_ms - 2 * DAY_MS
            )
            self._shipments.timeline.at(time_ms, send)

        def suspend() -> None:
            decision = self._scheme.decide(f"AD-{YEAR}-{code}", f"Suspension of {code}")
            body = ParticipantStatusChanged(
                code=code,
                status=Standing.SUSPENDED,
                effective_from=suspended_ms + 2 * HOUR_MS,
                decision=decision,
            )
            self._shipments.signer.chair(code, body)

        self._shipments.timeline.at(suspended_ms, suspend)

    def _compromise(self, papers: PaperFraud, code: str, day: str) -> None:
        """P8: a key in other hands issues certificates until that is noticed."""
        case = self.cases.open(Fraud.COMPROMISED_KEY)
        since_ms = at(day)
        signer = self._shipments.signer
        [office] = self._shipments.participants.offices[code]

        def send() -> None:
            goods = papers.own_goods(code, self._chance.randint(50_000, 150_000))
            paper = papers.draw_up(code, "AE", goods)
            self.cases.add(case, paper.number)
            papers.send(paper)

        for _ in range(3):
            papers_ms = draw_working_ms(self._chance, since_ms + DAY_MS, since_ms + 12 * DAY_MS)
            self._shipments.timeline.at(papers_ms, send)

        def revoke() -> None:
            label = f"{office.subject}/1"
            old = signer.key_of(label).public_key
            body = KeyRevoked(key=old, reason=RevocationReason.COMPROMISED, suspect_since=since_ms)
            signer.root(code, old.hex(), body)
            new = signer.rotate(label).public_key
            added = KeyAdded(authority=office.authority, key=new, valid_from=0, officer="officer-1")
            signer.root(code, new.hex(), added)

        self._shipments.timeline.at(since_ms + 20 * DAY_MS, revoke)
