"""The commands that make a statement, as ``statements.toml`` declares them."""

from importlib import resources
from typing import Final

import msgspec
import typer

# What completes the drafts of some of these commands is known once it is imported.
from kpclient.commands import certificates, notes, propose, submit_stats  # noqa: F401
from kpclient.input.field_options import FieldOption, FieldOptions
from kpclient.input.forms import find_type
from kpclient.statements.statement import add_statement


class _Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command."""

    event: str
    """The type of event that it makes."""
    summary: str
    example: str
    """What its help ends with, behind the name of the command."""
    about: str | tuple[str, str] = ""
    """The argument that names the subject, and its help; empty: author and body say it."""
    hidden: tuple[str, ...] = ()
    """Fields that have no option: the command fills them in."""
    arguments: tuple[str, ...] = ()
    """Fields in the order in which they are typed, if it is not theirs."""
    like: str = ""
    """Another command of the group, whose options it has too."""
    options: dict[str, dict[str, object]] = {}
    """By the path of a field, how its option differs from what follows."""


class _Declarations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    usual: dict[str, dict[str, object]]
    """By the name of a field, how every command takes it, unless it says otherwise."""
    subjects: dict[str, str]
    """Arguments that name a subject, and their help."""
    commands: dict[str, dict[str, _Command]]
    """By the group that they belong to."""


_HELP: Final = {
    "propose": "Propose a change of who takes part, and how.",
    "submit-stats": "Submit a participant's statistics from a table in CSV.",
}
"""The groups that are commands with commands of their own."""


def _build() -> dict[str, typer.Typer]:
    text = (resources.files(__package__) / "statements.toml").read_bytes()
    declared = msgspec.toml.decode(text, type=_Declarations)
    apps: dict[str, typer.Typer] = {}
    for group, commands in declared.commands.items():
        words = f"kpledger {group}" if group in _HELP else "kpledger"
        apps[group] = typer.Typer(help=_HELP.get(group), no_args_is_help=group in _HELP)
        for name, one in commands.items():
            named = one.about, declared.subjects.get(str(one.about), "")
            about = named if isinstance(one.about, str) else one.about
            own = (commands[one.like].options if one.like else {}) | one.options
            said = {
                path: declared.usual.get(path, {}) | own.get(path, {})
                for path in (*declared.usual, *own)
            }
            special = {path: msgspec.convert(how, FieldOption) for path, how in said.items()}
            kind = find_type(one.event)
            add_statement(
                apps[group],
                name,
                kind,
                FieldOptions(kind, special, hidden=one.hidden, arguments=one.arguments),
                summary=one.summary,
                example=f"{words} {name} {one.example}",
                about=(str(about[0]), str(about[1])) if about[0] else None,
            )
    return apps


STATEMENTS: Final = _build()
"""The commands, by their groups."""
