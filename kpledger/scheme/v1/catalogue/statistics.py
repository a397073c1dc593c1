"""Rows of group S: what participants submit, and questions about it."""

from typing import Final

from kpledger.scheme.event import Body
from kpledger.scheme.v1.context import Check
from kpledger.scheme.v1.effects import life, statistics as effects
from kpledger.scheme.v1.events import statistics as events
from kpledger.scheme.v1.row import Row
from kpledger.scheme.v1.rules import filings, proceedings, standing, subject, succession
from kpledger.scheme.v1.rules.authorship import AuthorKind

_SUBMIT: Final[tuple[Check, ...]] = (
    subject.check_subject,
    succession.check_first,
    standing.check_member,
    filings.check_submitter,
)
_STATISTICIAN: Final = (AuthorKind.STATISTICS_OFFICE, AuthorKind.PARTICIPANT_ROOT)

STATISTICS_ROWS: Final[dict[type[Body], Row]] = {
    events.TradeStatisticsSubmitted: Row(
        _STATISTICIAN, (*_SUBMIT, filings.check_trade_statistics), effects.submit_trade
    ),
    events.ProductionStatisticsSubmitted: Row(
        _STATISTICIAN, (*_SUBMIT, filings.check_production), effects.submit_production
    ),
    events.CountStatisticsSubmitted: Row(
        _STATISTICIAN, (*_SUBMIT, filings.check_counts), effects.submit_counts
    ),
    events.AnomalyQuestioned: Row(
        (AuthorKind.SECRETARIAT, AuthorKind.SCHEME_STATISTICS),
        (
            subject.check_name,
            proceedings.check_step,
            proceedings.check_question,
        ),
        life.open_proceeding,
    ),
    events.AnomalyAnswered: Row(
        _STATISTICIAN,
        (
            standing.check_member,
            proceedings.check_step,
            proceedings.check_concerned,
            proceedings.check_answer,
        ),
        life.proceed,
    ),
}
