"""``kpledger note`` and ``correct``: words about anything, and what should have read otherwise."""

from pathlib import Path
from typing import Annotated

import typer

from kpclient.clock import now_ms
from kpclient.input.bodies import expand_certificate, read_body_draft
from kpclient.input.drafts import load_draft
from kpclient.input.option_types import Document, read_document, read_key
from kpclient.input.options import StatementOptions, command
from kpclient.output.console import readable
from kpclient.session import Session
from kpclient.statements.lookup import NotOnLedgerError
from kpclient.statements.statement import state
from kpledger.base.codec import encode
from kpledger.scheme.v1.events.notes import CorrectionMade, NoteFiled

app = typer.Typer()


@command(app, "note", example='kpledger note BW00000042 --text "Seen in the press" --key wdc')
def note(
    *,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="What it is about.")],
    text: Annotated[str, typer.Option("--text", help="The note.")],
    by: StatementOptions,
    reference: Annotated[
        list[str] | None,
        typer.Option("--reference", metavar="EVENT-ID", help="An event it is about; repeated."),
    ] = None,
    document: Document = "",
) -> None:
    """File a note about anything; it changes nothing."""
    named = {read_key(one, "--reference") for one in reference or ()}
    body = NoteFiled(
        text=text,
        references=tuple(sorted(named)),
        document=read_document(document) if document else None,
    )
    state(by, body, subject=subject)


@command(
    app,
    "correct",
    example='kpledger correct EVENT-ID --body right.json --reason "typing error" --key bw-root',
)
def correct(
    *,
    event_id: Annotated[str, typer.Argument(metavar="EVENT-ID", help="The statement.")],
    body: Annotated[
        Path, typer.Option("--body", metavar="FILE", help="The fields that should read otherwise.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    by: StatementOptions,
) -> None:
    """Correct a statement of one's own that moved nothing by its contents."""
    wanted = read_key(event_id, "EVENT-ID")
    recorded = Session(by.connection).ask(lambda remote: remote.event(wanted))
    if recorded is None:
        raise NotOnLedgerError(f"event {event_id}")
    said = readable(recorded.event.body)
    before = said if isinstance(said, dict) else {}
    after = before | dict(load_draft(body))
    kind = recorded.event.header.type
    right = read_body_draft(kind, expand_certificate(after, now_ms=now_ms()))
    correction = CorrectionMade(event=wanted, body=encode(right), reason=reason)
    state(by, correction, subject=recorded.event.header.subject)
