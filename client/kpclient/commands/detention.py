"""What authorities do with goods that do not simply pass, under a certificate or in a case.

``kpledger detain``, ``release``, ``refuse``, ``seize``, ``receive-back``, ``transit``, ``divert``
and ``case``. A shipment is named by its certificate, or by its case
(:mod:`kpledger.scheme.v1.lifecycles.case`).
"""

from typing import Annotated

import typer

from kpclient.clock import today
from kpclient.errors import UsageError
from kpclient.input.option_types import Law, Number, OnDay, Remarks, Shipment, read_carats
from kpclient.input.options import StatementOptions, command
from kpclient.session import Session
from kpclient.statements.lookup import find_certificate
from kpclient.statements.statement import state
from kpledger.scheme.v1.events.certificate import TransitNoted
from kpledger.scheme.v1.events.importing import (
    CaseKind,
    CaseOpened,
    HoldReason,
    ImportRefusedReturned,
    ReturnReceived,
    Seizure,
    ShipmentDetained,
    ShipmentDiverted,
    ShipmentReleased,
    ShipmentSeized,
)

app = typer.Typer()

_Reason = Annotated[HoldReason, typer.Option("--reason", help="Why.")]
_Carats = Annotated[
    str,
    typer.Option(
        "--carats", metavar="CARATS", help="How much, as 12.345. [default: all of the certificate]"
    ),
]


@command(
    app,
    "detain",
    example='kpledger detain BW00000042 --reason BROKEN_SEALS --law "Act 12, s. 3" --key antwerp',
)
def detain(
    *, shipment: Shipment, reason: _Reason, law: Law, by: StatementOptions, remarks: Remarks = ""
) -> None:
    """Hold a shipment back."""
    body = ShipmentDetained(reason=reason, legal_reference=law, remarks=remarks)
    state(by, body, subject=shipment)


@command(
    app, "release", example='kpledger release BW00000042 --remedy "seal list sent" --key antwerp'
)
def release(
    *,
    shipment: Shipment,
    remedy: Annotated[str, typer.Option("--remedy", help="What put it right.")],
    by: StatementOptions,
) -> None:
    """Let a detained shipment go on."""
    state(by, ShipmentReleased(remedy=remedy), subject=shipment)


@command(app, "refuse", example="kpledger refuse BW00000042 --reason CONTENTS_DIFFER --key antwerp")
def refuse(
    *,
    shipment: Shipment,
    reason: _Reason,
    by: StatementOptions,
    technical_certificate: Annotated[
        str,
        typer.Option(
            "--technical-certificate", metavar="NUMBER", help="It travels back under this one."
        ),
    ] = "",
    remarks: Remarks = "",
) -> None:
    """Refuse a shipment and send it back."""
    body = ImportRefusedReturned(
        reason=reason, technical_certificate=technical_certificate or None, remarks=remarks
    )
    state(by, body, subject=shipment)


@command(
    app,
    "seize",
    example='kpledger seize BW00000042 --reason ORDER --law "Act 12, s. 9" --custody "Vault 3"'
    " --carats 12.345 --key antwerp",
)
def seize(
    *,
    shipment: Shipment,
    reason: _Reason,
    law: Law,
    custody: Annotated[str, typer.Option("--custody", help="Who holds the goods.")],
    by: StatementOptions,
    carats: _Carats = "",
    seizure: Annotated[
        Seizure, typer.Option("--seizure", help="How final it is.")
    ] = Seizure.SEIZED,
) -> None:
    """Seize a shipment."""
    body = ShipmentSeized(
        reason=reason,
        legal_reference=law,
        custody=custody,
        carat_thousandths=_weight(by, shipment, carats),
        seizure=seizure,
    )
    state(by, body, subject=shipment)


@command(
    app,
    "receive-back",
    example='kpledger receive-back BW00000042 --condition "seals intact" --key gaborone',
)
def receive_back(
    *,
    shipment: Shipment,
    by: StatementOptions,
    on: OnDay = "",
    carats: _Carats = "",
    condition: Annotated[str, typer.Option("--condition", help="How it came back.")] = "",
) -> None:
    """Record that a refused shipment is back with its issuer."""
    body = ReturnReceived(
        received_on=on or today(),
        carat_thousandths=_weight(by, shipment, carats),
        condition=condition,
    )
    state(by, body, subject=shipment)


@command(app, "transit", example="kpledger transit BW00000042 --left-on 2026-03-04 --key dubai")
def transit(
    *,
    number: Number,
    by: StatementOptions,
    on: OnDay = "",
    left_on: Annotated[
        str, typer.Option("--left-on", metavar="YYYY-MM-DD", help="When it went.")
    ] = "",
    broken_seals: Annotated[bool, typer.Option("--broken-seals", help="They came open.")] = False,
    remarks: Remarks = "",
) -> None:
    """Note that a shipment passes on its way to another country."""
    body = TransitNoted(
        entered_on=on or today(),
        left_on=left_on or None,
        seals_intact=not broken_seals,
        remarks=remarks,
    )
    state(by, body, subject=number)


@command(
    app,
    "divert",
    example='kpledger divert BW00000042 --place Dubai --reason "offloaded" --key dubai',
)
def divert(
    *,
    number: Number,
    place: Annotated[str, typer.Option("--place", help="Where it surfaced.")],
    by: StatementOptions,
    on: OnDay = "",
    reason: Annotated[str, typer.Option("--reason", help="Why, as far as known.")] = "",
) -> None:
    """Report that a shipment surfaced elsewhere than at its destination."""
    state(by, ShipmentDiverted(place=place, found_on=on or today(), reason=reason), subject=number)


@command(
    app,
    "case",
    example="kpledger case AE/case/2026-1 --kind NO_CERTIFICATE --carats 12.345 --key dubai",
)
def case(
    *,
    subject: Annotated[
        str, typer.Argument(metavar="CASE", help="What to call it, as AE/case/2026-1.")
    ],
    kind: Annotated[CaseKind, typer.Option("--kind", help="NO_CERTIFICATE or SAMPLE.")],
    by: StatementOptions,
    on: OnDay = "",
    carats: Annotated[
        str, typer.Option("--carats", metavar="CARATS", help="If weighed, as 12.345.")
    ] = "",
    provenance: Annotated[
        str, typer.Option("--provenance", metavar="CODE", help="Where they are said to come from.")
    ] = "",
    bound_for: Annotated[
        str, typer.Option("--bound-for", metavar="CODE", help="Where they are said to go.")
    ] = "",
    remarks: Remarks = "",
) -> None:
    """Open a case for goods without a certificate, or for a sample."""
    body = CaseOpened(
        kind=kind,
        opened_on=on or today(),
        carat_thousandths=read_carats(carats, "--carats", otherwise=None),
        claimed_provenance=provenance or None,
        bound_for=bound_for or None,
        remarks=remarks,
    )
    state(by, body, subject=subject)


def _weight(by: StatementOptions, shipment: str, carats: str) -> int:
    """Give the weight that is given, or that of the certificate."""
    given = read_carats(carats, "--carats", otherwise=None)
    if given is not None:
        return given
    if "/" in shipment:
        raise UsageError("--carats", "a case declares no weight", "carats, as 12.345")
    return find_certificate(Session(by.connection), shipment).carat_thousandths
