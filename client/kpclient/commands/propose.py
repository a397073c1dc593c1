"""``kpledger propose``: who takes part, which offices, keys and numbers there are."""

from typing import Annotated, Final

import typer

from kpclient.commands.options import Stating, command
from kpclient.commands.signing import now_ms
from kpclient.commands.stating import state
from kpledger.events.governance import (
    AuthorityRegistered,
    KeyAdded,
    KeyRevoked,
    NumberRange,
    NumberRangeAllocated,
    ParticipantAdmitted,
    ParticipantKind,
    ParticipantStatusChanged,
    RevocationReason,
    Role,
    Standing,
)
from kpledger.ids import parse_hex32
from kpledger.units import format_time, start_of_day_ms

app = typer.Typer(help="Propose a change of who takes part, and how.", no_args_is_help=True)

_LAST_DAY: Final = "9999-12-31"

_Key = Annotated[str, typer.Argument(metavar="HEX", help="The public key.")]
_Office = Annotated[str, typer.Argument(metavar="AUTHORITY", help="The office, as gaborone.")]
_Code = Annotated[str, typer.Argument(metavar="CODE", help="The participant.")]
_Decision = Annotated[str, typer.Option("--decision", help="The decision behind it.")]
_From = Annotated[str, typer.Option("--from", metavar="DAY", help="[default: now]")]


@command(
    app,
    "admit",
    example='kpledger propose admit BW --name Botswana --root-key HEX --decision "Plenary" '
    "--key chair",
)
def admit(
    *,
    code: _Code,
    name: Annotated[str, typer.Option("--name", help="Its name in English.")],
    root_key: Annotated[str, typer.Option("--root-key", metavar="HEX", help="It signs with it.")],
    decision: _Decision,
    by: Stating,
    kind: Annotated[
        ParticipantKind, typer.Option("--kind", help="What kind of member.")
    ] = ParticipantKind.STATE,
    effective_from: _From = "",
) -> None:
    """Admit a participant; the Chair signs."""
    body = ParticipantAdmitted(
        code=code,
        name=name,
        kind=kind,
        effective_from=_instant(effective_from),
        root_key=parse_hex32(root_key, "root key"),
        decision=decision,
    )
    state(by, body)


@command(
    app,
    "status",
    example='kpledger propose status BW SUSPENDED --decision "Notice 7" --key chair',
)
def status(
    *,
    code: _Code,
    standing: Annotated[Standing, typer.Argument(help="The new standing.")],
    decision: _Decision,
    by: Stating,
    effective_from: _From = "",
) -> None:
    """Change a participant's standing; the Chair signs, or itself for SELF_SUSPENDED."""
    body = ParticipantStatusChanged(
        code=code,
        status=standing,
        effective_from=_instant(effective_from),
        decision=decision,
    )
    state(by, body)


@command(
    app,
    "authority",
    example='kpledger propose authority gaborone --title "Diamond Office" --place Gaborone '
    "--role EXPORTING --role IMPORTING --key bw-root --cosign chair",
)
def authority(
    *,
    office: _Office,
    title: Annotated[str, typer.Option("--title", help="Its full name.")],
    place: Annotated[str, typer.Option("--place", help="Where it is.")],
    role: Annotated[list[Role], typer.Option("--role", help="What for; repeated.")],
    by: Stating,
    contact: Annotated[str, typer.Option("--contact", help="How to reach it.")] = "",
) -> None:
    """Designate an authority; the participant's root signs, the first time the Chair too."""
    body = AuthorityRegistered(
        authority=office, title=title, place=place, roles=tuple(sorted(role)), contact=contact
    )
    state(by, body)


@command(app, "key", example="kpledger propose key gaborone HEX --key bw-root")
def key(
    *,
    office: _Office,
    public_key: _Key,
    by: Stating,
    valid_from: _From = "",
) -> None:
    """Give an authority a signing key; the participant's root signs."""
    body = KeyAdded(
        authority=office,
        key=parse_hex32(public_key, "public key"),
        valid_from=start_of_day_ms(valid_from) if valid_from else 0,
    )
    state(by, body)


@command(app, "revoke", example="kpledger propose revoke HEX --reason RETIRED --key bw-root")
def revoke(
    *,
    public_key: _Key,
    reason: Annotated[RevocationReason, typer.Option("--reason", help="Why.")],
    by: Stating,
    suspect_since: Annotated[
        str, typer.Option("--suspect-since", metavar="DAY", help="With COMPROMISED.")
    ] = "",
) -> None:
    """Withdraw a key; what it signed before stays."""
    body = KeyRevoked(
        key=parse_hex32(public_key, "public key"),
        reason=reason,
        suspect_since=start_of_day_ms(suspect_since) if suspect_since else None,
    )
    state(by, body)


@command(
    app,
    "range",
    example="kpledger propose range gaborone --prefix BW --first 0 --last 99999 --key bw-root",
)
def number_range(
    *,
    office: _Office,
    prefix: Annotated[str, typer.Option("--prefix", help="Before the digits, as BW.")],
    first: Annotated[int, typer.Option("--first", min=0, help="The first serial.")],
    last: Annotated[int, typer.Option("--last", min=0, help="The last serial, included.")],
    by: Stating,
    width: Annotated[int, typer.Option("--width", min=1, max=12, help="How many digits.")] = 8,
    use_from: Annotated[
        str, typer.Option("--use-from", metavar="DAY", help="[default: today, UTC]")
    ] = "",
    use_until: Annotated[
        str, typer.Option("--use-until", metavar="DAY", help="The last day of use.")
    ] = _LAST_DAY,
) -> None:
    """Allot a run of certificate numbers to an exporting authority."""
    run = NumberRange(
        prefix=prefix,
        width=width,
        first=first,
        last=last,
        use_from=use_from or format_time(now_ms())[: len("YYYY-MM-DD")],
        use_until=use_until,
    )
    body = NumberRangeAllocated(authority=office, range=run)
    state(by, body)


def _instant(day: str) -> int:
    return start_of_day_ms(day) if day else now_ms()
