"""``kpledger submit-stats``: the statistics of a participant, from a table (KPCS Annex III).

A table is CSV with a line of names, as spreadsheets write it; weights are carats and values US$.
The edition is the next one after the newest on the ledger.
"""

import csv
import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from kpclient.errors import UsageError
from kpclient.files import read_bounded
from kpclient.input.drafts import convert_draft
from kpclient.input.option_types import Remarks
from kpclient.input.options import StatementOptions, command
from kpclient.session import Session
from kpclient.statements.signing import open_keystore
from kpclient.statements.statement import state
from kpledger.analysis.subject import SUBJECT, SubjectQuestion
from kpledger.base.errors import MalformedError
from kpledger.base.units import parse_carats, parse_usd
from kpledger.scheme.v1.events.statistics import (
    CountRow,
    CountStatisticsSubmitted,
    ProductionStatisticsSubmitted,
    TradeRow,
    TradeStatisticsSubmitted,
)
from kpledger.scheme.v1.subjects import Subject, subject_under

app = typer.Typer(
    help="Submit a participant's statistics from a table in CSV.", no_args_is_help=True
)

MAX_TABLE_BYTES: Final = 1024 * 1024
_NOTHING: Final = re.compile(r"0+(\.0*)?")

_File = Annotated[Path, typer.Option("--file", metavar="CSV", help="The table.")]
_Edition = Annotated[int | None, typer.Option("--edition", min=1, help="[default: the next one]")]
_Quarter = Annotated[str, typer.Option("--period", metavar="QUARTER", help="As 2026Q1.")]

_Row = Mapping[str, str]


class _Known(msgspec.Struct):
    """What is used of a :class:`kpledger.scheme.v1.records.SubmissionRecord`."""

    editions: tuple[msgspec.Raw, ...]


@command(
    app,
    "trade",
    example="kpledger submit-stats trade --period 2026Q1 --file trade.csv --key bw-stats",
)
def trade(
    *,
    period: _Quarter,
    file: _File,
    by: StatementOptions,
    edition: _Edition = None,
    remarks: Remarks = "",
) -> None:
    """Submit imports and exports: flow, partner, origin, hs, carats, value_usd."""
    columns = ("flow", "partner", "origin", "hs", "carats", "value_usd")
    rows = [
        convert_draft(
            [
                row["flow"].upper(),
                row["partner"],
                row["origin"],
                row["hs"],
                _carats(row, line),
                _usd(row, line),
            ],
            TradeRow,
            within=f"--file line {line}: ",
        )
        for line, row in _read_table(file, columns)
    ]
    body = TradeStatisticsSubmitted(
        quarter=period,
        edition=edition or _next_edition(by, Subject.TRADE, period),
        rows=tuple(sorted(rows, key=lambda row: (row.flow, row.partner, row.origin, row.hs))),
        remarks=remarks,
    )
    state(by, body)


@command(
    app,
    "production",
    example="kpledger submit-stats production --period 2026H1 --file mines.csv --key bw-stats",
)
def production(
    *,
    period: Annotated[str, typer.Option("--period", metavar="HALF-YEAR", help="As 2026H1.")],
    file: _File,
    by: StatementOptions,
    edition: _Edition = None,
    remarks: Remarks = "",
) -> None:
    """Submit the production of a half-year: carats, value_usd; lines are added up."""
    rows = _read_table(file, ("carats", "value_usd"))
    if not rows:
        # Nobody should have mined nothing because the wrong file was at hand.
        raise UsageError("--file", f"{file} has no line", "a line; 0,0 where nothing was mined")
    body = ProductionStatisticsSubmitted(
        half_year=period,
        edition=edition or _next_edition(by, Subject.PRODUCTION, period),
        carat_thousandths=sum(_carats(row, line) for line, row in rows),
        value_usd_cents=sum(_usd(row, line) for line, row in rows),
        remarks=remarks,
    )
    state(by, body)


@command(
    app,
    "counts",
    example="kpledger submit-stats counts --period 2026Q1 --file counts.csv --key bw-stats",
)
def counts(
    *,
    period: _Quarter,
    file: _File,
    by: StatementOptions,
    edition: _Edition = None,
    remarks: Remarks = "",
) -> None:
    """Submit how many certificates were issued and received: partner, issued, received."""
    rows = [
        convert_draft(
            [row["partner"], _count(row, "issued", line), _count(row, "received", line)],
            CountRow,
            within=f"--file line {line}: ",
        )
        for line, row in _read_table(file, ("partner", "issued", "received"))
    ]
    body = CountStatisticsSubmitted(
        quarter=period,
        edition=edition or _next_edition(by, Subject.COUNTS, period),
        rows=tuple(sorted(rows, key=lambda row: row.partner)),
        remarks=remarks,
    )
    state(by, body)


def _next_edition(by: StatementOptions, kind: Subject, period: str) -> int:
    """Give the number after that of the newest edition on the ledger."""
    session = Session(by.connection)
    if not by.signer.key:
        raise UsageError("--key", "no key is named", "a name that `kpledger keys list` shows")
    code = open_keystore(session.home).entry(by.signer.key).author.participant
    question = SubjectQuestion(subject=subject_under(code, kind, period))
    known = msgspec.json.decode(session.answer(SUBJECT, question).record, type=_Known | None)
    return 1 if known is None else len(known.editions) + 1


def _read_table(file: Path, columns: tuple[str, ...]) -> list[tuple[int, _Row]]:
    """Read the lines of a table, each with its number in the file.

    Raises:
        UsageError: a column is missing, or there are others.
    """
    text = read_bounded(file, max_bytes=MAX_TABLE_BYTES).decode("utf-8-sig", "replace")
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="")
    if sorted(reader.fieldnames or ()) != sorted(columns):
        found = ", ".join(reader.fieldnames or ())
        raise UsageError("--file", f"its columns are {found or 'none'}", ", ".join(columns))
    rows: list[tuple[int, _Row]] = []
    for row in reader:
        if None in row:
            raise UsageError("--file", f"line {reader.line_num} has too much", ", ".join(columns))
        rows.append((reader.line_num, {name: value.strip() for name, value in row.items()}))
    return rows


def _carats(row: _Row, line: int) -> int:
    return _total(parse_carats, row, "carats", line)


def _usd(row: _Row, line: int) -> int:
    return _total(parse_usd, row, "value_usd", line)


def _total(parse: Callable[[str], int], row: _Row, name: str, line: int) -> int:
    """Read an amount; a statistical total may be zero."""
    if _NOTHING.fullmatch(row[name]):
        return 0
    try:
        return parse(row[name])
    except MalformedError as error:
        problem = f"line {line}: {name}: {error.problem}"
        raise UsageError("--file", problem, "a decimal number") from None


def _count(row: _Row, name: str, line: int) -> int:
    try:
        return int(row[name])
    except ValueError:
        problem = f"line {line}: {name}: {row[name][:40]!r}"
        raise UsageError("--file", problem, "a whole number") from None
