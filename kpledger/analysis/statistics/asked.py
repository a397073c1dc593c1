"""What the questions about statistics have in common: whom, until when, from which source."""

from enum import StrEnum

from kpledger.analysis.book import Book
from kpledger.analysis.statistics.totals import parse_known_at
from kpledger.analysis.topic import QuestionError
from kpledger.base.errors import MalformedError
from kpledger.base.units import day_of


class Basis(StrEnum):
    """Where figures come from."""

    DERIVED = "derived"
    """Counted from the events of the ledger."""
    SUBMITTED = "submitted"
    """The newest edition that the participant submitted."""
    COMPARED = "compared"
    """Both, and how they differ."""


def ask_known_at(text: str) -> int | None:
    """Read the ``known_at`` of a question: the number of the day, None for all that is known.

    Raises:
        QuestionError: it is no day.
    """
    try:
        return parse_known_at(text)
    except MalformedError as error:
        raise QuestionError("known_at", error.problem, "a day, as 2022-08-31") from None


def day_of_answer(book: Book, known_at: str) -> str:
    """Give the day as of which an answer is: the one asked for, or that of the newest block.

    A day that is still to come gives the newest block's: nobody knows yet what will be known.
    """
    newest = day_of(book.tip.time_ms)
    return min(known_at, newest) if known_at else newest
