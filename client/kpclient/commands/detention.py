"""What authorities do with goods that do not simply pass, under a certificate or in a case.

``kpledger detain``, ``release``, ``refuse``, ``seize``, ``receive-back``, ``transit``, ``divert``
and ``case``. A shipment is named by its certificate, or by its case
(:mod:`kpledger.scheme.v1.lifecycles.case`).
"""

from typing import Final

import typer

from kpclient.errors import UsageError
from kpclient.input.field_options import ON, REMARKS, FieldOption
from kpclient.statements.lookup import find_certificate
from kpclient.statements.statement import NUMBER, SHIPMENT, Draft, statement
from kpledger.scheme.v1.events.certificate import TransitNoted
from kpledger.scheme.v1.events.importing import (
    CaseOpened,
    ImportRefusedReturned,
    ReturnReceived,
    ShipmentDetained,
    ShipmentDiverted,
    ShipmentReleased,
    ShipmentSeized,
)

app = typer.Typer()

_LAW: Final = FieldOption(name="--law", metavar="TEXT")
_CARATS: Final = FieldOption(note="[default: all of the certificate]", optional=True)


@statement(
    app,
    "detain",
    ShipmentDetained,
    about=SHIPMENT,
    example='kpledger detain BW00000042 --reason BROKEN_SEALS --law "Act 12, s. 3" --key antwerp',
    options={"legal_reference": _LAW, "remarks": REMARKS},
)
def detain(_: Draft) -> None:
    """Hold a shipment back."""


@statement(
    app,
    "release",
    ShipmentReleased,
    about=SHIPMENT,
    example='kpledger release BW00000042 --remedy "seal list sent" --key antwerp',
)
def release(_: Draft) -> None:
    """Let a detained shipment go on."""


@statement(
    app,
    "refuse",
    ImportRefusedReturned,
    about=SHIPMENT,
    example="kpledger refuse BW00000042 --reason CONTENTS_DIFFER --key antwerp",
    options={"remarks": REMARKS},
)
def refuse(_: Draft) -> None:
    """Refuse a shipment and send it back."""


@statement(
    app,
    "seize",
    ShipmentSeized,
    about=SHIPMENT,
    example='kpledger seize BW00000042 --reason ORDER --law "Act 12, s. 9" --custody "Vault 3"'
    " --carats 12.345 --key antwerp",
    options={"legal_reference": _LAW, "carat_thousandths": _CARATS},
)
def seize(draft: Draft) -> None:
    """Seize a shipment."""
    _weigh(draft)


@statement(
    app,
    "receive-back",
    ReturnReceived,
    about=SHIPMENT,
    example='kpledger receive-back BW00000042 --condition "seals intact" --key gaborone',
    options={
        "received_on": ON,
        "carat_thousandths": _CARATS,
        "condition": FieldOption(help="The condition in which it came back.", default=""),
    },
)
def receive_back(draft: Draft) -> None:
    """Record that a refused shipment is back with its issuer."""
    _weigh(draft)


@statement(
    app,
    "transit",
    TransitNoted,
    about=NUMBER,
    example="kpledger transit BW00000042 --left-on 2026-03-04 --key dubai",
    options={
        "entered_on": ON,
        "seals_intact": FieldOption(
            name="--broken-seals", help="The seals were broken.", negated=True
        ),
        "remarks": REMARKS,
    },
)
def transit(_: Draft) -> None:
    """Note that a shipment passes on its way to another country."""


@statement(
    app,
    "divert",
    ShipmentDiverted,
    about=NUMBER,
    example='kpledger divert BW00000042 --place Dubai --reason "offloaded" --key dubai',
    options={
        "place": FieldOption(help="Where it surfaced."),
        "found_on": ON,
        "reason": FieldOption(default=""),
    },
)
def divert(_: Draft) -> None:
    """Report that a shipment surfaced elsewhere than at its destination."""


@statement(
    app,
    "case",
    CaseOpened,
    about=("CASE", "What to call it, such as AE/case/2026-1."),
    example="kpledger case AE/case/2026-1 --kind NO_CERTIFICATE --carats 12.345 --key dubai",
    options={
        "kind": FieldOption(help="NO_CERTIFICATE or SAMPLE."),
        "opened_on": ON,
        "carat_thousandths": FieldOption(help="How much, if it was weighed, such as 12.345."),
        "claimed_provenance": FieldOption(name="--provenance"),
        "remarks": REMARKS,
    },
)
def case(_: Draft) -> None:
    """Open a case for goods without a certificate, or for a sample."""


def _weigh(draft: Draft) -> None:
    """Take the weight of the whole certificate where none is given."""
    if "carats" in draft.fields:
        return
    if "/" in draft.subject:
        raise UsageError("--carats", "a case declares no weight", "carats, such as 12.345")
    record = find_certificate(draft.session, draft.subject)
    draft.fields["carat_thousandths"] = record.carat_thousandths
