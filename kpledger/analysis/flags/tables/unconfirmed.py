"""The topic ``unconfirmed``: who leaves certificates without an answer, and which ones."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.analysis.book import Book
from kpledger.analysis.flags.periods import days_between, quarter_of_month
from kpledger.analysis.flags.topic import look_at
from kpledger.analysis.topic import Topic
from kpledger.base.units import add_days, add_months, bound_amount

_ISSUED_MONTHS: Final = 3
"""How far back quarters go: what expired in the window was issued up to so long before it."""


class UnconfirmedQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which certificates."""

    participant: str = ""
    """Only what concerns this one, as issuer or destination."""
    days: Annotated[int, Meta(ge=0, le=3660)] = 30
    """Days after expiry without news."""
    from_day: str = ""
    """The first day of expiry; a year before today if not given."""
    at: str = ""
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


def _respond(book: Book, question: UnconfirmedQuestion) -> UnconfirmedAnswer:
    look = look_at(
        book, participant=question.participant, from_day=question.from_day, at=question.at
    )
    last = add_days(look.at, -question.days - 1)
    papers = list(look.unanswered(look.from_day, last))
    found: dict[str, tuple[int, int, str]] = {}
    for day, paper in papers:
        count, carats, _ = found.get(paper.destination, (0, 0, ""))
        found[paper.destination] = (count + 1, bound_amount(carats + paper.carat_thousandths), day)
    issued: dict[str, int] = {}
    for quarter in _quarters(add_months(look.from_day, -_ISSUED_MONTHS), look.at):
        for (issuer, destination), pair in look.pairs_in(quarter).items():
            if look.concerns(issuer, destination):
                issued[destination] = issued.get(destination, 0) + pair.declared.count
    ranking = [
        UnconfirmedRank(
            destination=destination,
            unconfirmed=count,
            carat_thousandths=carats,
            issued=issued.get(destination, 0),
            per_thousand=count * 1_000 // max(1, issued.get(destination, 0)),
            oldest=oldest,
        )
        for destination, (count, carats, oldest) in found.items()
    ]
    shown = papers[: question.limit]
    return UnconfirmedAnswer(
        at=look.at,
        from_day=look.from_day,
        ranking=tuple(sorted(ranking, key=lambda one: (-one.unconfirmed, one.destination))),
        certificates=tuple(
            UnconfirmedPaper(
                number=paper.number,
                issuer=paper.issuer,
                destination=paper.destination,
                carat_thousandths=paper.carat_thousandths,
                expired_on=day,
                days=days_between(day, look.at),
                issue=paper.issue.hex(),
            )
            for day, paper in shown
        ),
        more=len(papers) > len(shown),
    )


def _quarters(first_day: str, last_day: str) -> tuple[str, ...]:
    first, last = quarter_of_month(first_day[:7]), quarter_of_month(last_day[:7])
    quarters, name = [first], first
    while name < last:
        year, quarter = int(name[:4]), int(name[5])
        name = f"{year + quarter // 4:04d}Q{quarter % 4 + 1}"
        quarters.append(name)
    return tuple(quarters)


UNCONFIRMED: Final = Topic(
    path="unconfirmed",
    summary="Certificates that expired without any news, and a ranking of destinations",
    question=UnconfirmedQuestion,
    answer=UnconfirmedAnswer,
    respond=_respond,
)
