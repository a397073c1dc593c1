"""The query ``statistics/annex3``: the tables of KPCS Annex III for one participant and period.

Trade by partner, origin and HS code; certificates issued and received by partner; production. Each
as derived from the events, as submitted, or both compared, and each as it was known at a day.
Production is only ever submitted: the ledger sees stones when they are traded.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from kpledger.base.units import bound_amount, day_of
from kpledger.books.database import Books
from kpledger.books.periods import Period, due_day
from kpledger.books.query import Query, ask_participant
from kpledger.books.statistics.basis import Basis, ask_known_at, ask_period, day_of_answer
from kpledger.scheme.v1.events.statistics import Flow, Series

_DERIVED: Final = """
SELECT flow, partner, origin, hs,
       CAST(TOTAL(carat_thousandths) AS INTEGER),
       CAST(TOTAL(value_usd_cents) AS INTEGER),
       SUM(certificates)
FROM trade
WHERE reporter = :participant AND quarter BETWEEN :first AND :last
  AND known_from <= :known_at AND (known_until IS NULL OR known_until > :known_at)
GROUP BY quarter, flow, partner, origin, hs
"""
"""What a participant traded in some quarters, as known at an instant; grouped in the order of the
table's key, so that nothing has to be sorted."""

_EDITIONS: Final = """
SELECT period, edition, lower(hex(event_id)), editions.recorded_at,
       production_carat_thousandths, production_value_usd_cents
FROM editions JOIN events USING (event_index)
WHERE series = :series AND period BETWEEN :first AND :last AND editions.participant = :participant
  AND editions.recorded_at <= :known_at
ORDER BY period, edition
"""
"""What it submitted for some periods of one series, as known at an instant."""

_ROWS: Final = """
SELECT flow, partner, origin, hs, carat_thousandths, value_usd_cents, issued, received
FROM edition_rows
WHERE series = :series AND period = :period AND participant = :participant AND edition = :edition
"""
"""The rows of one edition."""


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


class _Amount(NamedTuple):
    """A weight and what it is worth."""

    carat_thousandths: int
    value_usd_cents: int

    def plus(self, carat_thousandths: int, value_usd_cents: int) -> "_Amount":
        return _Amount(
            self.carat_thousandths + carat_thousandths, self.value_usd_cents + value_usd_cents
        )


class _Counts(NamedTuple):
    """Numbers of certificates."""

    issued: int
    received: int


class _Edition(NamedTuple):
    """An edition that was submitted."""

    period: str
    edition: int
    event: str
    recorded_at: int
    produced: _Amount


_TradeKey = tuple[str, str, str, str]
"""Flow, partner, origin and HS code: a row of the trade table."""
_Tables = tuple[Mapping[_TradeKey, _Amount] | None, Mapping[str, _Counts] | None]
"""Trade and certificates from one source; None where it has nothing to say, not even zeros."""
_Editions = Mapping[str, tuple[_Edition, ...]]
"""What was submitted of a series, by period: all editions, oldest first."""

_NO_AMOUNT: Final = _Amount(0, 0)
_NO_COUNTS: Final = _Counts(0, 0)


def _respond(books: Books, question: Annex3Question) -> Annex3Answer:
    known_at = ask_known_at(question.known_at)
    period = ask_period(question.period)
    participant = ask_participant(books, question.participant).code
    as_of = day_of_answer(books, question.known_at)
    editions = {
        series: _read_editions(books, participant, series, periods, known_at)
        for series, periods in (
            (Series.TRADE, period.quarters),
            (Series.COUNTS, period.quarters),
            (Series.PRODUCTION, period.half_years),
        )
    }
    derived: _Tables = (None, None)
    submitted: _Tables = (None, None)
    if question.source is not Basis.SUBMITTED:
        derived = _derive(books, participant, period, known_at)
    if question.source is not Basis.DERIVED:
        submitted = (
            _read_trade(books, participant, editions[Series.TRADE]),
            _read_counts(books, participant, editions[Series.COUNTS]),
        )
    return Annex3Answer(
        participant=participant,
        period=period.name,
        source=question.source,
        known_at=as_of,
        trade=_trade_table(derived[0], submitted[0], complete=all(editions[Series.TRADE].values())),
        counts=_count_table(
            derived[1], submitted[1], complete=all(editions[Series.COUNTS].values())
        ),
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
    books: Books, participant: str, series: Series, periods: tuple[str, ...], known_at: int
) -> _Editions:
    found: dict[str, tuple[_Edition, ...]] = dict.fromkeys(periods, ())
    if periods:
        parameters = {
            "participant": participant,
            "series": series.value,
            "first": periods[0],
            "last": periods[-1],
            "known_at": known_at,
        }
        for period, edition, event, recorded_at, carats, value in books.connection.execute(
            _EDITIONS, parameters
        ):
            produced = _Amount(carats, value)
            found[period] += (_Edition(period, edition, event, recorded_at, produced),)
    return found


def _derive(books: Books, participant: str, period: Period, known_at: int) -> _Tables:
    quarters = period.quarters
    parameters = {
        "participant": participant,
        "first": quarters[0],
        "last": quarters[-1],
        "known_at": known_at,
    }
    trade: dict[_TradeKey, _Amount] = {}
    counts: dict[str, _Counts] = {}
    rows = books.connection.execute(_DERIVED, parameters)
    for flow, partner, origin, hs, carats, value, certificates in rows:
        if carats or value:
            cell = flow, partner, origin, hs
            trade[cell] = trade.get(cell, _NO_AMOUNT).plus(carats, value)
        issued, received = counts.get(partner, _NO_COUNTS)
        if flow == Flow.EXPORT:
            counts[partner] = _Counts(issued + certificates, received)
        else:
            counts[partner] = _Counts(issued, received + certificates)
    return trade, counts


def _read_trade(
    books: Books, participant: str, editions: _Editions
) -> Mapping[_TradeKey, _Amount] | None:
    if not any(editions.values()):
        return None
    table: dict[_TradeKey, _Amount] = {}
    for row in _read_rows(books, participant, Series.TRADE, editions):
        flow, partner, origin, hs, carats, value, _, _ = row
        key = (str(flow), str(partner), str(origin), str(hs))
        table[key] = table.get(key, _NO_AMOUNT).plus(int(carats), int(value))
    return table


def _read_counts(
    books: Books, participant: str, editions: _Editions
) -> Mapping[str, _Counts] | None:
    if not any(editions.values()):
        return None
    table: dict[str, _Counts] = {}
    for row in _read_rows(books, participant, Series.COUNTS, editions):
        partner, before = str(row[1]), table.get(str(row[1]), _NO_COUNTS)
        table[partner] = _Counts(before.issued + int(row[6]), before.received + int(row[7]))
    return table


def _read_rows(
    books: Books, participant: str, series: Series, editions: _Editions
) -> Iterable[tuple[str | int, ...]]:
    """Give the rows of the newest edition of each period."""
    for found in editions.values():
        if found:
            newest = {
                "participant": participant,
                "series": series.value,
                "period": found[-1].period,
                "edition": found[-1].edition,
            }
            yield from books.connection.execute(_ROWS, newest)


def _trade_table(
    derived: Mapping[_TradeKey, _Amount] | None,
    submitted: Mapping[_TradeKey, _Amount] | None,
    *,
    complete: bool,
) -> tuple[Annex3Trade, ...]:
    rows = []
    for key in sorted({*(derived or ()), *(submitted or ())}):
        flow, partner, origin, hs = key
        ours = (None, None) if derived is None else derived.get(key, _NO_AMOUNT)
        theirs = (None, None) if submitted is None else submitted.get(key, _NO_AMOUNT)
        gaps = _gaps(ours, theirs, complete=complete)
        rows.append(
            Annex3Trade(
                flow=Flow(flow),
                partner=partner,
                origin=origin,
                hs=hs,
                carat_thousandths=_bound(ours[0]),
                value_usd_cents=_bound(ours[1]),
                submitted_carat_thousandths=_bound(theirs[0]),
                submitted_value_usd_cents=_bound(theirs[1]),
                difference_carat_thousandths=_bound(gaps[0]),
                difference_value_usd_cents=_bound(gaps[1]),
            )
        )
    return tuple(rows)


def _count_table(
    derived: Mapping[str, _Counts] | None,
    submitted: Mapping[str, _Counts] | None,
    *,
    complete: bool,
) -> tuple[Annex3Count, ...]:
    rows = []
    for partner in sorted({*(derived or ()), *(submitted or ())}):
        ours = (None, None) if derived is None else derived.get(partner, _NO_COUNTS)
        theirs = (None, None) if submitted is None else submitted.get(partner, _NO_COUNTS)
        gaps = _gaps(ours, theirs, complete=complete)
        rows.append(
            Annex3Count(
                partner=partner,
                issued=ours[0],
                received=ours[1],
                submitted_issued=theirs[0],
                submitted_received=theirs[1],
                difference_issued=gaps[0],
                difference_received=gaps[1],
            )
        )
    return tuple(rows)


def _gaps(
    ours: tuple[int | None, int | None], theirs: tuple[int | None, int | None], *, complete: bool
) -> tuple[int | None, ...]:
    """Give what was submitted less what is derived, where the whole period was submitted."""
    return tuple(
        None if mine is None or told is None or not complete else told - mine
        for mine, told in zip(ours, theirs, strict=True)
    )


def _bound(amount: int | None) -> int | None:
    return None if amount is None else bound_amount(amount)


def _productions(editions: _Editions) -> Iterable[Annex3Production]:
    for half_year, found in editions.items():
        if found:
            yield Annex3Production(
                half_year=half_year,
                carat_thousandths=found[-1].produced.carat_thousandths,
                value_usd_cents=found[-1].produced.value_usd_cents,
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
