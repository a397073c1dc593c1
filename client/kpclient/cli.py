"""The ``kpledger`` command: its commands, put together. What they do is in `kpclient.commands`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import typer

import kpledger
from kpclient.commands import (  # noqa: F401 (each adds its commands)
    analysis,
    audit,
    certificates,
    drafts,
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
from kpclient.commands.declared import APPS
from kpclient.commands.statements import add_statements
from kpclient.input.help_pages import CommandGroup, example_epilog
from kpclient.output.console import print_line

_SECTIONS: Final[Mapping[str, str]] = {
    "Export offices": "issue replace validate notify amend void return-unused lost found",
    "Import offices": "arrive confirm resolve detain release refuse seize receive-back transit"
    " divert case suspect judge",
    "Any statement": "make note correct cosign countersign submit propose submit-stats outbox",
    "The ledger": "show list participants status calendar rules audit",
    "Analysis": "trace flags mirror balance production-check unconfirmed numbers books stats",
    "Keys": "keys",
}
"""The commands in the order of the help, by who needs them."""


class _Sections(CommandGroup):
    """Lists commands by who needs them."""

    def sections(self) -> Mapping[str, Sequence[str]]:
        """Give the commands by the title they stand under."""
        return {title: names.split() for title, names in _SECTIONS.items()}


app: Final = typer.Typer(
    name="kpledger",
    cls=_Sections,
    help="A signed, replicated ledger of Kimberley Process certificates: the people's side.",
    epilog=example_epilog("kpledger status --node http://127.0.0.1:7600 --genesis genesis.json"),
    context_settings={"max_content_width": 100},
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
add_statements()
for _name, _commands in APPS.items():
    app.add_typer(_commands, name=_name or None)


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
