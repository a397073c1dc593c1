"""Options that commands share, as dataclasses, and what makes a function a command with options.

A command takes a group as one parameter; :func:`add_command` registers it with the fields of the
group as options of their own. So every command spells an option the same way, reads the same
environment variable, and ends with the same exit code for the same trouble. How an option is called
and what help says of it stands in ``options.toml``; what only one command has, in the tables of
:mod:`kpclient.commands`.
"""

import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, TypeGuard, get_args

import msgspec
import typer
from typer.models import OptionInfo, ParameterInfo

from kpclient.errors import ClientError, UsageError
from kpclient.input.help_pages import PlainCommand
from kpclient.input.spelling import spell_typed
from kpclient.input.wording import tell_commands
from kpclient.output.console import print_json, print_trouble
from kpledger.base.errors import LedgerError, MalformedError
from kpledger.books.question import QuestionError
from kpledger.command import EXIT_UNDECIDED, example_epilog, number_parser
from kpledger.reading import say_trouble

DEFAULT_HOME: Final = Path("~/.config/kpledger")
TIMEOUT_S: Final = 10.0
_OTHERS_SIGN: Final = (
    "if others have still to sign: --offline FILE writes the statement for the next of them instead"
    " of sending it, also with `kpledger cosign`"
)


class OptionWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a parameter is given on the command line, and what help says of it."""

    name: str = ""
    """``--out -o``; without hyphens it is an argument, and what help calls it. Empty: as it is."""
    metavar: str | None = None
    help: str
    envvar: str | None = None
    min: int | float | None = None
    max: int | float | None = None


_SHARED: Final = msgspec.toml.decode(
    (resources.files(__package__) / "options.toml").read_bytes(), type=dict[str, OptionWords]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """What a command needs that asks nobody."""

    home: Path = DEFAULT_HOME
    as_json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """What a command needs that asks a ledger."""

    # typer takes repeated options as lists only.
    node: list[str] | None = None
    genesis: Path | None = None
    token_file: Path | None = None
    token_in_clear: bool = False
    timeout_s: float = TIMEOUT_S
    home: Path = DEFAULT_HOME
    as_json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessOptions:
    """How fresh an answer has to be."""

    newest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineOptions:
    """Whether answers come from a chain that was verified here, and where the chain is."""

    replay: bool = False
    copy: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PassphraseOptions:
    """Where the passphrase of a key comes from."""

    passphrase_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerOptions:
    """Under which key a command signs."""

    key: str = ""
    passphrase_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingOptions:
    """What becomes of an event once it is signed."""

    offline: Path | None = None
    dry_run: bool = False
    offline_ok: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementOptions:
    """What every command needs that makes a statement."""

    signer: SignerOptions
    cosign: list[str] | None = None
    yes: bool = False
    sending: SendingOptions
    connection: ConnectionOptions


_REQUIRED: Final = "  [required]"
"""Stands behind the help of an option that has to be given, as typer writes it."""
_WHOLE: Final = (int, int | None)
_PATHS: Final = (Path, Path | None, list[Path] | None)
_KINDS: Final[Mapping[object, str]] = {
    str: "TEXT",
    str | None: "TEXT",
    list[str]: "TEXT",
    list[str] | None: "TEXT",
    **dict.fromkeys(_WHOLE, "N"),
    **dict.fromkeys(_PATHS, "FILE"),
}


@dataclass(frozen=True, slots=True)
class NeededUnless:
    """Stands as the default of an option that is needed unless another one is given."""

    other: str
    """Its parameter."""


Function = Callable[..., None]


def with_words(parameter: inspect.Parameter, words: OptionWords | None = None) -> inspect.Parameter:
    """Make a parameter an option with these words, or with those that commands share."""
    said = words or _SHARED[parameter.name]
    kind: object = parameter.annotation
    read_path = _read_path if kind in _PATHS else None
    name = said.name or f"--{parameter.name.replace('_', '-')}"
    info = (
        typer.Option(
            *name.split(),
            # Typer would name the types of Python.
            metavar=said.metavar or _KINDS.get(kind) or _choices_of(kind),
            help=said.help,
            envvar=said.envvar,
            case_sensitive=False,
            readable=False,  # what is wrong with a file is said by whoever reads it, also as JSON
            min=said.min,
            max=said.max,
            parser=number_parser(int if kind in _WHOLE else float, said.min, said.max)
            if kind in (*_WHOLE, float)
            else read_path,
        )
        if name.startswith("--")
        else typer.Argument(metavar=name, help=said.help, parser=read_path)
    )
    return parameter.replace(annotation=Annotated[kind, info])


def _read_path(typed: object) -> Path:
    if not str(typed):
        raise ValueError("it is empty, and the name of a file or a directory is expected")
    return Path(str(typed))


def _choices_of(kind: object) -> str | None:
    """Name what may be chosen, where a parameter is a choice."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(choice.value) for choice in kind)
    # Of a list, or of what may be left out: those of what is in it.
    return next(filter(None, map(_choices_of, get_args(kind))), None)


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
        if is_group(one.annotation):
            groups[one.name] = one.annotation
            spread += _options_of(one.annotation)
        else:
            spread.append(one.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    typed = {one.name: typed_as(one) for one in spread}
    metavars = {one.name: str(_info_of(one).metavar) for one in spread}
    needed = [one for one in spread if _is_needed(one)]

    @functools.wraps(function)
    def run(context: typer.Context, **given: object) -> None:
        as_json = given.get("as_json") is True
        with reporting(as_json=as_json, option_of=lambda field: typed.get(field, "")):
            _check_given(needed, given)
            _check_text(context, typed, given, needed)
            _check_source(context, given)
            given |= {name: _spell(metavars[name], one) for name, one in given.items()}
            for group, kind in groups.items():
                given[group] = _gather(kind, given)
            function(**given)

    # What inspect.signature and typing.get_type_hints look at, and thereby typer; which would name
    # the first option that is missing, and no other.
    seen = [one.replace(default=None) if one in needed else one for one in spread]
    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
    context = inspect.Parameter("context", positional, annotation=typer.Context)
    run.__annotations__ = {one.name: one.annotation for one in (context, *spread)}
    vars(run)["__signature__"] = inspect.Signature([context, *seen])
    app.command(name, cls=PlainCommand, epilog=example_epilog(example))(run)
    return run


def _spell(metavar: str, value: object) -> object:
    if isinstance(value, list):
        return [_spell(metavar, one) for one in value]
    # Words of an enumeration are a str too.
    return spell_typed(metavar, value) if type(value) is str else value


def is_group(kind: object) -> TypeGuard[type]:
    """Tell whether a parameter of this kind stands for several options."""
    return is_dataclass(kind) and isinstance(kind, type)


def _options_of(kind: type) -> list[inspect.Parameter]:
    """Give the fields of a group as options; a group within it stands for its own fields."""
    options: list[inspect.Parameter] = []
    for one in inspect.signature(kind, eval_str=True).parameters.values():
        options += _options_of(one.annotation) if is_group(one.annotation) else [with_words(one)]
    return options


def _gather(kind: type, given: dict[str, object]) -> object:
    """Take the options of a group out of what was given, and put the group together."""
    parameters = inspect.signature(kind, eval_str=True).parameters
    return kind(
        **{
            name: _gather(one.annotation, given) if is_group(one.annotation) else given.pop(name)
            for name, one in parameters.items()
        }
    )


def _is_needed(parameter: inspect.Parameter) -> bool:
    """Tell whether it is an option that has to be given, at least sometimes; help says always."""
    info = _info_of(parameter)
    if not isinstance(info, OptionInfo):
        return False
    if parameter.default is not inspect.Parameter.empty:
        return isinstance(parameter.default, NeededUnless)
    info.help = f"{(info.help or '').removesuffix(_REQUIRED)}{_REQUIRED}"
    return True


def _check_given(needed: Iterable[inspect.Parameter], given: Mapping[str, object]) -> None:
    """Name all options that are missing."""
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


def _check_text(
    context: typer.Context,
    typed: Mapping[str, str],
    given: Mapping[str, object],
    needed: Collection[inspect.Parameter],
) -> None:
    """See that what was typed is text; only the names of files may be any bytes.

    Where it may be left out, an empty one would be taken for that, and a filter for none.
    """
    for name, value in given.items():
        source = context.get_parameter_source(name)
        for text in value if isinstance(value, list) else [value]:
            is_typed = source is not None and source.name == "COMMANDLINE"
            if text == "" and is_typed and all(one.name != name for one in needed):
                raise UsageError(typed[name], "it is empty", "some text; or leave it out")
            if isinstance(text, str) and not text.isascii():
                try:
                    text.encode()
                except UnicodeEncodeError:
                    raise UsageError(typed[name], "it is not text", "text in UTF-8") from None


def _check_source(context: typer.Context, given: Mapping[str, object]) -> None:
    """See that one source is named; a node that the environment names is a default."""
    source = context.get_parameter_source("node")
    if given.get("copy") and source is not None and source.name == "COMMANDLINE":
        problem = "a copy is to be read instead of a node"
        raise UsageError("--node", problem, "--node URL or --copy DIR, not both")
    for name, option in (("heads", "--heads"), ("urls", "URL")):
        if given.get(name) and source is not None and source.name == "COMMANDLINE":
            problem = f"{option} names the nodes that are asked"
            raise UsageError("--node", problem, f"{option} for each of them")


def _info_of(parameter: inspect.Parameter) -> ParameterInfo:
    """Give what typer is told of a parameter."""
    found: ParameterInfo = parameter.annotation.__metadata__[0]
    return found


def typed_as(parameter: inspect.Parameter) -> str:
    """Give what a person types for a parameter: the option, or what help calls the argument."""
    info = _info_of(parameter)
    # Within Annotated, typer keeps the first name of an option as its default.
    return str(info.default) if isinstance(info, OptionInfo) else str(info.metavar)


@contextmanager
def reporting(*, as_json: bool, option_of: Callable[[str], str]) -> Iterator[None]:
    """Report what goes wrong within, and end the command with its exit code.

    Args:
        as_json: whether programs are told.
        option_of: gives what was typed for a field that an error names; empty if nothing was.

    Raises:
        Exit: something went wrong.
    """
    try:
        yield
    except (ClientError, LedgerError, OSError) as error:
        raise typer.Exit(_report(error, as_json=as_json, option_of=option_of)) from None


def _report(
    error: ClientError | LedgerError | OSError, *, as_json: bool, option_of: Callable[[str], str]
) -> int:
    """Say what went wrong, line by line or as the JSON object, and give the exit code for it."""
    if isinstance(error, QuestionError):
        error = UsageError(error.field, error.problem, error.accepted)
    if isinstance(error, OSError):
        error = ClientError(say_trouble(error))
    known, answered, code = {"detail": str(error)}, False, EXIT_UNDECIDED
    if isinstance(error, ClientError):
        known, answered, code = error.describe(), error.IS_ANSWERED, error.EXIT_CODE
    elif isinstance(error, MalformedError):
        known["field"] = error.field if error.what == "draft" else ""
    option = option_of(known.get("field", ""))
    if option and isinstance(error, MalformedError | UsageError):
        error = UsageError(option, error.problem, known.get("accepted", ""))
        known = error.describe()
    elif option:
        known["option"] = option
    elif isinstance(error, MalformedError):
        known["field"] = error.field
    if as_json and not answered:
        print_json({"status": "failed", "problem": known})
    said = f"error: {error}"
    if known.get("rule"):
        said, known = tell_commands(said), {name: tell_commands(one) for name, one in known.items()}
    print_trouble(said)
    _explain(known)
    return code


def _explain(known: Mapping[str, str]) -> None:
    """Say what is known about what went wrong, line by line."""
    for name in ("rule", "clause", "field", "option", "problem", "accepted"):
        if known.get(name):
            print_trouble(f"  {name}: {known[name]}")
    if known.get("field") == "signatures" and known.get("problem", "").endswith(" signed"):
        print_trouble(f"  {_OTHERS_SIGN}")
