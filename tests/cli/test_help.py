"""Every command explains itself, and the manual says what the commands say."""

import re
import tomllib
from functools import cache
from importlib import resources
from pathlib import Path

import pytest
import typer
from office import walk
from typer.testing import CliRunner

from kpclient.cli import app
from kpclient.input.wording import event_types, plain_text
from kpledger import __version__

MANUAL = Path(__file__).parents[2] / "docs" / "cli.md"
RUNNER = CliRunner()


COMMANDS = {" ".join(words): one for words, one in walk((), typer.main.get_command(app))}
GROUPS = ("", "evidence", "genesis", "keys", "propose", "outbox", "seen", "stats", "submit-stats")
MARKUP = re.compile(r":\w+:`|`|\*\w|<(?:str|int|float|path|list|bool|dir)\b|\[\[")
"""What is written for programmers: roles, quotes and emphasis of docstrings, types of Python."""


@cache
def help_of(name: str) -> str:
    result = RUNNER.invoke(app, [*name.split(), "--help"], terminal_width=98)
    assert result.exit_code == 0, result.output
    return result.stdout


def summary_of(name: str) -> str:
    text = getattr(COMMANDS[name], "help", None)
    assert isinstance(text, str)
    return text.strip().splitlines()[0]


def example_of(name: str) -> str:
    """Give the example that a command's help ends with."""
    *_, title, example = help_of(name).rstrip().splitlines()
    assert title.strip() == "Example:"
    return example.strip()


def test_the_commands_are_those_that_were_promised() -> None:
    assert sorted(COMMANDS) == sorted(
        [
            *("keys new", "keys list", "keys export", "keys rewrite"),
            *("issue", "validate", "notify", "amend", "void", "replace"),
            *("return-unused", "lost", "found"),
            *("arrive", "confirm", "resolve", "transit", "divert", "case"),
            *("detain", "release", "refuse", "seize", "receive-back", "withdraw"),
            *("suspect", "judge", "note", "correct", "countersign"),
            *(
                "submit",
                "make",
                "cosign",
                "outbox list",
                "outbox show",
                "outbox drop",
                "outbox retry",
                "outbox send",
            ),
            *("show", "trace", "calendar", "list", "participants", "status", "audit"),
            *("genesis show", "compare", "watch", "policy", "receipt", "verify"),
            *("seen list", "seen forget"),
            *("stats annex3", "stats summary", "rules", "books"),
            *("submit-stats trade", "submit-stats production", "submit-stats counts"),
            *("propose admit", "propose status", "propose authority", "propose close-authority"),
            *("propose key", "propose rotate-key", "propose revoke"),
            *("propose recover", "propose recover-chair"),
            *("propose range", "propose retire", "propose format"),
            *("propose decision", "propose position", "propose restriction", "propose lift"),
            *("propose approve", "propose decline", "propose policy"),
            *("flags", "mirror", "balance", "production-check", "unconfirmed", "numbers"),
            *("reconcile", "evidence list", "evidence show", "evidence verify"),
        ]
    )


@pytest.mark.parametrize("name", [*GROUPS, *COMMANDS])
def test_help_ends_with_an_example_of_that_command(name: str) -> None:
    assert example_of(name).startswith(f"kpledger {name} ".rstrip())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_answer_in_json(name: str) -> None:
    assert "--json" in help_of(name)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_manual_has_every_command_with_its_summary_and_example(name: str) -> None:
    section = f"### `kpledger {name}`\n\n{summary_of(name)}\n\n```sh\n{example_of(name)}\n```\n"
    assert section in MANUAL.read_text()


def test_the_manual_has_no_command_that_there_is_not() -> None:
    titles = [line for line in MANUAL.read_text().splitlines() if line.startswith("### `kpledger")]
    assert sorted(titles) == sorted(f"### `kpledger {name}`" for name in COMMANDS)


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_lists_its_commands(name: str) -> None:
    text = help_of(name)
    for command in COMMANDS:
        *above, word = command.split()
        if above == name.split():
            summary = re.escape(summary_of(command))
            assert re.search(rf"^  {word} +{summary}$", text, re.MULTILINE), "not on one line"


@pytest.mark.parametrize("name", [*GROUPS, *COMMANDS])
def test_no_help_is_written_for_programmers(name: str) -> None:
    assert MARKUP.findall(help_of(name)) == []
    assert not re.findall(r"^  --\S+ <", help_of(name), re.MULTILINE)


@pytest.mark.parametrize("kind", event_types())
def test_the_fields_of_an_event_are_explained_without_markup(kind: str) -> None:
    result = RUNNER.invoke(app, ["make", kind, "--fields"])
    assert (result.exit_code, MARKUP.findall(result.stdout)) == (0, [])


@pytest.mark.parametrize("command", ["make --list", "flags --list", "rules"])
def test_what_there_is_is_listed_without_markup(command: str) -> None:
    result = RUNNER.invoke(app, command.split())
    assert (result.exit_code, MARKUP.findall(result.stdout)) == (0, [])


def test_a_docstring_is_read_without_its_markup() -> None:
    text = "Not *null*; see :class:`CertificateValidated`, :func:`a.b` and\n    ``HK`` or `x`."
    assert plain_text(text) == "Not null; see certificate_validated, a.b and HK or x."


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("case", "--kind NO_CERTIFICATE|SAMPLE "),
        ("stats summary", "--source derived|submitted "),
        ("stats annex3", "--source derived|submitted|compared\n"),
    ],
)
def test_help_offers_what_the_command_takes(command: str, option: str) -> None:
    assert f"  {option}" in help_of(command)


@pytest.mark.parametrize("table", ["commands.toml", "statements.toml"])
def test_every_word_of_the_tables_is_said_by_a_command(table: str) -> None:
    text = (resources.files("kpclient.commands") / table).read_text(encoding="utf-8")
    for name, declared in tomllib.loads(text)["commands"].items():
        options = [re.sub(r"\W+", "_", one) for one in declared.get("options", {})]
        parameters = {str(one.name) for one in getattr(COMMANDS[name], "params", ())}
        assert parameters.issuperset(declared.get("further", {})), name
        assert {one.removeprefix("field_") for one in parameters}.issuperset(options), name


def test_the_first_help_has_every_command_in_a_section() -> None:
    options, *sections = re.findall(r"^([A-Z].*):\n((?:  .+\n)+)", help_of(""), re.MULTILINE)
    assert options[0] == "Options"
    found = [line.split()[0] for _, lines in sections for line in lines.splitlines()]
    assert sorted(found) == sorted({name.split()[0] for name in COMMANDS})


def test_the_version_is_that_of_the_package() -> None:
    result = RUNNER.invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"kpledger {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["no-such-command"], id="unknown command"),
        pytest.param(["status", "--no-such-option"], id="unknown option"),
        pytest.param(["void", "BW1", "--reason", "BECAUSE"], id="unknown choice"),
        pytest.param(["show"], id="missing argument"),
        pytest.param(["status", "--timeout", "soon"], id="no number"),
        pytest.param(["issue", "--hs", "710210", "--hs", "710231"], id="an option twice"),
        pytest.param(["flags", "--flag=F1", "--flag", "F2"], id="an option twice, in two ways"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    assert RUNNER.invoke(app, arguments).exit_code == 2
