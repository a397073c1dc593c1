"""The queries ``balance`` and ``production-check``: what went out, was mined, or came in."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.units import MAX_AMOUNT
from kpledger.books.database import Books
from kpledger.books.flags.settings import Settings, read_settings
from kpledger.books.query import Query, read_participant, select_rows, today_of
from kpledger.books.question import AnyDay, Participant, Question


class BalanceQuestion(Question, frozen=True, kw_only=True):
    """Whose balance, and over which months."""

    participant: Participant
    months: Annotated[int, Meta(ge=1, le=240)] = 12
    """How many, up to the month of ``at``."""
    at: AnyDay = ""
    """A day of the last month; that of the newest block if not given."""
    settings: Settings = ""
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


class ProductionQuestion(Question, frozen=True, kw_only=True):
    """Whose production, and how many half-years."""

    participant: Participant
    half_years: Annotated[int, Meta(ge=1, le=100)] = 4
    """How many, up to that of ``at``."""
    at: AnyDay = ""
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
    today = today_of(books, question.at)
    code = read_participant(books, question.participant)
    opening = read_settings(books, question.settings).stock.get(code, 0) * 1_000
    asked = {
        "participant": code,
        "at": today,
        "months": question.months,
        "opening": opening,
        "largest": MAX_AMOUNT,
    }
    rows = select_rows(books, BalanceRow, "balance_months.sql", asked)
    return BalanceAnswer(participant=code, at=today, opening=opening, rows=rows)


def _respond_production(books: Books, question: ProductionQuestion) -> ProductionAnswer:
    today = today_of(books, question.at)
    code = read_participant(books, question.participant)
    asked = {
        "participant": code,
        "at": today,
        "half_years": question.half_years,
        "largest": MAX_AMOUNT,
    }
    rows = select_rows(books, ProductionRow, "balance_production.sql", asked)
    return ProductionAnswer(participant=code, at=today, rows=rows)


BALANCE: Final = Query(
    "balance", "What a participant mined, received and sent, month by month", _respond_balance
)
PRODUCTION_CHECK: Final = Query(
    "production-check",
    "What a participant reported to have mined beside what it exported as its own",
    _respond_production,
)
