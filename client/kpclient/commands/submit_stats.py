"""What ``kpledger submit-stats`` works out: figures from a table (KPCS Annex III), the edition.

A table is CSV with a line of names, as spreadsheets write it; weights are carats and values US$.
The edition is the next one after the newest on the ledger.
"""

from operator import attrgetter
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from kpclient.errors import UsageError
from kpclient.input.table import read_table
from kpclient.statements.signing import author_of
from kpclient.statements.statement import Draft, prepares
from kpledger.books.subject import SUBJECT, SubjectQuestion
from kpledger.scheme.v1.events.statistics import (
    CountRow,
    TradeRow,
)
from kpledger.scheme.v1.quantities import CaratTotal, UsdTotal
from kpledger.scheme.v1.subjects import Subject, subject_under

_File = Annotated[Path, typer.Option("--file", metavar="CSV", help="The table.")]


class _Production(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of a table of production."""

    carat_thousandths: CaratTotal
    value_usd_cents: UsdTotal


class _Known(msgspec.Struct):
    """What is used of a :class:`kpledger.scheme.v1.records.SubmissionRecord`."""

    editions: tuple[msgspec.Raw, ...]


@prepares("trade")
def read_trade(draft: Draft, *, file: _File) -> None:
    """Read the rows of a table, and put them in their order."""
    rows = read_table(file, TradeRow)
    _submit_rows(
        draft, Subject.TRADE, sorted(rows, key=attrgetter("flow", "partner", "origin", "hs"))
    )


@prepares("production")
def read_production(draft: Draft, *, file: _File) -> None:
    """Add up the rows of a table."""
    rows = read_table(file, _Production)
    if not rows:
        # Nobody should have mined nothing because the wrong file was at hand.
        raise UsageError("--file", f"{file} has no line", "a line; 0,0 where nothing was mined")
    draft.fields |= {
        "carat_thousandths": sum(row.carat_thousandths for row in rows),
        "value_usd_cents": sum(row.value_usd_cents for row in rows),
    }
    draft.names |= {"carat_thousandths": "--file", "value_usd_cents": "--file"}
    _number_edition(draft, Subject.PRODUCTION, str(draft.fields["half_year"]))


@prepares("counts")
def read_counts(draft: Draft, *, file: _File) -> None:
    """Read the rows of a table, and put them in their order."""
    rows = read_table(file, CountRow)
    _submit_rows(draft, Subject.COUNTS, sorted(rows, key=attrgetter("partner")))


def _submit_rows(draft: Draft, kind: Subject, rows: list[TradeRow] | list[CountRow]) -> None:
    draft.fields["rows"] = rows
    draft.names["rows"] = "--file"
    _number_edition(draft, kind, str(draft.fields["quarter"]))


def _number_edition(draft: Draft, kind: Subject, period: str) -> None:
    """Take the number after that of the newest edition on the ledger, unless one is given."""
    if "edition" in draft.fields:
        return
    code = author_of(draft.session.home, draft.by.signer.key).participant
    question = SubjectQuestion(subject=subject_under(code, kind, period))
    known = msgspec.json.decode(draft.session.answer(SUBJECT, question).record, type=_Known | None)
    draft.fields["edition"] = 1 if known is None else len(known.editions) + 1
