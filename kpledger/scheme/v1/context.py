"""What a rule may look at: the event, the state before it, and block time. Nothing else exists."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from kpledger.base.errors import LedgerError
from kpledger.base.state import ChangeSet
from kpledger.scheme.event import Body, EventPlace, SignedEvent
from kpledger.scheme.outcome import Refusal, Rule
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
        network = self.state.read(PolicyRecord.key_for("network"), PolicyRecord)
        if network is None:
            raise CatalogueError("the state has no policy record")
        own = self.state.read(PolicyRecord.key_for(code), PolicyRecord) if code else None
        return resolve_policy(network, own, self.at.now_ms)

    def participant(self, code: str) -> ParticipantRecord | None:
        """Read a participant."""
        return self.state.read(ParticipantRecord.key_for(code), ParticipantRecord)

    def authority(self, participant: str, authority: str) -> AuthorityRecord | None:
        """Read an office."""
        return self.state.read(AuthorityRecord.key_for(participant, authority), AuthorityRecord)

    def key(self, public_key: bytes) -> KeyRecord | None:
        """Read a key record."""
        return self.state.read(KeyRecord.key_for(public_key), KeyRecord)

    def certificate(self, number: str) -> CertificateRecord | None:
        """Read a certificate."""
        return self.state.read(CertificateRecord.key_for(number), CertificateRecord)

    def ranges(self, participant: str) -> RangesRecord:
        """Read a participant's number ranges; empty when none were allotted."""
        record = self.state.read(RangesRecord.key_for(participant), RangesRecord)
        return RangesRecord(ranges=()) if record is None else record

    def case(self, case: str) -> CaseRecord | None:
        """Read a case."""
        return self.state.read(CaseRecord.key_for(case), CaseRecord)

    def decision(self, decision: str) -> DecisionRecord | None:
        """Read a decision of the scheme."""
        return self.state.read(DecisionRecord.key_for(decision), DecisionRecord)

    def earlier(self, event_id: bytes) -> EventRecord | None:
        """Read where an earlier event stands, and whose it is."""
        return self.state.read(EventRecord.key_for(event_id), EventRecord)

    def formats(self, participant: str) -> FormatsRecord:
        """Read what a participant's certificates look like; empty when it was not notified."""
        record = self.state.read(FormatsRecord.key_for(participant), FormatsRecord)
        return FormatsRecord(formats=()) if record is None else record

    def proceeding(self, subject: str) -> ProceedingRecord | None:
        """Read a proceeding."""
        return self.state.read(ProceedingRecord.key_for(subject), ProceedingRecord)

    def restrictions(self, participant: str) -> tuple[Restriction, ...]:
        """Read the restrictions that a participant was ever under."""
        record = self.state.read(RestrictionsRecord.key_for(participant), RestrictionsRecord)
        return () if record is None else record.restrictions

    def approval(self, number: str, participant: str, restriction: str) -> ApprovalRecord | None:
        """Read what was said to a shipment under a restriction."""
        return self.state.read(
            ApprovalRecord.key_for(number, participant, restriction), ApprovalRecord
        )

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
        record = self.state.read(PolicyRecord.key_for(code or "network"), PolicyRecord)
        return PolicyRecord(history=()) if record is None else record

    def report(self, participant: str, year: int) -> ReportRecord:
        """Read the editions of an annual report; empty when none was filed."""
        record = self.state.read(ReportRecord.key_for(participant, year), ReportRecord)
        if record is not None:
            return record
        return ReportRecord(participant=participant, year=year, documents=(), filed_at=())

    def composed(self, name: str) -> BodyRecord | None:
        """Read a working group or committee."""
        return self.state.read(BodyRecord.key_for(name), BodyRecord)

    def submission(self, participant: str, kind: Subject, period: str) -> SubmissionRecord:
        """Read the editions of submitted statistics; empty when there are none."""
        key = SubmissionRecord.key_for(participant, kind, period)
        record = self.state.read(key, SubmissionRecord)
        if record is not None:
            return record
        return SubmissionRecord(participant=participant, kind=kind, period=period, editions=())

    def corrections(self, event_id: bytes) -> CorrectionRecord:
        """Read the corrections of an event; empty when there are none."""
        record = self.state.read(CorrectionRecord.key_for(event_id), CorrectionRecord)
        return CorrectionRecord(corrections=()) if record is None else record


Check = Callable[[Context], Refusal | None]
"""One rule for one kind of event: a refusal, or None."""

Effect = Callable[[Context], None]
"""Writes what an accepted event changes."""


def refuse(rule: Rule, field: str, problem: str, accepted: str) -> Refusal:
    """Make a refusal; the one spelling that every check uses."""
    return Refusal(rule, field, problem, accepted)
