"""What the ledger knows about any subject: what kind of thing it is, where it stands, its head.

Whoever makes an event on a certificate, a case or a proceeding has to name its head; whoever wants
to look something up names it as the events do (:mod:`kpledger.scheme.v1.subjects`).
"""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from kpledger.base.ids import KPCS, PARTICIPANT_PATTERN
from kpledger.base.record import Record
from kpledger.books.database import Books
from kpledger.books.history import read_event_ids
from kpledger.books.query import Query, QuestionError, encode_answer
from kpledger.scheme.v1.ids import NUMBER_PATTERN
from kpledger.scheme.v1.records import (
    SCHEME_KEY,
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
from kpledger.scheme.v1.subjects import Subject
from kpledger.scheme.version import RULES_KEY, RulesRecord

_EVENTS_SHOWN: Final = 1000
_CHAIR: Final = f"{KPCS}/chair"
_YEAR: Final = re.compile(r"[0-9]{1,4}")


class SubjectQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which subject."""

    subject: str = ""
    """As events name it: ``BW00000042``, ``BW00000042/1``, ``ZW/review/2026-1``."""


class SubjectAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger knows about a subject."""

    subject: str
    kind: str | None
    """``certificate``, ``case``, ``participant``, ``key``, ``authority``, or the word in its path;
    null where there is no record of it."""
    state: str | None
    """Where it stands; null for what has no states."""
    head: str | None
    """The event that the next one on it has to name as ``prev``; null where none is asked for."""
    record: msgspec.Raw
    """All that is known, as a JSON object; null where there is none."""
    events: tuple[str, ...]
    """Ids of the events on it, oldest first; the first thousand."""


class _Found(msgspec.Struct, frozen=True):
    kind: str
    record: msgspec.Struct
    state: str | None = None
    head: bytes | None = None


def _respond(books: Books, question: SubjectQuestion) -> SubjectAnswer:
    """Say what is known about a subject.

    Raises:
        QuestionError: no subject is named.
    """
    subject = question.subject
    if not subject:
        raise QuestionError("subject", "none is named", "a subject, as BW00000042 or ZW/policy")
    found = _find(books, subject)
    return SubjectAnswer(
        subject=subject,
        kind=found.kind if found else None,
        state=found.state if found else None,
        head=found.head.hex() if found and found.head else None,
        record=msgspec.Raw(encode_answer(found.record) if found else b"null"),
        events=tuple(read_event_ids(books, subject, limit=_EVENTS_SHOWN)),
    )


SUBJECT: Final = Query(
    path="subject",
    summary="What is known about a subject: kind, state, head, record and events",
    question=SubjectQuestion,
    answer=SubjectAnswer,
    respond=_respond,
)


def _find(books: Books, subject: str) -> _Found | None:
    first, *rest = subject.split("/")
    if not rest:
        return _find_single(books, subject)
    if re.match(NUMBER_PATTERN, first):
        return _find_case(books, subject)
    find = _UNDER.get(rest[0])
    if find is not None and (len(rest) > 1 or rest[0] in _NAMELESS):
        return find(books, first, "/".join(rest[1:]))
    if subject == _CHAIR:
        return _as("chair", books.record(SCHEME_KEY, SchemeRecord))
    if len(rest) == 1:
        return _find_authority(books, first, rest[0])
    return None


def _find_single(books: Books, subject: str) -> _Found | None:
    """Find what is named by one word: a certificate, a participant, a key."""
    if re.match(NUMBER_PATTERN, subject):
        certificate = books.record(CertificateRecord.key_for(subject), CertificateRecord)
        if certificate is None:
            return None
        return _Found("certificate", certificate, certificate.state, certificate.head)
    if re.match(PARTICIPANT_PATTERN, subject):
        participant = books.record(ParticipantRecord.key_for(subject), ParticipantRecord)
        standing = None if participant is None else participant.standing_at(books.time_ms)
        return _as("participant", participant, standing)
    key = books.record(b"key/" + subject.encode(), KeyRecord)
    return _as("key", key, _state_of_key(key, books.time_ms) if key else None)


def _state_of_key(key: KeyRecord, now_ms: int) -> str:
    if key.revoked_at is not None:
        return "REVOKED"
    return "IN_FORCE" if key.valid_from <= now_ms else "NOT_YET_VALID"


def _find_case(books: Books, subject: str) -> _Found | None:
    case = books.record(CaseRecord.key_for(subject), CaseRecord)
    return None if case is None else _Found("case", case, case.state, case.head)


def _find_proceeding(books: Books, subject: str) -> _Found | None:
    found = books.record(ProceedingRecord.key_for(subject), ProceedingRecord)
    return None if found is None else _Found(found.kind, found, found.state, found.head)


def _find_authority(books: Books, participant: str, authority: str) -> _Found | None:
    record = books.record(AuthorityRecord.key_for(participant, authority), AuthorityRecord)
    closed = record is not None and record.closed_at is not None
    return _as("authority", record, "CLOSED" if closed else "OPEN")


def _find_restriction(books: Books, code: str, name: str) -> _Found | None:
    record = books.record(RestrictionsRecord.key_for(code), RestrictionsRecord)
    for one in reversed(record.restrictions if record else ()):
        if one.restriction == name:
            holds = one.holds_at(books.time_ms)
            later = one.effective_from > books.time_ms
            state = "HOLDS" if holds else "TO_COME" if later else "ENDED"
            return _Found("restriction", one, state)
    return None


def _find_report(books: Books, code: str, year: str) -> _Found | None:
    if _YEAR.fullmatch(year) is None:
        return None
    return _as("report", books.record(ReportRecord.key_for(code, int(year)), ReportRecord))


def _find_policy(books: Books, code: str, _name: str) -> _Found | None:
    own = None if code == KPCS else code
    return _as("policy", books.record(PolicyRecord.key_for(own or "network"), PolicyRecord))


def _find_body(books: Books, _code: str, name: str) -> _Found | None:
    body = books.record(BodyRecord.key_for(name), BodyRecord)
    return _as("body", body, "DISSOLVED" if body is not None and body.dissolved else "AT_WORK")


_Find = Callable[[Books, str, str], _Found | None]


def _proceeding(kind: Subject) -> _Find:
    return lambda books, code, name: _find_proceeding(books, f"{code}/{kind}/{name}")


def _submission(kind: Subject) -> _Find:
    return lambda books, code, period: _as(
        kind, books.record(SubmissionRecord.key_for(code, kind, period), SubmissionRecord)
    )


_UNDER: Final[dict[str, _Find]] = {
    Subject.ANOMALY: _proceeding(Subject.ANOMALY),
    Subject.BODY: _find_body,
    Subject.CASE: lambda books, code, name: _find_case(books, f"{code}/case/{name}"),
    Subject.CONCERN: _proceeding(Subject.CONCERN),
    Subject.COUNTS: _submission(Subject.COUNTS),
    Subject.DECISION: lambda books, _, name: _as(
        "decision", books.record(DecisionRecord.key_for(name), DecisionRecord)
    ),
    Subject.MEETING: _proceeding(Subject.MEETING),
    Subject.POLICY: _find_policy,
    Subject.PRODUCTION: _submission(Subject.PRODUCTION),
    Subject.REPORT: _find_report,
    Subject.RESTRICTION: _find_restriction,
    Subject.REVIEW: _proceeding(Subject.REVIEW),
    Subject.RULES: lambda books, *_: _as("rules", books.record(RULES_KEY, RulesRecord)),
    Subject.SUSPECT: _proceeding(Subject.SUSPECT),
    Subject.TRADE: _submission(Subject.TRADE),
}
_NAMELESS: Final = (Subject.POLICY, Subject.RULES)
"""What stands under a code without a name of its own."""


def _as(kind: str, record: Record | None, state: str | None = None) -> _Found | None:
    return None if record is None else _Found(kind, record, state)
