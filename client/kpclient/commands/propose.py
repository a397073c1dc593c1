"""``kpledger propose``: who takes part, and which offices there are.

Keys and numbers are in :mod:`kpclient.commands.propose_numbers`, what the scheme decides in
:mod:`kpclient.commands.propose_scheme`.
"""

from typing import Final

import typer

from kpclient.input.field_options import FROM, FieldOption
from kpclient.statements.statement import Draft, statement
from kpledger.scheme.v1.events.governance import (
    AuthorityClosed,
    AuthorityRegistered,
    ParticipantAdmitted,
    ParticipantKind,
    ParticipantStatusChanged,
)

app = typer.Typer(help="Propose a change of who takes part, and how.", no_args_is_help=True)

CODE: Final = FieldOption(name="CODE", help="The participant, such as BW.")
OFFICE: Final = FieldOption(name="AUTHORITY", help="The office, such as gaborone.")


@statement(
    app,
    "admit",
    ParticipantAdmitted,
    example="kpledger propose admit BW --name Botswana --root-key HEX --decision AD-2026-1 "
    "--key chair",
    options={
        "code": CODE,
        "kind": FieldOption(help="What kind of member.", default=ParticipantKind.STATE.value),
        "effective_from": FROM,
    },
)
def admit(_: Draft) -> None:
    """Admit a participant; the Chair signs."""


@statement(
    app,
    "status",
    ParticipantStatusChanged,
    example="kpledger propose status BW SUSPENDED --decision AD-2026-7 --key chair",
    options={
        "code": CODE,
        "status": FieldOption(name="STANDING"),
        "effective_from": FROM,
        "decision": FieldOption(
            help="The recorded decision, such as AD-2026-1; for SELF_SUSPENDED the participant's"
            " own reference."
        ),
    },
)
def status(_: Draft) -> None:
    """Change a participant's standing; the Chair signs, or itself for SELF_SUSPENDED."""


@statement(
    app,
    "authority",
    AuthorityRegistered,
    example='kpledger propose authority gaborone --title "Diamond Office" --place Gaborone '
    "--role EXPORTING --role IMPORTING --key bw-root --cosign chair",
    options={
        "authority": OFFICE,
        "roles": FieldOption(help="What it is designated for; repeated.", ordered=True),
        "contact": FieldOption(default=""),
        "territory": FieldOption(help="The territory with its own numbers, such as HK."),
    },
)
def authority(_: Draft) -> None:
    """Designate an authority; the participant's root signs, the first time the Chair too."""


@statement(
    app,
    "close-authority",
    AuthorityClosed,
    example='kpledger propose close-authority gaborone --reason "moved" --key bw-root',
    options={"authority": OFFICE},
)
def close_authority(_: Draft) -> None:
    """Close an authority; what it signed stays."""
