"""``kpledger propose``: what the scheme decides, restricts, lets pass and leaves open."""

from typing import Annotated, Final

import msgspec
import typer

from kpclient.clock import now_ms, today
from kpclient.errors import UsageError
from kpclient.input.drafts import convert_draft
from kpclient.input.option_types import (
    Code,
    Decision,
    Document,
    FromDay,
    Interim,
    Number,
    OnDay,
    read_carats,
    read_day,
    read_document,
    read_documents,
    read_instant,
    read_key,
)
from kpclient.input.options import StatementOptions, command
from kpclient.output.console import print_fields
from kpclient.session import Session
from kpclient.statements.lookup import NotOnLedgerError, find_certificate
from kpclient.statements.statement import state
from kpledger.base.ids import KPCS
from kpledger.base.units import format_time
from kpledger.scheme.event import Author
from kpledger.scheme.v1.events.decisions import DecisionRecorded, PolicySet, PolicyValues, Procedure
from kpledger.scheme.v1.events.restrictions import (
    Mode,
    RestrictionLifted,
    RestrictionSet,
    Scope,
    ShipmentApproved,
    ShipmentDeclined,
)

app = typer.Typer()

_SOON_MS: Final = 60_000
"""How much later than now policy holds that is to hold at once: never before it is recorded."""

_Name = Annotated[str, typer.Argument(metavar="NAME", help="What the restriction is called.")]
_Under = Annotated[
    str, typer.Option("--under", metavar="CODE/NAME", help="The restriction, as CF/zones.")
]


@command(
    app,
    "decision",
    example='kpledger propose decision AD-2026-1 --title "Zones" --document ad.pdf'
    " --procedure PLENARY --support BW --support ZA --key chair",
)
def decision(
    *,
    name: Annotated[str, typer.Argument(metavar="ID", help="What it is called, as AD-2026-1.")],
    title: Annotated[str, typer.Option("--title", help="What it is about.")],
    document: Document,
    procedure: Annotated[Procedure, typer.Option("--procedure", help="How it was taken.")],
    by: StatementOptions,
    on: OnDay = "",
    support: Annotated[
        list[str] | None, typer.Option("--support", metavar="CODE", help="Repeated.")
    ] = None,
    ratify: Annotated[
        list[str] | None,
        typer.Option("--ratify", metavar="EVENT-ID", help="An interim measure; repeated."),
    ] = None,
) -> None:
    """Record a decision of the scheme to which nobody objected."""
    body = DecisionRecorded(
        decision=name,
        title=title,
        document=read_document(document),
        procedure=procedure,
        decided_on=on or today(),
        supports=tuple(sorted(set(support or ()))),
        objections=(),
        ratifies=tuple(sorted({read_key(one, "--ratify") for one in ratify or ()})),
    )
    state(by, body)


@command(
    app,
    "restriction",
    example="kpledger propose restriction CF zones --scope ORIGIN --mode PRE --zone CF/berberati"
    " --approver KPCS/car-team --decision AD-2026-1 --key chair",
)
def restriction(
    *,
    code: Code,
    name: _Name,
    scope: Annotated[Scope, typer.Option("--scope", help="Which certificates.")],
    mode: Annotated[Mode, typer.Option("--mode", help="What it asks for.")],
    decision: Decision,
    by: StatementOptions,
    zone: Annotated[
        list[str] | None,
        typer.Option("--zone", metavar="CODE/NAME", help="Allowed, as CF/berberati; repeated."),
    ] = None,
    approver: Annotated[
        str,
        typer.Option(
            "--approver", metavar="CODE/AUTHORITY", help="With PRE and POST, as KPCS/car-team."
        ),
    ] = "",
    effective_from: FromDay = "",
    until: Annotated[
        str, typer.Option("--until", metavar="YYYY-MM-DD", help="Not included; none: until lifted.")
    ] = "",
    interim: Interim = False,
) -> None:
    """Restrict a participant's trade."""
    participant, _, authority = approver.partition("/")
    body = RestrictionSet(
        restriction=name,
        participant=code,
        scope=scope,
        mode=mode,
        zones=tuple(sorted(set(zone or ()))),
        approver=Author(participant=participant, authority=authority) if approver else None,
        effective_from=read_instant(effective_from, "--from"),
        effective_until=read_day(until, "--until", otherwise=None),
        decision=decision,
        interim=interim,
    )
    state(by, body)


@command(app, "lift", example="kpledger propose lift CF zones --decision AD-2026-2 --key chair")
def lift(
    *,
    code: Code,
    name: _Name,
    decision: Decision,
    by: StatementOptions,
    effective_from: FromDay = "",
) -> None:
    """End a restriction."""
    body = RestrictionLifted(
        restriction=name,
        participant=code,
        effective_from=read_instant(effective_from, "--from"),
        decision=decision,
    )
    state(by, body)


@command(
    app,
    "approve",
    example="kpledger propose approve CF00000042 --under CF/zones --carats 12.345"
    " --reference 2026-17 --key car-team",
)
def approve(
    *,
    number: Number,
    under: _Under,
    reference: Annotated[str, typer.Option("--reference", help="The approver's file.")],
    by: StatementOptions,
    carats: Annotated[
        str,
        typer.Option("--carats", metavar="CARATS", help="Up to, as 12.345. [default: as issued]"),
    ] = "",
    photo: Annotated[
        list[str] | None,
        typer.Option("--photo", metavar="FILE|SHA256", help="Of the parcels; repeated."),
    ] = None,
) -> None:
    """Let a shipment pass under a restriction, before or after its issue."""
    participant, name = _read_restriction(under)
    weight = read_carats(carats, "--carats", otherwise=None)
    if weight is None:
        try:
            weight = find_certificate(Session(by.connection), number).carat_thousandths
        except NotOnLedgerError:
            problem = f"{number} is not issued yet, so nothing says how much"
            raise UsageError("--carats", problem, "up to how much may be issued") from None
    body = ShipmentApproved(
        restriction=name,
        participant=participant,
        number=number,
        carat_thousandths=weight,
        reference=reference,
        photos=read_documents(photo, "--photo"),
    )
    state(by, body)


@command(
    app,
    "decline",
    example='kpledger propose decline CF00000042 --under CF/zones --reason "zone" --key car-team',
)
def decline(
    *,
    number: Number,
    under: _Under,
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    by: StatementOptions,
) -> None:
    """Do not let a shipment pass under a restriction."""
    participant, name = _read_restriction(under)
    body = ShipmentDeclined(restriction=name, participant=participant, number=number, reason=reason)
    state(by, body)


@command(
    app,
    "policy",
    example="kpledger propose policy BW --set max_validity_months=2 --set officers=2 --key bw-root",
)
def policy(
    *,
    code: Annotated[str, typer.Argument(metavar="CODE|KPCS", help="For whom.")],
    settle: Annotated[
        list[str],
        typer.Option("--set", metavar="NAME=VALUE", help="See `make policy_set --fields`."),
    ],
    by: StatementOptions,
    effective_from: Annotated[
        str, typer.Option("--from", metavar="YYYY-MM-DD", help="[default: a minute from now]")
    ] = "",
    decision: Annotated[str, typer.Option("--decision", metavar="ID", help="With KPCS only.")] = "",
) -> None:
    """Settle what the scheme leaves open, for it or for a participant."""
    given = dict(_read_value(one) for one in settle)
    body = PolicySet(
        participant=None if code == KPCS else code,
        values=convert_draft(given, PolicyValues, within="--set "),
        effective_from=read_day(effective_from, "--from", otherwise=now_ms() + _SOON_MS),
        decision=decision or None,
    )
    state(by, body)
    if not by.connection.as_json:
        print_fields({"holds from": format_time(body.effective_from)})


def _read_value(text: str) -> tuple[str, object]:
    """Read ``officers=2``, ``strict_lineage=true``, ``expiry=JOURNEY`` or ``vigilance=CF,VE``."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError("--set", f"{text!r} has no value", "NAME=VALUE, as officers=2")
    if name == "vigilance":
        return name, sorted(filter(None, value.split(",")))
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def _read_restriction(text: str) -> tuple[str, str]:
    participant, slash, name = text.partition("/")
    if not slash:
        raise UsageError("--under", f"{text!r} names no restriction", "CODE/NAME, as CF/zones")
    return participant, name
