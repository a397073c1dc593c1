"""F5, F6 and F17: what a participant sends out, against what it mined and took in.

Balances are struck at the ends of quarters, over the months before; of a producer at the ends of
half-years, since production is reported by half-years and what falls into a quarter is a guess.
They wait until production is known: reported, or overdue and then counted as none. So a period
that nobody could have reported yet raises nothing.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from kpledger.analysis.flags.finding import Finding, hexadecimal
from kpledger.analysis.flags.indexes.flows import Flow, FlowsRead, has_imported, read_flows
from kpledger.analysis.flags.indexes.papers import read_began, read_issued
from kpledger.analysis.flags.indexes.submissions import Reported
from kpledger.analysis.flags.look import Look
from kpledger.analysis.flags.passages import counts_as_trade
from kpledger.analysis.flags.periods import (
    due_day,
    end_of,
    half_of_month,
    month_after,
    months_between,
    quarters_between,
)
from kpledger.base.units import end_of_day_ms, format_carats
from kpledger.scheme.v1.events.governance import Standing

_HALF_MONTHS: Final = 6
_YEAR_MONTHS: Final = 12
_EXAMPLES: Final = 5
_HALF_YEAR_ENDS: Final = ("Q2", "Q4")
_EXAMPLES_READ: Final = 2_000


@dataclass(frozen=True)
class Balance:
    """What one participant mined and moved in the months up to the end of a quarter."""

    code: str
    months: tuple[str, ...]
    flows: FlowsRead
    production: dict[str, Reported]
    """By half-year."""

    @cached_property
    def total(self) -> Flow:
        """All origins."""
        return self.flows.total(self.code, self.months)

    @cached_property
    def own(self) -> Flow:
        """Stones of its own."""
        return self.flows.total(self.code, self.months, self.code)

    @cached_property
    def mined(self) -> int:
        """What it reported to have mined, in thousandths; a half-year in equal parts by month.

        The half-year that the end of the months cuts counts in full: nobody reports when in it the
        stones were mined, and a small producer sells all of a half-year at once.
        """
        counts = Counter(map(half_of_month, self.months))
        counts[half_of_month(self.months[-1])] = _HALF_MONTHS
        return sum(
            self.production[half].total.out_carats * count // _HALF_MONTHS
            for half, count in counts.items()
            if half in self.production
        )

    @property
    def sources(self) -> tuple[bytes, ...]:
        """The submissions of production behind it."""
        halves = dict.fromkeys(map(half_of_month, self.months))
        return tuple(self.production[half].event for half in halves if half in self.production)

    @property
    def span(self) -> str:
        """The months in words."""
        return f"{self.months[0]} to {self.months[-1]}"


def detect_deficit(look: Look) -> Iterator[Finding]:
    """F5: more went out than was mined and came in."""
    settings = look.settings.f5
    for day, balance in _balances(look, settings.months):
        total, mined = balance.total, balance.mined
        stock = look.settings.stock.get(balance.code, 0) * 1_000
        came = mined + total.import_carats
        beyond = total.export_carats - came - stock
        if beyond <= max(settings.carats * 1_000, came * settings.slack_percent // 100):
            continue
        held = f" and a stock of {format_carats(stock)} ct" if stock else ""
        yield Finding(
            flag="F5",
            subject=balance.code,
            participant=balance.code,
            partner="",
            day=day,
            measure=beyond // 1_000,
            explanation=(
                f"From {balance.span} {balance.code} exported {format_carats(total.export_carats)}"
                f" ct, but mined {format_carats(mined)} ct and received"
                f" {format_carats(total.import_carats)} ct{held}: {format_carats(beyond)} ct came"
                f" from nowhere. Sales from an older stock, or imports that nobody confirmed yet,"
                f" are harmless reasons; the stock can be set."
            ),
            evidence=hexadecimal(*balance.sources, *_examples(look, balance, None)),
        )


def detect_laundering(look: Look) -> Iterator[Finding]:
    """F6: more stones of one's own than were mined, or of an origin that never came in."""
    settings = look.settings.f6
    for day, balance in _balances(look, settings.months):
        stock = look.settings.stock.get(balance.code, 0) * 1_000
        sent, mined = balance.own.export_carats, balance.mined
        beyond = sent - mined * settings.percent // 100 - stock
        if beyond > settings.carats * 1_000:
            yield _laundered(look, balance, day, beyond)
        for origin in balance.flows.origins(balance.code, balance.months):
            flow = balance.flows.total(balance.code, balance.months, origin)
            foreign = origin not in {"", balance.code}
            if (
                foreign
                and flow.export_carats > settings.carats * 1_000 + stock
                and not has_imported(look.book.index, balance.code, origin)
            ):
                yield _unsourced(look, balance, day, origin)


def detect_silence(look: Look) -> Iterator[Finding]:
    """F17: a producer that mines and issues nothing."""
    settings = look.settings.f17
    silent_months = 3 * settings.quarters
    for day, whole in _balances(look, max(_YEAR_MONTHS, silent_months), by_quarter=True):
        balance = replace(whole, months=whole.months[-_YEAR_MONTHS:])
        member = next((one for one in look.members if one.code == balance.code), None)
        standing = member.standing_at(end_of_day_ms(day)) if member is not None else None
        quiet = whole.months[-silent_months:]
        if (
            standing is Standing.ACTIVE
            and len(quiet) == silent_months
            and balance.mined > settings.carats * 1_000
            and balance.flows.total(balance.code, quiet).exports == 0
        ):
            yield Finding(
                flag="F17",
                subject=balance.code,
                participant=balance.code,
                partner="",
                day=day,
                measure=settings.quarters,
                explanation=(
                    f"{balance.code} reported to have mined {format_carats(balance.mined)} ct from"
                    f" {balance.span} and issued no certificate from {quiet[0]} to {quiet[-1]}."
                    f" Stones may be cut at home or held in stock; or they leave without papers."
                ),
                evidence=hexadecimal(*balance.sources),
            )


def _laundered(look: Look, balance: Balance, day: str, beyond: int) -> Finding:
    sent, mined = balance.own.export_carats, balance.mined
    reported = (
        f"reported to have mined {format_carats(mined)} ct"
        if balance.sources
        else "reported no production"
    )
    return Finding(
        flag="F6",
        subject=balance.code,
        participant=balance.code,
        partner="",
        day=day,
        measure=sent * 100 // mined if mined else beyond // 1_000,
        explanation=(
            f"From {balance.span} {balance.code} exported {format_carats(sent)} ct as its own and"
            f" {reported}. Sales from a stockpile are the harmless reason (the stock can be set);"
            f" otherwise stones from elsewhere were given its origin."
        ),
        evidence=hexadecimal(*balance.sources, *_examples(look, balance, balance.code)),
    )


def _unsourced(look: Look, balance: Balance, day: str, origin: str) -> Finding:
    sent = balance.flows.total(balance.code, balance.months, origin).export_carats
    return Finding(
        flag="F6",
        subject=balance.code,
        participant=balance.code,
        partner="",
        day=day,
        measure=sent // 1_000,
        explanation=(
            f"From {balance.span} {balance.code} exported {format_carats(sent)} ct as stones from"
            f" {origin}, and no import of stones from {origin} was ever confirmed there. They may"
            f" have been sorted out of mixed parcels or be older stock; or the origin is false."
        ),
        evidence=hexadecimal(*_examples(look, balance, origin)),
    )


def balance_of(look: Look, code: str, months: tuple[str, ...]) -> Balance:
    """Strike the balance of one participant over months."""
    flows = read_flows(look.book.index, (code,), months[0])
    return Balance(code, months, flows, look.production_of(code))


def _balances(
    look: Look, length: int, *, by_quarter: bool = False
) -> Iterator[tuple[str, Balance]]:
    """Give the balances to strike, the newest first, as soon as they can be struck."""
    began = read_began(look.book.index)
    quarters = quarters_between(look.from_day, min(look.until_day, look.at))
    if not (began and quarters):
        return
    first = month_after(end_of(quarters[0])[:7], 1 - length)
    flows = look.flows_since(first)
    production = {code: look.production_of(code) for code in look.codes}
    for quarter in reversed(quarters):
        day = end_of(quarter)
        start = max(month_after(day[:7], 1 - length), began[:7])
        months = months_between(start, day[:7])
        if len(months) < min(length, _HALF_MONTHS):
            continue
        for code in look.codes:
            balance = Balance(code, months, flows, production[code])
            mines = bool(production[code]) or balance.own.exports
            is_struck = by_quarter or quarter[-2:] in _HALF_YEAR_ENDS or not mines
            if is_struck and (not mines or _is_known(look, production[code], day)):
                yield day, balance


def _is_known(look: Look, production: dict[str, Reported], day: str) -> bool:
    half = half_of_month(day[:7])
    return half in production or due_day(half) < look.at


def _examples(look: Look, balance: Balance, origin: str | None) -> tuple[bytes, ...]:
    found: list[bytes] = []
    index, last = look.book.index, end_of(balance.months[-1])
    papers = read_issued(index, balance.code, f"{balance.months[0]}-01", last)
    for _, (_, paper) in zip(range(_EXAMPLES_READ), papers, strict=False):
        wanted = origin is None or paper.origin == origin
        if wanted and counts_as_trade(index, paper.number):
            found.append(paper.issue)
        if len(found) == _EXAMPLES:
            break
    return tuple(found)
