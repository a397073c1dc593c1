"""``kpledger suspect`` and ``judge``: doubtful certificates and what they are."""

from typing import Annotated

import typer

from kpclient.input.option_types import Document, Remarks, read_document
from kpclient.input.options import StatementOptions, command
from kpclient.statements.statement import state
from kpledger.scheme.v1.events.importing import SuspectJudged, SuspectReported, Verdict

app = typer.Typer()

_Subject = Annotated[str, typer.Argument(metavar="SUSPECT", help="As IN/suspect/2026-1.")]


@command(
    app,
    "suspect",
    example="kpledger suspect IN/suspect/2026-1 --issuer SL --number SL004211 --document scan.png"
    " --key mumbai",
)
def suspect(
    *,
    subject: _Subject,
    issuer: Annotated[
        str, typer.Option("--issuer", metavar="CODE", help="Who is said to have issued it.")
    ],
    by: StatementOptions,
    number: Annotated[str, typer.Option("--number", help="As it stands on it.")] = "",
    issued_on: Annotated[
        str, typer.Option("--issued-on", metavar="YYYY-MM-DD", help="As it stands on it.")
    ] = "",
    document: Document = "",
    remarks: Remarks = "",
) -> None:
    """Report a certificate that is not to be trusted."""
    body = SuspectReported(
        claimed_issuer=issuer,
        claimed_number=number,
        claimed_issue=issued_on or None,
        image=read_document(document) if document else None,
        remarks=remarks,
    )
    state(by, body, subject=subject)


@command(app, "judge", example="kpledger judge IN/suspect/2026-1 FAKE --key freetown")
def judge(
    *,
    subject: _Subject,
    verdict: Annotated[Verdict, typer.Argument(metavar="VERDICT", help="What it is.")],
    by: StatementOptions,
    remarks: Remarks = "",
) -> None:
    """Say what a suspect certificate is; its claimed issuer does, or the Chair."""
    state(by, SuspectJudged(verdict=verdict, remarks=remarks), subject=subject)
