"""Returns: the statistics that participants submit (KPCS Annex III), and their annual reports.

Production is the published one: each half-year has the part that its exports have in the year's, so
nobody exports more than it has mined by then. Trade and counts come from the expected.
"""

import hashlib
from functools import partial
from random import Random
from typing import Final

from lab.year.days import HALF_YEARS, QUARTERS, YEAR, at, draw_working_ms
from lab.year.expected import ExpectedTrade
from lab.year.flows import Flows
from lab.year.office import REMARK
from lab.year.participants import STATISTICS, Participants
from lab.year.shares import divide
from lab.year.signer import Signer
from lab.year.timeline import Action, Timeline

from kpledger.base.units import DAY_MS
from kpledger.scheme.v1.events.life import AnnualReportFiled
from kpledger.scheme.v1.events.statistics import (
    CountStatisticsSubmitted,
    ProductionStatisticsSubmitted,
    TradeRow,
    TradeStatisticsSubmitted,
)
from kpledger.scheme.v1.subjects import Subject, subject_under

_FIRST_DAYS: Final = 20
_LAST_DAYS: Final = 50
"""Returns are made so many days after their period; they are due after two months."""

_Submission = CountStatisticsSubmitted | ProductionStatisticsSubmitted | TradeStatisticsSubmitted
_AFTER: Final = (f"{YEAR}-04-01", f"{YEAR}-07-01", f"{YEAR}-10-01", f"{YEAR + 1}-01-01")


class Returns:
    """Makes the appointments of everybody's returns.

    Attributes:
        falsified: by code and quarter, the part of the true trade that is submitted, in per mille;
            planted.
    """

    def __init__(
        self, participants: Participants, signer: Signer, timeline: Timeline, chance: Random
    ) -> None:
        """Submit for everybody in the participants."""
        self._participants = participants
        self._signer = signer
        self._timeline = timeline
        self._chance = chance
        self.falsified: dict[tuple[str, str], int] = {}

    def schedule(self, expected: ExpectedTrade, flows: Flows) -> None:
        """Make every appointment."""
        for quarter, after in zip(QUARTERS, _AFTER, strict=True):
            for code in self._participants.codes:
                self._at_due(
                    after,
                    partial(self._submit_trade, expected, code, quarter),
                )
        for code in self._participants.codes:
            if self._participants.tables.participants[code].is_producer or code in flows.production:
                self._schedule_production(code, flows)
            self._timeline.at(
                draw_working_ms(self._chance, at(f"{YEAR + 1}-02-01"), at(f"{YEAR + 1}-03-24")),
                partial(self._report, code),
            )

    def _at_due(self, after: str, action: Action) -> None:
        begin = at(after, 0)
        time_ms = draw_working_ms(
            self._chance, begin + _FIRST_DAYS * DAY_MS, begin + _LAST_DAYS * DAY_MS
        )
        self._timeline.at(time_ms, action)

    def _submit_trade(self, expected: ExpectedTrade, code: str, quarter: str) -> None:
        rows = expected.trade_rows(code, quarter)
        part = self.falsified.get((code, quarter))
        if part is not None:
            rows = tuple(_shrink(row, part) for row in rows)
        self._write(
            code,
            subject_under(code, Subject.TRADE, quarter),
            TradeStatisticsSubmitted(quarter=quarter, edition=1, rows=rows, remarks=REMARK),
        )
        counts = expected.count_rows(code, quarter)
        self._write(
            code,
            subject_under(code, Subject.COUNTS, quarter),
            CountStatisticsSubmitted(quarter=quarter, edition=1, rows=counts, remarks=REMARK),
        )

    def _schedule_production(self, code: str, flows: Flows) -> None:
        amount = flows.production.get(code)
        weights = flows.exported.get(code, [0, 0])
        if sum(weights) == 0:
            weights = [1, 1]
        carats = divide(amount.carat_thousandths if amount else 0, weights)
        values = divide(amount.value_usd_cents if amount else 0, weights)
        for half_year, after, carat, value in zip(
            HALF_YEARS, _AFTER[1::2], carats, values, strict=True
        ):
            body = ProductionStatisticsSubmitted(
                half_year=half_year,
                edition=1,
                carat_thousandths=carat,
                value_usd_cents=value,
                remarks=REMARK,
            )
            subject = subject_under(code, Subject.PRODUCTION, half_year)
            self._at_due(after, partial(self._write, code, subject, body))

    def _report(self, code: str) -> None:
        document = hashlib.sha256(f"SYNTHETIC report of {code}".encode()).digest()
        body = AnnualReportFiled(year=YEAR, document=document, remarks=REMARK)
        self._signer.root(code, subject_under(code, Subject.REPORT, str(YEAR)), body)

    def _write(self, code: str, subject: str, body: _Submission) -> None:
        keys = self._signer.officers(code, STATISTICS)
        self._signer.write((code, STATISTICS), subject, body, keys)


def _shrink(row: TradeRow, per_mille: int) -> TradeRow:
    return TradeRow(
        flow=row.flow,
        partner=row.partner,
        origin=row.origin,
        hs=row.hs,
        carat_thousandths=row.carat_thousandths * per_mille // 1000,
        value_usd_cents=row.value_usd_cents * per_mille // 1000,
    )
