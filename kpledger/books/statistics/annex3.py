"""The query ``statistics/annex3``: the tables of KPCS Annex III for one participant and period.

Trade by partner, origin and HS code; certificates issued and received by partner; production. Each
as derived from the events, as submitted, or both compared, and each as it was known at a day.
Production is only ever submitted: the ledger sees stones when they are traded.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from kpledger.base.units import MAX_AMOUNT, day_of
from kpledger.books.database import Books
from kpledger.books.periods import due_day
from kpledger.books.query import Query, ask_participant, read_statement, select_rows
from kpledger.books.statistics.basis import Basis, ask_known_at, ask_period, day_of_answer
from kpledger.scheme.v1.events.statistics import Flow, Series

_TRADE: Final = read_statement("statistics/annex3_trade.sql")
_COUNTS: Final = read_statement("statistics/annex3_counts.sql")

_EDITIONS: Final = read_statement("statistics/annex3_editions.sql")


class Annex3Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tables are wanted."""

    participant: str = ""
    """Code of the reporting participant."""
    period: str = ""
    """A quarter, half-year or year: 2022Q1, 2022H1, 2022."""
    known_at: str = ""
    """As known at the end of this day, UTC; empty: as known now."""
    source: Basis = Basis.DERIVED


class Annex3Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the trade table; what the source does not give is null."""

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

    partner: str
    issued: int | None = None
    received: int | None = None
    submitted_issued: int | None = None
    submitted_received: int | None = None
    difference_issued: int | None = None
    difference_received: int | None = None


class Annex3Production(msgspec.Struct, frozen=True, kw_only=True):
    """What was mined in a half-year, as submitted."""

    half_year: str
    carat_thousandths: int
    value_usd_cents: int


class Annex3Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a table was submitted by the day, and whether in time."""

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
    late: bool
    """The first edition came after the due day, or it has passed without one."""


class Annex3Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The tables."""

    participant: str
    period: str
    source: Basis
    known_at: str
    """The day as of which they are."""
    trade: tuple[Annex3Trade, ...]
    counts: tuple[Annex3Count, ...]
    production: tuple[Annex3Production, ...]
    submissions: tuple[Annex3Submission, ...]


class _Edition(msgspec.Struct, frozen=True, kw_only=True):
    """An edition that was submitted; what was mined is 0 in those of other series."""

    period: str
    edition: int
    event: str
    recorded_at: int
    carat_thousandths: int
    value_usd_cents: int


_Editions = Mapping[str, tuple[_Edition, ...]]
"""What was submitted of a series, by period: all editions, oldest first."""


def _respond(books: Books, question: Annex3Question) -> Annex3Answer:
    known_at = ask_known_at(question.known_at)
    period = ask_period(question.period)
    participant = ask_participant(books, question.participant).code
    as_of = day_of_answer(books, question.known_at)
    quarters, half_years = period.quarters, period.half_years
    asked: dict[str, object] = {
        "participant": participant,
        "known_at": known_at,
        "largest": MAX_AMOUNT,
    }
    of_quarters = {**asked, "first": quarters[0], "last": quarters[-1]}
    editions = {
        Series.TRADE: _read_editions(books, of_quarters, Series.TRADE, quarters),
        Series.COUNTS: _read_editions(books, of_quarters, Series.COUNTS, quarters),
        Series.PRODUCTION: _read_editions(books, asked, Series.PRODUCTION, half_years),
    }
    trade = {**of_quarters, **_sources(question.source, editions[Series.TRADE])}
    counts = {**of_quarters, **_sources(question.source, editions[Series.COUNTS])}
    return Annex3Answer(
        participant=participant,
        period=period.name,
        source=question.source,
        known_at=as_of,
        trade=tuple(select_rows(books, Annex3Trade, _TRADE, trade)),
        counts=tuple(select_rows(books, Annex3Count, _COUNTS, counts)),
        production=tuple(_productions(editions[Series.PRODUCTION])),
        submissions=tuple(
            _describe(series, name, found, as_of)
            for series, by_period in editions.items()
            for name, found in by_period.items()
        ),
    )


ANNEX3: Final = Query(
    path="statistics/annex3",
    summary="The trade, count and production tables of KPCS Annex III",
    question=Annex3Question,
    answer=Annex3Answer,
    respond=_respond,
)


def _read_editions(
    books: Books,
    asked: Mapping[str, object],
    series: Series,
    periods: tuple[str, ...],
) -> _Editions:
    found: dict[str, tuple[_Edition, ...]] = dict.fromkeys(periods, ())
    if periods:
        parameters = {**asked, "series": series.value, "first": periods[0], "last": periods[-1]}
        for one in select_rows(books, _Edition, _EDITIONS, parameters):
            found[one.period] += (one,)
    return found


def _sources(source: Basis, editions: _Editions) -> dict[str, bool]:
    """Say which figures are wanted, and whether they can be compared.

    Where nothing was submitted, there are no figures, which is not a table of zeros; they are
    compared where the whole period was submitted.
    """
    return {
        "derived": source is not Basis.SUBMITTED,
        "submitted": source is not Basis.DERIVED and any(editions.values()),
        "complete": source is Basis.COMPARED and all(editions.values()),
    }


def _productions(editions: _Editions) -> Iterable[Annex3Production]:
    for half_year, found in editions.items():
        if found:
            yield Annex3Production(
                half_year=half_year,
                carat_thousandths=found[-1].carat_thousandths,
                value_usd_cents=found[-1].value_usd_cents,
            )


def _describe(
    series: Series, name: str, found: tuple[_Edition, ...], as_of: str
) -> Annex3Submission:
    due_on = due_day(name)
    first_on = day_of(found[0].recorded_at) if found else ""
    return Annex3Submission(
        series=series,
        period=name,
        edition=found[-1].edition if found else 0,
        event=found[-1].event if found else "",
        first_on=first_on,
        newest_on=day_of(found[-1].recorded_at) if found else "",
        due_on=due_on,
        late=(first_on or as_of) > due_on,
    )
