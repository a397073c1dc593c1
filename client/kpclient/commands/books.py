"""``kpledger books``: the whole ledger, verified here, as a database for analysts."""

from contextlib import closing
from pathlib import Path

from kpclient.commands.declared import command
from kpclient.errors import UsageError
from kpclient.input.options import ConnectionOptions
from kpclient.output.console import print_fields, print_json
from kpclient.output.tables import write_csv_files, write_parquet_files
from kpclient.session import Session
from kpledger.base.units import format_time
from kpledger.books.database import open_books


@command("books")
def books(
    *,
    connection: ConnectionOptions,
    out: Path,
    copy: Path | None = None,
    parquet: Path | None = None,
    csv: Path | None = None,
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
