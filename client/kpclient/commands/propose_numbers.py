"""``kpledger propose``: keys, certificate numbers and what certificates look like."""

from typing import Annotated, Final

import typer

from kpclient.clock import today
from kpclient.input.option_types import (
    FromDay,
    Office,
    read_day,
    read_document,
    read_instant,
    read_key,
)
from kpclient.input.options import StatementOptions, command
from kpclient.statements.statement import state
from kpledger.scheme.v1.events.governance import (
    CertificateFormatNotified,
    KeyAdded,
    KeyRevoked,
    KeyRotated,
    NumberRange,
    NumberRangeAllocated,
    NumberRangeRetired,
    RevocationReason,
)

app = typer.Typer()

_LAST_DAY: Final = "9999-12-31"

_Key = Annotated[str, typer.Argument(metavar="HEX", help="The public key, 64 hexadecimal digits.")]
_Prefix = Annotated[str, typer.Option("--prefix", help="Before the digits, as BW.")]
_First = Annotated[int, typer.Option("--first", min=0, help="The first serial.")]
_Width = Annotated[int, typer.Option("--width", min=1, max=12, help="How many digits.")]


@command(app, "key", example="kpledger propose key gaborone HEX --key bw-root")
def key(
    *,
    office: Office,
    public_key: _Key,
    by: StatementOptions,
    valid_from: FromDay = "",
    officer: Annotated[
        str, typer.Option("--officer", metavar="NAME", help="Whose it is in the office.")
    ] = "",
) -> None:
    """Give an authority a signing key; the participant's root signs."""
    body = KeyAdded(
        authority=office,
        key=read_key(public_key, "HEX"),
        valid_from=read_day(valid_from, "--from", otherwise=0),
        officer=officer or None,
    )
    state(by, body)


@command(app, "rotate-key", example="kpledger propose rotate-key OLD-HEX NEW-HEX --key bw-root")
def rotate_key(
    *,
    old: Annotated[str, typer.Argument(metavar="OLD-HEX", help="The key that ends.")],
    new: Annotated[str, typer.Argument(metavar="NEW-HEX", help="The key that follows it.")],
    by: StatementOptions,
    valid_from: FromDay = "",
) -> None:
    """Put a new key in the place of one, for the same office and officer."""
    body = KeyRotated(
        old=read_key(old, "OLD-HEX"),
        new=read_key(new, "NEW-HEX"),
        valid_from=read_day(valid_from, "--from", otherwise=0),
    )
    state(by, body)


@command(app, "revoke", example="kpledger propose revoke HEX --reason RETIRED --key bw-root")
def revoke(
    *,
    public_key: _Key,
    reason: Annotated[RevocationReason, typer.Option("--reason", help="Why.")],
    by: StatementOptions,
    suspect_since: Annotated[
        str, typer.Option("--suspect-since", metavar="YYYY-MM-DD", help="With COMPROMISED.")
    ] = "",
) -> None:
    """Withdraw a key; what it signed before stays."""
    body = KeyRevoked(
        key=read_key(public_key, "HEX"),
        reason=reason,
        suspect_since=read_day(suspect_since, "--suspect-since", otherwise=None),
    )
    state(by, body)


@command(
    app,
    "range",
    example="kpledger propose range gaborone --prefix BW --first 0 --last 99999 --key bw-root",
)
def number_range(
    *,
    office: Office,
    prefix: _Prefix,
    first: _First,
    last: Annotated[int, typer.Option("--last", min=0, help="The last serial, included.")],
    by: StatementOptions,
    width: _Width = 8,
    use_from: Annotated[
        str, typer.Option("--use-from", metavar="YYYY-MM-DD", help="[default: today, UTC]")
    ] = "",
    use_until: Annotated[
        str, typer.Option("--use-until", metavar="YYYY-MM-DD", help="The last day of use.")
    ] = _LAST_DAY,
) -> None:
    """Allot a run of certificate numbers to an exporting authority."""
    run = NumberRange(
        prefix=prefix,
        width=width,
        first=first,
        last=last,
        use_from=use_from or today(),
        use_until=use_until,
    )
    state(by, NumberRangeAllocated(authority=office, range=run))


@command(
    app,
    "retire",
    example='kpledger propose retire gaborone --prefix BW --first 0 --reason "stolen"'
    " --key bw-root",
)
def retire(
    *,
    office: Office,
    prefix: _Prefix,
    first: _First,
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    by: StatementOptions,
    width: _Width = 8,
) -> None:
    """Withdraw a run of numbers: what is not issued by then never will be."""
    body = NumberRangeRetired(
        authority=office, prefix=prefix, width=width, first=first, reason=reason
    )
    state(by, body)


@command(
    app,
    "format",
    example="kpledger propose format --mask 'BW########' --specimen scan.pdf --key bw-root",
)
def certificate_format(
    *,
    mask: Annotated[
        list[str], typer.Option("--mask", help="Form of a number, as BW########; repeated.")
    ],
    specimen: Annotated[
        str, typer.Option("--specimen", metavar="FILE|SHA256", help="Only its hash is recorded.")
    ],
    by: StatementOptions,
    features: Annotated[str, typer.Option("--features", help="Security features.")] = "",
    valid_from: FromDay = "",
) -> None:
    """Tell what a participant's certificates look like."""
    body = CertificateFormatNotified(
        masks=tuple(sorted(set(mask))),
        specimen=read_document(specimen, "--specimen"),
        features=features,
        valid_from=read_instant(valid_from, "--from"),
    )
    state(by, body)
