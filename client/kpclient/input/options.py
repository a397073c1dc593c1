"""Options that commands share, as dataclasses, and what turns such a group into options.

A command takes a group as one parameter; :func:`add_command` registers it with the fields of the
group as options of their own. So every command spells an option the same way, reads the same
environment variable, and ends with the same exit code for the same trouble.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Final, TypeGuard, get_args, get_type_hints

import typer
from typer.models import OptionInfo, ParameterInfo

from kpclient.errors import UsageError
from kpclient.input.reporting import reporting

DEFAULT_HOME: Final = Path("~/.config/kpledger")

_Home = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="KPLEDGER_HOME",
        metavar="DIR",
        help="Where keys, the outbox and what was seen are kept.",
    ),
]
_PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="A file whose first line is the passphrase. [or KPLEDGER_PASSPHRASE, or a prompt]",
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


Timeout = Annotated[
    float,
    typer.Option(
        "--timeout", metavar="SECONDS", min=0.1, max=3600, help="How long to go on asking."
    ),
]
TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """What a command needs that asks nobody."""

    home: _Home = DEFAULT_HOME
    as_json: _Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """What a command needs that asks a ledger."""

    node: Annotated[
        str,
        typer.Option(
            "--node",
            envvar="KPLEDGER_NODE",
            metavar="URL[,URL]",
            help="Nodes to ask, the preferred one first.",
        ),
    ] = ""
    genesis: Annotated[
        Path | None,
        typer.Option(
            "--genesis",
            envvar="KPLEDGER_GENESIS",
            metavar="FILE",
            help="The genesis file that pins the ledger. [default: genesis.json in the home]",
        ),
    ] = None
    timeout_s: Timeout = TIMEOUT_S
    home: _Home = DEFAULT_HOME
    as_json: _Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessOptions:
    """How fresh an answer has to be."""

    newest: Annotated[
        bool,
        typer.Option(
            "--newest", help="Answer only with everything acknowledged so far taken into account."
        ),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineOptions:
    """Whether answers come from a chain that was verified here, and where the chain is."""

    replay: Annotated[
        bool,
        typer.Option(
            "--replay", help="Verify the whole chain and answer from it, trusting no node."
        ),
    ] = False
    copy: Annotated[
        Path | None,
        typer.Option(
            "--copy",
            metavar="DIR",
            help="Answer from a copy of a stopped node's directory, verified likewise.",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PassphraseOptions:
    """Where the passphrase of a key comes from."""

    passphrase_file: _PassphraseFile = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerOptions:
    """Under which key a command signs."""

    key: Annotated[
        str,
        typer.Option("--key", envvar="KPLEDGER_KEY", metavar="NAME", help="The key to sign with."),
    ] = ""
    passphrase_file: _PassphraseFile = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingOptions:
    """What becomes of an event once it is signed."""

    offline: Annotated[
        Path | None,
        typer.Option(
            "--offline",
            metavar="FILE",
            help="Write it to a file for another signer instead of sending it.",
        ),
    ] = None
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only ask whether the rules would accept it."),
    ] = False
    offline_ok: Annotated[
        bool,
        typer.Option("--offline-ok", help="Keep it in the outbox if no node can be reached."),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementOptions:
    """What every command needs that makes a statement."""

    signer: SignerOptions
    cosign: Annotated[
        list[str] | None,
        typer.Option("--cosign", metavar="KEY", help="Sign with this key as well; repeated."),
    ] = None
    sending: SendingOptions
    connection: ConnectionOptions


_REQUIRED: Final = "  [required]"
"""Stands behind the help of an option that has to be given, as typer writes it."""
_KINDS: Final[Mapping[object, str]] = {
    str: "TEXT",
    str | None: "TEXT",
    list[str]: "TEXT",
    list[str] | None: "TEXT",
    int: "N",
    int | None: "N",
}


@dataclass(frozen=True, slots=True)
class NeededUnless:
    """Stands as the default of an option that is needed unless another one is given."""

    other: str
    """Its parameter."""


Function = Callable[..., None]


def add_command(
    app: typer.Typer,
    name: str,
    function: Function,
    parameters: Iterable[inspect.Parameter],
    *,
    example: str,
) -> Function:
    """Register a function that is called with these parameters; a group stands for its fields."""
    groups: dict[str, type] = {}
    spread: list[inspect.Parameter] = []
    for one in parameters:
        if _is_group(one.annotation):
            groups[one.name] = one.annotation
            spread += _options_of(one.annotation)
        else:
            spread.append(one.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    typed = {one.name: typed_as(one) for one in spread}
    needed = [one for one in spread if _is_needed(one)]

    @functools.wraps(function)
    def run(**given: object) -> None:
        as_json = given.get("as_json") is True
        with reporting(as_json=as_json, option_of=lambda field: typed.get(field, "")):
            _check_given(needed, given)
            for group, kind in groups.items():
                given[group] = _gather(kind, given)
            function(**given)

    # What inspect.signature and typing.get_type_hints look at, and thereby typer; which would name
    # the first option that is missing, and no other.
    seen = [one.replace(default=None) if one in needed else one for one in spread]
    run.__annotations__ = {one.name: one.annotation for one in spread}
    vars(run)["__signature__"] = inspect.Signature(seen)
    app.command(name, epilog=f"\b\nExample:\n  {example}")(run)
    return run


def _is_group(kind: object) -> TypeGuard[type]:
    return is_dataclass(kind) and isinstance(kind, type)


def _options_of(kind: type) -> list[inspect.Parameter]:
    """Give the fields of a group as options; a group within it stands for its own fields."""
    hints = get_type_hints(kind, include_extras=True)
    options: list[inspect.Parameter] = []
    for one in fields(kind):
        if _is_group(hints[one.name]):
            options += _options_of(hints[one.name])
        else:
            option = inspect.Parameter(
                one.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if one.default is MISSING else one.default,
                annotation=hints[one.name],
            )
            options.append(option)
    return options


def _gather(kind: type, given: dict[str, object]) -> object:
    """Take the options of a group out of what was given, and put the group together."""
    hints = get_type_hints(kind, include_extras=True)
    return kind(
        **{
            one.name: _gather(hints[one.name], given)
            if _is_group(hints[one.name])
            else given.pop(one.name)
            for one in fields(kind)
        }
    )


def _is_needed(parameter: inspect.Parameter) -> bool:
    """Tell whether it is an option that has to be given, at least sometimes; help says always."""
    info = _info_of(parameter)
    if not isinstance(info, OptionInfo):
        return False
    if info.metavar is None:  # typer would name the types of Python
        info.metavar = _KINDS.get(get_args(parameter.annotation)[0])
    if parameter.default is not inspect.Parameter.empty:
        return isinstance(parameter.default, NeededUnless)
    info.help = f"{(info.help or '').removesuffix(_REQUIRED)}{_REQUIRED}"
    return True


def _check_given(needed: Iterable[inspect.Parameter], given: Mapping[str, object]) -> None:
    """Name all options that are missing.

    Raises:
        UsageError: there are some.
    """
    missing = [
        one
        for one in needed
        if given[one.name] in (None, [])
        and not (isinstance(one.default, NeededUnless) and given[one.default.other])
    ]
    if missing:
        names = ", ".join(map(typed_as, missing))
        accepted = ", ".join(f"{typed_as(one)} {_info_of(one).metavar}" for one in missing)
        problem = "this option is missing" if len(missing) == 1 else "these options are missing"
        raise UsageError(names, problem, accepted)


def _info_of(parameter: inspect.Parameter) -> ParameterInfo:
    """Give what typer is told of a parameter."""
    found: ParameterInfo = parameter.annotation.__metadata__[0]
    return found


def typed_as(parameter: inspect.Parameter) -> str:
    """Give what a person types for a parameter: the option, or what help calls the argument."""
    info = _info_of(parameter)
    # Within Annotated, typer keeps the first name of an option as its default.
    return str(info.default) if isinstance(info, OptionInfo) else str(info.metavar).strip("[]")
