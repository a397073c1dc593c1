"""F13 and F14: submitted statistics against what the certificates add up to, and their calendar."""

from collections.abc import Iterator
from typing import Final

from kpledger.analysis.flags.finding import Finding, hexadecimal
from kpledger.analysis.flags.indexes.papers import read_began
from kpledger.analysis.flags.indexes.submissions import (
    COUNTS,
    PRODUCTION,
    TRADE,
    Reported,
    read_first,
    read_reported,
)
from kpledger.analysis.flags.look import Look
from kpledger.analysis.flags.periods import (
    days_between,
    due_day,
    end_of,
    halves_between,
    months_of,
    quarters_between,
)
from kpledger.analysis.flags.words import REPORTS, count_of
from kpledger.analysis.statistics.tables import read_total
from kpledger.analysis.statistics.totals import Total
from kpledger.base.units import (
    add_days,
    add_months,
    day_of,
    end_of_day_ms,
    format_carats,
    format_usd,
)
from kpledger.scheme.v1.events.governance import Standing
from kpledger.scheme.v1.events.statistics import Flow
from kpledger.scheme.v1.records import ParticipantRecord

_LOOK_BACK_MONTHS: Final = -3
"""Statistics that fall due within some days are of periods that ended less than so long before."""


def detect_misreported(look: Look) -> Iterator[Finding]:
    """F13: totals that were submitted differ from those that are derived from the certificates."""
    index = look.book.index
    for quarter in reversed(quarters_between(look.from_day, min(look.until_day, look.at))):
        for code in look.codes:
            trade = look.trade_of(code, quarter)
            counts = read_reported(index, code, COUNTS, quarter)
            if trade is None and counts is None:
                continue
            sent = read_total(index, code, Flow.EXPORT, quarter)
            taken = read_total(index, code, Flow.IMPORT, quarter)
            for way, derived in (("exports", sent), ("imports", taken)):
                if trade is not None:
                    yield from _compare_trade(
                        look, code, quarter, way=way, derived=derived, reported=trade
                    )
            if counts is not None:
                derived_counts = (sent.certificates, taken.certificates)
                yield from _compare_counts(look, code, quarter, derived_counts, counts)


def detect_reporting(look: Look) -> Iterator[Finding]:
    """F14: statistics that came late, or have not come."""
    began = read_began(look.book.index)
    if not began:
        return
    first = add_days(add_months(look.from_day, _LOOK_BACK_MONTHS), -look.settings.f14.late_days)
    quarters, halves = quarters_between(first, look.at), halves_between(first, look.at)
    miners = read_first(look.book.index, PRODUCTION)
    found: list[Finding] = []
    for series, periods in ((TRADE, quarters), (COUNTS, quarters), (PRODUCTION, halves)):
        for period in periods:
            if not _is_due(look, period):
                continue
            came = read_first(look.book.index, series, period)
            for member in look.members:
                expected = look.concerns(member.code) and (
                    series != PRODUCTION or member.code in miners
                )
                if expected and _is_bound(member, period, began):
                    found += _check(look, member.code, series, period, came.get(member.code))
    yield from sorted(found, key=lambda one: (one.day, one.subject), reverse=True)


def _is_due(look: Look, period: str) -> bool:
    day = add_days(due_day(period), look.settings.f14.late_days + 1)
    return look.covers(day) and day <= look.at


def _is_bound(member: ParticipantRecord, period: str, began: str) -> bool:
    """Tell whether a participant was in the scheme, and on the ledger, for all of a period."""
    joined = day_of(member.standings[0].effective_from)
    if f"{months_of(period)[0]}-01" < max(began[:7], joined):
        return False
    return member.standing_at(end_of_day_ms(end_of(period))) is not Standing.REMOVED


def _check(
    look: Look, code: str, series: str, period: str, first: tuple[int, bytes] | None
) -> Iterator[Finding]:
    came = look.at if first is None else day_of(first[0])
    late = days_between(due_day(period), came)
    if late <= look.settings.f14.late_days:
        return
    what = f"{REPORTS[series]} of {period}, due by {due_day(period)},"
    happened = (
        f"have not come in the {count_of(late, 'day')} since"
        if first is None
        else f"came on {came}, {count_of(late, 'day')} late"
    )
    yield Finding(
        flag="F14",
        subject=f"{code}/{series.lower()}/{period}",
        participant=code,
        partner="",
        day=add_days(due_day(period), look.settings.f14.late_days + 1),
        measure=late,
        explanation=(
            f"{code}: {what} {happened}. A small office, or figures that other bodies"
            f" collect, are the usual reasons; the Chair should have been told."
        ),
        evidence=hexadecimal(b"" if first is None else first[1]),
    )


def _compare_trade(
    look: Look, code: str, quarter: str, *, way: str, derived: Total, reported: Reported
) -> Iterator[Finding]:
    settings, total = look.settings.f13, reported.total
    out = way == "exports"
    carats = total.out_carats if out else total.in_carats
    value = total.out_value if out else total.in_value
    for figure, said, counted, least, unit, show in (
        ("ct", carats, derived.carat_thousandths, settings.carats, 1_000, format_carats),
        ("US$", value, derived.value_usd_cents, settings.usd, 100, format_usd),
    ):
        gap = abs(said - counted)
        if gap > max(least * unit, max(said, counted) * settings.percent // 100):
            yield _misreported(
                code,
                quarter,
                gap // unit,
                reported,
                f"{code} submitted {way} of {show(said)} {figure} for {quarter}; its certificates"
                f" add up to {show(counted)} {figure}.",
            )


def _compare_counts(
    look: Look, code: str, quarter: str, derived: tuple[int, int], reported: Reported
) -> Iterator[Finding]:
    settings, total = look.settings.f13, reported.total
    for word, said, counted in zip(
        ("issued", "received"), (total.issued, total.received), derived, strict=True
    ):
        gap = abs(said - counted)
        if gap > max(settings.certificates, max(said, counted) * settings.percent // 100):
            yield _misreported(
                code,
                quarter,
                gap,
                reported,
                f"{code} submitted {count_of(said, 'certificate')} {word} for {quarter}; the"
                f" ledger has {counted}.",
            )


def _misreported(code: str, quarter: str, gap: int, reported: Reported, text: str) -> Finding:
    return Finding(
        flag="F13",
        subject=code,
        participant=code,
        partner="",
        day=end_of(quarter),
        measure=gap,
        explanation=(
            f"{text} Shipments counted by another date, and corrections after the edition, are"
            f" harmless reasons."
        ),
        evidence=hexadecimal(reported.event),
    )
