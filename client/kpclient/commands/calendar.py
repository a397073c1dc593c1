"""``kpledger calendar``: what is due, overdue, or about to end."""

from typing import Annotated

import typer

from kpclient.input.options import ConnectionOptions, FreshnessOptions, OfflineOptions, command
from kpclient.output.console import as_object, print_json, print_table
from kpclient.session import Session
from kpledger.books.calendar import CALENDAR, CalendarQuestion

app = typer.Typer()


@command(app, "calendar", example="kpledger calendar --participant BW --until 2026-12-31")
def calendar(
    *,
    connection: ConnectionOptions,
    reading: FreshnessOptions,
    offline: OfflineOptions,
    participant: Annotated[
        str, typer.Option("--participant", metavar="CODE|KPCS", help="[default: everybody]")
    ] = "",
    from_day: Annotated[
        str, typer.Option("--from", metavar="YYYY-MM-DD", help="[default: all that is overdue]")
    ] = "",
    until_day: Annotated[
        str, typer.Option("--until", metavar="YYYY-MM-DD", help="[default: in 92 days]")
    ] = "",
) -> None:
    """List what is due, overdue or about to end: reports, answers, measures, keys."""
    question = CalendarQuestion(participant=participant, from_day=from_day, until_day=until_day)
    session = Session(connection, newest=reading.newest, offline=offline)
    found = session.answer(CALENDAR, question)
    if connection.as_json:
        print_json(as_object(found))
        return
    rows = [
        (one.day, "overdue" if one.overdue else "", one.participant, one.what, one.subject)
        for one in found.entries
    ]
    print_table(("day", "", "whose", "what", "subject"), rows)
