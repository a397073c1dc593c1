"""``kpledger flags``: what an analyst should look at."""

from typing import Annotated, Final

import typer

from kpclient.input.options import ConnectionOptions, FreshnessOptions, OfflineOptions, command
from kpclient.input.thresholds import Thresholds
from kpclient.output.console import as_object, print_json, print_line, print_table, readable
from kpclient.session import Session
from kpledger.books.flags.catalogue import FlagDescription, describe_flags
from kpledger.books.flags.finding import Finding
from kpledger.books.flags.query import FLAGS, MAX_PAGE, FlagsQuestion

app = typer.Typer()

_COLUMNS: Final = ("flag", "day", "subject", "concerns", "what was seen")


@command(app, "flags", example="kpledger flags --flag F3 --participant BW --from 2026-01-01")
def flags(
    connection: ConnectionOptions,
    reading: FreshnessOptions,
    offline: OfflineOptions,
    thresholds: Thresholds,
    *,
    listed: Annotated[
        bool, typer.Option("--list", help="Explain every flag instead; asks nobody.")
    ] = False,
    flag: Annotated[str, typer.Option("--flag", metavar="F[,F]", help="Only these flags.")] = "",
    participant: Annotated[
        str,
        typer.Option("--participant", metavar="CODE", help="Only what concerns this participant."),
    ] = "",
    from_day: Annotated[
        str,
        typer.Option("--from", metavar="YYYY-MM-DD", help="The first day. [default: a year back]"),
    ] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="YYYY-MM-DD", help="The last day. [default: today]")
    ] = "",
    at: Annotated[
        str,
        typer.Option("--at", metavar="YYYY-MM-DD", help="Today. [default: of the newest block]"),
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=MAX_PAGE, help="How many are listed at most.")
    ] = 100,
    skip: Annotated[
        int,
        typer.Option("--skip", min=0, max=1_000_000, help="How many of the newest to pass over."),
    ] = 0,
) -> None:
    """List what an analyst should look at, the newest first, and why."""
    if listed:
        _print_registry(as_json=connection.as_json)
        return
    question = FlagsQuestion(
        flag=flag,
        participant=participant,
        from_day=from_day,
        until=until,
        at=at,
        settings=thresholds.as_text(),
        limit=limit,
        skip=skip,
    )
    session = Session(connection, newest=reading.newest, offline=offline)
    answer = session.answer(FLAGS, question)
    if connection.as_json:
        print_json(as_object(answer))
        return
    print_findings(answer.findings)
    print_line(f"{answer.from_day} to {answer.until}, as of {answer.at}")
    if answer.more:
        print_line(f"older ones follow with --skip {skip + limit}")


def print_findings(findings: tuple[Finding, ...]) -> None:
    """Print findings as a table."""
    print_table(_COLUMNS, [_row(one) for one in findings])


def _row(one: Finding) -> tuple[str, ...]:
    concerns = f"{one.participant}, {one.partner}" if one.partner else one.participant
    return (one.flag, one.day, one.subject, concerns, one.explanation)


def _print_registry(*, as_json: bool) -> None:
    described = describe_flags()
    if as_json:
        print_json({"flags": [readable(one) for one in described]})
        return
    for one in described:
        _print_flag(one)


def _print_flag(one: FlagDescription) -> None:
    print_line(f"{one.flag} {one.title}: {one.looks_for}")
    print_line(f"  why: {one.why}")
    for setting in one.settings:
        print_line(f"  {setting.name} = {_shown(setting.default)}: {setting.meaning}")
    print_line(f"  evidence: {one.evidence}")
    print_line(f"  harmless: {one.benign}")
    print_line(f"  reading: {one.reading}")


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
