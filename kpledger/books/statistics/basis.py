"""What the questions about statistics have in common: from which source, of when, as known when."""

from enum import StrEnum

from kpledger.base.errors import MalformedError
from kpledger.base.units import MAX_TIME_MS, day_of, end_of_day_ms
from kpledger.books.database import Books
from kpledger.books.periods import Period, parse_period
from kpledger.books.query import QuestionError


class Basis(StrEnum):
    """Where figures come from."""

    DERIVED = "derived"
    """Counted from the events of the ledger."""
    SUBMITTED = "submitted"
    """The newest edition that the participant submitted."""
    COMPARED = "compared"
    """Both, and how they differ."""


def ask_period(text: str) -> Period:
    """Read the ``period`` of a question.

    Raises:
        QuestionError: it is none.
    """
    try:
        return parse_period(text)
    except MalformedError as error:
        accepted = "a quarter, half-year or year: 2022Q1, 2022H1, 2022"
        raise QuestionError("period", error.problem, accepted) from None


def ask_known_at(text: str) -> int:
    """Read the ``known_at`` of a question: the end of that day, Unix milliseconds.

    Where none is given, all counts that is known.

    Raises:
        QuestionError: it is no day.
    """
    try:
        return end_of_day_ms(text) if text else MAX_TIME_MS
    except MalformedError as error:
        raise QuestionError("known_at", error.problem, "a day, as 2022-08-31") from None


def day_of_answer(books: Books, known_at: str) -> str:
    """Give the day as of which an answer is: the one asked for, or that of the newest block.

    A day that is still to come gives the newest block's: nobody knows yet what will be known.
    """
    newest = day_of(books.time_ms)
    return min(known_at, newest) if known_at else newest
