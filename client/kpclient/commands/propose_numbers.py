"""``kpledger propose``: keys, certificate numbers and what certificates look like."""

from typing import Final

import typer

from kpclient.clock import today
from kpclient.commands.propose import OFFICE
from kpclient.input.field_options import FROM, FieldOption
from kpclient.statements.statement import Draft, statement
from kpledger.scheme.v1.events.governance import (
    CertificateFormatNotified,
    KeyAdded,
    KeyRevoked,
    KeyRotated,
    NumberRangeAllocated,
    NumberRangeRetired,
)

app = typer.Typer()

_KEY: Final = FieldOption(name="HEX", help="The public key, 64 hexadecimal digits.")
_FROM_ITS_BLOCK: Final = FieldOption(
    name="--from", note="[default: when it is recorded]", fill=lambda: 0
)
_DIGITS: Final = FieldOption(name="--width", help="How many digits a number has.", default=8)


@statement(
    app,
    "key",
    KeyAdded,
    example="kpledger propose key gaborone HEX --key bw-root",
    options={
        "authority": OFFICE,
        "key": _KEY,
        "valid_from": _FROM_ITS_BLOCK,
        "officer": FieldOption(metavar="NAME", help="Whose key it is in the office."),
    },
)
def key(_: Draft) -> None:
    """Give an authority a signing key; the participant's root signs."""


@statement(
    app,
    "rotate-key",
    KeyRotated,
    example="kpledger propose rotate-key OLD-HEX NEW-HEX --key bw-root",
    options={
        "old": FieldOption(name="OLD-HEX", help="The key that ends."),
        "new": FieldOption(name="NEW-HEX", help="The key that follows it."),
        "valid_from": _FROM_ITS_BLOCK,
    },
)
def rotate_key(_: Draft) -> None:
    """Put a new key in the place of one, for the same office and officer."""


@statement(
    app,
    "revoke",
    KeyRevoked,
    example="kpledger propose revoke HEX --reason RETIRED --key bw-root",
    options={"key": _KEY},
)
def revoke(_: Draft) -> None:
    """Withdraw a key; what it signed before stays."""


@statement(
    app,
    "range",
    NumberRangeAllocated,
    example="kpledger propose range gaborone --prefix BW --first 0 --last 99999 --key bw-root",
    options={
        "authority": OFFICE,
        "range.prefix": FieldOption(),
        "range.width": _DIGITS,
        "range.first": FieldOption(),
        "range.last": FieldOption(),
        "range.use_from": FieldOption(note="[default: today, UTC]", fill=today),
        "range.use_until": FieldOption(default="9999-12-31"),
    },
)
def number_range(_: Draft) -> None:
    """Allot a run of certificate numbers to an exporting authority."""


@statement(
    app,
    "retire",
    NumberRangeRetired,
    example='kpledger propose retire gaborone --prefix BW --first 0 --reason "stolen"'
    " --key bw-root",
    options={
        "authority": OFFICE,
        "prefix": FieldOption(help="What stands before the digits, such as BW."),
        "width": _DIGITS,
    },
)
def retire(_: Draft) -> None:
    """Withdraw a run of numbers: what is not issued by then never will be."""


@statement(
    app,
    "format",
    CertificateFormatNotified,
    example="kpledger propose format --mask 'BW########' --specimen scan.pdf --key bw-root",
    options={
        "masks": FieldOption(help="A form of numbers, such as BW########; repeated.", ordered=True),
        "specimen": FieldOption(help="The specimen; only its hash is recorded.", document=True),
        "features": FieldOption(default=""),
        "valid_from": FROM,
    },
)
def certificate_format(_: Draft) -> None:
    """Tell what a participant's certificates look like."""
