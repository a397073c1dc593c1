"""``kpledger arrive``, ``confirm`` and ``resolve``: what the destination of a shipment says of it.

Each statement names the newest event on the certificate as the one it follows, so two officers
cannot decide on one shipment without knowing of each other.
"""

from typing import Annotated

import msgspec
import typer

from kpclient.errors import UsageError
from kpclient.input.field_options import ON, PHOTOS, REMARKS, FieldOption
from kpclient.statements.statement import NUMBER, Draft, statement
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    DiscrepancyCause,
    DiscrepancyResolved,
    ImportConfirmed,
    ImportConfirmedDiscrepant,
)
from kpledger.scheme.v1.records import CertificateRecord, Found

app = typer.Typer()


@statement(
    app,
    "arrive",
    ArrivalRecorded,
    about=NUMBER,
    example="kpledger arrive BW00000042 --key antwerp",
    options={
        "arrived_on": ON,
        "seals_intact": FieldOption(
            name="--broken-seals", help="The seals were broken.", negated=True
        ),
        "found_carat_thousandths": FieldOption(help="What was weighed, such as 12.345."),
        "remarks": REMARKS,
        "photos": PHOTOS,
    },
)
def arrive(_: Draft) -> None:
    """Record that a shipment has arrived."""


@statement(
    app,
    "confirm",
    ImportConfirmedDiscrepant,
    about=NUMBER,
    example="kpledger confirm BW00000042 --key antwerp",
    options={
        "number": None,
        "received_on": ON,
        "carat_thousandths": FieldOption(
            name="--found-carats", help="If it differs, such as 12.345.", optional=True
        ),
        "value_usd_cents": FieldOption(
            name="--found-value", help="If it differs, such as 1234.50.", optional=True
        ),
        "parcels": FieldOption(name="--found-parcels", help="If it differs.", optional=True),
        "cause": FieldOption(
            help="Why, with --discrepant.", default=DiscrepancyCause.UNKNOWN.value
        ),
        "remarks": REMARKS,
    },
)
def confirm(
    draft: Draft,
    *,
    exported_on: Annotated[
        str,
        typer.Option(
            "--exported-on", metavar="YYYY-MM-DD", help="According to the transport document."
        ),
    ] = "",
    discrepant: Annotated[
        bool, typer.Option("--discrepant", help="What was found is not what was declared.")
    ] = False,
) -> None:
    """Confirm that a shipment was received, as it was declared or not."""
    cause, remarks = draft.fields["cause"], draft.fields["remarks"]
    if discrepant and exported_on:
        raise UsageError("--exported-on", "not part of a discrepant confirmation", "leave it out")
    if not discrepant:
        if remarks or cause != DiscrepancyCause.UNKNOWN.value:
            raise UsageError("--cause", "a clean confirmation gives no cause", "with --discrepant")
        draft.kind = ImportConfirmed
        draft.fields |= {"exported_on": exported_on or None}
        del draft.fields["cause"], draft.fields["remarks"]
        draft.names["exported_on"] = "--exported-on"
    record = draft.find_certificate()
    draft.fields |= {
        "number": record.number,
        "exporter": msgspec.to_builtins(record.exporter),
        "importer": msgspec.to_builtins(record.importer),
    }
    _fill_amounts(draft, record)


@statement(
    app,
    "resolve",
    DiscrepancyResolved,
    about=NUMBER,
    example='kpledger resolve BW00000042 --carats 12.345 --explanation "scales" --key gaborone'
    " --cosign antwerp",
    options={
        name: FieldOption(help=words, note="[default: as found]", optional=True)
        for name, words in (
            ("carat_thousandths", "The weight, such as 12.345."),
            ("value_usd_cents", "The value, such as 1234.50."),
            ("parcels", "The number of parcels."),
        )
    },
)
def resolve(draft: Draft) -> None:
    """Agree what a discrepant shipment really held; issuer and destination both sign."""
    record = draft.find_certificate()
    _fill_amounts(draft, record.found or record)


def _fill_amounts(draft: Draft, known: CertificateRecord | Found) -> None:
    """Repeat what is known where nothing else was typed."""
    draft.fields.setdefault("parcels", known.parcels)
    if "carats" not in draft.fields:
        draft.fields["carat_thousandths"] = known.carat_thousandths
    if "value_usd" not in draft.fields:
        draft.fields["value_usd_cents"] = known.value_usd_cents
