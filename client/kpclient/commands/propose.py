"""``kpledger propose``: who takes part, and which offices there are.

Keys and numbers are in :mod:`kpclient.commands.propose_numbers`, what the scheme decides in
:mod:`kpclient.commands.propose_scheme`.
"""

from typing import Annotated

import typer

from kpclient.input.option_types import (
    Code,
    Decision,
    FromDay,
    Interim,
    Office,
    read_instant,
    read_key,
)
from kpclient.input.options import StatementOptions, command
from kpclient.statements.statement import state
from kpledger.scheme.v1.events.governance import (
    AuthorityClosed,
    AuthorityRegistered,
    AuthorityRole,
    ParticipantAdmitted,
    ParticipantKind,
    ParticipantStatusChanged,
    Standing,
)

app = typer.Typer(help="Propose a change of who takes part, and how.", no_args_is_help=True)


@command(
    app,
    "admit",
    example="kpledger propose admit BW --name Botswana --root-key HEX --decision AD-2026-1 "
    "--key chair",
)
def admit(
    *,
    code: Code,
    name: Annotated[str, typer.Option("--name", help="Its name in English.")],
    root_key: Annotated[str, typer.Option("--root-key", metavar="HEX", help="It signs with it.")],
    decision: Decision,
    by: StatementOptions,
    kind: Annotated[
        ParticipantKind, typer.Option("--kind", help="What kind of member.")
    ] = ParticipantKind.STATE,
    effective_from: FromDay = "",
    interim: Interim = False,
) -> None:
    """Admit a participant; the Chair signs."""
    body = ParticipantAdmitted(
        code=code,
        name=name,
        kind=kind,
        effective_from=read_instant(effective_from, "--from"),
        root_key=read_key(root_key, "--root-key"),
        decision=decision,
        interim=interim,
    )
    state(by, body)


@command(
    app,
    "status",
    example="kpledger propose status BW SUSPENDED --decision AD-2026-7 --key chair",
)
def status(
    *,
    code: Code,
    standing: Annotated[Standing, typer.Argument(metavar="STANDING", help="The new standing.")],
    decision: Annotated[
        str,
        typer.Option(
            "--decision",
            metavar="ID",
            help="The recorded decision, as AD-2026-1; an own reference for SELF_SUSPENDED.",
        ),
    ],
    by: StatementOptions,
    effective_from: FromDay = "",
    interim: Interim = False,
) -> None:
    """Change a participant's standing; the Chair signs, or itself for SELF_SUSPENDED."""
    body = ParticipantStatusChanged(
        code=code,
        status=standing,
        effective_from=read_instant(effective_from, "--from"),
        decision=decision,
        interim=interim,
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
    office: Office,
    title: Annotated[str, typer.Option("--title", help="Its full name.")],
    place: Annotated[str, typer.Option("--place", help="Where it is.")],
    role: Annotated[
        list[AuthorityRole],
        typer.Option("--role", metavar="|".join(AuthorityRole), help="What for; repeated."),
    ],
    by: StatementOptions,
    contact: Annotated[str, typer.Option("--contact", help="How to reach it.")] = "",
    territory: Annotated[
        str, typer.Option("--territory", metavar="CODE", help="With own numbers, as HK.")
    ] = "",
) -> None:
    """Designate an authority; the participant's root signs, the first time the Chair too."""
    body = AuthorityRegistered(
        authority=office,
        title=title,
        place=place,
        roles=tuple(sorted(role)),
        contact=contact,
        territory=territory or None,
    )
    state(by, body)


@command(
    app,
    "close-authority",
    example='kpledger propose close-authority gaborone --reason "moved" --key bw-root',
)
def close_authority(
    *,
    office: Office,
    reason: Annotated[str, typer.Option("--reason", help="Why, and who takes over.")],
    by: StatementOptions,
) -> None:
    """Close an authority; what it signed stays."""
    state(by, AuthorityClosed(authority=office, reason=reason))
