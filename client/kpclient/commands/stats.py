"""``kpledger stats``: the statistics of KPCS Annex III, for people, spreadsheets and programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kpclient.errors import UsageError
from kpclient.files import write_public
from kpclient.input.options import ConnectionOptions, FreshnessOptions, OfflineOptions, command
from kpclient.output.annex3_table import lay_out_annex3
from kpclient.output.console import (
    as_object,
    encode_json,
    print_json,
    print_line,
    print_table,
    print_text,
)
from kpclient.output.published import Published, load_published
from kpclient.output.summary_table import (
    FIGURES,
    compare_with_published,
    lay_out_summary,
)
from kpclient.output.tables import Column, Table, TableCell, format_csv, format_value, write_parquet
from kpclient.session import Session
from kpledger.books.statistics.annex3 import ANNEX3, Annex3Answer, Annex3Question
from kpledger.books.statistics.basis import Basis
from kpledger.books.statistics.summary import SUMMARY, SummaryAnswer, SummaryQuestion

app = typer.Typer(help="Print the statistics of the trade.", no_args_is_help=True)


class Layout(StrEnum):
    """In which form an answer is wanted."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Printing:
    """In which form, and where to."""

    layout: Annotated[
        Layout, typer.Option("--format", help="For people, spreadsheets or programs.")
    ] = Layout.TABLE
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="The file to write; Parquet needs one."),
    ] = None


_KnownAt = Annotated[
    str,
    typer.Option(
        "--known-at",
        metavar="YYYY-MM-DD",
        help="As known at the end of that day, UTC. [default: now]",
    ),
]


@command(app, "annex3", example="kpledger stats annex3 --participant BW --period 2022Q1")
def annex3(
    participant: Annotated[
        str, typer.Option("--participant", metavar="CODE", help="Whose figures.")
    ],
    period: Annotated[
        str, typer.Option("--period", metavar="PERIOD", help="2022Q1, 2022H1 or 2022.")
    ],
    *,
    connection: ConnectionOptions,
    reading: FreshnessOptions,
    offline: OfflineOptions,
    printing: Printing,
    known_at: _KnownAt = "",
    source: Annotated[
        Basis, typer.Option("--source", help="From events, from submissions, or both.")
    ] = Basis.DERIVED,
) -> None:
    """Print a participant's trade, certificate counts and production of a period."""
    session = Session(connection, newest=reading.newest, offline=offline)
    question = Annex3Question(
        participant=participant, period=period, known_at=known_at, source=source
    )
    answer = session.answer(ANNEX3, question)
    layout = _layout(connection, printing)
    if layout is Layout.TABLE and printing.out is None:
        _print_annex3(answer)
    else:
        _deliver(layout, printing.out, lay_out_annex3(answer), as_object(answer))


@command(app, "summary", example="kpledger stats summary --year 2022 --format csv --out 2022.csv")
def summary(
    year: Annotated[str, typer.Option("--year", metavar="YEAR", help="The year, such as 2022.")],
    *,
    connection: ConnectionOptions,
    reading: FreshnessOptions,
    offline: OfflineOptions,
    printing: Printing,
    known_at: _KnownAt = "",
    source: Annotated[
        Basis, typer.Option("--source", help="Of the trade: derived or submitted.")
    ] = Basis.DERIVED,
) -> None:
    """Print a year of all participants, and how it differs from what was published."""
    session = Session(connection, newest=reading.newest, offline=offline)
    question = SummaryQuestion(year=year, known_at=known_at, source=source)
    answer = session.answer(SUMMARY, question)
    published = load_published(answer.year)
    layout = _layout(connection, printing)
    if layout is Layout.TABLE and printing.out is None:
        _print_summary(answer, published)
    else:
        described = as_object(answer) | {"published": _describe(answer, published)}
        _deliver(layout, printing.out, lay_out_summary(answer, published), described)


def _layout(connection: ConnectionOptions, printing: Printing) -> Layout:
    return Layout.JSON if connection.as_json else printing.layout


def _deliver(
    layout: Layout, out: Path | None, table: Table, described: Mapping[str, object]
) -> None:
    """Print a table for programs, or write it to a file.

    Raises:
        UsageError: Parquet has no file to go to, or a table for people was to go to one.
    """
    match layout, out:
        case Layout.CSV, None:
            print_text(format_csv(table))
        case Layout.CSV, Path():
            write_public(out, format_csv(table).encode())
        case Layout.JSON, None:
            print_json(described)
        case Layout.JSON, Path():
            write_public(out, encode_json(described))
        case Layout.PARQUET, Path():
            write_parquet(table, out)
        case Layout.PARQUET, None:
            raise UsageError("--out", "Parquet cannot be printed", "--out FILE")
        case _:
            accepted = "csv, json or parquet, or no --out"
            raise UsageError("--format", "a table for people cannot be written to a file", accepted)


def _describe(answer: SummaryAnswer, published: Published | None) -> list[dict[str, object]]:
    compared = [] if published is None else compare_with_published(answer, published)
    return [
        {
            "figure": one.what,
            "participant": one.participant,
            "unit": one.kind.value,
            "ledger": one.ledger,
            "published": one.published,
            "difference": one.difference,
        }
        for one in compared
    ]


def _print_annex3(answer: Annex3Answer) -> None:
    print_line(
        f"{answer.participant} {answer.period}, {answer.source}, as known at {answer.known_at}"
    )
    table = lay_out_annex3(answer)
    for name in ("trade", "counts", "production", "submissions"):
        print_line("")
        print_line(name)
        _print_part(Table(table.columns, [row for row in table.rows if row[0] == name]))


_SAID_ABOVE = ("table", "participant", "source", "known_at")


def _print_part(table: Table) -> None:
    """Print the columns of a table in which there is anything."""
    filled = [
        place
        for place, column in enumerate(table.columns)
        if column.name not in _SAID_ABOVE and any(row[place] is not None for row in table.rows)
    ]
    columns = [table.columns[place] for place in filled]
    _print(columns, [[row[place] for place in filled] for row in table.rows])


def _print(columns: list[Column], rows: list[list[TableCell]]) -> None:
    print_table(
        [column.name for column in columns],
        [
            [format_value(value, column.kind) for value, column in zip(row, columns, strict=True)]
            for row in rows
        ],
    )


def _print_summary(answer: SummaryAnswer, published: Published | None) -> None:
    print_line(f"{answer.year}, {answer.source}, as known at {answer.known_at}")
    table = lay_out_summary(answer, None)
    _print(list(FIGURES), [list(row) for row in table.rows])
    if published is None:
        return
    compared = compare_with_published(answer, published)
    different = [one for one in compared if one.difference]
    print_line("")
    print_line(
        f"compared with what was published: {len(compared) - len(different)} of"
        f" {len(compared)} figures are equal"
    )
    if different:
        print_table(
            ("figure", "participant", "ledger", "published", "difference"),
            [
                (
                    one.what,
                    one.participant,
                    *(
                        format_value(amount, one.kind)
                        for amount in (one.ledger, one.published, one.difference)
                    ),
                )
                for one in different
            ],
        )
