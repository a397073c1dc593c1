"""The ``kpledger`` command: its commands, put together. What they do is in `kpclient.commands`."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Annotated, Final, Protocol

import typer
from typer.core import TyperGroup

import kpledger
from kpclient.commands import (
    audit,
    books,
    cosign,
    flags,
    keys,
    ledger,
    make,
    outbox,
    rules,
    show,
    stats,
    submit,
    trace,
)
from kpclient.commands.questions import QUESTIONS
from kpclient.commands.statements import STATEMENTS
from kpclient.output.console import print_line


class _HelpFormatter(Protocol):
    """What typer formats help with; its own class has no public name."""

    width: int

    def section(self, name: str) -> AbstractContextManager[None]: ...

    def write_dl(self, rows: Sequence[tuple[str, str]]) -> None: ...


class _Sections(TyperGroup):
    """Lists commands by who needs them."""

    def format_commands(self, ctx: object, formatter: _HelpFormatter) -> None:  # noqa: ARG002
        """Write a section of the help for each group of commands."""
        sections: dict[str, list[tuple[str, str]]] = {name: [] for name in _SECTIONS}
        width = formatter.width - 6 - max(map(len, self.commands))
        for name, command in self.commands.items():
            section = str(getattr(command, "rich_help_panel", ""))
            sections.setdefault(section, []).append((name, command.get_short_help_str(width)))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)


app: Final = typer.Typer(
    name="kpledger",
    cls=_Sections,
    help="A signed, replicated ledger of Kimberley Process certificates: the people's side.",
    epilog="\b\nExample:\n  kpledger status --node http://127.0.0.1:7600 --genesis genesis.json",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
_TABLES: Final = [one for name, one in QUESTIONS.items() if name != "calendar"]
_SECTIONS: Final[Mapping[str, tuple[typer.Typer, ...]]] = {
    "Export offices": (STATEMENTS["certificates"],),
    "Import offices": (STATEMENTS["imports"], STATEMENTS["detention"], STATEMENTS["suspects"]),
    "Any statement": (make.app, STATEMENTS["notes"], cosign.app, submit.app),
    "The ledger": (show.app, ledger.app, QUESTIONS["calendar"], rules.app, audit.app),
    "Analysis": (trace.app, flags.app, *_TABLES, books.app),
}
"""Whose commands stand by themselves, in the order of the help."""
_GROUPS: Final = (
    ("propose", STATEMENTS["propose"], "Any statement"),
    ("submit-stats", STATEMENTS["submit-stats"], "Any statement"),
    ("outbox", outbox.app, "Any statement"),
    ("stats", stats.app, "Analysis"),
    ("keys", keys.app, "Keys"),
)

for _section, _parts in _SECTIONS.items():
    for _part in _parts:
        for _command in _part.registered_commands:
            _command.rich_help_panel = _section
        app.add_typer(_part)
for _name, _group, _section in _GROUPS:
    app.add_typer(_group, name=_name, rich_help_panel=_section)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 (the signature of a typer callback)
    if wanted:
        print_line(f"kpledger {kpledger.__version__}")
        raise typer.Exit


@app.callback()
def _start(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Keep and read a signed ledger of Kimberley Process certificates."""


def main() -> None:
    """Run the command."""
    app()


if __name__ == "__main__":
    main()
