"""Topics: questions that a book answers, each with the form of its question and of its answer.

A topic is served by a node under ``/v1/<path>``, asked by the people's side, and answered the same
way from a book that an auditor has replayed. Questions and answers are what JSON can hold: text,
whole numbers, lists; event ids are hexadecimal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import msgspec

from kpledger.analysis.book import Book
from kpledger.base.errors import LedgerError
from kpledger.scheme.v1.records import ParticipantRecord, participant_key

Q = TypeVar("Q", bound=msgspec.Struct)
A = TypeVar("A", bound=msgspec.Struct)


class QuestionError(LedgerError):
    """A question that has no answer: names the parameter, and what would be accepted."""

    def __init__(self, field: str, problem: str, accepted: str) -> None:
        """Say which parameter, what is wrong with it, and what would be right."""
        super().__init__(f"{field}: {problem}; accepted: {accepted}")
        self.field = field
        self.problem = problem
        self.accepted = accepted


def ask_participant(book: Book, code: str, field: str = "participant") -> ParticipantRecord:
    """Read the participant that a question names.

    Raises:
        QuestionError: the ledger knows none of this code.
    """
    record = book.record(participant_key(code), ParticipantRecord)
    if record is None:
        accepted = "the code of a participant on the ledger, as BW"
        raise QuestionError(field, f"there is no participant {code[:64]!r}", accepted)
    return record


@dataclass(frozen=True, slots=True)
class Topic(Generic[Q, A]):
    """One kind of question."""

    path: str
    """Where it is asked, below ``/v1/``."""
    summary: str
    """What is answered, in a line."""
    question: type[Q]
    """Its parameters: a flat Struct of text, numbers and truth values, with defaults."""
    answer: type[A]
    respond: Callable[[Book, Q], A]
    """Answers from a book; raises :class:`QuestionError`."""

    def reply(self, book: Book, question: msgspec.Struct) -> msgspec.Struct:
        """Answer a question that was read as :attr:`question` says.

        Raises:
            QuestionError: it has no answer.
            TypeError: it is a question of another topic.
        """
        if not isinstance(question, self.question):
            raise TypeError(f"{type(question).__name__} is no question of {self.path}")
        return self.respond(book, question)


class AnyTopic(Protocol):
    """A topic whose question and answer are of whatever type."""

    @property
    def path(self) -> str:
        """Where it is asked, below ``/v1/``."""
        ...

    @property
    def summary(self) -> str:
        """What is answered, in a line."""
        ...

    @property
    def question(self) -> type[msgspec.Struct]:
        """Its parameters."""
        ...

    @property
    def answer(self) -> type[msgspec.Struct]:
        """What is answered."""
        ...

    def reply(self, book: Book, question: msgspec.Struct) -> msgspec.Struct:
        """Answer a question."""
        ...
