"""The query ``unconfirmed``: who leaves certificates without an answer, and which ones."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.units import MAX_AMOUNT, add_days, add_months, quarter_of
from kpledger.books.database import Books
from kpledger.books.flags.search import FlagsQuestion, prepare_search
from kpledger.books.query import Query, select_rows
from kpledger.books.question import AnyDay, AnyParticipant, Question

_ISSUED_MONTHS: Final = 3
"""How far back quarters go: what expired in the window was issued up to so long before it."""


class UnconfirmedQuestion(Question, frozen=True, kw_only=True):
    """Which certificates."""

    participant: AnyParticipant = ""
    """Only what concerns this one, as issuer or destination."""
    days: Annotated[int, Meta(ge=0, le=3660)] = 30
    """Days after expiry without news."""
    from_day: AnyDay = ""
    """The first day of expiry; a year before today if not given."""
    at: AnyDay = ""
    """Today; the day of the newest block if not given."""
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100
    """At most so many certificates, the newest first; the ranking counts all."""


class UnconfirmedRank(msgspec.Struct, frozen=True, kw_only=True):
    """A destination."""

    destination: str
    unconfirmed: int
    carat_thousandths: int
    issued: int
    """Certificates issued to it in the quarters of that time."""
    per_thousand: int
    """Unconfirmed of these."""
    oldest: str
    """The earliest day of expiry."""


class UnconfirmedPaper(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate without an answer."""

    number: str
    issuer: str
    destination: str
    carat_thousandths: int
    expired_on: str
    days: int
    """Since it expired."""
    issue: str
    """The event that issued it."""


class UnconfirmedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Destinations by how much they leave open, and the certificates."""

    at: str
    from_day: str
    ranking: tuple[UnconfirmedRank, ...]
    certificates: tuple[UnconfirmedPaper, ...]
    more: bool


def _respond(books: Books, question: UnconfirmedQuestion) -> UnconfirmedAnswer:
    search = prepare_search(
        books,
        FlagsQuestion(participant=question.participant, from_day=question.from_day, at=question.at),
    )
    parameters = {
        "participant": question.participant,
        "at": search.at,
        "from_day": search.from_day,
        "last": add_days(search.at, -question.days - 1),
        "first_quarter": quarter_of(add_months(search.from_day, -_ISSUED_MONTHS)),
        "last_quarter": quarter_of(search.at),
        "largest": MAX_AMOUNT,
        "limit": question.limit + 1,
    }
    found = select_rows(books, UnconfirmedPaper, "unconfirmed_certificates.sql", parameters)
    return UnconfirmedAnswer(
        at=search.at,
        from_day=search.from_day,
        ranking=select_rows(books, UnconfirmedRank, "unconfirmed_ranking.sql", parameters),
        certificates=found[: question.limit],
        more=len(found) > question.limit,
    )


UNCONFIRMED: Final = Query(
    "unconfirmed",
    "Certificates that expired without any news, and a ranking of destinations",
    _respond,
)
