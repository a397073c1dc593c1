"""``kpledger stats``: the statistics of KPCS Annex III, for people, spreadsheets and programs."""

import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from pathlib import Path
from typing import Final

from msgspec.structs import asdict

from kpclient.commands.declared import Asking, asks
from kpclient.errors import UsageError
from kpclient.files import check_destination, is_stdout, write_public
from kpclient.output.console import print_bytes, print_json, print_line, print_table, print_text
from kpclient.output.published import load_published
from kpclient.output.statistics import (
    ANNEX3_TABLES,
    Comparison,
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

_SPARE: Final = (
    *("name", "production value usd", "import value usd", "export value usd"),
    *("certificates issued", "certificates received", "half years submitted"),
)
"""What a narrow terminal leaves out, so that a participant stays a row."""


class Layout(StrEnum):
    """In which form an answer is wanted."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Printing:
    """In which form, and where to."""

    layout: Layout | None = None
    out: Path | None = None


@asks("stats annex3", ANNEX3)
def annex3(asking: Asking[Annex3Question, Annex3Answer], *, printing: Printing) -> None:
    """Print trade, certificate counts and production of a period, of a participant or of all."""
    layout = choose_layout(printing, as_json=asking.as_json)
    answer = asking.answer()
    if layout is Layout.TABLE:
        _print_annex3(answer)
    else:
        deliver(layout, printing.out, lay_out_annex3(answer), asdict(answer))


@asks("stats summary", SUMMARY)
def summary(asking: Asking[SummaryQuestion, SummaryAnswer], *, printing: Printing) -> None:
    """Print a year of all participants, and how it differs from what was published."""
    layout = choose_layout(printing, as_json=asking.as_json)
    answer = asking.answer()
    compared = compare_with_published(answer, load_published(answer.year))
    if layout is Layout.TABLE:
        _print_summary(answer, compared)
    else:
        described = asdict(answer) | {"published": compared}
        deliver(layout, printing.out, lay_out_summary(answer, compared), described)


def choose_layout(printing: Printing, *, as_json: bool) -> Layout:
    """Give the form of the answer; before anything is asked.

    Raises:
        UsageError: two forms were asked for, Parquet has no file to go to, a table for people was
            to go to one, or the file exists or cannot be written.
    """
    layout = printing.layout or (Layout.JSON if as_json else Layout.TABLE)
    if as_json and layout is not Layout.JSON:
        raise UsageError("--json", f"--format {layout} is another form", "one of the two")
    if printing.out is not None and not is_stdout(printing.out):
        if layout is Layout.TABLE:
            accepted = "csv, json or parquet, or no --out"
            raise UsageError("--format", "a table for people cannot be written to a file", accepted)
        check_destination("--out", printing.out, form=layout.value)
    elif layout is Layout.PARQUET and printing.out is None:
        raise UsageError("--out", "Parquet cannot be printed", "--out FILE")
    return layout


def deliver(
    layout: Layout, out: Path | None, table: Table, described: Mapping[str, object]
) -> None:
    """Print a table for programs, or write it to a file."""
    is_printed = out is None or is_stdout(out)
    if layout is Layout.JSON and is_printed:
        print_json(described)
        return
    content = io.BytesIO()
    if layout is Layout.PARQUET:
        write_parquet(table, content)
    elif layout is Layout.CSV:
        content.write(format_csv(table).encode())
    else:
        content.write(encode_answer(described) + b"\n")
    if out is not None and not is_printed:
        write_public(out, content.getvalue())
    elif layout is Layout.PARQUET:
        print_bytes(content.getvalue())
    else:
        print_text(content.getvalue().decode())


def _print_annex3(answer: Annex3Answer) -> None:
    table = lay_out_annex3(answer)
    codes = list(dict.fromkeys(row["participant"] for row in table.rows))
    # Of all participants, those that have done and said nothing in the period fill a line.
    told = {row["participant"] for row in table.rows if row["table"] != "submissions"}
    told |= {row["participant"] for row in table.rows if row.get("edition")}
    silent = [str(code) for code in codes if len(codes) > 1 and code not in told]
    for number, code in enumerate(code for code in codes if str(code) not in silent):
        if number:
            print_line("")
        print_line(f"{code} {answer.period}, {answer.source}, as known at {answer.known_at}")
        rows = [row for row in table.rows if row["participant"] == code]
        for name in ANNEX3_TABLES:
            print_line("")
            print_line(name)
            _print(Table(table.columns, [row for row in rows if row["table"] == name]))
    if silent:
        print_line("")
        print_line(f"nothing in {answer.period} of {', '.join(silent)}")


def _print(table: Table, *, hidden: Collection[str] = _SAID_ABOVE) -> None:
    """Print the columns of a table in which there is anything that is not said above it."""
    columns = [
        name
        for name in table.columns
        if name not in hidden and any(row.get(name) is not None for row in table.rows)
    ]
    print_table(
        [name.replace("_", " ") for name in columns],
        [[format_value(row.get(name), kind_of(name)) for name in columns] for row in table.rows],
        spare=_SPARE,
    )


def _print_summary(answer: SummaryAnswer, compared: Sequence[Comparison]) -> None:
    print_line(f"{answer.year}, {answer.source}, as known at {answer.known_at}")
    _print(lay_out_summary(answer, ()), hidden=())
    if not compared:
        return
    different = [one for one in compared if one.difference]
    equal = len(compared) - len(different)
    print_line("")
    print_line(f"compared with what was published: {equal} of {len(compared)} figures are equal")
    if different:
        amounts = ("ledger", "published", "difference")
        take = attrgetter(*amounts)
        rows = [
            (one.figure, one.participant, *(format_value(value, one.unit) for value in take(one)))
            for one in different
        ]
        print_table(("figure", "participant", *amounts), rows)
