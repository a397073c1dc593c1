"""Reporting: what a command says when something went wrong, and the exit code it ends with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from kpclient.errors import EXIT_UNDECIDED, ClientError, UsageError
from kpclient.output.console import print_json, print_trouble
from kpledger.base.errors import LedgerError, MalformedError


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
    print_trouble(f"error: {error}")
    for name in ("rule", "clause", "field", "option", "problem", "accepted"):
        if known.get(name):
            print_trouble(f"  {name}: {known[name]}")
    return code
