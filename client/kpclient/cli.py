"""The ``kpledger`` command: its commands, put together. What they do is in `kpclient.commands`."""

import signal
from collections.abc import Mapping, Sequence
from typing import Final

from kpclient.commands import (  # noqa: F401 (each adds its commands)
    analysis,
    audit,
    certificates,
    drafts,
    evidence,
    genesis,
    keys,
    ledger,
    make,
    outbox,
    receipt,
    reconcile,
    rules,
    seen,
    show,
    stats,
    submit,
    trace,
    watch,
)
from kpclient.commands.declared import APPS
from kpclient.commands.statements import add_statements
from kpclient.input.help_pages import CommandGroup
from kpledger import __version__
from kpledger.command import make_program
from kpledger.start import interrupt

_SECTIONS: Final[Mapping[str, str]] = {
    "Export offices": "issue replace validate notify amend void return-unused lost found",
    "Import offices": "arrive confirm resolve detain release refuse seize receive-back transit"
    " divert case suspect judge withdraw",
    "Any statement": "make note correct cosign countersign submit propose submit-stats outbox",
    "The ledger": "show list participants status calendar rules",
    "Verifying": "genesis policy receipt verify audit compare watch seen evidence",
    "Analysis": "trace flags mirror balance production-check unconfirmed numbers reconcile books"
    " stats",
    "Keys": "keys",
}
"""The commands in the order of the help, by who needs them."""


class _Sections(CommandGroup):
    """Lists commands by who needs them."""

    def sections(self) -> Mapping[str, Sequence[str]]:
        """Give the commands by the title they stand under."""
        return {title: names.split() for title, names in _SECTIONS.items()}


app: Final = make_program(
    "kpledger",
    __version__,
    "A signed, replicated ledger of Kimberley Process certificates: the people's side.",
    "kpledger status --node http://127.0.0.1:7600 --genesis genesis.json",
    cls=_Sections,
)
add_statements()
for _name, _commands in APPS.items():
    app.add_typer(_commands, name=_name or None)


def main() -> None:
    """Run the command; who stops it or closes its terminal interrupts it as Ctrl-C does."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, interrupt)
    app()


if __name__ == "__main__":
    main()
