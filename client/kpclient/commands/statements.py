"""The commands that make a statement, as ``statements.toml`` declares them.

A command is declared by the type of its event. Where it works something out, a function completes
its draft (:func:`prepares`).
"""

import inspect
from collections.abc import Callable
from importlib import resources
from typing import Annotated, Final, get_type_hints

import msgspec
import typer

from kpclient.commands.declared import add_by_name, parameters_of
from kpclient.input.field_options import FieldOption, FieldOptions
from kpclient.input.forms import find_type
from kpclient.input.options import StatementOptions, reporting
from kpclient.input.wording import COMMANDS
from kpclient.outbox import TypedStatement
from kpclient.statements.statement import Draft
from kpledger.scheme.event import SignedEvent

_HEADER: Final = {"author": "--key", "signatures": "--cosign"}
"""Fields of an event besides its body, and what is typed for them."""
Prepare = Callable[..., None]
_preparers: Final[dict[str, Prepare]] = {}


class _Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command."""

    event: str
    """The type of event that it makes."""
    otherwise: str = ""
    """The type that it makes where what was found is what was declared."""
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
    further: dict[str, dict[str, object]] = {}
    """By its name the words of each parameter of what completes the draft."""


class _Declarations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    usual: dict[str, dict[str, object]]
    """By the name of a field, how every command takes it, unless it says otherwise."""
    subjects: dict[str, str]
    """Arguments that name a subject, and their help."""
    commands: dict[str, _Command]


def prepares(*commands: str) -> Callable[[Prepare], Prepare]:
    """Let a function complete the drafts of commands; its further parameters become options."""

    def register(prepare: Prepare) -> Prepare:
        _preparers.update(dict.fromkeys(commands, prepare))
        return prepare

    return register


def add_statements() -> None:
    """Add the commands, once it is known what completes their drafts."""
    text = (resources.files(__package__) / "statements.toml").read_bytes()
    declared = msgspec.toml.decode(text, type=_Declarations)
    for name, one in declared.commands.items():
        COMMANDS.update(dict.fromkeys(filter(None, (one.event, one.otherwise)), name))
        alike = declared.commands.get(one.like, one)
        options = alike.options | one.options
        special = {
            path: msgspec.convert(declared.usual.get(path, {}) | options.get(path, {}), FieldOption)
            for path in (*declared.usual, *options)
        }
        derived = FieldOptions(
            find_type(one.event), special, hidden=one.hidden, arguments=one.arguments
        )
        about = typer.Argument(
            metavar=one.about, help=one.meaning or declared.subjects.get(one.about, "")
        )
        _add_statement(name, one, derived, alike.further, about)


def _add_statement(
    name: str,
    declared: _Command,
    derived: FieldOptions,
    further: dict[str, dict[str, object]],
    about: object,
) -> None:
    kind = find_type(declared.event)
    prepare = _preparers.get(name, _leave)
    names = derived.names() | _HEADER | ({"subject": declared.about} if declared.about else {})

    def run(*, by: StatementOptions, subject: str = "", **given: object) -> None:
        draft = Draft(by, kind, {}, subject, dict(names), command=name, given=given)
        with reporting(as_json=by.connection.as_json, option_of=draft.option_of):
            draft.fields = derived.take(given)
            draft.make(prepare)

    run.__doc__ = declared.summary
    keyword = inspect.Parameter.KEYWORD_ONLY
    subject = inspect.Parameter("subject", keyword, annotation=Annotated[str, about])
    parameters = [
        *([subject] if declared.about else ()),
        *derived.parameters,
        *parameters_of(prepare, further, own=1),
        inspect.Parameter("by", keyword, annotation=StatementOptions),
    ]
    add_by_name(name, run, parameters, example=declared.example)


def sign_typed(typed: TypedStatement, by: StatementOptions) -> SignedEvent:
    """Complete and sign what was typed when there was no line.

    Raises:
        LedgerError: it is no event that a ledger would take.
        ClientError: what it lacks cannot be looked up, or it cannot be signed.
    """
    draft = Draft(by, find_type(typed.type), dict(typed.fields), typed.subject)
    draft.at_ms = typed.at_ms
    prepare = _preparers.get(typed.command, _leave)
    hints = get_type_hints(prepare)
    given = {
        name: msgspec.convert(value, hints[name], dec_hook=lambda kind, text: kind(text))
        for name, value in typed.given.items()
    }
    prepare(draft, **given)
    return draft.sign()


def _leave(_: Draft) -> None:
    """Complete nothing: all is typed."""
