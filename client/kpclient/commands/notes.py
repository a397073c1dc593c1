"""``kpledger note`` and ``correct``: words about anything, and what should have read otherwise."""

from pathlib import Path
from typing import Annotated

import typer

from kpclient.input.documents import load_document
from kpclient.input.field_options import DOCUMENT, FieldOption
from kpclient.input.forms import find_type, read_body
from kpclient.output.console import readable
from kpclient.statements.lookup import NotFoundError, read_hex_id
from kpclient.statements.statement import Draft, statement
from kpledger.base.codec import encode
from kpledger.scheme.v1.events.notes import CorrectionMade, NoteFiled

app = typer.Typer()


@statement(
    app,
    "note",
    NoteFiled,
    about=("SUBJECT", "What it is about."),
    example='kpledger note BW00000042 --text "Seen in the press" --key wdc',
    options={
        "references": FieldOption(
            metavar="EVENT-ID", help="An event it is about; repeated.", ordered=True
        ),
        "document": DOCUMENT,
    },
)
def note(_: Draft) -> None:
    """File a note about anything; it changes nothing."""


@statement(
    app,
    "correct",
    CorrectionMade,
    example='kpledger correct EVENT-ID --body right.json --reason "typing error" --key bw-root',
    options={"event": FieldOption(name="EVENT-ID", help="The statement."), "body": None},
)
def correct(
    draft: Draft,
    *,
    body: Annotated[
        Path, typer.Option("--body", metavar="FILE", help="The fields that should read otherwise.")
    ],
) -> None:
    """Correct a statement of one's own that moved nothing by its contents."""
    event_id = str(draft.fields["event"])
    wanted = read_hex_id(event_id, "EVENT-ID")
    recorded = draft.session.ask(lambda ledger: ledger.event(wanted))
    if recorded is None:
        raise NotFoundError(f"event {event_id}")
    said = readable(recorded.event.body)
    before = said if isinstance(said, dict) else {}
    # An error names a field of the file here, and none of this command's options.
    typed, draft.names = draft.names, {}
    right = read_body(find_type(recorded.event.header.type), before | load_document(body))
    draft.names = typed
    draft.fields["body"] = encode(right)
    draft.subject = recorded.event.header.subject
