"""``kpledger propose`` and ``cosign``: who takes part, which offices, keys and numbers there are.

Some of it takes several signatures: the Chair countersigns a participant's first authority. Where
all keys are in one place, ``--cosign`` adds them at once; otherwise ``--offline FILE`` writes the
signed event for the other signer, who adds a signature with ``cosign`` and sends it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from kpclient.commands.options import Connection, Sending, Signer, command
from kpclient.commands.sending import send
from kpclient.commands.session import Session
from kpclient.commands.signing import now_ms, open_keystore, open_pen, read_passphrase
from kpclient.errors import UsageError
from kpclient.files import read_bounded, write_durably
from kpclient.output import print_fields, print_json
from kpledger.envelope import (
    MAX_ENVELOPE_JSON_BYTES,
    SignedEvent,
    add_signature,
    decode_envelope,
    format_envelope_json,
    parse_envelope_json,
    verify_envelope,
)
from kpledger.events import Body
from kpledger.events.governance import (
    AuthorityRegistered,
    KeyAdded,
    KeyRevoked,
    NumberRange,
    NumberRangeAllocated,
    ParticipantAdmitted,
    ParticipantKind,
    ParticipantStatusChanged,
    RevocationReason,
    Role,
    Standing,
)
from kpledger.ids import parse_hex32
from kpledger.units import format_time, start_of_day_ms

app = typer.Typer(help="Propose a change of who takes part, and how.", no_args_is_help=True)
cosign_app = typer.Typer()

_LAST_DAY: Final = "9999-12-31"

_Key = Annotated[str, typer.Argument(metavar="HEX", help="The public key.")]
_Office = Annotated[str, typer.Argument(metavar="AUTHORITY", help="The office, as gaborone.")]
_Code = Annotated[str, typer.Argument(metavar="CODE", help="The participant.")]
_Decision = Annotated[str, typer.Option("--decision", help="The decision behind it.")]
_From = Annotated[str, typer.Option("--from", metavar="DAY", help="[default: now]")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigning:
    """How further signatures are added."""

    cosign: Annotated[
        list[str] | None,
        typer.Option("--cosign", metavar="KEY", help="Sign with this key too; repeated."),
    ] = None
    offline: Annotated[
        Path | None,
        typer.Option("--offline", metavar="FILE", help="Write it for another signer, send nothing"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What every proposal needs."""

    signer: Signer
    cosigning: Cosigning
    sending: Sending
    connection: Connection

    def make(self, body: Body, *, subject: str | None = None, office: str = "") -> None:
        """Write the event, and send it or hand it on; an office stands for its own subject."""
        session = Session(self.connection)
        pen = open_pen(session, self.signer, cosigners=tuple(self.cosigning.cosign or ()))
        about = f"{pen.author.participant}/{office}" if subject is None else subject
        event = pen.write(body, subject=about, prev=None)
        if self.cosigning.offline is None:
            send(session, event, connection=self.connection, sending=self.sending)
        else:
            _hand_on(event, self.cosigning.offline, as_json=self.connection.as_json)


def _hand_on(event: SignedEvent, file: Path, *, as_json: bool) -> None:
    try:
        write_durably(file, format_envelope_json(event.encoded) + b"\n", replace=False)
    except FileExistsError:
        raise UsageError("--offline", f"{file} is there already", "a new file") from None
    written = {"id": event.event_id.hex(), "status": "written", "file": str(file)}
    if as_json:
        print_json(written)
    else:
        print_fields(written)


@command(
    app,
    "admit",
    example='kpledger propose admit BW --name Botswana --root-key HEX --decision "Plenary" '
    "--key chair",
)
def admit(
    *,
    code: _Code,
    name: Annotated[str, typer.Option("--name", help="Its name in English.")],
    root_key: Annotated[str, typer.Option("--root-key", metavar="HEX", help="It signs with it.")],
    decision: _Decision,
    signer: Signer,
    cosigning: Cosigning,
    sending: Sending,
    connection: Connection,
    kind: Annotated[
        ParticipantKind, typer.Option("--kind", help="What kind of member.")
    ] = ParticipantKind.STATE,
    effective_from: _From = "",
) -> None:
    """Admit a participant; the Chair signs."""
    body = ParticipantAdmitted(
        code=code,
        name=name,
        kind=kind,
        effective_from=_instant(effective_from),
        root_key=parse_hex32(root_key, "root key"),
        decision=decision,
    )
    _proposal(signer, cosigning, sending, connection).make(body, subject=code)


@command(
    app,
    "status",
    example='kpledger propose status BW SUSPENDED --decision "Notice 7" --key chair',
)
def status(
    *,
    code: _Code,
    standing: Annotated[Standing, typer.Argument(help="The new standing.")],
    decision: _Decision,
    signer: Signer,
    cosigning: Cosigning,
    sending: Sending,
    connection: Connection,
    effective_from: _From = "",
) -> None:
    """Change a participant's standing; the Chair signs, or itself for SELF_SUSPENDED."""
    body = ParticipantStatusChanged(
        code=code,
        status=standing,
        effective_from=_instant(effective_from),
        decision=decision,
    )
    _proposal(signer, cosigning, sending, connection).make(body, subject=code)


@command(
    app,
    "authority",
    example='kpledger propose authority gaborone --title "Diamond Office" --place Gaborone '
    "--role EXPORTING --role IMPORTING --key bw-root --cosign chair",
)
def authority(
    *,
    office: _Office,
    title: Annotated[str, typer.Option("--title", help="Its full name.")],
    place: Annotated[str, typer.Option("--place", help="Where it is.")],
    role: Annotated[list[Role], typer.Option("--role", help="What for; repeated.")],
    signer: Signer,
    cosigning: Cosigning,
    sending: Sending,
    connection: Connection,
    contact: Annotated[str, typer.Option("--contact", help="How to reach it.")] = "",
) -> None:
    """Designate an authority; the participant's root signs, the first time the Chair too."""
    body = AuthorityRegistered(
        authority=office, title=title, place=place, roles=tuple(sorted(role)), contact=contact
    )
    _proposal(signer, cosigning, sending, connection).make(body, office=office)


@command(app, "key", example="kpledger propose key gaborone HEX --key bw-root")
def key(
    *,
    office: _Office,
    public_key: _Key,
    signer: Signer,
    cosigning: Cosigning,
    sending: Sending,
    connection: Connection,
    valid_from: _From = "",
) -> None:
    """Give an authority a signing key; the participant's root signs."""
    body = KeyAdded(
        authority=office,
        key=parse_hex32(public_key, "public key"),
        valid_from=start_of_day_ms(valid_from) if valid_from else 0,
    )
    _proposal(signer, cosigning, sending, connection).make(body, subject=public_key)


@command(app, "revoke", example="kpledger propose revoke HEX --reason RETIRED --key bw-root")
def revoke(
    *,
    public_key: _Key,
    reason: Annotated[RevocationReason, typer.Option("--reason", help="Why.")],
    signer: Signer,
    cosigning: Cosigning,
    sending: Sending,
    connection: Connection,
    suspect_since: Annotated[
        str, typer.Option("--suspect-since", metavar="DAY", help="With COMPROMISED.")
    ] = "",
) -> None:
    """Withdraw a key; what it signed before stays."""
    body = KeyRevoked(
        key=parse_hex32(public_key, "public key"),
        reason=reason,
        suspect_since=start_of_day_ms(suspect_since) if suspect_since else None,
    )
    _proposal(signer, cosigning, sending, connection).make(body, subject=public_key)


@command(
    app,
    "range",
    example="kpledger propose range gaborone --prefix BW --first 0 --last 99999 --key bw-root",
)
def number_range(
    *,
    office: _Office,
    prefix: Annotated[str, typer.Option("--prefix", help="Before the digits, as BW.")],
    first: Annotated[int, typer.Option("--first", min=0, help="The first serial.")],
    last: Annotated[int, typer.Option("--last", min=0, help="The last serial, included.")],
    signer: Signer,
    cosigning: Cosigning,
    sending: Sending,
    connection: Connection,
    width: Annotated[int, typer.Option("--width", min=1, max=12, help="How many digits.")] = 8,
    use_from: Annotated[
        str, typer.Option("--use-from", metavar="DAY", help="[default: today, UTC]")
    ] = "",
    use_until: Annotated[
        str, typer.Option("--use-until", metavar="DAY", help="The last day of use.")
    ] = _LAST_DAY,
) -> None:
    """Allot a run of certificate numbers to an exporting authority."""
    run = NumberRange(
        prefix=prefix,
        width=width,
        first=first,
        last=last,
        use_from=use_from or format_time(now_ms())[: len("YYYY-MM-DD")],
        use_until=use_until,
    )
    body = NumberRangeAllocated(authority=office, range=run)
    _proposal(signer, cosigning, sending, connection).make(body, office=office)


@command(cosign_app, "cosign", example="kpledger cosign first-office.json --key chair")
def cosign(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What --offline has written.")],
    signer: Signer,
    sending: Sending,
    connection: Connection,
    offline: Annotated[
        Path | None,
        typer.Option("--offline", metavar="FILE", help="Write it for another signer, send nothing"),
    ] = None,
) -> None:
    """Add a signature to an event that another has signed, and send it."""
    session = Session(connection)
    if not signer.key:
        raise UsageError("--key", "no key is named", "a name that `kpledger keys list` shows")
    content = read_bounded(file, max_bytes=MAX_ENVELOPE_JSON_BYTES)
    event = decode_envelope(parse_envelope_json(content))
    verify_envelope(event)
    if event.header.chain != session.genesis.chain:
        problem = f"it is meant for ledger {event.header.chain.hex()}"
        raise UsageError("FILE", problem, f"an event for {session.genesis.chain.hex()}")
    passphrase = read_passphrase(signer.passphrase_file, f"Passphrase of {signer.key}")
    key_ = open_keystore(session.home).open(signer.key, passphrase)
    signed = decode_envelope(add_signature(event.encoded, key_))
    if offline is None:
        send(session, signed, connection=connection, sending=sending)
    else:
        _hand_on(signed, offline, as_json=connection.as_json)


def _proposal(
    signer: Signer, cosigning: Cosigning, sending: Sending, connection: Connection
) -> Proposal:
    return Proposal(signer=signer, cosigning=cosigning, sending=sending, connection=connection)


def _instant(day: str) -> int:
    return start_of_day_ms(day) if day else now_ms()
