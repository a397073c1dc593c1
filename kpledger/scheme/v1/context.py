"""What a rule may look at: the event, the state before it, and block time. Nothing else exists."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from kpledger.base.errors import LedgerError
from kpledger.base.state import ChangeSet
from kpledger.scheme.event import Body, SignedEvent
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.place import EventPlace
from kpledger.scheme.v1.policy import Policy, resolve_policy
from kpledger.scheme.v1.records import (
    SCHEME_KEY,
    ApprovalRecord,
    AuthorityRecord,
    BodyRecord,
    CaseRecord,
    CertificateRecord,
    CorrectionRecord,
    DecisionRecord,
    EventRecord,
    FormatsRecord,
    KeyRecord,
    ParticipantRecord,
    PolicyRecord,
    ProceedingRecord,
    RangesRecord,
    ReportRecord,
    Restriction,
    RestrictionsRecord,
    SchemeRecord,
    SubmissionRecord,
    approval_key,
    authority_key,
    body_key,
    case_key,
    certificate_key,
    correction_key,
    decision_key,
    event_key,
    formats_key,
    key_key,
    participant_key,
    policy_key,
    proceeding_key,
    ranges_key,
    report_key,
    restrictions_key,
    submission_key,
)
from kpledger.scheme.v1.subjects import Subject
from kpledger.scheme.version import RULES_KEY, RulesRecord

B = TypeVar("B", bound=Body)


class CatalogueError(LedgerError):
    """The catalogue pairs an event type with a rule that was written for another."""


class Context(msgspec.Struct, frozen=True):
    """One event at its place."""

    event: SignedEvent
    state: ChangeSet
    at: EventPlace

    def body(self, kind: type[B]) -> B:
        """Give the body as what the catalogue says it is.

        Raises:
            CatalogueError: the catalogue is wrong; no input can cause it.
        """
        body = self.event.body
        if not isinstance(body, kind):
            raise CatalogueError(f"a rule for {kind.TYPE} was given {self.event.header.type}")
        return body

    @property
    def author(self) -> tuple[str, str]:
        """The author's participant and authority."""
        author = self.event.header.author
        return author.participant, author.authority

    @property
    def subject(self) -> str:
        """What the event is about."""
        return self.event.header.subject

    def policy(self, code: str | None = None) -> Policy:
        """Give what holds now for a participant, or for the scheme.

        Raises:
            CatalogueError: the state was not founded by a genesis file.
        """
        network = self.state.read(policy_key(None), PolicyRecord)
        if network is None:
            raise CatalogueError("the state has no policy record")
        own = None if code is None else self.state.read(policy_key(code), PolicyRecord)
        return resolve_policy(network, own, self.at.now_ms)

    def participant(self, code: str) -> ParticipantRecord | None:
        """Read a participant."""
        return self.state.read(participant_key(code), ParticipantRecord)

    def authority(self, participant: str, authority: str) -> AuthorityRecord | None:
        """Read an office."""
        return self.state.read(authority_key(participant, authority), AuthorityRecord)

    def key(self, public_key: bytes) -> KeyRecord | None:
        """Read a key record."""
        return self.state.read(key_key(public_key), KeyRecord)

    def certificate(self, number: str) -> CertificateRecord | None:
        """Read a certificate."""
        return self.state.read(certificate_key(number), CertificateRecord)

    def ranges(self, participant: str) -> RangesRecord:
        """Read a participant's number ranges; empty when none were allotted."""
        record = self.state.read(ranges_key(participant), RangesRecord)
        return RangesRecord(ranges=()) if record is None else record

    def case(self, case: str) -> CaseRecord | None:
        """Read a case."""
        return self.state.read(case_key(case), CaseRecord)

    def decision(self, decision: str) -> DecisionRecord | None:
        """Read a decision of the scheme."""
        return self.state.read(decision_key(decision), DecisionRecord)

    def earlier(self, event_id: bytes) -> EventRecord | None:
        """Read where an earlier event stands, and whose it is."""
        return self.state.read(event_key(event_id), EventRecord)

    def formats(self, participant: str) -> FormatsRecord:
        """Read what a participant's certificates look like; empty when it was not notified."""
        record = self.state.read(formats_key(participant), FormatsRecord)
        return FormatsRecord(formats=()) if record is None else record

    def proceeding(self, subject: str) -> ProceedingRecord | None:
        """Read a proceeding."""
        return self.state.read(proceeding_key(subject), ProceedingRecord)

    def restrictions(self, participant: str) -> tuple[Restriction, ...]:
        """Read the restrictions that a participant was ever under."""
        record = self.state.read(restrictions_key(participant), RestrictionsRecord)
        return () if record is None else record.restrictions

    def approval(self, number: str, participant: str, restriction: str) -> ApprovalRecord | None:
        """Read what was said to a shipment under a restriction."""
        return self.state.read(approval_key(number, participant, restriction), ApprovalRecord)

    def scheme(self) -> SchemeRecord:
        """Read who presides.

        Raises:
            CatalogueError: the state was not founded by a genesis file.
        """
        record = self.state.read(SCHEME_KEY, SchemeRecord)
        if record is None:
            raise CatalogueError("the state has no scheme record")
        return record

    def rules(self) -> RulesRecord:
        """Read which rules hold for which heights.

        Raises:
            CatalogueError: the state was not founded by a genesis file.
        """
        record = self.state.read(RULES_KEY, RulesRecord)
        if record is None:
            raise CatalogueError("the state has no record of the rules")
        return record

    def policies(self, code: str | None) -> PolicyRecord:
        """Read what was settled for a participant, or for the scheme; empty when nothing was."""
        record = self.state.read(policy_key(code), PolicyRecord)
        return PolicyRecord(history=()) if record is None else record

    def report(self, participant: str, year: int) -> ReportRecord:
        """Read the editions of an annual report; empty when none was filed."""
        record = self.state.read(report_key(participant, year), ReportRecord)
        if record is not None:
            return record
        return ReportRecord(participant=participant, year=year, documents=(), filed_at=())

    def composed(self, name: str) -> BodyRecord | None:
        """Read a working group or committee."""
        return self.state.read(body_key(name), BodyRecord)

    def submission(self, participant: str, kind: Subject, period: str) -> SubmissionRecord:
        """Read the editions of submitted statistics; empty when there are none."""
        key = submission_key(participant, kind, period)
        record = self.state.read(key, SubmissionRecord)
        if record is not None:
            return record
        return SubmissionRecord(participant=participant, kind=kind, period=period, editions=())

    def corrections(self, event_id: bytes) -> CorrectionRecord:
        """Read the corrections of an event; empty when there are none."""
        record = self.state.read(correction_key(event_id), CorrectionRecord)
        return CorrectionRecord(corrections=()) if record is None else record


Check = Callable[[Context], Refusal | None]
"""One rule for one kind of event: a refusal, or None."""

Effect = Callable[[Context], None]
"""Writes what an accepted event changes."""


def refuse(rule: Rule, field: str, problem: str, accepted: str) -> Refusal:
    """Make a refusal; the one spelling that every check uses."""
    return Refusal(rule, field, problem, accepted)
