"""``mirror``, ``balance``, ``production-check``, ``unconfirmed``, ``numbers``: analysts' tables."""

from typing import Annotated, Final

import msgspec
import typer

from kpclient.commands.flags import print_findings
from kpclient.commands.ledger import check_code
from kpclient.input.options import ConnectionOptions, FreshnessOptions, OfflineOptions, command
from kpclient.input.thresholds import Thresholds
from kpclient.output.console import as_object, print_json, print_line, print_table
from kpclient.output.tables import CellKind, format_value
from kpclient.session import Session
from kpledger.base.units import format_carats, format_usd
from kpledger.books.balance import (
    BALANCE,
    PRODUCTION_CHECK,
    BalanceQuestion,
    ProductionQuestion,
)
from kpledger.books.mirror import MIRROR, MirrorQuestion
from kpledger.books.numbers import NUMBERS, NumbersQuestion
from kpledger.books.unconfirmed import UNCONFIRMED, UnconfirmedQuestion

app = typer.Typer()

_MAX_LISTED: Final = 1_000

_Code = Annotated[str, typer.Argument(metavar="CODE", help="A participant, as BW.")]
_At = Annotated[
    str, typer.Option("--at", metavar="YYYY-MM-DD", help="Today. [default: of the newest block]")
]


@command(app, "mirror", example="kpledger mirror BW EU 2026Q1")
def mirror(
    one: Annotated[str, typer.Argument(metavar="CODE", help="A participant, as BW.")],
    other: Annotated[str, typer.Argument(metavar="OTHER-CODE", help="Another, as EU.")],
    period: Annotated[str, typer.Argument(metavar="PERIOD", help="2026Q1, 2026H1 or 2026.")],
    *,
    connection: ConnectionOptions,
    reading: FreshnessOptions,
    offline: OfflineOptions,
    at: _At = "",
) -> None:
    """Compare what two participants say about the same trade, by quarter and both ways."""
    question = MirrorQuestion(
        one=check_code(one, "CODE"), other=check_code(other, "OTHER-CODE"), period=period, at=at
    )
    answer = Session(connection, newest=reading.newest, offline=offline).answer(MIRROR, question)
    if _is_printed(connection, answer):
        return
    columns = (
        *("quarter", "from", "to", "issued", "ct issued", "confirmed", "ct confirmed"),
        *("ct found", "held", "open", "ct open", "ct submitted as sent"),
        *("ct submitted as received", "ct unexplained"),
    )
    print_table(
        columns,
        [
            (
                *(row.quarter, row.issuer, row.destination, str(row.issued)),
                *(format_carats(row.issued_carat_thousandths), str(row.confirmed)),
                format_carats(row.confirmed_carat_thousandths),
                format_carats(row.found_carat_thousandths),
                *(str(row.held), str(row.open), format_carats(row.open_carat_thousandths)),
                _carats(row.submitted_out_carat_thousandths),
                _carats(row.submitted_in_carat_thousandths),
                _carats(row.unexplained_carat_thousandths),
            )
            for row in answer.rows
        ],
    )


@command(app, "balance", example="kpledger balance AE --months 24 --set stock.AE=2000000")
def balance(
    code: _Code,
    connection: ConnectionOptions,
    reading: FreshnessOptions,
    offline: OfflineOptions,
    thresholds: Thresholds,
    *,
    months: Annotated[int, typer.Option("--months", min=1, max=240, help="How many.")] = 12,
    at: _At = "",
) -> None:
    """Add up what a participant mined, received and sent, month by month."""
    question = BalanceQuestion(
        participant=check_code(code, "CODE"), months=months, at=at, settings=thresholds.as_text()
    )
    answer = Session(connection, newest=reading.newest, offline=offline).answer(BALANCE, question)
    if _is_printed(connection, answer):
        return
    print_table(
        ("month", "ct mined", "ct imported", "ct exported", "ct of its own", "ct balance"),
        [
            (
                *(row.month, _carats(row.mined), format_carats(row.imported)),
                *(format_carats(row.exported), format_carats(row.exported_own)),
                _carats(row.balance),
            )
            for row in answer.rows
        ],
    )
    print_line(
        f"from a stock of {format_carats(answer.opening)} ct, which --set stock.{code}= sets"
    )


@command(app, "production-check", example="kpledger production-check SL --half-years 6")
def production_check(
    code: _Code,
    connection: ConnectionOptions,
    reading: FreshnessOptions,
    offline: OfflineOptions,
    *,
    half_years: Annotated[int, typer.Option("--half-years", min=1, max=100, help="How many.")] = 4,
    at: _At = "",
) -> None:
    """Compare what a participant reported to have mined with what it exported as its own."""
    question = ProductionQuestion(
        participant=check_code(code, "CODE"), half_years=half_years, at=at
    )
    session = Session(connection, newest=reading.newest, offline=offline)
    answer = session.answer(PRODUCTION_CHECK, question)
    if _is_printed(connection, answer):
        return
    print_table(
        (
            *("half-year", "due", "ct mined", "US$ mined", "ct exported", "US$ exported"),
            *("certificates", "percent exported"),
        ),
        [
            (
                *(row.half_year, row.due_on, _carats(row.mined_carat_thousandths)),
                "-" if row.mined_value_usd_cents is None else format_usd(row.mined_value_usd_cents),
                format_carats(row.exported_carat_thousandths),
                format_usd(row.exported_value_usd_cents),
                str(row.certificates),
                "-" if row.exported_percent is None else str(row.exported_percent),
            )
            for row in answer.rows
        ],
    )


@command(app, "unconfirmed", example="kpledger unconfirmed --participant BW --days 45")
def unconfirmed(
    connection: ConnectionOptions,
    reading: FreshnessOptions,
    offline: OfflineOptions,
    *,
    participant: Annotated[
        str, typer.Option("--participant", metavar="CODE", help="Only what concerns it.")
    ] = "",
    days: Annotated[
        int, typer.Option("--days", min=0, max=3660, help="Days after expiry without news.")
    ] = 30,
    from_day: Annotated[
        str,
        typer.Option("--from", metavar="YYYY-MM-DD", help="First expiry. [default: a year back]"),
    ] = "",
    at: _At = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=_MAX_LISTED, help="At most so many listed.")
    ] = 100,
) -> None:
    """Rank destinations by certificates that expired without any news, and list these."""
    question = UnconfirmedQuestion(
        participant=participant, days=days, from_day=from_day, at=at, limit=limit
    )
    session = Session(connection, newest=reading.newest, offline=offline)
    answer = session.answer(UNCONFIRMED, question)
    if _is_printed(connection, answer):
        return
    print_table(
        ("destination", "unconfirmed", "ct", "issued to it", "per thousand", "oldest expiry"),
        [
            (
                *(rank.destination, str(rank.unconfirmed), format_carats(rank.carat_thousandths)),
                *(str(rank.issued), str(rank.per_thousand), rank.oldest),
            )
            for rank in answer.ranking
        ],
    )
    print_table(
        ("number", "from", "to", "ct", "expired", "days"),
        [
            (
                *(paper.number, paper.issuer, paper.destination),
                *(format_carats(paper.carat_thousandths), paper.expired_on, str(paper.days)),
            )
            for paper in answer.certificates
        ],
    )


@command(app, "numbers", example="kpledger numbers BW")
def numbers(
    code: _Code,
    connection: ConnectionOptions,
    reading: FreshnessOptions,
    offline: OfflineOptions,
    thresholds: Thresholds,
    *,
    at: _At = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=_MAX_LISTED, help="At most so many gaps a range.")
    ] = 100,
) -> None:
    """Show a participant's number ranges: used, passed over, out of order, never issued."""
    question = NumbersQuestion(
        participant=check_code(code, "CODE"), at=at, settings=thresholds.as_text(), limit=limit
    )
    answer = Session(connection, newest=reading.newest, offline=offline).answer(NUMBERS, question)
    if _is_printed(connection, answer):
        return
    print_table(
        ("office", "first", "last", "use from", "until", "used", "highest", "passed over"),
        [
            (
                *(one.authority, one.first, one.last, one.use_from, one.use_until),
                *(str(one.used), one.highest or "-", str(one.missing)),
            )
            for one in answer.ranges
        ],
    )
    gaps = [
        (one.authority, gap.first, gap.last, str(gap.count), gap.next, gap.issued_on)
        for one in answer.ranges
        for gap in one.gaps
    ]
    print_table(("office", "gap from", "to", "numbers", "next", "issued"), gaps)
    print_findings(answer.findings)


def _is_printed(connection: ConnectionOptions, answer: msgspec.Struct) -> bool:
    """Print an answer for programs, if that is wanted."""
    if not connection.as_json:
        return False
    print_json(as_object(answer))
    return True


def _carats(thousandths: int | None) -> str:
    """Write a weight that may be less than nothing, or that nobody knows."""
    return "-" if thousandths is None else format_value(thousandths, CellKind.CARATS)
