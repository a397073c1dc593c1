"""What is put on file: annual reports, statistics, and who sits in the bodies of the scheme.

E1, E5 and E6. A further report or table is an edition: it stands beside the one before.
"""

from collections.abc import Sequence

from kpledger.base.ids import KPCS
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.countries import COUNTRIES
from kpledger.scheme.v1.days import check_begun
from kpledger.scheme.v1.events import statistics as events
from kpledger.scheme.v1.events.life import AnnualReportFiled, BodyComposed
from kpledger.scheme.v1.ids import ROOT
from kpledger.scheme.v1.lists import check_ascending, check_known
from kpledger.scheme.v1.rules.governance import is_observer
from kpledger.scheme.v1.subjects import Subject

MAX_REPORTS = 100
"""How often an annual report may be filed."""


def check_annual_report(context: Context) -> Refusal | None:
    """E5: an annual report is about a year that has begun."""
    body = context.body(AnnualReportFiled)
    count = len(context.report(context.author[0], body.year).documents)
    if count >= MAX_REPORTS:
        problem = f"the report for {body.year} has been filed {count} times"
        return refuse(Rule.E6, "body.year", problem, f"at most {MAX_REPORTS} times")
    return check_begun(context, "body.year", str(body.year))


def check_submitter(context: Context) -> Refusal | None:
    """E1: a participant's root submits statistics only where it has no office for them."""
    code, authority = context.author
    participant = context.participant(code)
    offices = 0 if participant is None else participant.statistics_offices
    if authority != ROOT or offices == 0:
        return None
    problem = f"{code} has these open offices with the role STATISTICS: {offices}"
    return refuse(Rule.E1, "author", problem, "one of these offices")


def check_trade_statistics(context: Context) -> Refusal | None:
    """E5, E6: a trade table is the next edition, its rows in order, its countries known."""
    body = context.body(events.TradeStatisticsSubmitted)
    keys = [f"{row.flow}/{row.partner}/{row.origin}/{row.hs}" for row in body.rows]
    refusal = (
        check_begun(context, "body.quarter", body.quarter)
        or _check_edition(context, Subject.TRADE, body.quarter, body.edition)
        or check_ascending(keys, "body.rows")
        or _check_partners(context, [row.partner for row in body.rows])
    )
    if refusal is not None:
        return refusal
    for position, row in enumerate(body.rows):
        if row.origin and row.origin not in COUNTRIES:
            problem = f"there is no country {row.origin}"
            accepted = "ISO 3166-1 alpha-2, or empty for mixed origin"
            return refuse(Rule.E5, f"body.rows[{position}].origin", problem, accepted)
    return None


def check_production(context: Context) -> Refusal | None:
    """E5, E6: a production figure is of a half-year that has begun, and the next edition."""
    body = context.body(events.ProductionStatisticsSubmitted)
    return check_begun(context, "body.half_year", body.half_year) or _check_edition(
        context, Subject.PRODUCTION, body.half_year, body.edition
    )


def check_counts(context: Context) -> Refusal | None:
    """E5, E6: a table of counts is the next edition, its rows in order."""
    body = context.body(events.CountStatisticsSubmitted)
    partners = [row.partner for row in body.rows]
    return (
        check_begun(context, "body.quarter", body.quarter)
        or _check_edition(context, Subject.COUNTS, body.quarter, body.edition)
        or check_ascending(partners, "body.rows")
        or _check_partners(context, partners)
    )


def _check_edition(context: Context, kind: Subject, period: str, edition: int) -> Refusal | None:
    editions = context.submission(context.author[0], kind, period).editions
    expected = len(editions) + 1
    if edition == expected:
        return None
    problem = f"edition {edition} of {kind} {period} does not follow edition {len(editions)}"
    return refuse(Rule.E6, "body.edition", problem, str(expected))


def _check_partners(context: Context, partners: Sequence[str]) -> Refusal | None:
    for position, partner in enumerate(partners):
        field = f"body.rows[{position}].partner"
        if partner == context.author[0]:
            problem = f"{partner} trades with itself"
            return refuse(Rule.E5, field, problem, "another participant")
        if partner not in COUNTRIES and context.participant(partner) is None:
            problem = f"there is no participant or country {partner}"
            return refuse(Rule.E5, field, problem, "a participant, or ISO 3166-1 alpha-2")
    return None


def check_body(context: Context) -> Refusal | None:
    """E5: a body has members, its chair among them; E6: what is dissolved was there."""
    body = context.body(BodyComposed)
    refusal = check_known(context, body.members, "body.members") or check_ascending(
        body.observers, "body.observers"
    )
    if refusal is not None:
        return refusal
    if body.chair not in body.members:
        problem = f"{body.chair} is not a member"
        return refuse(Rule.E5, "body.chair", problem, " or ".join(body.members) or "a member")
    for name in body.observers:
        if not body.dissolved and not is_observer(context, name):
            problem = f"{KPCS}/{name} is not a registered observer"
            return refuse(Rule.E5, "body.observers", problem, "registered observers")
    known = context.composed(body.name)
    if body.dissolved and (known is None or known.dissolved):
        problem = f"there is no body {body.name}"
        return refuse(Rule.E6, "body.dissolved", problem, "an existing body, or false")
    return None
