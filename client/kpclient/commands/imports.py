"""``kpledger arrive``, ``confirm`` and ``resolve``: what the destination of a shipment says of it.

Each statement names the newest event on the certificate as the one it follows, so two officers
cannot decide on one shipment without knowing of each other.
"""

from typing import Annotated

import typer

from kpclient.clock import today
from kpclient.errors import UsageError
from kpclient.input.option_types import (
    Number,
    OnDay,
    Remarks,
    read_carats,
    read_documents,
    read_usd,
)
from kpclient.input.options import StatementOptions, command
from kpclient.session import Session
from kpclient.statements.lookup import find_certificate
from kpclient.statements.statement import state
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    DiscrepancyCause,
    DiscrepancyResolved,
    ImportConfirmed,
    ImportConfirmedDiscrepant,
)

app = typer.Typer()


@command(app, "arrive", example="kpledger arrive BW00000042 --key antwerp")
def arrive(
    *,
    number: Number,
    by: StatementOptions,
    on: OnDay = "",
    found_carats: Annotated[
        str, typer.Option("--found-carats", metavar="CARATS", help="What was weighed, as 12.345")
    ] = "",
    remarks: Remarks = "",
    opened: Annotated[bool, typer.Option("--opened", help="The containers were opened")] = False,
    broken_seals: Annotated[bool, typer.Option("--broken-seals", help="They came open")] = False,
    photo: Annotated[
        list[str] | None,
        typer.Option("--photo", metavar="FILE|SHA256", help="Of the parcels; repeated."),
    ] = None,
) -> None:
    """Record that a shipment has arrived."""
    body = ArrivalRecorded(
        arrived_on=on or today(),
        seals_intact=not broken_seals,
        opened=opened,
        found_carat_thousandths=read_carats(found_carats, "--found-carats", otherwise=None),
        remarks=remarks,
        photos=read_documents(photo, "--photo"),
    )
    state(by, body, subject=number)


@command(app, "confirm", example="kpledger confirm BW00000042 --key antwerp")
def confirm(
    *,
    number: Number,
    by: StatementOptions,
    on: OnDay = "",
    exported_on: Annotated[
        str, typer.Option("--exported-on", metavar="YYYY-MM-DD", help="By the transport document")
    ] = "",
    found_carats: Annotated[
        str, typer.Option("--found-carats", metavar="CARATS", help="If it differs, as 12.345")
    ] = "",
    found_value: Annotated[
        str, typer.Option("--found-value", metavar="USD", help="If it differs, as 1234.50")
    ] = "",
    found_parcels: Annotated[
        int | None, typer.Option("--found-parcels", min=1, help="If it differs")
    ] = None,
    cause: Annotated[
        DiscrepancyCause, typer.Option("--cause", help="Why, with --discrepant")
    ] = DiscrepancyCause.UNKNOWN,
    remarks: Remarks = "",
    discrepant: Annotated[
        bool, typer.Option("--discrepant", help="What was found is not what was declared")
    ] = False,
) -> None:
    """Confirm that a shipment was received, as it was declared or not."""
    if not discrepant and (remarks or cause is not DiscrepancyCause.UNKNOWN):
        raise UsageError("--cause", "a clean confirmation gives no cause", "with --discrepant")
    if discrepant and exported_on:
        raise UsageError("--exported-on", "not part of a discrepant confirmation", "leave it out")
    record = find_certificate(Session(by.connection), number)
    clean = ImportConfirmed(
        number=record.number,
        parcels=found_parcels or record.parcels,
        carat_thousandths=read_carats(
            found_carats, "--found-carats", otherwise=record.carat_thousandths
        ),
        value_usd_cents=read_usd(found_value, "--found-value", otherwise=record.value_usd_cents),
        exporter=record.exporter,
        importer=record.importer,
        received_on=on or today(),
        exported_on=exported_on or None,
    )
    body = _with_cause(clean, cause, remarks) if discrepant else clean
    state(by, body, subject=number, prev=record.head)


def _with_cause(
    found: ImportConfirmed, cause: DiscrepancyCause, remarks: str
) -> ImportConfirmedDiscrepant:
    return ImportConfirmedDiscrepant(
        number=found.number,
        parcels=found.parcels,
        carat_thousandths=found.carat_thousandths,
        value_usd_cents=found.value_usd_cents,
        exporter=found.exporter,
        importer=found.importer,
        received_on=found.received_on,
        cause=cause,
        remarks=remarks,
    )


@command(
    app,
    "resolve",
    example='kpledger resolve BW00000042 --carats 12.345 --explanation "scales" --key gaborone'
    " --cosign antwerp",
)
def resolve(
    *,
    number: Number,
    explanation: Annotated[str, typer.Option("--explanation", help="How it came about.")],
    by: StatementOptions,
    carats: Annotated[
        str, typer.Option("--carats", metavar="CARATS", help="As 12.345. [default: as found]")
    ] = "",
    value: Annotated[
        str, typer.Option("--value", metavar="USD", help="As 1234.50. [default: as found]")
    ] = "",
    parcels: Annotated[
        int | None, typer.Option("--parcels", min=1, help="[default: as found]")
    ] = None,
) -> None:
    """Agree what a discrepant shipment really held; issuer and destination both sign."""
    record = find_certificate(Session(by.connection), number)
    found = record.found or record
    body = DiscrepancyResolved(
        parcels=parcels or found.parcels,
        carat_thousandths=read_carats(carats, "--carats", otherwise=found.carat_thousandths),
        value_usd_cents=read_usd(value, "--value", otherwise=found.value_usd_cents),
        explanation=explanation,
    )
    state(by, body, subject=number, prev=record.head)
