"""The scheme's own house: its offices, its observers, its working groups and committees."""

from typing import Final

import msgspec

from kpledger.analysis.book import Book
from kpledger.analysis.topic import Topic
from kpledger.base.ids import KPCS
from kpledger.scheme.v1.events.governance import AuthorityRole
from kpledger.scheme.v1.events.life import BodyKind, ObserverKind
from kpledger.scheme.v1.records import AuthorityRecord, BodyRecord, authority_key, body_key

_EVERYBODY: Final = 10_000


class OrganisationQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who works for the scheme."""

    past: bool = False
    """Those as well that were closed, withdrawn or dissolved."""


class SchemeOffice(msgspec.Struct, frozen=True, kw_only=True):
    """An office of the scheme, or an observer."""

    authority: str
    """It signs as ``KPCS/<authority>``."""
    title: str
    place: str
    contact: str
    roles: tuple[AuthorityRole, ...]
    observer: ObserverKind | None
    """Of an observer: what kind."""
    closed: bool


class SchemeBody(msgspec.Struct, frozen=True, kw_only=True):
    """A working group or committee."""

    name: str
    title: str
    kind: BodyKind
    chair: str
    members: tuple[str, ...]
    observers: tuple[str, ...]
    dissolved: bool


class OrganisationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Who works for the scheme, in alphabetical order."""

    offices: tuple[SchemeOffice, ...]
    """Monitoring teams, working groups with a key."""
    observers: tuple[SchemeOffice, ...]
    bodies: tuple[SchemeBody, ...]


def respond(book: Book, question: OrganisationQuestion) -> OrganisationAnswer:
    """List offices, observers and bodies."""
    offices = [
        _describe(record)
        for _, record in book.records(
            authority_key(KPCS, ""), AuthorityRecord, after=None, limit=_EVERYBODY
        )
        if question.past or record.closed_at is None
    ]
    return OrganisationAnswer(
        offices=tuple(one for one in offices if AuthorityRole.OBSERVER not in one.roles),
        observers=tuple(one for one in offices if AuthorityRole.OBSERVER in one.roles),
        bodies=tuple(
            SchemeBody(**msgspec.structs.asdict(record))
            for _, record in book.records(body_key(""), BodyRecord, after=None, limit=_EVERYBODY)
            if question.past or not record.dissolved
        ),
    )


ORGANISATION: Final = Topic(
    path="organisation",
    summary="The offices, observers, working groups and committees of the scheme",
    question=OrganisationQuestion,
    answer=OrganisationAnswer,
    respond=respond,
)


def _describe(record: AuthorityRecord) -> SchemeOffice:
    return SchemeOffice(
        authority=record.authority,
        title=record.title,
        place=record.place,
        contact=record.contact,
        roles=record.roles,
        observer=record.observer,
        closed=record.closed_at is not None,
    )
