"""The query ``mirror``: what two participants say about the same trade, quarter by quarter."""

import json
from typing import Final

import msgspec

from kpledger.base.units import add_days
from kpledger.books.database import Books
from kpledger.books.flags.catalogue import read_flags
from kpledger.books.flags.search import prepare_search
from kpledger.books.periods import end_of
from kpledger.books.query import Query, QuestionError, ask_participant, select_rows
from kpledger.books.statistics.basis import ask_period

_ROWS: Final = """
WITH lanes AS (
    SELECT quarters.value ->> 0 AS quarter, quarters.value ->> 1 AS settled,
           ways.column1 AS issuer, ways.column2 AS destination
    FROM json_each(:quarters) AS quarters, (VALUES (:one, :other), (:other, :one)) AS ways
),
figures AS (
    SELECT quarter, issuer, destination, lanes.settled,
           coalesce(declared, 0) AS issued,
           coalesce(declared_carat_thousandths, 0) AS issued_carat_thousandths,
           coalesce(declared_value_usd_cents, 0) AS issued_value_usd_cents,
           coalesce(pairs.settled, 0) AS confirmed,
           coalesce(settled_carat_thousandths, 0) AS confirmed_carat_thousandths,
           coalesce(settled_value_usd_cents, 0) AS confirmed_value_usd_cents,
           coalesce(found_carat_thousandths, 0) AS found_carat_thousandths,
           coalesce(found_value_usd_cents, 0) AS found_value_usd_cents,
           coalesce(held, 0) AS held,
           coalesce(held_carat_thousandths, 0) AS held_carat_thousandths,
           coalesce(pairs.received, 0) AS received,
           coalesce(received_carat_thousandths, 0) AS received_carat_thousandths,
           CASE WHEN sent.edition THEN (
               SELECT CAST(TOTAL(carat_thousandths) AS INTEGER)
               FROM edition_rows
               WHERE series = 'TRADE' AND period = quarter AND participant = issuer
                 AND edition_rows.edition = sent.edition
                 AND flow = 'EXPORT' AND partner = destination)
           END AS submitted_out_carat_thousandths,
           CASE WHEN taken.edition THEN (
               SELECT CAST(TOTAL(carat_thousandths) AS INTEGER)
               FROM edition_rows
               WHERE series = 'TRADE' AND period = quarter AND participant = destination
                 AND edition_rows.edition = taken.edition
                 AND flow = 'IMPORT' AND partner = issuer)
           END AS submitted_in_carat_thousandths
    FROM lanes
    LEFT JOIN pairs USING (quarter, issuer, destination)
    LEFT JOIN newest_editions AS sent
        ON sent.series = 'TRADE' AND sent.period = quarter AND sent.participant = issuer
    LEFT JOIN newest_editions AS taken
        ON taken.series = 'TRADE' AND taken.period = quarter AND taken.participant = destination
)
SELECT *,
       issued - confirmed - held AS open,
       issued_carat_thousandths - confirmed_carat_thousandths - held_carat_thousandths
           AS open_carat_thousandths,
       submitted_out_carat_thousandths - submitted_in_carat_thousandths
           - (issued_carat_thousandths - received_carat_thousandths)
           AS unexplained_carat_thousandths
FROM figures
ORDER BY quarter, issuer <> :one
"""
"""Both ways of each quarter: what the ledger has, and what either side submitted last."""


class MirrorQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose trade, and when."""

    one: str = ""
    """A participant's code."""
    other: str = ""
    """Another's."""
    period: str = ""
    """A quarter, half-year or year: ``2022Q1``, ``2022H1``, ``2022``."""
    at: str = ""
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
    today = prepare_search(books, at=question.at).at
    one, other = question.one, question.other
    for field, code in (("one", one), ("other", other)):
        ask_participant(books, code, field)
    if one == other:
        problem = f"{one} and {other} are no pair"
        raise QuestionError("other", problem, "the codes of two participants")
    settle_days = read_flags()["F12"].settings["settle_days"].default
    quarters = [
        (quarter, add_days(end_of(quarter), settle_days) <= today)
        for quarter in ask_period(question.period).quarters
    ]
    pair = {"one": one, "other": other, "quarters": json.dumps(quarters)}
    return MirrorAnswer(at=today, rows=tuple(select_rows(books, MirrorRow, _ROWS, pair)))


MIRROR: Final = Query(
    path="mirror",
    summary="What two participants say about the same trade, by quarter",
    question=MirrorQuestion,
    answer=MirrorAnswer,
    respond=_respond,
)
