"""Participants, with their standing, offices and number ranges; and the scheme's own house."""

from typing import Final

import msgspec

from kpledger.base.ids import KPCS
from kpledger.books.database import Books
from kpledger.books.query import NotOnLedgerError, Query, select_rows
from kpledger.books.question import Participant, Question
from kpledger.scheme.v1.events.governance import AuthorityRole, ParticipantKind, Standing
from kpledger.scheme.v1.events.life import ObserverKind
from kpledger.scheme.v1.measures import StandingSince
from kpledger.scheme.v1.records import AllottedRange, BodyRecord, ParticipantRecord, RangesRecord
from kpledger.scheme.v1.territories import tell_home


class ParticipantsQuestion(Question, frozen=True, kw_only=True):
    """Everybody."""


class ParticipantQuestion(Question, frozen=True, kw_only=True):
    """Which participant."""

    code: Participant


class OrganisationQuestion(Question, frozen=True, kw_only=True):
    """Who works for the scheme."""

    past: bool = False
    """Those as well that were closed, withdrawn or dissolved."""


class _Office(msgspec.Struct, frozen=True, kw_only=True):
    authority: str
    title: str
    place: str
    contact: str
    roles: tuple[AuthorityRole, ...]
    observer: ObserverKind | None
    """Of an observer: what kind."""


class ParticipantOffice(_Office, frozen=True, kw_only=True):
    """An office of a participant."""

    territory: str | None
    """A territory with numbers of its own that it serves."""
    closed_at: int | None
    """Block time of its closing; Unix milliseconds."""


class SchemeOffice(_Office, frozen=True, kw_only=True):
    """An office of the scheme, or an observer; it signs as ``KPCS/<authority>``."""

    closed: bool


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


class OrganisationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Who works for the scheme, in alphabetical order."""

    offices: tuple[SchemeOffice, ...]
    """Monitoring teams, working groups with a key."""
    observers: tuple[SchemeOffice, ...]
    bodies: tuple[BodyRecord, ...]
    """Working groups and committees."""


def _respond_one(books: Books, question: ParticipantQuestion) -> ParticipantAnswer:
    code = question.code
    record = books.record(ParticipantRecord.key_for(code), ParticipantRecord)
    if record is None:
        raise NotOnLedgerError(f"there is no participant {code}{tell_home(code)}")
    ranges = books.record(RangesRecord.key_for(code), RangesRecord)
    return ParticipantAnswer(
        code=code,
        name=record.name,
        kind=record.kind,
        standings=record.standings,
        status=record.standing_at(books.time_ms),
        authorities=select_rows(books, ParticipantOffice, "offices.sql", {"participant": code}),
        ranges=() if ranges is None else ranges.ranges,
    )


def _respond_all(books: Books, _question: ParticipantsQuestion) -> ParticipantsAnswer:
    codes = books.connection.execute(
        "SELECT participant FROM participants WHERE known_until IS NULL ORDER BY participant"
    )
    return ParticipantsAnswer(
        participants=tuple(
            _respond_one(books, ParticipantQuestion(code=code)) for (code,) in codes.fetchall()
        )
    )


def _respond_organisation(books: Books, question: OrganisationQuestion) -> OrganisationAnswer:
    offices = [
        one
        for one in select_rows(books, SchemeOffice, "offices.sql", {"participant": KPCS})
        if question.past or not one.closed
    ]
    return OrganisationAnswer(
        offices=tuple(one for one in offices if AuthorityRole.OBSERVER not in one.roles),
        observers=tuple(one for one in offices if AuthorityRole.OBSERVER in one.roles),
        bodies=select_rows(books, BodyRecord, "bodies.sql", {"past": question.past}),
    )


PARTICIPANTS: Final = Query(
    "participants", "All participants, with their standing, offices and number ranges", _respond_all
)
PARTICIPANT: Final = Query(
    "participants/{code}",
    "A participant, with its standing, offices and number ranges",
    _respond_one,
    is_small=True,
    may_find_none=True,
)
ORGANISATION: Final = Query(
    "organisation",
    "The offices, observers, working groups and committees of the scheme",
    _respond_organisation,
)
