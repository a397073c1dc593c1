"""The commands that make a statement, as ``statements.toml`` declares them."""

from importlib import resources

import msgspec

# What completes the drafts of some of these commands is known once it is imported.
from kpclient.commands import certificates, notes, propose, submit_stats  # noqa: F401
from kpclient.commands.declared import APPS
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
    about: str = ""
    """What help calls the argument that names the subject; empty: author and body say it."""
    meaning: str = ""
    """What that is, if it is not what ``subjects`` says."""
    hidden: tuple[str, ...] = ()
    """Fields that have no option: the command fills them in."""
    arguments: tuple[str, ...] = ()
    """Fields in the order in which they are typed, if it is not theirs."""
    like: str = ""
    """Another command, whose options it has too."""
    options: dict[str, dict[str, object]] = {}
    """By the path of a field, how its option differs from what follows."""


class _Declarations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    usual: dict[str, dict[str, object]]
    """By the name of a field, how every command takes it, unless it says otherwise."""
    subjects: dict[str, str]
    """Arguments that name a subject, and their help."""
    commands: dict[str, _Command]


def _add_all() -> None:
    text = (resources.files(__package__) / "statements.toml").read_bytes()
    declared = msgspec.toml.decode(text, type=_Declarations)
    for name, one in declared.commands.items():
        own = (declared.commands[one.like].options if one.like else {}) | one.options
        special = {
            path: msgspec.convert(declared.usual.get(path, {}) | own.get(path, {}), FieldOption)
            for path in (*declared.usual, *own)
        }
        kind = find_type(one.event)
        group, _, last = name.rpartition(" ")
        add_statement(
            APPS[group],
            last,
            kind,
            FieldOptions(kind, special, hidden=one.hidden, arguments=one.arguments),
            summary=one.summary,
            example=f"kpledger {name} {one.example}",
            about=(one.about, one.meaning or declared.subjects[one.about]) if one.about else None,
        )


_add_all()
