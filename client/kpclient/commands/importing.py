"""``kpledger arrive``, ``confirm``, ``detain``, ``release``, ``refuse`` and ``seize``.

What an importing authority does. Each statement names the newest event on the certificate as the
one it follows, so two officers cannot decide on one shipment without knowing of each other.
"""

from collections.abc import Callable
from typing import Annotated

import typer

from kpclient.commands.lookup import find_certificate
from kpclient.commands.options import Connection, Sending, Signer, command
from kpclient.commands.sending import send
from kpclient.commands.session import Session
from kpclient.commands.signing import now_ms, open_pen
from kpclient.errors import UsageError
from kpledger.errors import MalformedError
from kpledger.events import Body
from kpledger.events.importing import (
    ArrivalRecorded,
    DiscrepancyCause,
    HoldReason,
    ImportConfirmed,
    ImportConfirmedDiscrepant,
    ImportRefusedReturned,
    ShipmentDetained,
    ShipmentReleased,
    ShipmentSeized,
)
from kpledger.records import CertificateRecord
from kpledger.units import format_time, parse_carats, parse_usd

app = typer.Typer()

_Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The certificate.")]
_Reason = Annotated[HoldReason, typer.Option("--reason", help="Why.")]
_Law = Annotated[str, typer.Option("--law", help="Under which law or order.")]
_Remarks = Annotated[str, typer.Option("--remarks", help="In words.")]
_Day = Annotated[str, typer.Option("--on", metavar="DAY", help="[default: today, UTC]")]


def _state(
    number: str,
    make: Callable[[CertificateRecord], Body],
    *,
    signer: Signer,
    sending: Sending,
    connection: Connection,
) -> None:
    """Make a statement about a certificate, following the newest event on it."""
    session = Session(connection)
    pen = open_pen(session, signer)
    record = find_certificate(session, number)
    event = pen.write(make(record), subject=record.number, prev=record.head)
    send(session, event, connection=connection, sending=sending)


@command(app, "arrive", example="kpledger arrive BW00000042 --key antwerp")
def arrive(
    *,
    number: _Number,
    signer: Signer,
    sending: Sending,
    connection: Connection,
    on: _Day = "",
    found_carats: Annotated[str, typer.Option("--found-carats", help="What was weighed")] = "",
    remarks: _Remarks = "",
    opened: Annotated[bool, typer.Option("--opened", help="The containers were opened")] = False,
    broken_seals: Annotated[bool, typer.Option("--broken-seals", help="They came open")] = False,
) -> None:
    """Record that a shipment has arrived."""
    body = ArrivalRecorded(
        arrived_on=on or _today(),
        seals_intact=not broken_seals,
        opened=opened,
        found_carat_thousandths=_carats(found_carats, "--found-carats") if found_carats else None,
        remarks=remarks,
    )
    _state(number, lambda _: body, signer=signer, sending=sending, connection=connection)


@command(app, "confirm", example="kpledger confirm BW00000042 --key antwerp")
def confirm(
    *,
    number: _Number,
    signer: Signer,
    sending: Sending,
    connection: Connection,
    on: _Day = "",
    exported_on: Annotated[
        str, typer.Option("--exported-on", metavar="DAY", help="By the transport document")
    ] = "",
    found_carats: Annotated[str, typer.Option("--found-carats", help="If it differs")] = "",
    found_value: Annotated[str, typer.Option("--found-value", help="US$, if it differs")] = "",
    found_parcels: Annotated[
        int | None, typer.Option("--found-parcels", min=1, help="If it differs")
    ] = None,
    cause: Annotated[
        DiscrepancyCause, typer.Option("--cause", help="Why, with --discrepant")
    ] = DiscrepancyCause.UNKNOWN,
    remarks: _Remarks = "",
    discrepant: Annotated[
        bool, typer.Option("--discrepant", help="What was found is not what was declared")
    ] = False,
) -> None:
    """Confirm that a shipment was received, as it was declared or not."""
    if not discrepant and (remarks or cause is not DiscrepancyCause.UNKNOWN):
        raise UsageError("--cause", "a clean confirmation gives no cause", "with --discrepant")
    if discrepant and exported_on:
        raise UsageError("--exported-on", "not part of a discrepant confirmation", "leave it out")

    def make(record: CertificateRecord) -> Body:
        carats = _carats(found_carats, "--found-carats") if found_carats else None
        value = _usd(found_value, "--found-value") if found_value else None
        clean = ImportConfirmed(
            number=record.number,
            parcels=found_parcels or record.parcels,
            carat_thousandths=carats or record.carat_thousandths,
            value_usd_cents=value or record.value_usd_cents,
            exporter=record.exporter,
            importer=record.importer,
            received_on=on or _today(),
            exported_on=exported_on or None,
        )
        return _with_cause(clean, cause, remarks) if discrepant else clean

    _state(number, make, signer=signer, sending=sending, connection=connection)


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
    "detain",
    example='kpledger detain BW00000042 --reason BROKEN_SEALS --law "Act 12, s. 3" --key antwerp',
)
def detain(
    *,
    number: _Number,
    reason: _Reason,
    law: _Law,
    signer: Signer,
    sending: Sending,
    connection: Connection,
    remarks: _Remarks = "",
) -> None:
    """Hold a shipment back."""
    body = ShipmentDetained(reason=reason, legal_reference=law, remarks=remarks)
    _state(number, lambda _: body, signer=signer, sending=sending, connection=connection)


@command(
    app, "release", example='kpledger release BW00000042 --remedy "seal list sent" --key antwerp'
)
def release(
    *,
    number: _Number,
    remedy: Annotated[str, typer.Option("--remedy", help="What put it right.")],
    signer: Signer,
    sending: Sending,
    connection: Connection,
) -> None:
    """Let a detained shipment go on."""
    body = ShipmentReleased(remedy=remedy)
    _state(number, lambda _: body, signer=signer, sending=sending, connection=connection)


@command(app, "refuse", example="kpledger refuse BW00000042 --reason CONTENTS_DIFFER --key antwerp")
def refuse(
    *,
    number: _Number,
    reason: _Reason,
    signer: Signer,
    sending: Sending,
    connection: Connection,
    technical_certificate: Annotated[
        str, typer.Option("--technical-certificate", help="It travels back under this one")
    ] = "",
    remarks: _Remarks = "",
) -> None:
    """Refuse a shipment and send it back."""
    body = ImportRefusedReturned(
        reason=reason, technical_certificate=technical_certificate or None, remarks=remarks
    )
    _state(number, lambda _: body, signer=signer, sending=sending, connection=connection)


@command(
    app,
    "seize",
    example='kpledger seize BW00000042 --reason ORDER --law "Act 12, s. 9" --custody "Vault 3"'
    " --carats 12.345 --key antwerp",
)
def seize(
    *,
    number: _Number,
    reason: _Reason,
    law: _Law,
    custody: Annotated[str, typer.Option("--custody", help="Who holds the goods.")],
    signer: Signer,
    sending: Sending,
    connection: Connection,
    carats: Annotated[str, typer.Option("--carats", help="[default: all of it]")] = "",
) -> None:
    """Seize a shipment."""

    def make(record: CertificateRecord) -> Body:
        seized = _carats(carats, "--carats") if carats else record.carat_thousandths
        return ShipmentSeized(
            reason=reason, legal_reference=law, custody=custody, carat_thousandths=seized
        )

    _state(number, make, signer=signer, sending=sending, connection=connection)


def _today() -> str:
    return format_time(now_ms())[: len("YYYY-MM-DD")]


def _carats(text: str, option: str) -> int:
    try:
        return parse_carats(text)
    except MalformedError as error:
        raise UsageError(option, error.problem, "carats, as 12.345") from None


def _usd(text: str, option: str) -> int:
    try:
        return parse_usd(text)
    except MalformedError as error:
        raise UsageError(option, error.problem, "US$, as 1234.50") from None
