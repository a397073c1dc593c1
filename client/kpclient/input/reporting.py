"""Reporting: what a command says when something went wrong, and the exit code it ends with."""

from kpclient.errors import UNDECIDED, ClientError, UsageError
from kpclient.output.console import print_json, print_trouble
from kpledger.base.errors import LedgerError, MalformedError


def field_of(error: ClientError | LedgerError | OSError) -> str:
    """Give the field that an error names, if it is one of the event or of the question."""
    match error:
        case MalformedError(what="draft"):
            return error.field
        case ClientError():
            return error.describe().get("field", "")
    return ""


def report(error: ClientError | LedgerError | OSError, *, as_json: bool, option: str = "") -> int:
    """Say what went wrong, line by line or as the JSON object, and give the exit code for it.

    Args:
        error: what went wrong.
        as_json: whether programs are told.
        option: what was typed for the field that the error names; empty if nothing was.
    """
    if option and isinstance(error, MalformedError | UsageError):
        accepted = error.accepted if isinstance(error, UsageError) else ""
        error = UsageError(option, error.problem, accepted)
    known, answered, code = {"detail": str(error)}, False, UNDECIDED
    if isinstance(error, ClientError):
        known, answered, code = error.describe(), error.IS_ANSWERED, error.EXIT_CODE
    elif isinstance(error, MalformedError):
        known["field"] = error.field
    if option and not isinstance(error, UsageError):
        known["option"] = option
    if as_json and not answered:
        print_json({"status": "failed", "problem": known})
    print_trouble(f"error: {error}")
    for name in ("rule", "clause", "field", "option", "problem", "accepted"):
        if known.get(name):
            print_trouble(f"  {name}: {known[name]}")
    return code
