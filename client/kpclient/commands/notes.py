"""What ``kpledger correct`` works out: how a statement should have read."""

from pathlib import Path
from typing import Annotated

import typer

from kpclient.input.documents import load_document
from kpclient.input.forms import find_type, read_body
from kpclient.output.console import readable
from kpclient.statements.lookup import NotFoundError, read_hex_id
from kpclient.statements.statement import Draft, prepares
from kpledger.base.codec import encode


@prepares("correct")
def read_correction(
    draft: Draft,
    *,
    body: Annotated[
        Path, typer.Option("--body", metavar="FILE", help="The fields that should read otherwise.")
    ],
) -> None:
    """Put the fields that should read otherwise into the statement that is corrected."""
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
