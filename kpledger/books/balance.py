"""The queries ``balance`` and ``production-check``: what went out, was mined, or came in."""

from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from kpledger.base.units import bound_amount
from kpledger.books.database import Books
from kpledger.books.flags.search import prepare_search
from kpledger.books.periods import (
    due_day,
    end_of,
    half_of,
    month_after,
    months_between,
    months_of,
)
from kpledger.books.query import Query, ask_participant, read_statement

_MONTHS: Final = read_statement("balance_months.sql")
_OWN: Final = read_statement("balance_own.sql")

_PRODUCTION: Final = read_statement("balance_production.sql")


class BalanceQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose balance, and over which months."""

    participant: str = ""
    months: Annotated[int, Meta(ge=1, le=240)] = 12
    """How many, up to the month of ``at``."""
    at: str = ""
    """A day of the last month; that of the newest block if not given."""
    settings: str = ""
    """``stock.US=250000``: what it held before the first month, in carats."""


class BalanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A month, in thousandths of a carat."""

    month: str
    mined: int | None
    """A part of the half-year that was reported; null if nothing was."""
    imported: int
    """As found, by the day of receipt."""
    exported: int
    """As declared, by the day of issue."""
    exported_own: int
    """Of these, what is said to be of its own origin alone."""
    balance: int
    """What it should hold at the end of the month, from the opening stock on."""


class BalanceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A participant's stones, month by month."""

    participant: str
    at: str
    opening: int
    """The opening stock, as set."""
    rows: tuple[BalanceRow, ...]


class ProductionQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose production, and how many half-years."""

    participant: str = ""
    half_years: Annotated[int, Meta(ge=1, le=100)] = 4
    """How many, up to that of ``at``."""
    at: str = ""
    """A day of the last half-year; that of the newest block if not given."""


class ProductionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A half-year. Weights in thousandths of a carat, values in US cents."""

    half_year: str
    due_on: str
    """By when production has to be reported."""
    mined_carat_thousandths: int | None
    """As reported; null if nothing was."""
    mined_value_usd_cents: int | None
    exported_carat_thousandths: int
    """Of its own origin alone."""
    exported_value_usd_cents: int
    certificates: int
    exported_percent: int | None
    """Exports in percent of production; null without production."""
    event: str
    """The submission; empty if there is none."""


class ProductionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Production beside exports of own origin."""

    participant: str
    at: str
    rows: tuple[ProductionRow, ...]


class _Mined(NamedTuple):
    """What was reported of a half-year."""

    carat_thousandths: int
    value_usd_cents: int
    event: str


def _respond_balance(books: Books, question: BalanceQuestion) -> BalanceAnswer:
    search = prepare_search(books, at=question.at, settings=question.settings)
    code = ask_participant(books, question.participant).code
    last = search.at[:7]
    months = months_between(month_after(last, 1 - question.months), last)
    found = books.connection.execute(
        _MONTHS, {"participant": code, "first": months[0], "last": last}
    )
    flows = {month: figures for month, *figures in found}
    production = _read_production(books, code, half_of(months[0]), half_of(last))
    balance = opening = search.settings.stock.get(code, 0) * 1_000
    rows = []
    for month in months:
        imported, exported, own = flows.get(month, (0, 0, 0))
        half = production.get(half_of(month))
        mined = None if half is None else _part(half.carat_thousandths, month)
        balance = bound_amount(balance + (mined or 0) + imported - exported)
        rows.append(
            BalanceRow(
                month=month,
                mined=mined,
                imported=imported,
                exported=exported,
                exported_own=own,
                balance=balance,
            )
        )
    return BalanceAnswer(participant=code, at=search.at, opening=opening, rows=tuple(rows))


def _part(carat_thousandths: int, month: str) -> int:
    """Give the part of a half-year's production that a month has; the parts of all add up to it."""
    months = months_of(half_of(month))
    before, length = months.index(month), len(months)
    return carat_thousandths * (before + 1) // length - carat_thousandths * before // length


def _respond_production(books: Books, question: ProductionQuestion) -> ProductionAnswer:
    today = prepare_search(books, at=question.at).at
    code = ask_participant(books, question.participant).code
    last = end_of(half_of(today))[:7]
    months = months_between(month_after(last, 1 - 6 * question.half_years), last)
    found = books.connection.execute(_OWN, {"participant": code, "first": months[0], "last": last})
    own = {half: figures for half, *figures in found}
    halves = tuple(dict.fromkeys(half_of(month) for month in months))
    production = _read_production(books, code, halves[0], halves[-1])
    return ProductionAnswer(
        participant=code,
        at=today,
        rows=tuple(
            _production_row(half, production.get(half), *own.get(half, (0, 0, 0)))
            for half in halves
        ),
    )


def _production_row(
    half: str, mined: _Mined | None, carats: int, value: int, certificates: int
) -> ProductionRow:
    weight = None if mined is None else mined.carat_thousandths
    return ProductionRow(
        half_year=half,
        due_on=due_day(half),
        mined_carat_thousandths=weight,
        mined_value_usd_cents=None if mined is None else mined.value_usd_cents,
        exported_carat_thousandths=carats,
        exported_value_usd_cents=value,
        certificates=certificates,
        exported_percent=bound_amount(carats * 100 // weight) if weight else None,
        event="" if mined is None else mined.event,
    )


def _read_production(books: Books, code: str, first: str, last: str) -> dict[str, _Mined]:
    found = books.connection.execute(
        _PRODUCTION, {"participant": code, "first": first, "last": last}
    )
    return {half: _Mined(*figures) for half, *figures in found}


BALANCE: Final = Query(
    path="balance",
    summary="What a participant mined, received and sent, month by month",
    question=BalanceQuestion,
    answer=BalanceAnswer,
    respond=_respond_balance,
)
PRODUCTION_CHECK: Final = Query(
    path="production-check",
    summary="What a participant reported to have mined beside what it exported as its own",
    question=ProductionQuestion,
    answer=ProductionAnswer,
    respond=_respond_production,
)
