"""The ``kpledger`` command: its commands, put together. What they do is in `kpclient.commands`."""

from typing import Annotated, Final

import typer

import kpledger
from kpclient.commands import (
    analysts,
    cosigning,
    exporting,
    flags,
    holding,
    importing,
    issuing,
    keys,
    make,
    noting,
    planning,
    propose,
    propose_numbers,
    propose_scheme,
    reading,
    ruling,
    showing,
    stats,
    submissions,
    submit,
    suspecting,
    tracing,
    waiting,
)
from kpclient.commands.audit import audit
from kpclient.output import print_line

app: Final = typer.Typer(
    name="kpledger",
    help="A signed, replicated ledger of Kimberley Process certificates: the people's side.",
    epilog="\b\nExample:\n  kpledger status --node http://127.0.0.1:7600 --genesis genesis.json",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
_ALONE: Final = (
    analysts.app,
    cosigning.app,
    exporting.app,
    flags.app,
    holding.app,
    importing.app,
    issuing.app,
    make.app,
    noting.app,
    planning.app,
    reading.app,
    ruling.app,
    showing.app,
    submit.app,
    suspecting.app,
    tracing.app,
)
"""Whose commands stand by themselves."""

for _part in (propose_numbers.app, propose_scheme.app):
    propose.app.add_typer(_part)
for _part in _ALONE:
    app.add_typer(_part)
# It stands on its own, with its example in its docstring; in the help, examples come last.
_explained, _, _shown = (audit.__doc__ or "").partition("Example:")
app.command("audit", help=_explained, epilog=f"\b\nExample:\n  {_shown.strip()}")(audit)
for _name, _group in (
    ("keys", keys.app),
    ("propose", propose.app),
    ("outbox", waiting.app),
    ("stats", stats.app),
    ("submit-stats", submissions.app),
):
    app.add_typer(_group, name=_name)


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
