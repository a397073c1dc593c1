"""``kpledger make``: any event of the catalogue, from a file with its body.

The everyday events have commands of their own; this one makes every other, and those as well.
"""

from pathlib import Path
from typing import Annotated

import typer

from kpclient.clock import now_ms
from kpclient.errors import UsageError
from kpclient.input.bodies import expand_certificate, known_type, read_body_draft
from kpclient.input.catalogue import event_types, fields_of, summarise
from kpclient.input.drafts import load_draft
from kpclient.input.options import StatementOptions, command
from kpclient.output.console import print_json, print_line, print_table
from kpclient.statements.statement import state
from kpledger.base.errors import MalformedError
from kpledger.scheme.event import Body

app = typer.Typer()


@command(
    app,
    "make",
    example="kpledger make review_requested --subject ZW/review/2026-1 --body review.toml"
    " --key chair",
)
def make(
    *,
    kind: Annotated[
        str, typer.Argument(metavar="[TYPE]", help="The event type, as --list shows them.")
    ] = "",
    subject: Annotated[
        str, typer.Option("--subject", help="What it is about; where the body does not say it.")
    ] = "",
    body: Annotated[
        Path | None,
        typer.Option("--body", metavar="FILE", help="The body in JSON or TOML; none: empty."),
    ] = None,
    by: StatementOptions,
    list_types: Annotated[bool, typer.Option("--list", help="List the event types.")] = False,
    fields: Annotated[bool, typer.Option("--fields", help="Explain the fields of TYPE.")] = False,
) -> None:
    """Make any event of the catalogue, or explain what there is."""
    if list_types:
        _list(as_json=by.connection.as_json)
        return
    if not kind:
        raise UsageError("TYPE", "no event type is named", "one that `kpledger make --list` shows")
    known = _known(kind)
    if fields:
        _explain(known, as_json=by.connection.as_json)
        return
    given = {} if body is None else load_draft(body)
    state(by, read_body_draft(kind, expand_certificate(given, now_ms=now_ms())), subject=subject)


def _known(kind: str) -> type[Body]:
    try:
        return known_type(kind)
    except MalformedError:
        problem = f"there is no event type {kind!r}"
        raise UsageError("TYPE", problem, "one that `kpledger make --list` shows") from None


def _list(*, as_json: bool) -> None:
    found = event_types()
    if as_json:
        print_json({"types": [{"type": name, "states": text} for name, text in found.items()]})
    else:
        print_table(("type", "what it states"), found.items())


def _explain(known: type[Body], *, as_json: bool) -> None:
    found = fields_of(known)
    if as_json:
        described = [one._asdict() for one in found]
        print_json({"type": known.TYPE, "states": summarise(known), "fields": described})
        return
    print_line(f"{known.TYPE}: {summarise(known)}")
    rows = [
        (one.path, "" if one.needed else "may be left out", one.form, one.meaning) for one in found
    ]
    print_table(("field", "", "form", "meaning"), rows)
