"""Queries: what people can ask of the books, each with the form of its question and of its answer.

A node serves a query under ``/v1/<path>``, the people's side asks it there, and who has verified
the chain himself gets the same answer from books of his own. Questions are flat: text, whole
numbers, truth values; bytes in answers are written in hexadecimal.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from kpledger.base.errors import LedgerError, MalformedError
from kpledger.base.ids import parse_participant
from kpledger.base.units import parse_day
from kpledger.books.database import Books
from kpledger.scheme.v1.records import ParticipantRecord

Q = TypeVar("Q", bound=msgspec.Struct)
A = TypeVar("A", bound=msgspec.Struct)
S = TypeVar("S", bound=msgspec.Struct)

FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2099


class QuestionError(LedgerError):
    """A question that has no answer: names the parameter, and what would be accepted."""

    def __init__(self, field: str, problem: str, accepted: str) -> None:
        """Say which parameter, what is wrong with it, and what would be right."""
        super().__init__(f"{field}: {problem}; accepted: {accepted}")
        self.field = field
        self.problem = problem
        self.accepted = accepted


class NotOnLedgerError(LedgerError):
    """A question about something that the ledger does not hold."""


@dataclass(frozen=True, slots=True)
class Query(Generic[Q, A]):
    """One kind of question."""

    path: str
    """Where it is asked, below ``/v1/``; a name in braces is a field of the question."""
    summary: str
    """What is answered, in a line."""
    question: type[Q]
    """Its parameters: a flat Struct of text, numbers and truth values, with defaults."""
    answer: type[A]
    respond: Callable[[Books, Q], A]
    """Answers from the books; raises :class:`QuestionError` or :class:`NotOnLedgerError`."""

    def reply(self, books: Books, question: msgspec.Struct) -> bytes:
        """Answer a question that was read as :attr:`question` says, as JSON.

        Raises:
            QuestionError: it has no answer.
            NotOnLedgerError: it is about something that the ledger does not hold.
            TypeError: it is a question of another query.
        """
        if not isinstance(question, self.question):
            raise TypeError(f"{type(question).__name__} is no question of {self.path}")
        return encode_answer(self.respond(books, question))


class AnyQuery(Protocol):
    """A query whose question and answer are of whatever type."""

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

    def reply(self, books: Books, question: msgspec.Struct) -> bytes:
        """Answer a question, as JSON."""
        ...


def encode_answer(answer: msgspec.Struct | Mapping[str, object]) -> bytes:
    """Write an answer, or a record in one, as JSON: bytes in hexadecimal."""
    plain = msgspec.to_builtins(answer, builtin_types=(bytes, msgspec.Raw))
    return msgspec.json.encode(_in_hex(plain))


def _in_hex(value: object) -> object:
    match value:
        case bytes():
            return value.hex()
        case dict():
            return {name: _in_hex(one) for name, one in value.items()}
        case list() | tuple():
            return [_in_hex(one) for one in value]
    return value


def read_statement(name: str) -> str:
    """Read a statement in SQL, from a file below this package."""
    return files("kpledger.books").joinpath(name).read_text(encoding="utf-8")


def select_rows(
    books: Books, kind: type[S], statement: str, parameters: Mapping[str, object]
) -> Iterator[S]:
    """Run a statement whose columns are called as the fields of a Struct, and give its rows."""
    cursor = books.connection.execute(statement, parameters)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        # Truth values are numbers in the database.
        yield msgspec.convert(dict(zip(names, row, strict=True)), kind, strict=False)


def ask_participant(books: Books, code: str, field: str = "participant") -> ParticipantRecord:
    """Read the participant that a question names.

    Raises:
        QuestionError: the ledger knows none of this code.
    """
    record = books.record(ParticipantRecord.key_for(code), ParticipantRecord)
    if record is None:
        accepted = "the code of a participant on the ledger, as BW"
        raise QuestionError(field, f"there is no participant {code[:64]!r}", accepted)
    return record


def ask_code(field: str, text: str) -> str:
    """Read a participant's code.

    Raises:
        QuestionError: it is none.
    """
    try:
        return parse_participant(text)
    except MalformedError as error:
        raise QuestionError(field, error.problem, "two capital letters, as BW") from None


def ask_day(field: str, text: str) -> str:
    """Read a day, or none.

    Periods are counted one by one from day to day, so that a day near an end of the calendar would
    cost the node seconds for nothing.

    Raises:
        QuestionError: it is none, or not of :data:`FIRST_YEAR` to :data:`LAST_YEAR`.
    """
    if text:
        try:
            year = parse_day(text).year
        except MalformedError as error:
            raise QuestionError(field, error.problem, "a day, as 2026-03-02") from None
        if not FIRST_YEAR <= year <= LAST_YEAR:
            accepted = f"a day of the years {FIRST_YEAR} to {LAST_YEAR}"
            raise QuestionError(field, f"{text} is too far away", accepted)
    return text
