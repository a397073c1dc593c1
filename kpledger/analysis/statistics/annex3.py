"""The topic ``statistics/annex3``: the tables of KPCS Annex III for one participant and period.

Trade by partner, origin and HS code; certificates issued and received by partner; production. Each
as derived from the events, as submitted, or both compared, and each as it was known at a day.
Production is only ever submitted: the ledger sees stones when they are traded.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from kpledger.analysis.book import Book
from kpledger.analysis.statistics.asked import (
    Basis,
    ask_known_at,
    day_of_answer,
)
from kpledger.analysis.statistics.periods import Period, ask_period, parse_period
from kpledger.analysis.statistics.submissions import (
    Edition,
    read_count_rows,
    read_editions,
    read_trade_rows,
)
from kpledger.analysis.statistics.tables import Cell, read_cells, read_partners
from kpledger.analysis.statistics.totals import NOTHING, Total
from kpledger.analysis.topic import Topic, ask_participant
from kpledger.base.units import bound_amount, day_of
from kpledger.scheme.v1.events.statistics import Flow, Series

TradeKey = tuple[str, Cell]
"""A value of :class:`Flow`, as plain text because that is compared and hashed faster; a cell."""
Editions = Mapping[tuple[Series, str], tuple[Edition, ...]]
"""What was submitted by the day, by series and period."""


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


def answer_annex3(book: Book, question: Annex3Question) -> Annex3Answer:
    """Give the tables.

    Raises:
        QuestionError: no such participant, period or day.
    """
    known_at = ask_known_at(question.known_at)
    period = ask_period(question.period)
    participant = ask_participant(book, question.participant).code
    as_of = day_of_answer(book, question.known_at)
    editions = _read_editions(book, participant, period, known_at)
    derived = question.source is not Basis.SUBMITTED
    submitted = question.source is not Basis.DERIVED
    return Annex3Answer(
        participant=participant,
        period=period.name,
        source=question.source,
        known_at=as_of,
        trade=_trade_table(
            _derive_trade(book, participant, period, known_at) if derived else None,
            _submitted_trade(book, participant, editions) if submitted else None,
            complete=_is_complete(editions, Series.TRADE),
        ),
        counts=_count_table(
            _derive_counts(book, participant, period, known_at) if derived else None,
            _submitted_counts(book, participant, editions) if submitted else None,
            complete=_is_complete(editions, Series.COUNTS),
        ),
        production=tuple(_productions(editions)),
        submissions=tuple(
            _describe(series, name, found, as_of) for (series, name), found in editions.items()
        ),
    )


def _read_editions(book: Book, participant: str, period: Period, known_at: int | None) -> Editions:
    return {
        (series, name): read_editions(book.index, series, name, participant, known_at)
        for series, names in (
            (Series.TRADE, period.quarters),
            (Series.COUNTS, period.quarters),
            (Series.PRODUCTION, period.half_years),
        )
        for name in names
    }


def _is_complete(editions: Editions, wanted: Series) -> bool:
    return all(found for (series, _), found in editions.items() if series is wanted)


def _is_begun(editions: Editions, wanted: Series) -> bool:
    return any(found for (series, _), found in editions.items() if series is wanted)


def _derive_trade(
    book: Book, participant: str, period: Period, known_at: int | None
) -> Mapping[TradeKey, Total]:
    table: dict[TradeKey, Total] = {}
    for quarter in period.quarters:
        for flow in Flow:
            cells = read_cells(book.index, participant, flow, quarter, known_at)
            for cell, total in cells.items():
                key = flow.value, cell
                known = table.get(key)
                table[key] = total if known is None else known + total
    return table


def _submitted_trade(
    book: Book, participant: str, editions: Editions
) -> Mapping[TradeKey, Total] | None:
    """Give what was submitted; None where nothing was, which is not a table of zeros."""
    if not _is_begun(editions, Series.TRADE):
        return None
    table: dict[TradeKey, Total] = {}
    for (series, quarter), found in editions.items():
        if series is Series.TRADE and found:
            for row in read_trade_rows(book.index, quarter, participant, found[-1]):
                key = row.flow.value, Cell(row.partner, row.origin, row.hs.value)
                total = Total(row.carat_thousandths, row.value_usd_cents)
                table[key] = table.get(key, NOTHING) + total
    return table


def _derive_counts(
    book: Book, participant: str, period: Period, known_at: int | None
) -> Mapping[str, tuple[int, int]]:
    table: dict[str, tuple[int, int]] = {}
    for quarter in period.quarters:
        for flow in Flow:
            partners = read_partners(book.index, participant, flow, quarter, known_at)
            for partner, total in partners.items():
                issued, received = table.get(partner, (0, 0))
                if flow is Flow.EXPORT:
                    table[partner] = issued + total.certificates, received
                else:
                    table[partner] = issued, received + total.certificates
    return table


def _submitted_counts(
    book: Book, participant: str, editions: Editions
) -> Mapping[str, tuple[int, int]] | None:
    """Give what was submitted; None where nothing was."""
    if not _is_begun(editions, Series.COUNTS):
        return None
    table: dict[str, tuple[int, int]] = {}
    for (series, quarter), found in editions.items():
        if series is Series.COUNTS and found:
            for row in read_count_rows(book.index, quarter, participant, found[-1]):
                issued, received = table.get(row.partner, (0, 0))
                table[row.partner] = issued + row.issued, received + row.received
    return table


def _trade_table(
    derived: Mapping[TradeKey, Total] | None,
    submitted: Mapping[TradeKey, Total] | None,
    *,
    complete: bool,
) -> tuple[Annex3Trade, ...]:
    keys = {*(derived or ()), *(submitted or ())}
    return tuple(_trade_row(key, derived, submitted, complete=complete) for key in sorted(keys))


def _trade_row(
    key: TradeKey,
    derived: Mapping[TradeKey, Total] | None,
    submitted: Mapping[TradeKey, Total] | None,
    *,
    complete: bool,
) -> Annex3Trade:
    flow, cell = key
    ours = None if derived is None else derived.get(key, NOTHING)
    theirs = None if submitted is None else submitted.get(key, NOTHING)
    gap = None if ours is None or theirs is None or not complete else theirs - ours
    return Annex3Trade(
        flow=Flow(flow),
        partner=cell.partner,
        origin=cell.origin,
        hs=cell.hs,
        carat_thousandths=_carats(ours),
        value_usd_cents=_value(ours),
        submitted_carat_thousandths=_carats(theirs),
        submitted_value_usd_cents=_value(theirs),
        difference_carat_thousandths=_carats(gap),
        difference_value_usd_cents=_value(gap),
    )


def _carats(total: Total | None) -> int | None:
    return None if total is None else bound_amount(total.carat_thousandths)


def _value(total: Total | None) -> int | None:
    return None if total is None else bound_amount(total.value_usd_cents)


def _count_table(
    derived: Mapping[str, tuple[int, int]] | None,
    submitted: Mapping[str, tuple[int, int]] | None,
    *,
    complete: bool,
) -> tuple[Annex3Count, ...]:
    rows = []
    for partner in sorted({*(derived or ()), *(submitted or ())}):
        ours = (None, None) if derived is None else derived.get(partner, (0, 0))
        theirs = (None, None) if submitted is None else submitted.get(partner, (0, 0))
        gaps = [
            None if one is None or other is None or not complete else other - one
            for one, other in zip(ours, theirs, strict=True)
        ]
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


def _productions(editions: Editions) -> Iterable[Annex3Production]:
    for (series, half_year), found in editions.items():
        if series is Series.PRODUCTION and found:
            produced = found[-1].production
            yield Annex3Production(
                half_year=half_year,
                carat_thousandths=produced.carat_thousandths,
                value_usd_cents=produced.value_usd_cents,
            )


def _describe(
    series: Series, name: str, found: tuple[Edition, ...], as_of: str
) -> Annex3Submission:
    due_on = due_day(name)
    first_on = day_of(found[0].recorded_at) if found else ""
    return Annex3Submission(
        series=series,
        period=name,
        edition=found[-1].edition if found else 0,
        event=found[-1].event.hex() if found else "",
        first_on=first_on,
        newest_on=day_of(found[-1].recorded_at) if found else "",
        due_on=due_on,
        late=(first_on or as_of) > due_on,
    )


def due_day(name: str) -> str:
    """Give the day on which the figures of a period are due; empty where there is none."""
    period = parse_period(name)
    return "" if period is None else period.due_on


ANNEX3: Final = Topic(
    path="statistics/annex3",
    summary="The trade, count and production tables of KPCS Annex III",
    question=Annex3Question,
    answer=Annex3Answer,
    respond=answer_annex3,
)
