"""The query ``statistics/summary``: one year of all participants, as the scheme publishes it.

A row for each participant with production, imports, exports and certificates, and the global
totals. Production is always what was submitted; trade and certificates are counted from the events
or taken from the newest editions.
"""

from typing import Final

import msgspec

from kpledger.base.errors import MalformedError
from kpledger.base.units import MAX_AMOUNT, day_of
from kpledger.books.database import Books
from kpledger.books.periods import parse_period
from kpledger.books.query import Query, QuestionError, read_statement, select_rows
from kpledger.books.statistics.basis import Basis, ask_known_at, day_of_answer

_FIGURES: Final = read_statement("statistics/summary.sql")


class SummaryQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which summary is wanted."""

    year: str = ""
    known_at: str = ""
    """As known at the end of this day, UTC; empty: as known now."""
    source: Basis = Basis.DERIVED
    """Of trade and certificates: derived or submitted."""


class SummaryRow(msgspec.Struct, frozen=True, kw_only=True):
    """A participant's year."""

    participant: str
    """Its code; empty for the global totals."""
    name: str
    production_carat_thousandths: int
    production_value_usd_cents: int
    production_usd_cents_per_carat: int | None
    """Rounded half up; null where nothing was mined."""
    import_carat_thousandths: int
    import_value_usd_cents: int
    export_carat_thousandths: int
    export_value_usd_cents: int
    certificates_issued: int
    certificates_received: int
    half_years_submitted: int
    """For how many half-years of the year production was submitted; of all, in the totals."""


class SummaryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The summary."""

    year: str
    source: Basis
    known_at: str
    """The day as of which it is."""
    participants: tuple[SummaryRow, ...]
    """In alphabetical order of their codes; all that are on the ledger."""
    totals: SummaryRow


def _respond(books: Books, question: SummaryQuestion) -> SummaryAnswer:
    known_at, year = ask_known_at(question.known_at), question.year
    if not _is_year(year):
        raise QuestionError("year", f"{year[:64]!r} is no year", "a year, as 2022")
    if question.source is Basis.COMPARED:
        accepted = "derived or submitted; statistics/annex3 compares"
        raise QuestionError("source", "a summary has one source", accepted)
    parameters = {
        "year": year,
        "known_at": known_at,
        "known_on": day_of(known_at),
        "derived": question.source is Basis.DERIVED,
        "largest": MAX_AMOUNT,
    }
    totals, *participants = select_rows(books, SummaryRow, _FIGURES, parameters)
    return SummaryAnswer(
        year=year,
        source=question.source,
        known_at=day_of_answer(books, question.known_at),
        participants=tuple(participants),
        totals=totals,
    )


SUMMARY: Final = Query(
    path="statistics/summary",
    summary="The year of all participants: production, imports, exports, certificates",
    question=SummaryQuestion,
    answer=SummaryAnswer,
    respond=_respond,
)


def _is_year(text: str) -> bool:
    try:
        return parse_period(text).name == text[:4]
    except MalformedError:
        return False
