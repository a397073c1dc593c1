"""The topic ``statistics/summary``: one year of all participants, as the scheme publishes it.

A row for each participant with production, imports, exports and certificates, and the global
totals. Production is always what was submitted; trade and certificates are counted from the events
or taken from the newest editions.
"""

from typing import Final

import msgspec

from kpledger.analysis.book import Book
from kpledger.analysis.statistics.asked import Basis, ask_known_at, day_of_answer
from kpledger.analysis.statistics.periods import Period, parse_period
from kpledger.analysis.statistics.submissions import Sum, read_newest
from kpledger.analysis.statistics.tables import read_total
from kpledger.analysis.statistics.totals import NOTHING, Total
from kpledger.analysis.topic import QuestionError, Topic
from kpledger.base.units import bound_amount
from kpledger.scheme.v1.events.statistics import Flow, Series
from kpledger.scheme.v1.records import ParticipantRecord

MAX_PARTICIPANTS: Final = 1000

Figures = tuple[Total, Total, Total]
"""Production, imports, exports; certificates received and issued stand with the trade."""

_NO_FIGURES: Final[Figures] = (NOTHING, NOTHING, NOTHING)
_PRODUCTION, _IMPORTS, _EXPORTS = range(3)


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


def answer_summary(book: Book, question: SummaryQuestion) -> SummaryAnswer:
    """Give the summary.

    Raises:
        QuestionError: no such year or day, or a source that is none of a summary.
    """
    known_at = ask_known_at(question.known_at)
    period = parse_period(question.year)
    if period is None or period.name != f"{period.year}":
        raise QuestionError("year", f"{question.year[:64]!r} is no year", "a year, as 2022")
    if question.source is Basis.COMPARED:
        accepted = "derived or submitted; statistics/annex3 compares"
        raise QuestionError("source", "a summary has one source", accepted)
    figures, halves = _read_production(book, period, known_at)
    if question.source is Basis.SUBMITTED:
        _add_submitted(figures, book, period, known_at)
    names = {
        record.code: record.name
        for _, record in book.records(
            b"participant/", ParticipantRecord, after=None, limit=MAX_PARTICIPANTS
        )
    }
    if question.source is Basis.DERIVED:
        for code in names:
            _add_derived(figures, book, code, period, known_at)
    rows = tuple(
        _row(code, name, figures.get(code, _NO_FIGURES), halves.get(code, 0))
        for code, name in sorted(names.items())
    )
    world = _NO_FIGURES
    for one in figures.values():
        world = _plus(world, one)
    return SummaryAnswer(
        year=question.year,
        source=question.source,
        known_at=day_of_answer(book, question.known_at),
        participants=rows,
        totals=_row("", "", world, sum(halves.values())),
    )


def _plus(one: Figures, other: Figures) -> Figures:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _add(figures: dict[str, Figures], code: str, which: int, total: Total) -> None:
    known = list(figures.get(code, _NO_FIGURES))
    known[which] += total
    figures[code] = known[_PRODUCTION], known[_IMPORTS], known[_EXPORTS]


def _read_production(
    book: Book, period: Period, known_at: int | None
) -> tuple[dict[str, Figures], dict[str, int]]:
    figures: dict[str, Figures] = {}
    halves: dict[str, int] = {}
    for half_year in period.half_years:
        for code, edition in read_newest(book.index, Series.PRODUCTION, half_year, known_at):
            _add(figures, code, _PRODUCTION, _total(edition.production, 0))
            halves[code] = halves.get(code, 0) + 1
    return figures, halves


def _add_submitted(
    figures: dict[str, Figures], book: Book, period: Period, known_at: int | None
) -> None:
    for quarter in period.quarters:
        for code, edition in read_newest(book.index, Series.TRADE, quarter, known_at):
            _add(figures, code, _IMPORTS, _total(edition.imports, 0))
            _add(figures, code, _EXPORTS, _total(edition.exports, 0))
        for code, edition in read_newest(book.index, Series.COUNTS, quarter, known_at):
            _add(figures, code, _IMPORTS, Total(certificates=edition.received))
            _add(figures, code, _EXPORTS, Total(certificates=edition.issued))


def _add_derived(
    figures: dict[str, Figures], book: Book, code: str, period: Period, known_at: int | None
) -> None:
    for quarter in period.quarters:
        for flow, which in ((Flow.IMPORT, _IMPORTS), (Flow.EXPORT, _EXPORTS)):
            _add(figures, code, which, read_total(book.index, code, flow, quarter, known_at))


def _total(amount: Sum, certificates: int) -> Total:
    return Total(amount.carat_thousandths, amount.value_usd_cents, certificates)


def _row(code: str, name: str, figures: Figures, half_years: int) -> SummaryRow:
    production, imports, exports = figures
    return SummaryRow(
        participant=code,
        name=name,
        production_carat_thousandths=bound_amount(production.carat_thousandths),
        production_value_usd_cents=bound_amount(production.value_usd_cents),
        production_usd_cents_per_carat=_per_carat(production),
        import_carat_thousandths=bound_amount(imports.carat_thousandths),
        import_value_usd_cents=bound_amount(imports.value_usd_cents),
        export_carat_thousandths=bound_amount(exports.carat_thousandths),
        export_value_usd_cents=bound_amount(exports.value_usd_cents),
        certificates_issued=exports.certificates,
        certificates_received=imports.certificates,
        half_years_submitted=half_years,
    )


def _per_carat(total: Total) -> int | None:
    carats = total.carat_thousandths
    if carats == 0:
        return None
    return bound_amount((2 * total.value_usd_cents * 1000 + carats) // (2 * carats))


SUMMARY: Final = Topic(
    path="statistics/summary",
    summary="The year of all participants: production, imports, exports, certificates",
    question=SummaryQuestion,
    answer=SummaryAnswer,
    respond=answer_summary,
)
