"""What an issuer does with a certificate that it has issued, up to its end.

``kpledger validate``, ``notify``, ``amend``, ``void``, ``return-unused``; and ``lost`` and
``found``, which the destination may say as well.
"""

from operator import attrgetter
from typing import Annotated

import typer

from kpclient.clock import now_ms, today
from kpclient.input.option_types import Number, OnDay, Remarks
from kpclient.input.options import StatementOptions, command
from kpclient.session import Session
from kpclient.statements.lookup import find_certificate
from kpclient.statements.statement import state
from kpledger.scheme.v1.events.certificate import (
    AmendableField,
    AmendmentEndorsed,
    CertificateFound,
    CertificateLost,
    CertificateReturnedUnused,
    CertificateValidated,
    CertificateVoided,
    ExportNotified,
    VoidReason,
)

app = typer.Typer()

_Circumstances = Annotated[str, typer.Option("--circumstances", help="What is known.")]


@command(app, "validate", example="kpledger validate BW00000042 --seal A-17 --key gaborone")
def validate(
    *,
    number: Number,
    by: StatementOptions,
    seal: Annotated[list[str] | None, typer.Option("--seal", help="As sealed; repeated.")] = None,
) -> None:
    """Validate a certificate that was issued without it."""
    state(by, CertificateValidated(validated_at=now_ms(), seals=tuple(seal or ())), subject=number)


@command(
    app,
    "notify",
    example='kpledger notify BW00000042 --carrier "Air Cargo" --waybill 083-1234 --key gaborone',
)
def notify(
    *,
    number: Number,
    carrier: Annotated[str, typer.Option("--carrier", help="Who carries it.")],
    waybill: Annotated[str, typer.Option("--waybill", help="Number of the transport document.")],
    by: StatementOptions,
    on: OnDay = "",
    expected_on: Annotated[
        str, typer.Option("--expected-on", metavar="YYYY-MM-DD", help="When it should arrive.")
    ] = "",
    transit: Annotated[
        list[str] | None, typer.Option("--transit", metavar="CODE", help="It passes; repeated.")
    ] = None,
) -> None:
    """Announce to the destination that a shipment leaves."""
    body = ExportNotified(
        exported_on=on or today(),
        carrier=carrier,
        transport_document=waybill,
        expected_on=expected_on or None,
        transit=tuple(transit or ()),
    )
    state(by, body, subject=number)


@command(
    app,
    "amend",
    example="kpledger amend BW00000042 --field importer.name --new Bijoux"
    ' --reason "typing error" --key gaborone --cosign antwerp',
)
def amend(
    *,
    number: Number,
    field: Annotated[AmendableField, typer.Option("--field", help="What is misspelt.")],
    new: Annotated[str, typer.Option("--new", help="What it should say.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, and who asked for it.")],
    by: StatementOptions,
) -> None:
    """Correct a typing error; once the goods have arrived, the destination signs too."""
    record = find_certificate(Session(by.connection), number)
    old = str(attrgetter(field.value)(record))
    body = AmendmentEndorsed(field=field, old=old, new=new, reason=reason)
    state(by, body, subject=number, prev=record.head)


@command(app, "void", example="kpledger void BW00000042 --reason NOT_EXPORTED --key gaborone")
def void(
    *,
    number: Number,
    reason: Annotated[VoidReason, typer.Option("--reason", help="Why.")],
    by: StatementOptions,
    remarks: Remarks = "",
) -> None:
    """Take a certificate back."""
    state(by, CertificateVoided(reason=reason, remarks=remarks), subject=number)


@command(app, "return-unused", example="kpledger return-unused BW00000042 --key gaborone")
def return_unused(*, number: Number, by: StatementOptions, on: OnDay = "") -> None:
    """Record that a certificate came back that was never used."""
    state(by, CertificateReturnedUnused(returned_on=on or today()), subject=number)


@command(app, "lost", example='kpledger lost BW00000042 --circumstances "robbed" --key gaborone')
def lost(
    *,
    number: Number,
    circumstances: _Circumstances,
    by: StatementOptions,
    with_goods: Annotated[bool, typer.Option("--with-goods", help="The goods, too.")] = False,
) -> None:
    """Report a certificate as lost; its issuer or its destination does."""
    body = CertificateLost(with_goods=with_goods, circumstances=circumstances)
    state(by, body, subject=number)


@command(app, "found", example='kpledger found BW00000042 --circumstances "mail" --key gaborone')
def found(*, number: Number, circumstances: _Circumstances, by: StatementOptions) -> None:
    """Report that a lost certificate was found."""
    state(by, CertificateFound(circumstances=circumstances), subject=number)
