"""The queries ``balance`` and ``production-check``: what went out, was mined, or came in."""

import json
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.units import MAX_AMOUNT
from kpledger.books.database import Books
from kpledger.books.flags.search import prepare_search
from kpledger.books.periods import end_of, half_of, month_after, months_between
from kpledger.books.query import Query, ask_participant, read_statement, select_rows

_MONTHS: Final = read_statement("balance_months.sql")
_HALF_YEARS: Final = read_statement("balance_production.sql")


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


def _respond_balance(books: Books, question: BalanceQuestion) -> BalanceAnswer:
    search = prepare_search(books, at=question.at, settings=question.settings)
    code = ask_participant(books, question.participant).code
    last = search.at[:7]
    opening = search.settings.stock.get(code, 0) * 1_000
    asked = {
        "participant": code,
        "months": json.dumps(months_between(month_after(last, 1 - question.months), last)),
        "opening": opening,
        "largest": MAX_AMOUNT,
    }
    rows = tuple(select_rows(books, BalanceRow, _MONTHS, asked))
    return BalanceAnswer(participant=code, at=search.at, opening=opening, rows=rows)


def _respond_production(books: Books, question: ProductionQuestion) -> ProductionAnswer:
    today = prepare_search(books, at=question.at).at
    code = ask_participant(books, question.participant).code
    last = end_of(half_of(today))[:7]
    months = months_between(month_after(last, 1 - 6 * question.half_years), last)
    asked = {
        "participant": code,
        "half_years": json.dumps(tuple(dict.fromkeys(half_of(month) for month in months))),
        "first": months[0],
        "last": last,
        "largest": MAX_AMOUNT,
    }
    rows = tuple(select_rows(books, ProductionRow, _HALF_YEARS, asked))
    return ProductionAnswer(participant=code, at=today, rows=rows)


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
