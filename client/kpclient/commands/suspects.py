"""``kpledger suspect`` and ``judge``: doubtful certificates and what they are."""

from typing import Final

import typer

from kpclient.input.field_options import DOCUMENT, REMARKS, FieldOption
from kpclient.statements.statement import Draft, statement
from kpledger.scheme.v1.events.importing import SuspectJudged, SuspectReported

app = typer.Typer()

_SUSPECT: Final = ("SUSPECT", "Such as IN/suspect/2026-1.")


@statement(
    app,
    "suspect",
    SuspectReported,
    about=_SUSPECT,
    example="kpledger suspect IN/suspect/2026-1 --issuer SL --number SL004211 --document scan.png"
    " --key mumbai",
    options={
        "claimed_issuer": FieldOption(name="--issuer"),
        "claimed_number": FieldOption(
            name="--number", help="The number on it, as it stands there.", default=""
        ),
        "claimed_issue": FieldOption(name="--issued-on", help="The day of issue on it."),
        "image": DOCUMENT,
        "remarks": REMARKS,
    },
)
def suspect(_: Draft) -> None:
    """Report a certificate that is not to be trusted."""


@statement(
    app,
    "judge",
    SuspectJudged,
    about=_SUSPECT,
    example="kpledger judge IN/suspect/2026-1 FAKE --key freetown",
    options={"verdict": FieldOption(name="VERDICT"), "remarks": REMARKS},
)
def judge(_: Draft) -> None:
    """Say what a suspect certificate is; its claimed issuer does, or the Chair."""
