"""``kpledger stats``: the statistics of KPCS Annex III, for people, spreadsheets and programs."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

from msgspec.structs import asdict

from kpclient.commands.declared import Asking, asks
from kpclient.errors import UsageError
from kpclient.files import write_public
from kpclient.output.console import (
    print_json,
    print_line,
    print_table,
    print_text,
)
from kpclient.output.published import Published, load_published
from kpclient.output.statistics import (
    ANNEX3_TABLES,
    compare_with_published,
    lay_out_annex3,
    lay_out_summary,
)
from kpclient.output.tables import Table, format_csv, format_value, kind_of, write_parquet
from kpledger.books.query import encode_answer
from kpledger.books.statistics import (
    ANNEX3,
    SUMMARY,
    Annex3Answer,
    Annex3Question,
    SummaryAnswer,
    SummaryQuestion,
)

_SAID_ABOVE: Final = ("table", "participant", "source", "known_at")


class Layout(StrEnum):
    """In which form an answer is wanted."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


@asks("stats annex3", ANNEX3)
def annex3(
    asking: Asking[Annex3Question, Annex3Answer],
    *,
    layout: Layout = Layout.TABLE,
    out: Path | None = None,
) -> None:
    """Print a participant's trade, certificate counts and production of a period."""
    answer = asking.answer()
    layout = Layout.JSON if asking.by.connection.as_json else layout
    if layout is Layout.TABLE and out is None:
        _print_annex3(answer)
    else:
        _deliver(layout, out, lay_out_annex3(answer), asdict(answer))


@asks("stats summary", SUMMARY)
def summary(
    asking: Asking[SummaryQuestion, SummaryAnswer],
    *,
    layout: Layout = Layout.TABLE,
    out: Path | None = None,
) -> None:
    """Print a year of all participants, and how it differs from what was published."""
    answer = asking.answer()
    published = load_published(answer.year)
    layout = Layout.JSON if asking.by.connection.as_json else layout
    if layout is Layout.TABLE and out is None:
        _print_summary(answer, published)
    else:
        compared = [] if published is None else compare_with_published(answer, published)
        described = asdict(answer) | {"published": compared}
        _deliver(layout, out, lay_out_summary(answer, published), described)


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
            write_public(out, encode_answer(described) + b"\n")
        case Layout.PARQUET, Path():
            write_parquet(table, out)
        case Layout.PARQUET, None:
            raise UsageError("--out", "Parquet cannot be printed", "--out FILE")
        case _:
            accepted = "csv, json or parquet, or no --out"
            raise UsageError("--format", "a table for people cannot be written to a file", accepted)


def _print_annex3(answer: Annex3Answer) -> None:
    print_line(
        f"{answer.participant} {answer.period}, {answer.source}, as known at {answer.known_at}"
    )
    table = lay_out_annex3(answer)
    for name in ANNEX3_TABLES:
        print_line("")
        print_line(name)
        _print(Table(table.columns, [row for row in table.rows if row["table"] == name]))


def _print(table: Table, *, hidden: Collection[str] = _SAID_ABOVE) -> None:
    """Print the columns of a table in which there is anything that is not said above it."""
    columns = [
        name
        for name in table.columns
        if name not in hidden and any(row.get(name) is not None for row in table.rows)
    ]
    print_table(
        columns,
        [[format_value(row.get(name), kind_of(name)) for name in columns] for row in table.rows],
    )


def _print_summary(answer: SummaryAnswer, published: Published | None) -> None:
    print_line(f"{answer.year}, {answer.source}, as known at {answer.known_at}")
    _print(lay_out_summary(answer, None), hidden=())
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
                    one.figure,
                    one.participant,
                    format_value(one.ledger, one.unit),
                    format_value(one.published, one.unit),
                    format_value(one.difference, one.unit),
                )
                for one in different
            ],
        )
