"""E5, E6 and E9: the subject of an event, its state, and the event its author saw last.

The subject is what the body speaks of (:mod:`kpledger.scheme.v1.subjects`). Events on a certificate
or a case find theirs on the ledger, as do the later steps of a proceeding.
"""

import re
from typing import Final

from kpledger.base.ids import KPCS
from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals, on_certificate
from kpledger.scheme.v1.events import decisions as d, governance as g, life, statistics
from kpledger.scheme.v1.events.certificate import CertificateIssued, CertificateReplaced
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    CaseOpened,
    ImportConfirmed,
    ImportConfirmedDiscrepant,
    ShipmentDetained,
    SuspectReported,
)
from kpledger.scheme.v1.ids import CHAIR, MAX_SHORT_NAME_CHARS, SHORT_NAME_PATTERN
from kpledger.scheme.v1.lifecycles import CASE_TRANSITIONS, OPENS_CASE, TRANSITIONS
from kpledger.scheme.v1.records import CaseRecord, CertificateRecord
from kpledger.scheme.v1.rules.values import tell_unseen
from kpledger.scheme.v1.subjects import Subject

_PRESENTED: Final = (ArrivalRecorded.TYPE, ShipmentDetained.TYPE)
"""What may happen to a closed certificate all the same: a further shipment under it (a case)."""

SUBJECTS: Final[dict[type[Body], str]] = {
    CertificateIssued: "{certificate.number}",
    ImportConfirmed: "{number}",
    ImportConfirmedDiscrepant: "{number}",
    g.ParticipantAdmitted: "{code}",
    g.ParticipantStatusChanged: "{code}",
    g.AuthorityRegistered: "{author}/{authority}",
    g.AuthorityClosed: "{author}/{authority}",
    g.KeyAdded: "{key}",
    g.KeyRotated: "{old}",
    g.KeyRevoked: "{key}",
    g.ParticipantRecovered: "{code}",
    g.ChairRecovered: f"{KPCS}/{CHAIR}",
    g.NumberRangeAllocated: "{author}/{authority}",
    g.NumberRangeRetired: "{author}/{authority}",
    g.CertificateFormatNotified: "{author}",
    d.DecisionRecorded: f"{KPCS}/{Subject.DECISION}/{{decision}}",
    d.PositionTaken: f"{KPCS}/{Subject.DECISION}/{{decision}}",
    d.ChairRotated: f"{KPCS}/{CHAIR}",
    d.ViceChairElected: f"{KPCS}/{CHAIR}",
    d.PolicySet: f"{{participant}}/{Subject.POLICY}",
    d.RulesActivated: f"{KPCS}/{Subject.RULES}",
    d.RestrictionSet: f"{{participant}}/{Subject.RESTRICTION}/{{restriction}}",
    d.RestrictionLifted: f"{{participant}}/{Subject.RESTRICTION}/{{restriction}}",
    d.ShipmentApproved: "{number}",
    d.ShipmentDeclined: "{number}",
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


def check_subject(context: Context) -> Refusals:
    """E5: the subject is what the body is about."""
    expected = subject_of(context.author[0], context.event.body)
    if expected not in (None, context.subject):
        yield Refusal(Rule.E5, "subject", f"{context.subject} is not the subject", str(expected))


def check_name(context: Context) -> Refusals:
    """E5: what is opened here stands under whom it concerns, with a name of its own."""
    body = context.event.body
    stem = _spell(OPENED[type(body)], context.author[0], body)
    name = context.subject.removeprefix(stem)
    sound = len(name) <= MAX_SHORT_NAME_CHARS and re.match(SHORT_NAME_PATTERN, name) is not None
    if not sound or not context.subject.startswith(stem):
        accepted = f"{stem}<name>, the name in lower-case letters and digits joined by hyphens"
        yield Refusal(Rule.E5, "subject", f"{context.subject} is not the subject", accepted)


def check_transition(context: Context) -> Refusals:
    """E6: the certificate or case exists, and its state allows this event."""
    record = shipment(context)
    if record is None:
        problem = f"there is no certificate or case {context.subject}"
        accepted = "the number of a certificate on the ledger, or a case"
        yield Refusal(Rule.E6, "subject", problem, accepted)
    elif (name := context.event.header.type) not in (steps := _steps(record)):
        problem = f"{context.subject} is {record.state}, and no {name} can follow"
        accepted = ", ".join(steps) or "nothing: its life is closed"
        yield Refusal(Rule.E6, "type", problem, accepted)


def shipment(context: Context) -> CertificateRecord | CaseRecord | None:
    """Give the certificate or case that an event is about."""
    return context.certificate(context.subject) or context.case(context.subject)


def _steps(record: CertificateRecord | CaseRecord) -> tuple[str, ...]:
    if isinstance(record, CaseRecord):
        return tuple(CASE_TRANSITIONS[record.state])
    opening = _PRESENTED if record.state in OPENS_CASE else ()
    return (*TRANSITIONS[record.state], *opening)


def is_closed(record: CertificateRecord | CaseRecord) -> bool:
    """Tell whether nothing can follow, but a case for a further shipment."""
    if isinstance(record, CaseRecord):
        return not CASE_TRANSITIONS[record.state]
    return not TRANSITIONS[record.state]


def check_prev(context: Context) -> Refusals:
    """E6: the author has seen the newest event on the certificate or case (optimistic lock)."""
    record, prev = shipment(context), context.event.header.prev
    if record is not None and prev != record.head:
        yield Refusal(Rule.E6, "prev", tell_unseen(prev, context.subject), record.head.hex())


@on_certificate
def check_lost(_context: Context, record: CertificateRecord) -> Refusals:
    """E6: only what was reported lost is found."""
    if not record.lost:
        problem = f"{record.number} is {record.state} and was not reported lost"
        yield Refusal(Rule.E6, "type", problem, "a certificate that is lost")


def check_first(context: Context) -> Refusals:
    """E6: the first event on its subject names none before it."""
    prev = context.event.header.prev
    if prev is not None:
        problem = f"{prev.hex()} is named, but this is the first event on its subject"
        yield Refusal(Rule.E6, "prev", problem, "null")


def check_replacement(context: Context) -> Refusals:
    """E9: the new certificate has a number of its own.

    Old and new are one event, so they change together; a chain of replacements cannot close to a
    ring because the new number was never used (E3).
    """
    number = context.body(CertificateReplaced).certificate.number
    if number == context.subject:
        problem = f"{number} cannot replace itself"
        accepted = "a number that has never been used"
        yield Refusal(Rule.E9, "body.certificate.number", problem, accepted)
