"""``kpledger reconcile``: a table from outside beside what the ledger says."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from kpclient.commands.declared import QuestionOptions, command
from kpclient.commands.stats import Layout, Printing, choose_layout, deliver
from kpclient.errors import UsageError
from kpclient.output.console import print_line, print_rows
from kpclient.output.tables import Table, write_name
from kpclient.outside.comparison import Difference, cannot_know, compare, figures_of
from kpclient.outside.tables import OutsideTable, TableKind, read_outside
from kpclient.session import Session
from kpledger.books.participants import PARTICIPANTS, ParticipantsQuestion
from kpledger.books.statistics import ANNEX3, Annex3Answer, Annex3Question

_COLUMNS: Final = {
    "year": "year",
    "participant": "of",
    "figure": "figure",
    "partner": "partner",
    "hs": "HS",
    "ledger_carat_thousandths": "ct ledger",
    "outside_carat_thousandths": "ct outside",
    "difference_carat_thousandths": "ct difference",
    "difference_percent": "%",
    "ledger_value_usd_cents": "US$ ledger",
    "outside_value_usd_cents": "US$ outside",
    "difference_value_usd_cents": "US$ difference",
}
_MONTHS: Final = 12
_SPARE: Final = ("US$ ledger", "US$ outside", "US$ difference", "ct ledger")


@command("reconcile")
def reconcile(
    *,
    file: Path,
    kind: TableKind,
    year: str = "",
    participant: str = "",
    limit: int = 50,
    printing: Printing,
    by: QuestionOptions,
) -> None:
    """Compare a table from outside with the ledger, the largest differences first."""
    layout = choose_layout(printing, as_json=by.connection.as_json)
    table = read_outside(file, kind, year=year, participant=participant)
    session = Session(by.connection, newest=by.reading.newest, offline=by.offline)
    members = {
        one.code for one in session.answer(PARTICIPANTS, ParticipantsQuestion()).participants
    }
    answers = _ask(session, table, members, year=year)
    wanted = {(one.period, one.participant) for one in answers}
    strangers = sorted({key.participant for key in table.figures} - members)
    table.figures = {
        key: amounts
        for key, amounts in table.figures.items()
        if (key.year, key.participant) in wanted
    }
    differences = compare(table, figures_of(answers, kind))
    notes = [*_tell(table, strangers), *cannot_know(kind)]
    if layout is Layout.TABLE:
        _print(differences, notes, limit)
        return
    described = {"kind": kind, "differences": differences, "notes": notes}
    deliver(layout, printing.out, _lay_out(differences), described)


def _ask(
    session: Session, table: OutsideTable, members: set[str], *, year: str
) -> list[Annex3Answer]:
    """Ask for the years of the participants that a table is about."""
    asked = sorted(
        {
            (key.participant, key.year)
            for key in table.figures
            if key.participant in members and year in ("", key.year)
        }
    )
    if not asked:
        about = ", ".join(sorted({f"{key.participant} {key.year}" for key in table.figures})[:20])
        of = f" of {year}" if year else ""
        problem = f"the table has no rows{of} of participants on the ledger; it has {about}"
        raise UsageError("FILE", problem, "a participant and a year of the table")
    return [
        session.answer(ANNEX3, Annex3Question(participant=code, period=one)) for code, one in asked
    ]


def _tell(table: OutsideTable, strangers: Iterable[str]) -> list[str]:
    """Tell what of the table was not compared, or not as it stands there."""
    told = [
        f"{why[0].upper()}{why[1:]}: {count} {'row' if count == 1 else 'rows'}."
        for why, count in sorted(table.noted.items())
    ]
    told += [
        f"Of {year} the table has {len(months)} of 12 months, and the ledger all that it knows."
        for year, months in table.months.items()
        if "" not in months and len(months) < _MONTHS
    ]
    if table.unknown:
        named = ", ".join(f"{name!r} ({place})" for name, place in table.unknown.items())
        told.append(f"Nobody knows these countries, and nothing of them is compared: {named}.")
    if strangers := ", ".join(strangers):
        told.append(f"These are no participants on this ledger, and are not compared: {strangers}.")
    return told


def _lay_out(differences: Iterable[Difference]) -> Table:
    columns = [write_name(name) for name in Difference.__struct_fields__]
    rows = [
        {write_name(name): value for name, value in msgspec.structs.asdict(one).items()}
        for one in differences
    ]
    return Table(columns, rows)


def _print(differences: tuple[Difference, ...], notes: Iterable[str], limit: int) -> None:
    columns = {
        name: title
        for name, title in _COLUMNS.items()
        if any(getattr(one, name) not in (None, "") for one in differences)
    }
    left = len(differences) - limit
    more = f"{left} smaller differences follow with --limit {len(differences)}"
    print_rows(differences[:limit], columns, spare=_SPARE, more=more if left > 0 else "")
    print_line("")
    print_line("What this does not show:")
    for note in notes:
        print_line(f"- {note}")
