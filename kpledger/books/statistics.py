"""Statistics (KPCS Annex III): trade as the events tell it, and what participants submit.

A certificate counts as an export of its issuer in the quarter of its day of issue, from the moment
it is validated, and as an import of its destination in the quarter of the day of receipt, from the
moment it is confirmed, with what was found. What is taken back counts no more from then on.
Technical certificates count nowhere (rule E10). The tables ``trade`` and ``trade_totals`` hold what
counts, and since when; ``editions`` and ``edition_rows`` what was submitted.

``statistics/annex3`` gives the tables of one participant, or of all, and a period: trade by
partner, origin and HS code, certificates by partner, production; each as derived from the events,
as submitted, or both compared. ``statistics/summary`` gives one year of all participants, as the
scheme publishes it. Either gives what was known at a day. Production is only ever submitted: the
ledger sees stones when they are traded.
"""

import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from kpledger.base.units import MAX_AMOUNT, MAX_TIME_MS, day_of, end_of_day_ms
from kpledger.books.database import Books
from kpledger.books.periods import Period
from kpledger.books.query import (
    MAX_SELECTED,
    Query,
    TooMuchError,
    read_participant,
    select_rows,
    today_of,
)
from kpledger.books.question import ALL, AnyDay, OneOrAll, PeriodName, Question, QuestionError, form
from kpledger.scheme.v1.events.statistics import Flow, Series

_R = TypeVar("_R", bound=msgspec.Struct)
_CODES: Final = "SELECT participant FROM participants WHERE known_until IS NULL ORDER BY 1"


class Basis(StrEnum):
    """Where figures come from."""

    DERIVED = "derived"
    """Counted from the events of the ledger."""
    SUBMITTED = "submitted"
    """The newest edition that the participant submitted."""
    COMPARED = "compared"
    """Both, and how they differ."""


class Annex3Question(Question, frozen=True, kw_only=True):
    """Which tables are wanted."""

    participant: OneOrAll
    """Code of the reporting participant; all: every one on the ledger."""
    period: PeriodName
    """A quarter, half-year or year: 2022Q1, 2022H1, 2022."""
    known_at: AnyDay = ""
    """As known at the end of this day, UTC; empty: as known now."""
    source: Basis = Basis.DERIVED


class Annex3Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the trade table; what the source does not give is null."""

    participant: str | UnsetType = UNSET
    """Who reports, in the tables of all; not told in those of one."""
    flow: Flow
    partner: str
    origin: str
    """Empty for mixed or unknown."""
    hs: str
    carat_thousandths: int | None = None
    """Derived."""
    value_usd_cents: int | None = None
    submitted_carat_thousandths: int | None = None
    submitted_value_usd_cents: int | None = None
    difference_carat_thousandths: int | None = None
    """Submitted less derived; null unless all quarters of the period were submitted."""
    difference_value_usd_cents: int | None = None


class Annex3Count(msgspec.Struct, frozen=True, kw_only=True):
    """Certificates issued to a partner and received from it; null as in the trade table."""

    participant: str | UnsetType = UNSET
    partner: str
    issued: int | None = None
    received: int | None = None
    submitted_issued: int | None = None
    submitted_received: int | None = None
    difference_issued: int | None = None
    difference_received: int | None = None


class Annex3Production(msgspec.Struct, frozen=True, kw_only=True):
    """What was mined in a half-year, as submitted."""

    participant: str | UnsetType = UNSET
    half_year: str
    carat_thousandths: int
    value_usd_cents: int


class Annex3Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a table was submitted by the day, and whether in time."""

    participant: str | UnsetType = UNSET
    series: Series
    period: str
    edition: int
    """The newest; 0 if there is none."""
    event: str
    """Id of the event that holds it; empty if there is none."""
    first_on: str
    """The day on which the first edition was recorded; empty if there is none."""
    newest_on: str
    due_on: str
    """Empty if none came and none is due, as of before the first certificate on the ledger."""
    late: bool
    """The first edition came after the due day, or it has passed without one."""


class Annex3Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The tables."""

    participant: str
    """Whose they are; ``all``: everybody's, in the order of codes."""
    period: str
    source: Basis
    known_at: str
    """The day as of which they are."""
    trade: tuple[Annex3Trade, ...]
    counts: tuple[Annex3Count, ...]
    production: tuple[Annex3Production, ...]
    submissions: tuple[Annex3Submission, ...]


class SummaryQuestion(Question, frozen=True, kw_only=True):
    """Which summary is wanted."""

    year: Annotated[str, form("(19|20)[0-9]{2}", "a year, such as 2022")]
    known_at: AnyDay = ""
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


def _respond_annex3(books: Books, question: Annex3Question) -> Annex3Answer:
    if question.participant != ALL:
        return _respond_one(books, question, read_participant(books, question.participant))
    codes = [code for (code,) in books.connection.execute(_CODES)]
    ones = [_respond_one(books, question, code) for code in codes]
    if sum(len(one.trade) for one in ones) > MAX_SELECTED:
        raise TooMuchError(f"the answer has more than {MAX_SELECTED} rows; ask for shorter periods")
    return Annex3Answer(
        participant=ALL,
        period=question.period,
        source=question.source,
        known_at=_read_known_at(books, question.known_at)[1],
        trade=_gather(ones, lambda one: one.trade),
        counts=_gather(ones, lambda one: one.counts),
        production=_gather(ones, lambda one: one.production),
        submissions=_gather(ones, lambda one: one.submissions),
    )


def _gather(
    answers: Sequence[Annex3Answer], table: Callable[[Annex3Answer], tuple[_R, ...]]
) -> tuple[_R, ...]:
    """Put the same table of several participants together, and say in each row whose it is."""
    return tuple(replace(row, participant=one.participant) for one in answers for row in table(one))


def _respond_one(books: Books, question: Annex3Question, participant: str) -> Annex3Answer:
    known_at, as_of = _read_known_at(books, question.known_at)
    period = Period(question.period)
    quarters, half_years = period.quarters, period.half_years
    dues = [(Series.TRADE, one) for one in quarters] + [(Series.COUNTS, one) for one in quarters]
    dues += [(Series.PRODUCTION, one) for one in half_years]
    asked: dict[str, object] = {
        "participant": participant,
        "known_at": known_at,
        "as_of": as_of,
        "largest": MAX_AMOUNT,
        "first": quarters[0],
        "last": quarters[-1],
        "half_years": json.dumps(half_years),
        "periods": json.dumps(dues),
    }
    found = select_rows(books, Annex3Submission, "annex3_submissions.sql", asked)
    trade, counts = (
        asked
        | _sources(question.source, [one.edition > 0 for one in found if one.series is series])
        for series in (Series.TRADE, Series.COUNTS)
    )
    return Annex3Answer(
        participant=participant,
        period=period.name,
        source=question.source,
        known_at=as_of,
        trade=select_rows(books, Annex3Trade, "annex3_trade.sql", trade),
        counts=select_rows(books, Annex3Count, "annex3_counts.sql", counts),
        production=select_rows(books, Annex3Production, "annex3_production.sql", asked),
        submissions=found,
    )


def _respond_summary(books: Books, question: SummaryQuestion) -> SummaryAnswer:
    known_at, as_of = _read_known_at(books, question.known_at)
    if question.source is Basis.COMPARED:
        accepted = "derived or submitted; statistics/annex3 compares"
        raise QuestionError("source", "a summary has one source", accepted)
    asked = {
        "year": question.year,
        "known_at": known_at,
        "known_on": day_of(known_at),
        "derived": question.source is Basis.DERIVED,
        "largest": MAX_AMOUNT,
    }
    totals, *participants = select_rows(books, SummaryRow, "summary.sql", asked)
    return SummaryAnswer(
        year=question.year,
        source=question.source,
        known_at=as_of,
        participants=tuple(participants),
        totals=totals,
    )


ANNEX3: Final = Query(
    "statistics/annex3", "The trade, count and production tables of KPCS Annex III", _respond_annex3
)
SUMMARY: Final = Query(
    "statistics/summary",
    "The year of all participants: production, imports, exports, certificates",
    _respond_summary,
)


def _sources(source: Basis, were_submitted: list[bool]) -> dict[str, bool]:
    """Say which figures are wanted, and whether they can be compared.

    Where nothing was submitted, there are no figures, which is not a table of zeros; they are
    compared where the whole period was submitted.
    """
    return {
        "derived": source is not Basis.SUBMITTED,
        "submitted": source is not Basis.DERIVED and any(were_submitted),
        "complete": source is Basis.COMPARED and all(were_submitted),
    }


def _read_known_at(books: Books, day: str) -> tuple[int, str]:
    """Read as of when an answer is wanted: the end of that day, Unix milliseconds; and its day.

    Where none is given, all counts that is known. A day that is still to come gives the newest
    block's: nobody knows yet what will be known.
    """
    newest = day_of(books.time_ms)
    if not day:
        return MAX_TIME_MS, newest
    return end_of_day_ms(today_of(books, day, "known_at")), min(day, newest)
