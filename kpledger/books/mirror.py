"""The query ``mirror``: what two participants say about the same trade, quarter by quarter."""

import json
from typing import Final

import msgspec

from kpledger.base.units import add_days
from kpledger.books.database import Books
from kpledger.books.flags.catalogue import read_flags
from kpledger.books.periods import Period
from kpledger.books.query import Query, read_participant, select_rows, today_of
from kpledger.books.question import AnyDay, Participant, PeriodName, Question, QuestionError


class MirrorQuestion(Question, frozen=True, kw_only=True):
    """Whose trade, and when."""

    one: Participant
    """A participant's code."""
    other: Participant
    """Another's."""
    period: PeriodName
    """A quarter, half-year or year: ``2022Q1``, ``2022H1``, ``2022``."""
    at: AnyDay = ""
    """Today; the day of the newest block if not given."""


class MirrorRow(msgspec.Struct, frozen=True, kw_only=True):
    """A quarter of trade one way. Weights in thousandths of a carat, values in US cents."""

    quarter: str
    """Of issue."""
    issuer: str
    destination: str
    issued: int
    """Certificates that were issued and not taken back."""
    issued_carat_thousandths: int
    issued_value_usd_cents: int
    confirmed: int
    """Of these, how many were confirmed, whenever that was."""
    confirmed_carat_thousandths: int
    """As declared."""
    confirmed_value_usd_cents: int
    found_carat_thousandths: int
    """As found or agreed on afterwards, of the same."""
    found_value_usd_cents: int
    held: int
    """Detained, sent back or seized, and neither released nor confirmed."""
    held_carat_thousandths: int
    open: int
    """Without an answer."""
    open_carat_thousandths: int
    settled: bool
    """Whether the open ones can no longer be on their way."""
    received: int
    """Certificates that were received in this quarter, whenever they were issued."""
    received_carat_thousandths: int
    submitted_out_carat_thousandths: int | None
    """What the issuer submitted; null if it has not."""
    submitted_in_carat_thousandths: int | None
    """What the destination submitted."""
    unexplained_carat_thousandths: int | None
    """How far these differ beyond what was on its way."""


class MirrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Both ways, by quarter."""

    at: str
    rows: tuple[MirrorRow, ...]


def _respond(books: Books, question: MirrorQuestion) -> MirrorAnswer:
    today = today_of(books, question.at)
    one = read_participant(books, question.one, "one")
    other = read_participant(books, question.other, "other")
    if one == other:
        problem = f"{one} cannot be compared with itself"
        raise QuestionError("other", problem, "the codes of two participants")
    settle_days = read_flags()["F12"].settings["settle_days"].default
    quarters = [
        (quarter, add_days(Period(quarter).last_day, settle_days) <= today)
        for quarter in Period(question.period).quarters
    ]
    pair = {"one": one, "other": other, "quarters": json.dumps(quarters)}
    return MirrorAnswer(at=today, rows=select_rows(books, MirrorRow, "mirror.sql", pair))


MIRROR: Final = Query(
    "mirror", "What two participants say about the same trade, by quarter", _respond
)
