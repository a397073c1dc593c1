"""The scheme's own house: its offices, its observers, its working groups and committees."""

from typing import Final

import msgspec

from kpledger.base.ids import KPCS
from kpledger.books.database import Books
from kpledger.books.query import Query
from kpledger.scheme.v1.events.governance import AuthorityRole
from kpledger.scheme.v1.events.life import BodyKind, ObserverKind
from kpledger.scheme.v1.records import AuthorityRecord, BodyRecord


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


def _respond(books: Books, question: OrganisationQuestion) -> OrganisationAnswer:
    """List offices, observers and bodies."""
    offices = [
        _describe(record)
        for _, record in books.records(AuthorityRecord.key_for(KPCS, ""), AuthorityRecord)
        if question.past or record.closed_at is None
    ]
    return OrganisationAnswer(
        offices=tuple(one for one in offices if AuthorityRole.OBSERVER not in one.roles),
        observers=tuple(one for one in offices if AuthorityRole.OBSERVER in one.roles),
        bodies=tuple(
            SchemeBody(**msgspec.structs.asdict(record))
            for _, record in books.records(BodyRecord.key_for(""), BodyRecord)
            if question.past or not record.dissolved
        ),
    )


ORGANISATION: Final = Query(
    path="organisation",
    summary="The offices, observers, working groups and committees of the scheme",
    question=OrganisationQuestion,
    answer=OrganisationAnswer,
    respond=_respond,
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
