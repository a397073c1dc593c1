"""What is put on file: annual reports, statistics, and who sits in the bodies of the scheme.

E1, E5 and E6. A further report or table is an edition: it stands beside the one before.
"""

from collections.abc import Sequence

from kpledger.base.ids import KPCS
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.events import statistics as events
from kpledger.scheme.v1.events.governance import AuthorityRole
from kpledger.scheme.v1.events.life import AnnualReportFiled, BodyComposed
from kpledger.scheme.v1.ids import COUNTRIES, ROOT
from kpledger.scheme.v1.records import BodyRecord, ReportRecord, SubmissionRecord
from kpledger.scheme.v1.rules.values import check_ascending, check_begun, check_known
from kpledger.scheme.v1.subjects import Subject
from kpledger.scheme.v1.territories import tell_home

MAX_REPORTS = 100
"""How often an annual report may be filed."""


def check_annual_report(context: Context) -> Refusals:
    """E5: an annual report is about a year that has begun."""
    year = context.body(AnnualReportFiled).year
    count = len(report_of(context, year).documents)
    if count >= MAX_REPORTS:
        problem = f"the report for {year} has been filed {count} times"
        yield Refusal(Rule.E6, "body.year", problem, f"at most {MAX_REPORTS} times")
    yield from check_begun(context, "body.year", str(year))


def report_of(context: Context, year: int) -> ReportRecord:
    """Read the editions of the author's annual report; empty when none was filed."""
    code = context.author[0]
    empty = ReportRecord(participant=code, year=year, documents=(), filed_at=(), heights=())
    return context.read_or(empty, code, year)


def check_submitter(context: Context) -> Refusals:
    """E1: a participant's root submits statistics only where it has no office for them."""
    code, authority = context.author
    participant = context.participant(code)
    offices = 0 if participant is None else participant.statistics_offices
    if authority == ROOT and offices > 0:
        problem = f"{code} has these open offices with the role STATISTICS: {offices}"
        yield Refusal(Rule.E1, "author", problem, "one of these offices")


def check_trade_statistics(context: Context) -> Refusals:
    """E5, E6: a trade table is the next edition, its rows in order, its countries known."""
    body = context.body(events.TradeStatisticsSubmitted)
    yield from _check_edition(context, "body.quarter", body.edition)
    keys = [f"{row.flow}/{row.partner}/{row.origin}/{row.hs}" for row in body.rows]
    yield from check_ascending(keys, "body.rows")
    yield from _check_partners(context, [row.partner for row in body.rows])
    for position, row in enumerate(body.rows):
        if row.origin and row.origin not in COUNTRIES:
            problem = f"there is no country {row.origin}"
            accepted = "ISO 3166-1 alpha-2, or empty for mixed origin"
            yield Refusal(Rule.E5, f"body.rows[{position}].origin", problem, accepted)


def check_production(context: Context) -> Refusals:
    """E5, E6: a production figure is of a half-year that has begun, and the next edition."""
    edition = context.body(events.ProductionStatisticsSubmitted).edition
    yield from _check_edition(context, "body.half_year", edition)


def check_counts(context: Context) -> Refusals:
    """E5, E6: a table of counts is the next edition, its rows in order."""
    body = context.body(events.CountStatisticsSubmitted)
    partners = [row.partner for row in body.rows]
    yield from _check_edition(context, "body.quarter", body.edition)
    yield from check_ascending(partners, "body.rows")
    yield from _check_partners(context, partners)


def submission_of(context: Context) -> SubmissionRecord:
    """Read the editions of what is submitted here, for its period; empty before the first."""
    body = context.event.body
    match body:
        case events.TradeStatisticsSubmitted():
            kind, period = Subject.TRADE, body.quarter
        case events.CountStatisticsSubmitted():
            kind, period = Subject.COUNTS, body.quarter
        case _:
            half_year = context.body(events.ProductionStatisticsSubmitted).half_year
            kind, period = Subject.PRODUCTION, half_year
    code = context.author[0]
    empty = SubmissionRecord(participant=code, kind=kind, period=period, editions=())
    return context.read_or(empty, code, kind, period)


def _check_edition(context: Context, field: str, edition: int) -> Refusals:
    before = submission_of(context)
    yield from check_begun(context, field, before.period)
    last = len(before.editions)
    if edition != last + 1:
        problem = (
            f"edition {edition} of {before.kind} {before.period} does not follow edition {last}"
        )
        yield Refusal(Rule.E6, "body.edition", problem, str(last + 1))


def _check_partners(context: Context, partners: Sequence[str]) -> Refusals:
    for position, partner in enumerate(partners):
        field = f"body.rows[{position}].partner"
        if partner == context.author[0]:
            yield Refusal(Rule.E5, field, f"{partner} trades with itself", "another participant")
        home = context.home_of(partner)
        if home != partner and context.participant(home) is not None:
            problem = f"{partner} is not a participant{tell_home(partner)}"
            yield Refusal(Rule.E5, field, problem, home)
        elif partner not in COUNTRIES and context.participant(partner) is None:
            problem = f"there is no participant or country {partner}"
            yield Refusal(Rule.E5, field, problem, "a participant, or ISO 3166-1 alpha-2")


def check_body(context: Context) -> Refusals:
    """E5: a body has members, its chair among them; E6: what is dissolved was there."""
    body = context.body(BodyComposed)
    yield from check_known(context, body.members, "body.members")
    yield from check_ascending(body.observers, "body.observers")
    if body.chair not in body.members:
        problem = f"{body.chair} is not a member"
        yield Refusal(Rule.E5, "body.chair", problem, " or ".join(body.members) or "a member")
    for name in body.observers:
        if not body.dissolved and not context.is_open(KPCS, name, AuthorityRole.OBSERVER):
            problem = f"{KPCS}/{name} is not a registered observer"
            yield Refusal(Rule.E5, "body.observers", problem, "registered observers")
    known = context.read(BodyRecord, body.name)
    if body.dissolved and (known is None or known.dissolved):
        problem = f"there is no body {body.name}"
        yield Refusal(Rule.E6, "body.dissolved", problem, "an existing body, or false")
