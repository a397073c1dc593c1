"""Records of the scheme itself and of the ledger: events, decisions, proceedings, submissions."""

import msgspec

from kpledger.base.record import Record
from kpledger.scheme.v1.events.decisions import Procedure
from kpledger.scheme.v1.events.life import BodyKind, FollowUpStatus
from kpledger.scheme.v1.lifecycles.proceeding import ProceedingState
from kpledger.scheme.v1.subjects import Subject


class EventRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an event stands; its existence makes submitting twice harmless, for ever."""

    index: int
    """Leaf position in the tree, 0-based."""
    height: int
    """Block that holds it."""
    type: str
    participant: str
    """Its author's participant, or ``KPCS``."""
    authority: str
    """Its author's office."""
    subject: str


class DecisionRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision of the scheme."""

    decision: str
    title: str
    document: bytes
    procedure: Procedure
    decided_on: str
    supports: tuple[str, ...]
    recorded_at: int
    """Block time."""


class SchemeRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who presides over the scheme."""

    chair: str | None
    """The participant in the chair; unknown until the first hand-over."""
    vice_chair: str | None
    year: int | None
    key: bytes
    """The Chair's key."""


class RecommendationStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recommendation of a review and how far it was followed."""

    name: str
    due_on: str | None
    status: FollowUpStatus


class ProceedingRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the scheme does in several steps (:mod:`kpledger.scheme.v1.lifecycles.proceeding`)."""

    subject: str
    kind: Subject
    state: ProceedingState
    head: bytes
    """Id of the newest event on it: the optimistic lock."""
    participant: str
    """Whom it concerns; ``KPCS`` for meetings, the claimed issuer of a suspect certificate."""
    opened_by: str
    """Author's participant."""
    opened_at: int
    """Block time."""
    title: str
    """In a few words, for lists."""
    due_on: str | None
    """When its next step is due."""
    documents: tuple[bytes, ...]
    """Hashes of what was filed, in order."""
    recommendations: tuple[RecommendationStatus, ...]


class ReportRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An annual report: its editions, in order of filing."""

    participant: str
    year: int
    documents: tuple[bytes, ...]
    filed_at: tuple[int, ...]
    """Block times."""


class BodyRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A working group or committee."""

    name: str
    title: str
    kind: BodyKind
    chair: str
    members: tuple[str, ...]
    observers: tuple[str, ...]
    dissolved: bool


class EditionRecorded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One edition of submitted statistics."""

    edition: int
    event: bytes
    recorded_at: int


class SubmissionRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The editions that a participant submitted for one series and period, in order."""

    participant: str
    kind: Subject
    """TRADE, PRODUCTION or COUNTS."""
    period: str
    editions: tuple[EditionRecorded, ...]


class CorrectionRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That an event was corrected, and by which events, in order."""

    corrections: tuple[bytes, ...]


SCHEME_KEY = b"scheme/kpcs"
"""The key of the one scheme record."""
