"""``kpledger cosign``: a further signature under an event that another has signed."""

from pathlib import Path

from kpclient.commands.declared import command
from kpclient.errors import UsageError
from kpclient.files import read_bounded
from kpclient.input.options import ConnectionOptions, SendingOptions, SignerOptions
from kpclient.session import Session
from kpclient.statements.sending import send
from kpclient.statements.signing import Keyring, author_of
from kpledger.scheme.envelope import (
    MAX_ENVELOPE_JSON_BYTES,
    add_signature,
    decode_envelope,
    parse_envelope_json,
    verify_envelope,
)


@command("cosign")
def cosign(
    *,
    file: Path,
    signer: SignerOptions,
    sending: SendingOptions,
    connection: ConnectionOptions,
) -> None:
    """Add a signature to an event that another has signed, and send it."""
    session = Session(connection)
    author_of(session.home, signer.key)
    content = read_bounded(file, max_bytes=MAX_ENVELOPE_JSON_BYTES)
    event = decode_envelope(parse_envelope_json(content))
    verify_envelope(event)
    if event.header.chain != session.genesis.chain:
        problem = f"it is meant for ledger {event.header.chain.hex()}"
        raise UsageError("FILE", problem, f"an event for {session.genesis.chain.hex()}")
    _, key = Keyring(session, signer).open()
    signed = decode_envelope(add_signature(event.encoded, key))
    send(session, signed, connection=connection, sending=sending)
