"""Queries: what people can ask of the books, each with the form of its question and of its answer.

A node serves a query under ``/v1/<path>``, the people's side asks it there, and who has verified
the chain himself gets the same answer from books of his own. Bytes in answers are written
in hexadecimal.
"""

import functools
from collections.abc import Callable, Mapping
from importlib.resources import files
from inspect import get_annotations
from itertools import islice
from typing import Final, Generic, TypeVar, get_args, get_origin

import msgspec
from msgspec import structs

from kpledger.base.errors import LedgerError
from kpledger.base.units import day_of
from kpledger.books.database import Books
from kpledger.books.question import QuestionError
from kpledger.scheme.v1.records import ParticipantRecord
from kpledger.scheme.v1.territories import tell_home

_Q_co = TypeVar("_Q_co", bound=msgspec.Struct, covariant=True)
_A_co = TypeVar("_A_co", bound=msgspec.Struct, covariant=True)
S = TypeVar("S", bound=msgspec.Struct)

_FOUNDED: Final = "SELECT min(known_from) FROM participants"
MAX_SELECTED: Final = 50_000
"""Of one statement: more than any table of the scheme has."""


class NotOnLedgerError(LedgerError):
    """A question about something that the ledger does not hold."""


class TooMuchError(LedgerError):
    """A question whose answer is larger than anybody reads."""


class Query(Generic[_Q_co, _A_co]):
    """One kind of question."""

    def __init__(
        self,
        path: str,
        summary: str,
        respond: Callable[[Books, _Q_co], _A_co],
        *,
        is_small: bool = False,
        for_everybody: bool = False,
        may_find_none: bool = False,
    ) -> None:
        """Take the forms of question and answer from what responds.

        Args:
            path: where it is asked, below ``/v1/``; a name in braces is a field of the question.
            summary: what is answered, in a line.
            respond: answers from the books; raises :class:`QuestionError` or
                :class:`NotOnLedgerError`.
            is_small: whether it reads a few rows by an index and no more, so that a node lets
                nobody who asks it wait for those who ask anything else.
            for_everybody: whether a node answers it to clients who are not listed there.
            may_find_none: whether ``respond`` raises :class:`NotOnLedgerError`.
        """
        self.path, self.summary, self.respond = path, summary, respond
        self.is_small, self.for_everybody = is_small, for_everybody
        self.may_find_none = may_find_none
        _, question, answer = get_annotations(respond).values()
        self.question: type[_Q_co] = question
        """Its parameters: a flat Struct of text, numbers and truth values, with defaults."""
        self.answer: type[_A_co] = answer

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


AnyQuery = Query[msgspec.Struct, msgspec.Struct]
"""A query of whatever kind; :meth:`Query.reply` looks whether a question is one of it."""


def encode_answer(answer: msgspec.Struct | Mapping[str, object]) -> bytes:
    """Write an answer, or a record in one, as JSON: bytes in hexadecimal."""
    return msgspec.json.encode(readable(answer))


def readable(value: object) -> object:
    """Give a value as plain ones: Structs as mappings, bytes as lower-case hexadecimal."""
    return _in_hex(msgspec.to_builtins(value, builtin_types=(bytes, msgspec.Raw)))


def _in_hex(value: object) -> object:
    match value:
        case bytes():
            return value.hex()
        case dict():
            return {name: _in_hex(one) for name, one in value.items()}
        case list() | tuple():
            return [_in_hex(one) for one in value]
    return value


@functools.cache
def _read_statement(file: str) -> str:
    return files(__package__).joinpath(file).read_text(encoding="utf-8")


def select_rows(
    books: Books, kind: type[S], file: str, parameters: Mapping[str, object]
) -> tuple[S, ...]:
    """Run a statement whose columns are called as the fields of a Struct, and give its rows.

    Args:
        books: what is asked.
        kind: the Struct; a list of names in it is a column with commas, a Struct in it, or several,
            a column in JSON.
        file: the statement, below this package.
        parameters: of the statement.

    Raises:
        TooMuchError: there are more than :data:`MAX_SELECTED`.
    """
    cursor = books.connection.execute(_read_statement(file), parameters)
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in islice(cursor, MAX_SELECTED + 1)]
    if len(rows) > MAX_SELECTED:
        raise TooMuchError(f"the answer has more than {MAX_SELECTED} rows")
    for name, parse in _parsers_of(kind).items():
        for row in rows:
            row[name] = parse(row[name])
    # Truth values are numbers in the database.
    return tuple(msgspec.convert(row, kind, strict=False) for row in rows)


@functools.cache
def _parsers_of(kind: type[msgspec.Struct]) -> dict[str, Callable[[str], object]]:
    """Say how columns are read that hold no plain values."""
    parsers: dict[str, Callable[[str], object]] = {}
    for field in structs.fields(kind):
        is_list = get_origin(field.type) is tuple
        one = get_args(field.type)[0] if is_list else field.type
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            parsers[field.name] = msgspec.json.decode
        elif is_list:
            parsers[field.name] = lambda text: text.split(",") if text else ()
    return parsers


def read_participant(books: Books, code: str, field: str = "participant") -> str:
    """See that a participant is on the ledger, and give its code.

    Raises:
        QuestionError: the ledger knows none of this code.
    """
    if books.record(ParticipantRecord.key_for(code), ParticipantRecord) is None:
        accepted = "the code of a participant on the ledger, such as BW"
        raise QuestionError(field, f"there is no participant {code!r}{tell_home(code)}", accepted)
    return code


def today_of(books: Books, at: str, field: str = "at") -> str:
    """Give the day that a question calls today; that of the newest block if it names none.

    Raises:
        QuestionError: the day is before the ledger began; names the field that asks for it.
    """
    (founded_ms,) = books.connection.execute(_FOUNDED).fetchone() if at else (0,)
    if at and at < day_of(founded_ms):
        problem = f"{at} is before the ledger began, on {day_of(founded_ms)}"
        raise QuestionError(field, problem, "that day or a later one")
    return at or day_of(books.time_ms)
