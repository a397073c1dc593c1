"""The topics ``balance`` and ``production-check``: what goes out, and what was mined or came in."""

from dataclasses import replace
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.analysis.book import Book
from kpledger.analysis.flags.detect.balances import Balance, balance_of
from kpledger.analysis.flags.periods import (
    due_day,
    end_of,
    half_of_month,
    month_after,
    months_between,
    months_of,
)
from kpledger.analysis.flags.topic import look_at
from kpledger.analysis.topic import Topic, ask_participant
from kpledger.base.units import bound_amount


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


def _respond_balance(book: Book, question: BalanceQuestion) -> BalanceAnswer:
    look = look_at(book, at=question.at, settings=question.settings)
    code = ask_participant(book, question.participant).code
    last = look.at[:7]
    months = months_between(month_after(last, 1 - question.months), last)
    whole = balance_of(look, code, months)
    balance = opening = look.settings.stock.get(code, 0) * 1_000
    rows = []
    for month in months:
        flow = whole.flows.total(code, (month,))
        half = whole.production.get(half_of_month(month))
        mined = None if half is None else _part(half.total.out_carats, month)
        balance = bound_amount(balance + (mined or 0) + flow.import_carats - flow.export_carats)
        rows.append(
            BalanceRow(
                month=month,
                mined=mined,
                imported=flow.import_carats,
                exported=flow.export_carats,
                exported_own=whole.flows.total(code, (month,), code).export_carats,
                balance=balance,
            )
        )
    return BalanceAnswer(participant=code, at=look.at, opening=opening, rows=tuple(rows))


def _part(carat_thousandths: int, month: str) -> int:
    """Give the part of a half-year's production that a month has; the parts of all add up to it."""
    months = months_of(half_of_month(month))
    before, length = months.index(month), len(months)
    return carat_thousandths * (before + 1) // length - carat_thousandths * before // length


def _respond_production(book: Book, question: ProductionQuestion) -> ProductionAnswer:
    look = look_at(book, at=question.at)
    code = ask_participant(book, question.participant).code
    last = end_of(half_of_month(look.at[:7]))[:7]
    halves = dict.fromkeys(
        half_of_month(month)
        for month in months_between(month_after(last, 1 - 6 * question.half_years), last)
    )
    whole = balance_of(look, code, months_of(next(iter(halves))))
    rows = tuple(_production_row(replace(whole, months=months_of(half)), half) for half in halves)
    return ProductionAnswer(participant=code, at=look.at, rows=rows)


def _production_row(balance: Balance, half: str) -> ProductionRow:
    reported, own = balance.production.get(half), balance.own
    mined = None if reported is None else reported.total.out_carats
    return ProductionRow(
        half_year=half,
        due_on=due_day(half),
        mined_carat_thousandths=mined,
        mined_value_usd_cents=None if reported is None else reported.total.out_value,
        exported_carat_thousandths=own.export_carats,
        exported_value_usd_cents=own.export_value,
        certificates=own.exports,
        exported_percent=bound_amount(own.export_carats * 100 // mined) if mined else None,
        event="" if reported is None else reported.event.hex(),
    )


BALANCE: Final = Topic(
    path="balance",
    summary="What a participant mined, received and sent, month by month",
    question=BalanceQuestion,
    answer=BalanceAnswer,
    respond=_respond_balance,
)
PRODUCTION_CHECK: Final = Topic(
    path="production-check",
    summary="What a participant reported to have mined beside what it exported as its own",
    question=ProductionQuestion,
    answer=ProductionAnswer,
    respond=_respond_production,
)
