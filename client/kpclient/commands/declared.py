"""Commands that make no statement, as ``commands.toml`` words them.

A function becomes a command by its name there. Its parameters are options, with the words of the
table; a parameter that is a group of options stands for the fields of the group. A command that
asks the books a question has the fields of the question as options besides, and is called with an
:class:`Asking`. Where the answer is only printed as tables, the table alone declares the command.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Concatenate, Final, Generic, ParamSpec, TypeVar

import msgspec
import typer

from kpclient.input.field_options import FieldOption, FieldOptions, find_option
from kpclient.input.forms import read_struct
from kpclient.input.help_pages import CommandGroup
from kpclient.input.options import (
    ConnectionOptions,
    FreshnessOptions,
    Function,
    OfflineOptions,
    OptionWords,
    add_command,
    is_group,
    reporting,
    with_words,
)
from kpclient.input.thresholds import Thresholds
from kpclient.output.console import print_json, print_line, print_rows
from kpclient.session import Session
from kpledger.books.queries import QUERIES
from kpledger.books.query import AnyQuery, Query
from kpledger.command import example_epilog

P = ParamSpec("P")
Q = TypeVar("Q", bound=msgspec.Struct)
A = TypeVar("A", bound=msgspec.Struct)


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rows: str
    """The field of the answer that has them."""
    title: str = ""
    """A line above the table."""
    columns: dict[str, str]
    """Titles, by the fields of a row."""
    spare: tuple[str, ...] = ()
    """Titles that a narrow terminal can do without."""
    further: str = ""
    """How to see further rows, if the answer has ``more``, or a ``next`` to go on with."""


class _Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    summary: str = ""
    """What it does, where no function says so: a query of this name is asked and printed."""
    example: str
    """What its help ends with, behind the name of the command."""
    options: dict[str, dict[str, object]] = {}
    """By the parameter its words; by the field of a question how its option differs."""
    hidden: tuple[str, ...] = ()
    """Fields of the question that have no option."""
    tables: tuple[_Table, ...] = ()


class _Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    summary: str
    example: str
    """What its help ends with, behind the name of the group."""


class _Declarations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    groups: dict[str, _Group]
    """Commands that have commands of their own."""
    usual: dict[str, dict[str, object]]
    """By the field of a question, how every command takes it, unless it says otherwise."""
    commands: dict[str, _Command]


_DECLARED: Final = msgspec.toml.decode(
    (resources.files(__package__) / "commands.toml").read_bytes(), type=_Declarations
)
APPS: Final = {
    "": typer.Typer(),
    **{
        name: typer.Typer(
            cls=CommandGroup,
            help=one.summary,
            epilog=example_epilog(f"kpledger {name} {one.example}"),
            no_args_is_help=True,
        )
        for name, one in _DECLARED.groups.items()
    },
}
"""The commands, by the group that they belong to; those of none stand by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionOptions:
    """What every command needs that asks the books."""

    connection: ConnectionOptions
    reading: FreshnessOptions
    offline: OfflineOptions


@dataclass(frozen=True, slots=True)
class Asking(Generic[Q, A]):
    """A question that was typed, and how it is asked."""

    query: Query[msgspec.Struct, A]
    question: Q
    by: QuestionOptions
    session: Session
    tables: tuple[_Table, ...]

    @property
    def as_json(self) -> bool:
        """Whether programs are to read the answer."""
        return self.by.connection.as_json

    def answer(self) -> A:
        """Ask it."""
        return self.session.answer(self.query, self.question)

    def print_answer(self) -> A | None:
        """Ask it, and print the answer; gives it to people, who may have more to see."""
        answer = self.answer()
        if self.as_json:
            print_json(answer)
            return None
        self.print_tables(answer)
        return answer

    def print_tables(self, answer: A) -> None:
        """Print the tables that are declared."""
        for table in self.tables:
            if table.title:
                print_line(table.title)
            onward = self._onward(answer)
            more = "" if onward is None else table.further.format(next=onward)
            rows = getattr(answer, table.rows)
            print_rows(rows, table.columns, spare=table.spare, more=more)

    def _onward(self, answer: A) -> str | int | None:
        """Say where to go on, if there is more than the answer tells."""
        following: str | None = getattr(answer, "next", None)
        if getattr(answer, "more", False):
            seen: int = getattr(self.question, "skip", 0) + getattr(self.question, "limit", 0)
            return seen
        return following


def command(name: str) -> Callable[[Function], Function]:
    """Make a function the command of this name."""

    def register(function: Function) -> Function:
        declared = _DECLARED.commands[name]
        parameters = parameters_of(function, declared.options)
        return add_by_name(name, function, parameters, example=declared.example)

    return register


def asks(
    name: str, query: Query[Q, A]
) -> Callable[[Callable[Concatenate[Asking[Q, A], P], None]], Function]:
    """Make a function the command of this name, which asks a question and shows the answer."""

    def register(show: Callable[Concatenate[Asking[Q, A], P], None]) -> Function:
        further = parameters_of(show, _DECLARED.commands[name].options, own=1)
        return _add_question(name, query, show, further, summary=show.__doc__)

    return register


def _add_question(
    name: str,
    query: AnyQuery,
    show: Function,
    further: Iterable[inspect.Parameter],
    *,
    summary: str | None,
) -> Function:
    declared = _DECLARED.commands[name]
    hidden = ("settings", *declared.hidden)
    derived = FieldOptions(
        query.question,
        {
            field: msgspec.convert(
                _DECLARED.usual.get(field, {}) | declared.options.get(field, {}), FieldOption
            )
            for field in query.question.__struct_fields__
            if field not in hidden
        },
        hidden=hidden,
    )
    names = derived.names() | {one: f"--{one}" for one in declared.hidden} | {"settings": "--set"}

    def run(*, by: QuestionOptions, thresholds: Thresholds | None = None, **given: object) -> None:
        as_json = by.connection.as_json
        with reporting(as_json=as_json, option_of=lambda field: find_option(names, field)):
            fields = derived.take(given)
            if thresholds is not None:
                fields["settings"] = thresholds.as_text()
            question = read_struct(query.question, fields)
            session = Session(by.connection, newest=by.reading.newest, offline=by.offline)
            show(Asking(query, question, by, session, declared.tables), **given)

    run.__doc__ = summary
    groups: dict[str, type] = {"by": QuestionOptions}
    if "settings" in query.question.__struct_fields__:
        groups["thresholds"] = Thresholds
    keyword = inspect.Parameter.KEYWORD_ONLY
    grouped = [inspect.Parameter(one, keyword, annotation=kind) for one, kind in groups.items()]
    parameters = [*derived.parameters, *further, *grouped]
    return add_by_name(name, run, parameters, example=declared.example)


def add_by_name(
    name: str, function: Function, parameters: Iterable[inspect.Parameter], *, example: str
) -> Function:
    """Add a command; before its own name stands the group that it belongs to, if any."""
    group, _, last = name.rpartition(" ")
    example = f"kpledger {name} {example}".rstrip()
    return add_command(APPS[group], last, function, parameters, example=example)


def parameters_of(
    function: Callable[..., None], words: Mapping[str, dict[str, object]], *, own: int = 0
) -> list[inspect.Parameter]:
    """Give the parameters of a function as options with these words; its own come first."""
    return [
        one
        if is_group(one.annotation)
        else with_words(one, msgspec.convert(words.get(one.name), OptionWords | None))
        for one in list(inspect.signature(function, eval_str=True).parameters.values())[own:]
    ]


def _print_answer(asking: Asking[msgspec.Struct, msgspec.Struct]) -> None:
    asking.print_answer()


for _query in QUERIES:
    _declared = _DECLARED.commands.get(_query.path)
    if _declared is not None and _declared.summary:
        _add_question(_query.path, _query, _print_answer, (), summary=_declared.summary)
