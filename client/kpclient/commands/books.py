"""``kpledger books``: the whole ledger, verified here, as a database for analysts."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from kpclient.errors import UsageError
from kpclient.input.options import ConnectionOptions, command
from kpclient.output.books_files import write_csv_files, write_parquet_files
from kpclient.output.console import print_fields, print_json
from kpclient.session import Session
from kpledger.base.units import format_time
from kpledger.books.database import open_books

app = typer.Typer()


@command(app, "books", example="kpledger books --copy backup/bw-1 -o books.sqlite --csv tables")
def books(
    *,
    connection: ConnectionOptions,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FILE.sqlite", help="The database that is written."),
    ],
    copy: Annotated[
        Path | None,
        typer.Option(
            "--copy",
            metavar="DIR",
            help="Read a copy of a stopped node's directory instead of a node.",
        ),
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option("--parquet", metavar="DIR", help="Write each table as a Parquet file, too."),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="DIR", help="Write each table as a CSV file, too."),
    ] = None,
) -> None:
    """Verify the whole ledger and write it as a SQLite database for SQL, Datasette or DuckDB."""
    for option, place in (("--out", out), ("--parquet", parquet), ("--csv", csv)):
        if place is not None and place.exists():
            raise UsageError(option, f"{place} exists already", "a new name")
    report = Session(connection).write_books(out, copy)
    with closing(open_books(str(out), read_only=True)) as tables:
        if parquet is not None:
            write_parquet_files(tables, parquet)
        if csv is not None:
            write_csv_files(tables, csv)
    if connection.as_json:
        print_json(
            {
                "file": str(out),
                "chain": report.chain,
                "height": report.height,
                "head": report.head,
                "events": report.tree_size,
                "block_time_ms": report.block_time_ms,
            }
        )
        return
    print_fields(
        {
            "written": str(out),
            "chain": report.chain,
            "verified": f"{report.tree_size} events in {report.height} blocks",
            "as of": format_time(report.block_time_ms),
        }
    )
