"""Participants: their standing, their offices and their number ranges; and whose a key is."""

from typing import Final

import msgspec

from kpledger.base.errors import MalformedError
from kpledger.base.ids import parse_hex32
from kpledger.books.database import Books
from kpledger.books.query import NotOnLedgerError, Query, QuestionError, ask_code
from kpledger.scheme.v1.events.governance import (
    AuthorityRole,
    ParticipantKind,
    RevocationReason,
    Standing,
)
from kpledger.scheme.v1.events.life import ObserverKind
from kpledger.scheme.v1.records import (
    AllottedRange,
    AuthorityRecord,
    KeyRecord,
    ParticipantRecord,
    RangesRecord,
    StandingSince,
)


class ParticipantsQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everybody."""


class ParticipantQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which participant."""

    code: str = ""


class KeyQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which key."""

    key: str = ""
    """Ed25519, hexadecimal."""


class ParticipantOffice(msgspec.Struct, frozen=True, kw_only=True):
    """An office of a participant."""

    authority: str
    title: str
    place: str
    contact: str
    roles: tuple[AuthorityRole, ...]
    territory: str | None
    """A territory with numbers of its own that it serves."""
    closed_at: int | None
    """Block time of its closing; Unix milliseconds."""
    observer: ObserverKind | None


class ParticipantAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A participant, its offices and its numbers."""

    code: str
    name: str
    kind: ParticipantKind
    standings: tuple[StandingSince, ...]
    """Every standing it was given, in ledger order; a later one overrules for its time."""
    status: Standing | None
    """Its standing at the newest block; null before it was admitted."""
    authorities: tuple[ParticipantOffice, ...]
    ranges: tuple[AllottedRange, ...]


class ParticipantsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All participants, in alphabetical order of their codes."""

    participants: tuple[ParticipantAnswer, ...]


class KeyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a key is, and from when until when signatures by it count."""

    key: str
    participant: str
    authority: str
    valid_from: int
    revoked_at: int | None
    reason: RevocationReason | None
    suspect_since: int | None
    officer: str | None


def read_participants(books: Books) -> tuple[ParticipantRecord, ...]:
    """Give every participant, in alphabetical order of their codes."""
    found = books.records(ParticipantRecord.key_for(""), ParticipantRecord)
    return tuple(record for _, record in found)


def _respond_all(books: Books, _question: ParticipantsQuestion) -> ParticipantsAnswer:
    """List all participants."""
    shown = tuple(_describe(books, record) for record in read_participants(books))
    return ParticipantsAnswer(participants=shown)


def _respond_one(books: Books, question: ParticipantQuestion) -> ParticipantAnswer:
    """Give a participant.

    Raises:
        QuestionError: that is no code.
        NotOnLedgerError: there is no such participant.
    """
    code = ask_code("code", question.code)
    record = books.record(ParticipantRecord.key_for(code), ParticipantRecord)
    if record is None:
        raise NotOnLedgerError(f"there is no participant {code}")
    return _describe(books, record)


def _respond_key(books: Books, question: KeyQuestion) -> KeyAnswer:
    """Say whose a key is.

    Raises:
        QuestionError: that is no key.
        NotOnLedgerError: it is not registered.
    """
    try:
        key = parse_hex32(question.key, "key")
    except MalformedError as error:
        accepted = "64 lower-case hexadecimal digits"
        raise QuestionError("key", error.problem, accepted) from None
    record = books.record(KeyRecord.key_for(key), KeyRecord)
    if record is None:
        raise NotOnLedgerError(f"key {question.key} is not registered")
    return KeyAnswer(key=question.key, **msgspec.structs.asdict(record))


PARTICIPANTS: Final = Query(
    path="participants",
    summary="All participants, with their standing, offices and number ranges",
    question=ParticipantsQuestion,
    answer=ParticipantsAnswer,
    respond=_respond_all,
)
PARTICIPANT: Final = Query(
    path="participants/{code}",
    summary="A participant, with its standing, offices and number ranges",
    question=ParticipantQuestion,
    answer=ParticipantAnswer,
    respond=_respond_one,
)
KEY: Final = Query(
    path="keys/{key}",
    summary="Whose a key is, and from when until when its signatures count",
    question=KeyQuestion,
    answer=KeyAnswer,
    respond=_respond_key,
)


def _describe(books: Books, record: ParticipantRecord) -> ParticipantAnswer:
    offices = books.records(AuthorityRecord.key_for(record.code, ""), AuthorityRecord)
    ranges = books.record(RangesRecord.key_for(record.code), RangesRecord)
    return ParticipantAnswer(
        code=record.code,
        name=record.name,
        kind=record.kind,
        standings=record.standings,
        status=record.standing_at(books.time_ms),
        authorities=tuple(
            msgspec.convert(office, ParticipantOffice, from_attributes=True)
            for _, office in offices
        ),
        ranges=() if ranges is None else ranges.ranges,
    )
