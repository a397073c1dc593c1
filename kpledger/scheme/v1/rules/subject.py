"""E5: the subject of an event is what its body speaks of (:mod:`kpledger.scheme.v1.subjects`).

Events on a certificate or a case find their subject on the ledger; it is not looked at here, nor is
that of the later steps of a proceeding.
"""

import re
from typing import Final

from kpledger.base.ids import KPCS
from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.events import (
    decisions as d,
    governance as g,
    life,
    restrictions,
    statistics,
)
from kpledger.scheme.v1.events.importing import CaseOpened, SuspectReported
from kpledger.scheme.v1.ids import CHAIR, MAX_SHORT_NAME_CHARS, SHORT_NAME_PATTERN
from kpledger.scheme.v1.subjects import Subject

SUBJECTS: Final[dict[type[Body], str]] = {
    g.ParticipantAdmitted: "{code}",
    g.ParticipantStatusChanged: "{code}",
    g.AuthorityRegistered: "{author}/{authority}",
    g.AuthorityClosed: "{author}/{authority}",
    g.KeyAdded: "{key}",
    g.KeyRotated: "{old}",
    g.KeyRevoked: "{key}",
    g.NumberRangeAllocated: "{author}/{authority}",
    g.NumberRangeRetired: "{author}/{authority}",
    g.CertificateFormatNotified: "{author}",
    d.DecisionRecorded: f"{KPCS}/{Subject.DECISION}/{{decision}}",
    d.ChairRotated: f"{KPCS}/{CHAIR}",
    d.ViceChairElected: f"{KPCS}/{CHAIR}",
    d.PolicySet: f"{{participant}}/{Subject.POLICY}",
    d.RulesActivated: f"{KPCS}/{Subject.RULES}",
    restrictions.RestrictionSet: f"{{participant}}/{Subject.RESTRICTION}/{{restriction}}",
    restrictions.RestrictionLifted: f"{{participant}}/{Subject.RESTRICTION}/{{restriction}}",
    restrictions.ShipmentApproved: "{number}",
    restrictions.ShipmentDeclined: "{number}",
    life.AnnualReportFiled: f"{{author}}/{Subject.REPORT}/{{year}}",
    life.BodyComposed: f"{KPCS}/{Subject.BODY}/{{name}}",
    life.ObserverRegistered: f"{KPCS}/{{observer}}",
    life.ObserverWithdrawn: f"{KPCS}/{{observer}}",
    statistics.TradeStatisticsSubmitted: f"{{author}}/{Subject.TRADE}/{{quarter}}",
    statistics.ProductionStatisticsSubmitted: f"{{author}}/{Subject.PRODUCTION}/{{half_year}}",
    statistics.CountStatisticsSubmitted: f"{{author}}/{Subject.COUNTS}/{{quarter}}",
}
"""How a subject is spelled from the author's participant and fields of the body; a field that is
null stands for the scheme."""

OPENED: Final[dict[type[Body], str]] = {
    life.ReviewRequested: f"{{participant}}/{Subject.REVIEW}/",
    life.MeetingAnnounced: f"{KPCS}/{Subject.MEETING}/",
    life.ConcernRaised: f"{{participant}}/{Subject.CONCERN}/",
    statistics.AnomalyQuestioned: f"{{participant}}/{Subject.ANOMALY}/",
    SuspectReported: f"{{author}}/{Subject.SUSPECT}/",
    CaseOpened: f"{{author}}/{Subject.CASE}/",
}
"""Likewise what stands before the name that an author gives a proceeding or a case it opens."""


def subject_of(author: str, body: Body) -> str | None:
    """Give what a statement of a participant is about; None where body and author do not say it."""
    template = SUBJECTS.get(type(body))
    return None if template is None else _spell(template, author, body)


def _spell(template: str, author: str, body: Body) -> str:
    fields = {name: _write(getattr(body, name)) for name in body.__struct_fields__}
    return template.format(author=author, **fields)


def _write(value: object) -> object:
    if value is None:
        return KPCS
    return value.hex() if isinstance(value, bytes) else value


def check_subject(context: Context) -> Refusal | None:
    """E5: the subject is what the body speaks of."""
    expected = subject_of(context.author[0], context.event.body)
    if expected is None or context.subject == expected:
        return None
    return refuse(Rule.E5, "subject", f"{context.subject} is not the subject", expected)


def check_name(context: Context) -> Refusal | None:
    """E5: what is opened here stands under whom it concerns, with a name of its own."""
    template = OPENED.get(type(context.event.body))
    if template is None:
        return None
    stem = _spell(template, context.author[0], context.event.body)
    name = context.subject.removeprefix(stem)
    sound = len(name) <= MAX_SHORT_NAME_CHARS and re.match(SHORT_NAME_PATTERN, name) is not None
    if context.subject.startswith(stem) and sound:
        return None
    accepted = f"{stem}<name>, the name in lower-case letters and digits joined by hyphens"
    return refuse(Rule.E5, "subject", f"{context.subject} is not the subject", accepted)
