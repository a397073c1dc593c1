"""What the ledger knows about any subject: what kind of thing it is, where it stands, its head.

Whoever makes an event on a certificate, a case or a proceeding has to name its head; whoever wants
to look something up names it as the events do (:mod:`kpledger.scheme.v1.subjects`).
"""

import re
from typing import Final

import msgspec

from kpledger.base.ids import HexDigest
from kpledger.base.state import Record
from kpledger.books.database import Books
from kpledger.books.query import Query, encode_answer
from kpledger.books.question import Question, SubjectName
from kpledger.scheme.v1.measures import Restriction
from kpledger.scheme.v1.records import (
    AuthorityRecord,
    BodyRecord,
    CaseRecord,
    CertificateRecord,
    DecisionRecord,
    KeyRecord,
    ParticipantRecord,
    PolicyRecord,
    ProceedingRecord,
    ReportRecord,
    RestrictionsRecord,
    SchemeRecord,
    SubmissionRecord,
)
from kpledger.scheme.version import RulesRecord

MAX_EVENTS: Final = 1000
"""In one answer, the oldest."""
_EVENTS: Final = f"""
SELECT lower(hex(event_id)),
       EXISTS (SELECT 1 FROM suspect_events AS suspect
               WHERE suspect.event_index = events.event_index)
FROM event_subjects JOIN events USING (event_index)
WHERE event_subjects.subject = ?
ORDER BY event_index
LIMIT {MAX_EVENTS}
"""
_PLACES: Final[tuple[tuple[str, str, type[Record], str], ...]] = (
    (r"[A-Z-]+[0-9]+", "certificate", CertificateRecord, r"\g<0>"),
    (r"[A-Z-]+[0-9]+/.+", "case", CaseRecord, r"\g<0>"),
    (r"[A-Z]{2}", "participant", ParticipantRecord, r"\g<0>"),
    (r"[^/]+", "key", KeyRecord, r"\g<0>"),
    (r"KPCS/chair", "chair", SchemeRecord, "kpcs"),
    (r"KPCS/policy", "policy", PolicyRecord, "network"),
    (r"([^/]+)/policy", "policy", PolicyRecord, r"\1"),
    (r"KPCS/rules", "rules", RulesRecord, "versions"),
    (r"[^/]+/(case)/.+", r"\1", CaseRecord, r"\g<0>"),
    (r"[^/]+/(body)/(.+)", r"\1", BodyRecord, r"\2"),
    (r"[^/]+/(decision)/(.+)", r"\1", DecisionRecord, r"\2"),
    (r"([^/]+)/(report)/(.+)", r"\2", ReportRecord, r"\1/\3"),
    (r"([^/]+)/restriction/.+", "restriction", RestrictionsRecord, r"\1"),
    (r"[^/]+/(counts|production|trade)/.+", r"\1", SubmissionRecord, r"\g<0>"),
    (r"[^/]+/(anomaly|concern|meeting|review|suspect)/.+", r"\1", ProceedingRecord, r"\g<0>"),
    (r"[^/]+/[^/]+", "authority", AuthorityRecord, r"\g<0>"),
)
"""How subjects are spelt, what kind of thing each is, and where its record is: which, and what
stands in its key behind the kind of record. The first that fits counts."""


class SubjectQuestion(Question, frozen=True, kw_only=True):
    """Which subject."""

    subject: SubjectName
    """As events name it: ``BW00000042``, ``BW00000042/1``, ``ZW/review/2026-1``."""


class SubjectAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger knows about a subject."""

    subject: str
    kind: str | None
    """``certificate``, ``case``, ``participant``, ``key``, ``authority``, or the word in its path;
    null where there is no record of it."""
    state: str | None
    """Where it stands; null for what has no states."""
    head: HexDigest | None
    """The event that the next one on it has to name as ``prev``; null where none is asked for."""
    record: msgspec.Raw
    """All that is known, as a JSON object; null where there is none."""
    events: tuple[HexDigest, ...]
    """Ids of the events on it, oldest first, and of those on others that changed it, as a recovery
    does that closes an office; the first thousand."""
    suspects: tuple[HexDigest, ...] = ()
    """Those of them that may be a thief's: a recovery names their height or an earlier one, and
    ended their key."""


def _respond(books: Books, question: SubjectQuestion) -> SubjectAnswer:
    subject = question.subject
    kind, record = _find(books, subject)
    state, head = _stand(record, books.time_ms)
    if isinstance(record, KeyRecord) and state == "IN_FORCE" and _is_closed(books, record):
        state = "OFFICE_CLOSED"
    events = books.connection.execute(_EVENTS, (subject,)).fetchall()
    return SubjectAnswer(
        subject=subject,
        kind=None if record is None else kind,
        state=state,
        head=None if head is None else head.hex(),
        record=msgspec.Raw(b"null" if record is None else encode_answer(record)),
        events=tuple(event_id for event_id, _ in events),
        suspects=tuple(event_id for event_id, is_suspect in events if is_suspect),
    )


SUBJECT: Final = Query(
    "subject",
    "What is known about a subject: kind, state, head, record and events",
    _respond,
    is_small=True,
)


def _find(books: Books, subject: str) -> tuple[str, msgspec.Struct | None]:
    """Say what kind of thing a subject is, and give its record, if there is one."""
    for pattern, kind, kind_of_record, name in _PLACES:
        if found := re.fullmatch(pattern, subject):
            record = books.record(kind_of_record.key_for(found.expand(name)), kind_of_record)
            if isinstance(record, RestrictionsRecord):
                return "restriction", _newest(record, subject)
            return found.expand(kind), record
    return "", None


def _newest(record: RestrictionsRecord, subject: str) -> Restriction | None:
    named = [one for one in record.restrictions if subject.endswith(f"/{one.restriction}")]
    return named[-1] if named else None


def _is_closed(books: Books, key: KeyRecord) -> bool:
    """Tell whether the office of a key is closed, which ends what the key may say."""
    name = AuthorityRecord.key_for(key.participant, key.authority)
    office = books.record(name, AuthorityRecord)
    return office is not None and office.closed_at is not None


def _stand(record: msgspec.Struct | None, now_ms: int) -> tuple[str | None, bytes | None]:
    """Say where something stands, and which event is its head."""
    state: str | None = None
    match record:
        case CertificateRecord() | CaseRecord() | ProceedingRecord():
            return record.state, record.head
        case ParticipantRecord():
            state = record.standing_at(now_ms)
        case KeyRecord(revoked_at=None):
            state = "IN_FORCE" if record.valid_from <= now_ms else "NOT_YET_VALID"
        case KeyRecord():
            state = "REVOKED"
        case AuthorityRecord():
            state = "OPEN" if record.closed_at is None else "CLOSED"
        case BodyRecord():
            state = "DISSOLVED" if record.dissolved else "AT_WORK"
        case Restriction(effective_from=begins) if begins > now_ms:
            state = "TO_COME"
        case Restriction():
            state = "HOLDS" if record.holds_at(now_ms) else "ENDED"
    return state, None
