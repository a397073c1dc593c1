"""``kpledger make`` and ``cosign``: any event of the catalogue, and a further signature under one.

The everyday events have commands of their own; ``make`` makes every other, from a file with its
body, and those as well. ``cosign`` takes an event that another has signed.
"""

from pathlib import Path

from kpclient.commands.declared import command
from kpclient.errors import UsageError
from kpclient.files import read_text_bounded
from kpclient.input.documents import load_document, naming
from kpclient.input.forms import find_type
from kpclient.input.options import (
    ConnectionOptions,
    SendingOptions,
    SignerOptions,
    StatementOptions,
)
from kpclient.input.wording import event_types, fields_of, summarise
from kpclient.output.console import print_json, print_line, print_table
from kpclient.session import Session
from kpclient.statements.sending import send
from kpclient.statements.signing import Keyring, author_of
from kpclient.statements.statement import Draft
from kpledger.base.errors import MalformedError
from kpledger.scheme.envelope import (
    MAX_ENVELOPE_JSON_BYTES,
    add_signature,
    decode_envelope,
    parse_envelope_json,
    verify_envelope,
)
from kpledger.scheme.event import Body


@command("make")
def make(
    *,
    kind: str = "",
    subject: str = "",
    body: Path | None = None,
    by: StatementOptions,
    list_types: bool = False,
    fields: bool = False,
) -> None:
    """Make any event of the catalogue, or explain what there is."""
    if list_types:
        _list(as_json=by.connection.as_json)
        return
    if not kind:
        raise UsageError(
            "TYPE", "no event type is named", "a type that `kpledger make --list` shows"
        )
    known = _find(kind)
    if fields:
        _explain(known, as_json=by.connection.as_json)
        return
    Draft(by, known, {} if body is None else load_document(body), subject, file=body).make()


def _find(kind: str) -> type[Body]:
    try:
        return find_type(kind)
    except MalformedError:
        problem = f"there is no event type {kind!r}"
        raise UsageError("TYPE", problem, "a type that `kpledger make --list` shows") from None


def _list(*, as_json: bool) -> None:
    found = event_types()
    if as_json:
        print_json({"types": [{"type": name, "states": text} for name, text in found.items()]})
    else:
        print_table(("type", "what it states"), found.items())


def _explain(known: type[Body], *, as_json: bool) -> None:
    found = fields_of(known)
    if as_json:
        described = [one._asdict() for one in found]
        print_json({"type": known.TYPE, "states": summarise(known), "fields": described})
        return
    print_line(f"{known.TYPE}: {summarise(known)}")
    rows = [(one.path, "" if one.needed else "optional", one.form, one.meaning) for one in found]
    print_table(("field", "", "form", "meaning"), rows)


@command("cosign")
def cosign(
    *,
    file: Path,
    signer: SignerOptions,
    sending: SendingOptions,
    connection: ConnectionOptions,
) -> None:
    """Add a signature to what others have signed, and send it or hand it on."""
    session = Session(connection)
    author_of(session.home, signer.key)
    content = read_text_bounded(file, max_bytes=MAX_ENVELOPE_JSON_BYTES).encode()
    with naming(file):
        event = decode_envelope(parse_envelope_json(content))
        verify_envelope(event)
    if event.header.chain != session.genesis.chain:
        problem = f"it is meant for ledger {event.header.chain.hex()}"
        raise UsageError("FILE", problem, f"an event for {session.genesis.chain.hex()}")
    _, key = Keyring(session, signer).open()
    signed = decode_envelope(add_signature(event.encoded, key))
    send(session, signed, connection=connection, sending=sending)
