"""The commands that ask the books one question, as ``questions.toml`` declares them."""

import inspect
from collections.abc import Callable
from importlib import resources
from typing import Final

import msgspec
import typer

from kpclient.commands.flags import print_findings
from kpclient.input.field_options import FieldOption, FieldOptions, find_option
from kpclient.input.forms import read_struct
from kpclient.input.options import (
    ConnectionOptions,
    FreshnessOptions,
    OfflineOptions,
    add_command,
)
from kpclient.input.reporting import reporting
from kpclient.input.thresholds import Thresholds
from kpclient.output.console import as_object, print_json, print_line, print_rows, print_table
from kpclient.session import Session
from kpledger.base.units import format_carats
from kpledger.books.balance import BalanceAnswer
from kpledger.books.numbers import NumbersAnswer
from kpledger.books.queries import QUERIES
from kpledger.books.query import AnyQuery


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rows: str
    """The field of the answer that has them."""
    columns: dict[str, str]
    """Titles, by the fields of a row."""


class _Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    summary: str
    example: str
    """What its help ends with, behind the name of the command."""
    options: dict[str, dict[str, object]] = {}
    """By the field of the question, how its option differs from what follows."""
    tables: tuple[_Table, ...]


class _Declarations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    usual: dict[str, dict[str, object]]
    commands: dict[str, _Command]
    """By their names, which are the paths of the queries."""


def _add(app: typer.Typer, query: AnyQuery, declared: _Command, special: FieldOptions) -> None:
    """Add a command that asks a query."""

    def run(
        *,
        connection: ConnectionOptions,
        reading: FreshnessOptions,
        offline: OfflineOptions,
        thresholds: Thresholds | None = None,
        **given: object,
    ) -> None:
        with reporting(as_json=connection.as_json, option_of=option_of):
            fields = special.take(given)
            if thresholds is not None:
                fields["settings"] = thresholds.as_text()
            question = read_struct(query.question, fields)
            session = Session(connection, newest=reading.newest, offline=offline)
            answer = session.answer(query, question)
            if connection.as_json:
                print_json(as_object(answer))
                return
            for table in declared.tables:
                print_rows(getattr(answer, table.rows), table.columns)
            _print_more(answer)

    names = special.names()
    option_of: Callable[[str], str] = lambda field: find_option(names, field)  # noqa: E731
    run.__doc__ = declared.summary
    groups: dict[str, type] = {
        "connection": ConnectionOptions,
        "reading": FreshnessOptions,
        "offline": OfflineOptions,
    }
    if "settings" in query.question.__struct_fields__:
        groups["thresholds"] = Thresholds
    keyword = inspect.Parameter.KEYWORD_ONLY
    grouped = [inspect.Parameter(name, keyword, annotation=one) for name, one in groups.items()]
    example = f"kpledger {query.path} {declared.example}"
    add_command(app, query.path, run, [*special.parameters, *grouped], example=example)


def _print_more(answer: msgspec.Struct) -> None:
    """Print what is no table of rows."""
    match answer:
        case BalanceAnswer():
            start = f"from a stock of {format_carats(answer.opening)} ct"
            print_line(f"{start}, which --set stock.{answer.participant}= sets")
        case NumbersAnswer():
            gaps = [
                (one.authority, gap.first, gap.last, str(gap.count), gap.next, gap.issued_on)
                for one in answer.ranges
                for gap in one.gaps
            ]
            print_table(("office", "gap from", "to", "numbers", "next", "issued"), gaps)
            print_findings(answer.findings)


def _build() -> dict[str, typer.Typer]:
    text = (resources.files(__package__) / "questions.toml").read_bytes()
    declared = msgspec.toml.decode(text, type=_Declarations)
    queries = {query.path: query for query in QUERIES}
    apps: dict[str, typer.Typer] = {}
    for name, one in declared.commands.items():
        query = queries[name]
        special = {
            field: msgspec.convert(
                declared.usual.get(field, {}) | one.options.get(field, {}), FieldOption
            )
            for field in query.question.__struct_fields__
        }
        apps[name] = typer.Typer()
        options = FieldOptions(query.question, special, hidden=("settings",))
        _add(apps[name], query, one, options)
    return apps


QUESTIONS: Final = _build()
"""The commands, by their names."""
