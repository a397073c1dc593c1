"""``kpledger cosign``: a further signature under an event that another has signed."""

from pathlib import Path
from typing import Annotated

import typer

from kpclient.errors import UsageError
from kpclient.files import read_bounded
from kpclient.input.options import ConnectionOptions, SendingOptions, SignerOptions, command
from kpclient.session import Session
from kpclient.statements.sending import send
from kpclient.statements.signing import Keyring
from kpclient.statements.statement import hand_on
from kpledger.scheme.envelope import (
    MAX_ENVELOPE_JSON_BYTES,
    add_signature,
    decode_envelope,
    parse_envelope_json,
    verify_envelope,
)

app = typer.Typer()


@command(app, "cosign", example="kpledger cosign first-office.json --key chair")
def cosign(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file that --offline wrote.")],
    signer: SignerOptions,
    sending: SendingOptions,
    connection: ConnectionOptions,
    offline: Annotated[
        Path | None,
        typer.Option(
            "--offline",
            metavar="FILE",
            help="Write it to a file for another signer instead of sending it.",
        ),
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
    key = Keyring(session, signer).key(signer.key)
    signed = decode_envelope(add_signature(event.encoded, key))
    if offline is None:
        send(session, signed, connection=connection, sending=sending)
    else:
        hand_on(signed, offline, as_json=connection.as_json)
